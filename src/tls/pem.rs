//! PEM files: what is in them, and what is wrong with those that cannot be used.

use crate::error::{Error, Result};
use rustls::pki_types::pem::{self, PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use std::io::Read as _;
use std::path::Path;

/// A chain of trust and its key fit many times.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// How an encrypted key announces itself: the newer way, and the older one.
const ENCRYPTED_MARKS: [&str; 2] = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];

/// What a PEM file holds for us.
pub(super) struct Sections {
    /// In the file's order.
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<PrivateKeyDer<'static>>,
    /// It holds a key, but under a pass phrase.
    pub(super) has_encrypted_key: bool,
}

/// Reads a file of PEM; what else it may hold is passed over.
pub(super) fn read(path: &Path) -> Result<Sections> {
    let bytes = read_bounded(path)?;
    let no_pem = || {
        Error::bad_input(format!("{} is no PEM file", path.display())).hint(
            "a PEM file is text with lines such as -----BEGIN CERTIFICATE-----; openssl x509 and openssl pkey convert others",
        )
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| no_pem())?;
    if !text.contains("-----BEGIN ") {
        return Err(no_pem());
    }
    let mut sections = Sections {
        certificates: Vec::new(),
        keys: Vec::new(),
        has_encrypted_key: ENCRYPTED_MARKS.iter().any(|mark| text.contains(mark)),
    };
    if sections.has_encrypted_key {
        // Its lines are not those of a plain key, and nothing beside it can be of use.
        return Ok(sections);
    }
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(&bytes) {
        let (kind, der) = section.map_err(|error| damaged(path, &error))?;
        match kind {
            SectionKind::Certificate => sections.certificates.push(der.into()),
            SectionKind::PrivateKey => sections.keys.push(PrivatePkcs8KeyDer::from(der).into()),
            SectionKind::RsaPrivateKey => sections.keys.push(PrivatePkcs1KeyDer::from(der).into()),
            SectionKind::EcPrivateKey => sections.keys.push(PrivateSec1KeyDer::from(der).into()),
            _ => {}
        }
    }
    Ok(sections)
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::io("read", path, &error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Error::bad_input(format!(
            "{} is longer than a certificate or key can be",
            path.display()
        )));
    }
    Ok(bytes)
}

fn damaged(path: &Path, error: &pem::Error) -> Error {
    let why = match error {
        pem::Error::MissingSectionEnd { .. } => "a section does not end",
        pem::Error::IllegalSectionStart { .. } => "a section begins wrongly",
        _ => "its base64 cannot be decoded",
    };
    Error::bad_input(format!("{} is damaged: {why}", path.display())).hint("copy the file again, whole")
}
