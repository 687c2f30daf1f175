//! A certificate with its chain of trust and its key, read from PEM files, and every way in which they can be wrong.

use super::pem::{self, Sections};
use super::{fingerprint, provider};
use crate::error::{Error, Result};
use crate::ids::Fingerprint;
use rustls::InconsistentKeys;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Where a master's certificate and key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// PEM: the certificate, after it the chain of trust, each certificate after the one it has issued.
    pub certificate: PathBuf,
    /// PEM: the certificate's key; none: it lies in the same file.
    pub key: Option<PathBuf>,
}

/// An identity that was found good.
pub(super) struct Checked {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) fingerprint: Fingerprint,
}

impl Identity {
    /// Reads and checks everything that can be known before somebody calls.
    pub(super) fn read(&self, now: SystemTime) -> Result<Checked> {
        let sections = pem::read(&self.certificate)?;
        let (key, chain) = match &self.key {
            None => {
                let key = one_key(&sections, &self.certificate, None)?;
                (key, sections.certificates)
            }
            Some(path) => {
                let beside = pem::read(path)?;
                if sections.certificates.is_empty() && !beside.certificates.is_empty() && beside.keys.is_empty() {
                    return Err(swapped(&self.certificate, path));
                }
                (one_key(&beside, path, Some(&self.certificate))?, sections.certificates)
            }
        };
        let Some(first) = chain.first() else {
            return Err(
                Error::bad_input(format!("there is no certificate in {}", self.certificate.display()))
                    .hint("name the file that begins with -----BEGIN CERTIFICATE-----"),
            );
        };
        let fingerprint = fingerprint(first);
        self.check_chain(&chain, &key, now)?;
        let certified = self.certify(chain, key)?;
        Ok(Checked {
            certified: Arc::new(certified),
            fingerprint,
        })
    }

    fn key_path(&self) -> &Path {
        self.key.as_ref().unwrap_or(&self.certificate)
    }

    fn certify(&self, chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<CertifiedKey> {
        CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => self.mismatch(),
            error => Error::bad_input(format!("the key in {} cannot be used: {error}", self.key_path().display()))
                .hint("use an RSA, ECDSA (P-256, P-384) or Ed25519 key"),
        })
    }

    fn mismatch(&self) -> Error {
        Error::bad_input(format!(
            "the key in {} does not belong to the certificate in {}",
            self.key_path().display(),
            self.certificate.display()
        ))
        .hint("give the key with which this certificate was requested")
    }

    /// The master's own certificate first, each next one the issuer of the one before; all of them valid now.
    fn check_chain(&self, chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>, now: SystemTime) -> Result<()> {
        let file = self.certificate.display();
        let mut parsed = Vec::with_capacity(chain.len());
        for (place, der) in chain.iter().enumerate() {
            let (_, certificate) = X509Certificate::from_der(der).map_err(|_| {
                Error::bad_input(format!("certificate {} in {file} is damaged", place + 1)).hint("copy the file again, whole")
            })?;
            check_dates(&certificate, place, &self.certificate, now)?;
            parsed.push(certificate);
        }
        let belongs = |der: &CertificateDer<'static>| belongs(der, key);
        if !chain.first().is_none_or(belongs) && chain.iter().skip(1).any(belongs) {
            return Err(Error::bad_input(format!(
                "the certificates in {file} are in the wrong order: the one that belongs to the key is not the first"
            ))
            .hint("put the master's own certificate first, then the one that issued it, and so on"));
        }
        for (place, pair) in parsed.windows(2).enumerate() {
            if let [issued, issuer] = pair
                && issued.issuer() != issuer.subject()
            {
                return Err(Error::bad_input(format!(
                    "the certificates in {file} are in the wrong order: certificate {} was not issued by certificate {}",
                    place + 1,
                    place + 2
                ))
                .hint("put the master's own certificate first, then the one that issued it, and so on"));
            }
        }
        Ok(())
    }
}

fn one_key(sections: &Sections, path: &Path, certificate: Option<&Path>) -> Result<PrivateKeyDer<'static>> {
    let file = path.display();
    if sections.has_encrypted_key {
        return Err(
            Error::bad_input(format!("the key in {file} is protected by a pass phrase")).hint(format!(
                "a master starts without anybody to ask: openssl pkey -in {file} -out plain.pem"
            )),
        );
    }
    match (sections.keys.as_slice(), certificate) {
        ([key], _) => Ok(key.clone_key()),
        ([], None) => {
            Err(Error::bad_input(format!("there is no private key in {file}"))
                .hint("name the file that holds it: --ssl-key FILE"))
        }
        ([], Some(_)) if !sections.certificates.is_empty() => Err(Error::bad_input(format!(
            "there is no private key in {file}, only certificates"
        ))
        .hint("name the file that begins with -----BEGIN PRIVATE KEY-----")),
        ([], Some(_)) => Err(Error::bad_input(format!("there is no private key in {file}"))
            .hint("name the file that begins with -----BEGIN PRIVATE KEY-----")),
        (several, _) => Err(
            Error::bad_input(format!("there are {} private keys in {file}", several.len()))
                .hint("leave only the one that belongs to the certificate"),
        ),
    }
}

fn swapped(certificate: &Path, key: &Path) -> Error {
    Error::bad_input(format!(
        "{} holds no certificate and {} holds no key: the two files are swapped",
        certificate.display(),
        key.display()
    ))
    .hint("name the certificate first, then its key")
}

fn check_dates(certificate: &X509Certificate<'_>, place: usize, path: &Path, now: SystemTime) -> Result<()> {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let which = match place {
        0 => format!("the certificate in {}", path.display()),
        place => format!("certificate {} in {}", place + 1, path.display()),
    };
    let validity = certificate.validity();
    let day = |time: x509_parser::time::ASN1Time| time.to_datetime().date();
    if validity.not_after.timestamp() < now {
        let until = day(validity.not_after);
        return Err(Error::bad_input(format!("{which} expired on {until}"))
            .hint("renew it, and if it has not expired look at this machine's clock"));
    }
    if validity.not_before.timestamp() > now {
        let from = day(validity.not_before);
        return Err(Error::bad_input(format!("{which} is not valid before {from}"))
            .hint("wait until then, or look at this machine's clock"));
    }
    Ok(())
}

/// Whether a key is the one of a certificate; one that cannot be told counts, and is told by whoever uses it.
fn belongs(certificate: &CertificateDer<'static>, key: &PrivateKeyDer<'static>) -> bool {
    !matches!(
        CertifiedKey::from_der(vec![certificate.clone()], key.clone_key(), &provider()),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch))
    )
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
