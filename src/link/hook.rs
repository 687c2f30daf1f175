//! Addresses that people want told what happens: no masters, so nothing of theirs is believed, and of their answers only whether
//! they took it counts.
//!
//! Absences: no key is sent, no redirect followed, and no address shown in full, because whoever knows one may write there.

use super::answer::innermost;
use super::connect::client;
use crate::error::{Error, Result};
use crate::tls::Trust;
use reqwest::{StatusCode, Url};
use std::time::Duration;

/// How long such an address may take for everything.
const TIMEOUT_S: u64 = 10;
/// Longest address.
const URL_BYTES_MAX: usize = 2_048;

/// An address to tell.
#[derive(Clone, PartialEq, Eq)]
pub struct HookAddress(Url);

impl HookAddress {
    /// The whole of it, for those who keep it.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.0.as_str()
    }
}

impl std::str::FromStr for HookAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            |why: &str| Error::bad_input(format!("this is no address to tell: {why}")).hint("write it as https://host/path");
        let text = text.trim();
        if text.len() > URL_BYTES_MAX {
            return Err(wrong(&format!("it is longer than {URL_BYTES_MAX} bytes")));
        }
        let url = Url::parse(text).map_err(|_| wrong("it cannot be read"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("it is neither https nor http"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("it has no host"));
        }
        Ok(Self(url))
    }
}

/// Scheme, host and port; the rest is a secret.
impl std::fmt::Display for HookAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/…", self.0.origin().ascii_serialization())
    }
}

/// As it is shown, so that no log tells the secret.
impl std::fmt::Debug for HookAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HookAddress({self})")
    }
}

/// What came of telling an address something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAnswer {
    /// It took it.
    Taken,
    /// It may take it later.
    NotNow(String),
    /// It will never take it.
    Never(String),
}

/// Tells such addresses.
#[derive(Debug, Clone)]
pub struct HookCaller(reqwest::Client);

impl HookCaller {
    /// One that asks the system whose certificates to believe.
    pub fn new() -> Result<Self> {
        client(Some(Duration::from_secs(TIMEOUT_S)), Trust::Roots).map(Self)
    }

    /// Posts JSON to an address.
    pub async fn tell(&self, to: &HookAddress, json: String) -> HookAnswer {
        let request = self.0.post(to.0.clone()).timeout(Duration::from_secs(TIMEOUT_S));
        let sent = request.header("content-type", "application/json").body(json).send().await;
        match sent {
            Ok(answer) => judged(answer.status()),
            Err(error) if error.is_timeout() => HookAnswer::NotNow("it does not answer in time".to_owned()),
            Err(error) => HookAnswer::NotNow(innermost(&error)),
        }
    }
}

fn judged(status: StatusCode) -> HookAnswer {
    let why = || format!("it answered {status}");
    match status {
        status if status.is_success() => HookAnswer::Taken,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => HookAnswer::NotNow(why()),
        status if status.is_server_error() => HookAnswer::NotNow(why()),
        _ => HookAnswer::Never(why()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_lets_others_write_there() {
        let address: HookAddress = " https://user:word@chat.example.org:8443/hooks/3f9a?token=b7 "
            .parse()
            .unwrap();
        assert_eq!(address.to_string(), "https://chat.example.org:8443/…");
        assert_eq!(format!("{address:?}"), "HookAddress(https://chat.example.org:8443/…)");
        assert_eq!(address.secret().parse::<HookAddress>().unwrap(), address);
        for (text, why) in [
            ("", "cannot be read"),
            ("chat.example.org", "cannot be read"),
            ("file:///etc/passwd", "neither https nor http"),
            ("ftp://host/", "neither https nor http"),
        ] {
            let error = text.parse::<HookAddress>().unwrap_err();
            assert!(error.message.contains(why), "{text}: {error}");
        }
        assert!(
            format!("http://{}", "x".repeat(URL_BYTES_MAX))
                .parse::<HookAddress>()
                .is_err()
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        assert_eq!(judged(StatusCode::NO_CONTENT), HookAnswer::Taken);
        for status in [StatusCode::BAD_GATEWAY, StatusCode::TOO_MANY_REQUESTS] {
            assert!(matches!(judged(status), HookAnswer::NotNow(_)), "{status}");
        }
        for status in [StatusCode::NOT_FOUND, StatusCode::FOUND] {
            assert!(matches!(judged(status), HookAnswer::Never(_)), "{status}");
        }
    }
}
