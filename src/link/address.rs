//! Where a master is.

use crate::error::{Error, Result};
use reqwest::Url;

/// The port of a master if none is named.
const PORT: u16 = 8000;

/// Where a master is, as people write it: `http://node1:8000`, `https://node1:8000`, `node1:8000` or `node1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterAddress {
    url: Url,
    /// A broadcast told it, which anybody may send; else a person named it.
    heard: bool,
}

impl std::str::FromStr for MasterAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::bad_input(format!("{text:?} is no address of a master"))
                .hint("write it as http://name:8000, https://name:8000 or name:8000")
        };
        let text = text.trim();
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let mut url = Url::parse(&with_scheme).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() {
            return Err(wrong());
        }
        // "http://name:80" says its port, "name" does not.
        let usual = if url.scheme() == "https" { ":443" } else { ":80" };
        if url.port().is_none() && !with_scheme.trim_end_matches('/').ends_with(usual) {
            url.set_port(Some(PORT)).map_err(|()| wrong())?;
        }
        url.set_path("/");
        url.set_query(None);
        Ok(Self { url, heard: false })
    }
}

impl std::fmt::Display for MasterAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

impl MasterAddress {
    /// The address that a broadcast told: a master there has to prove its key, whatever access it claims to give.
    pub fn heard(text: &str) -> Result<Self> {
        Ok(Self {
            heard: true,
            ..text.parse()?
        })
    }

    /// Whether it is to be called over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether only a broadcast told it.
    pub(super) fn is_heard(&self) -> bool {
        self.heard
    }

    /// What stands in the Host header of a request to it.
    #[must_use]
    pub fn host(&self) -> String {
        let name = self.url.host_str().unwrap_or_default();
        self.url
            .port()
            .map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, address, host) in [
            ("http://node1:8000", "http://node1:8000", "node1:8000"),
            ("node1", "http://node1:8000", "node1:8000"),
            ("node1:9000/", "http://node1:9000", "node1:9000"),
            (" 10.0.0.1:8000 ", "http://10.0.0.1:8000", "10.0.0.1:8000"),
            ("http://[::1]:8000/html/newui", "http://[::1]:8000", "[::1]:8000"),
            ("http://node1:80", "http://node1", "node1"),
            ("https://node1", "https://node1:8000", "node1:8000"),
            ("https://node1:443/", "https://node1", "node1"),
        ] {
            let read: MasterAddress = text.parse().unwrap();
            assert_eq!(read.to_string(), address);
            assert_eq!(read.host(), host);
        }
        for text in ["", "http://", "ftp://node1", "node1:port", "http://user@node1:8000"] {
            assert!(
                text.parse::<MasterAddress>()
                    .unwrap_err()
                    .to_string()
                    .contains("no address of a master"),
                "{text}"
            );
        }
    }
}
