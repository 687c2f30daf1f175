//! How a caller judges the certificate that it is shown.

use super::{fingerprint, provider};
use crate::error::{Error, Result};
use crate::ids::Fingerprint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::sync::{Arc, Mutex, PoisonError};

/// Which certificates a caller accepts. Whoever shows one has to hold its key, in every case.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Any; what was shown is noted, and nothing secret may be said before it has been judged.
    Note(Arc<Notes>),
    /// This one, whatever name it is for.
    Only(Fingerprint),
    /// Those that the system's roots vouch for.
    Roots,
    /// None: for connections without TLS.
    Nobody,
}

/// A certificate that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    /// Its name.
    pub fingerprint: Fingerprint,
    /// Whether the system's roots vouch for it, and for the name that was called.
    pub by_roots: bool,
}

/// What was shown, in the order of the connections.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<Noted>>);

impl Notes {
    /// The one certificate that was shown; nothing if there was none, or if it changed from one connection to the next.
    #[must_use]
    pub fn only(&self) -> Option<Noted> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *notes.first()?;
        notes.iter().all(|noted| *noted == first).then_some(first)
    }

    fn add(&self, noted: Noted) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(noted);
    }
}

/// TLS for a caller with this trust.
pub fn caller_config(trust: Trust) -> Result<ClientConfig> {
    let failed = |error: rustls::Error| Error::internal(format!("cannot set up TLS: {error}"));
    let roots = match trust {
        Trust::Note(_) | Trust::Roots => roots(),
        Trust::Only(_) | Trust::Nobody => None,
    };
    let judge = Judge { trust, roots };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Whether a connection failed because the other side does not speak TLS.
#[must_use]
pub fn speaks_no_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(rustls::Error::InvalidMessage(_))) {
            return true;
        }
        // An I/O error passes over what it wraps when it is asked for its source.
        cause = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

/// What the system trusts; nothing on a machine that has no roots.
fn roots() -> Option<Arc<dyn ServerCertVerifier>> {
    rustls_platform_verifier::Verifier::new(provider())
        .inspect_err(|error| tracing::debug!(%error, "this system has no roots of trust"))
        .ok()
        .map(|roots| Arc::new(roots) as Arc<dyn ServerCertVerifier>)
}

#[derive(Debug)]
struct Judge {
    trust: Trust,
    roots: Option<Arc<dyn ServerCertVerifier>>,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let ask_roots = || match &self.roots {
            Some(roots) => roots.verify_server_cert(shown, chain, name, ocsp, now),
            None => Err(rustls::Error::General("this system has no roots of trust".to_owned())),
        };
        match &self.trust {
            Trust::Note(notes) => {
                notes.add(Noted {
                    fingerprint: fingerprint(shown),
                    by_roots: ask_roots().is_ok(),
                });
                Ok(ServerCertVerified::assertion())
            }
            Trust::Only(known) if *known == fingerprint(shown) => Ok(ServerCertVerified::assertion()),
            Trust::Only(_) | Trust::Nobody => Err(rustls::Error::General("it shows another certificate than before".to_owned())),
            Trust::Roots => ask_roots(),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_changes_between_two_connections_is_none() {
        let noted = |byte: u8| Noted {
            fingerprint: Fingerprint([byte; 32]),
            by_roots: false,
        };
        let seen = Notes::default();
        assert_eq!(seen.only(), None);
        seen.add(noted(1));
        seen.add(noted(1));
        assert_eq!(seen.only(), Some(noted(1)));
        seen.add(noted(2));
        assert_eq!(seen.only(), None);
    }
}
