//! A key as it is handed over: one line, with the master and its certificate if these are to be known too.
//!
//! `netrender://node1:8000#<key>` for a master without TLS, `netrender+tls://node1:8000#<key>.<fingerprint>` with it, or the
//! 64 digits of the key alone.

use super::{FarmKey, KnownMasters};
use crate::error::{Error, Result};
use crate::ids::Fingerprint;
use std::path::PathBuf;

const PLAIN: &str = "netrender://";
const TLS: &str = "netrender+tls://";
/// Longest name of a host, and its port.
const HOST_BYTES_MAX: usize = 261;

/// A key, and perhaps the master that it was handed over for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLine {
    /// The farm's key.
    pub key: FarmKey,
    /// Where the master is.
    pub master: Option<LineMaster>,
}

/// The master that a line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineMaster {
    /// Its name or address, and its port: `node1:8000`.
    pub host: String,
    /// Its certificate; none without TLS.
    pub fingerprint: Option<Fingerprint>,
}

impl LineMaster {
    /// The address that clients and slaves take.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.fingerprint.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.host)
    }
}

impl KeyLine {
    /// Keeps the key, and the master's certificate if the line names one. Returns where the key lies.
    pub fn keep(&self, known: &KnownMasters) -> Result<PathBuf> {
        let path = self.key.keep()?;
        if let Some(LineMaster {
            host,
            fingerprint: Some(fingerprint),
        }) = &self.master
        {
            known.keep(host, self.key.farm(), *fingerprint)?;
        }
        Ok(path)
    }
}

impl std::fmt::Display for KeyLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.master {
            None => self.key.fmt(f),
            Some(LineMaster { host, fingerprint: None }) => write!(f, "{PLAIN}{host}#{}", self.key),
            Some(LineMaster {
                host,
                fingerprint: Some(fingerprint),
            }) => write!(f, "{TLS}{host}#{}.{fingerprint}", self.key),
        }
    }
}

impl std::str::FromStr for KeyLine {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let (is_tls, rest) = match (text.strip_prefix(PLAIN), text.strip_prefix(TLS)) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => {
                return Ok(Self {
                    key: text.parse()?,
                    master: None,
                });
            }
        };
        let cut = || {
            Error::bad_input("the line of the key is not whole")
                .hint("copy the whole line that netrender key hand-over shows on the master's machine")
        };
        let (host, secret) = rest.split_once('#').ok_or_else(cut)?;
        let (key, fingerprint) = match secret.split_once('.') {
            Some((key, fingerprint)) if is_tls => (key, Some(fingerprint.parse().map_err(|_| cut())?)),
            None if !is_tls => (secret, None),
            _ => return Err(cut()),
        };
        check_host(host)?;
        Ok(Self {
            key: key.parse().map_err(|_| cut())?,
            master: Some(LineMaster {
                host: host.to_owned(),
                fingerprint,
            }),
        })
    }
}

/// A name or an address, a colon, a port.
fn check_host(text: &str) -> Result<()> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    let whole = text
        .rsplit_once(':')
        .is_some_and(|(name, port)| !name.is_empty() && name.chars().all(is_name) && port.parse::<u16>().is_ok());
    if whole && text.len() <= HOST_BYTES_MAX {
        return Ok(());
    }
    Err(
        Error::bad_input(format!("{text:?} in the line of the key is no address of a master"))
            .hint("copy the whole line that netrender key hand-over shows on the master's machine"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_as_it_was_written() {
        let key = FarmKey::generate().unwrap();
        let master = |host: &str, fingerprint| {
            Some(LineMaster {
                host: host.to_owned(),
                fingerprint,
            })
        };
        for master in [
            None,
            master("node1:8000", None),
            master("10.0.0.7:9000", Some(Fingerprint([9; 32]))),
            master("[fe80::1]:8000", Some(Fingerprint([0; 32]))),
        ] {
            let line = KeyLine {
                key: key.clone(),
                master,
            };
            let text = line.to_string();
            assert!(text.is_ascii() && !text.contains(char::is_whitespace), "{text}");
            assert_eq!(format!(" {text}\n").parse::<KeyLine>().unwrap(), line);
        }
    }

    #[test]
    fn a_line_that_is_cut_or_altered_is_refused_in_a_sentence() {
        let key = FarmKey::generate().unwrap();
        let print = Fingerprint([9; 32]);
        for (text, words) in [
            ("netrender://node1:8000".to_owned(), "not whole"),
            (format!("netrender://node1:8000#{}", &key.to_string()[1..]), "not whole"),
            (format!("netrender://node1:8000#{key}.{print}"), "not whole"),
            (format!("netrender+tls://node1:8000#{key}"), "not whole"),
            (format!("netrender+tls://node1:8000#{key}.abc"), "not whole"),
            (format!("netrender://#{key}"), "no address"),
            (format!("netrender://node1#{key}"), "no address"),
            (format!("netrender://no de:8000#{key}"), "no address"),
            (format!("netrender://{}:1#{key}", "n".repeat(300)), "no address"),
            (format!("http://node1:8000#{key}"), "no farm key"),
            (String::new(), "no farm key"),
        ] {
            let error = text.parse::<KeyLine>().unwrap_err();
            assert!(error.message.contains(words) && error.hint.is_some(), "{text}: {error}");
        }
    }
}
