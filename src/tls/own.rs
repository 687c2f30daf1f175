//! A certificate that a master makes for itself: nobody vouches for it, callers keep its fingerprint.

use crate::error::{Error, Result};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};

/// The certificate and its key as one PEM text, for these names and addresses of the machine.
pub fn self_signed(names: Vec<String>) -> Result<String> {
    let failed = |error: rcgen::Error| Error::internal(format!("cannot make a certificate: {error}"));
    let key = KeyPair::generate().map_err(failed)?;
    let mut wanted = CertificateParams::new(names).map_err(failed)?;
    wanted.distinguished_name.push(DnType::CommonName, "netrender master");
    // Callers know it by its fingerprint, so its age means nothing; a machine whose clock is wrong must be able to start.
    wanted.not_before = date_time_ymd(2000, 1, 1);
    wanted.not_after = date_time_ymd(2100, 1, 1);
    let certificate = wanted.self_signed(&key).map_err(failed)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

#[cfg(test)]
mod tests {
    use super::super::Identity;
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_pair_of_its_own_is_one_that_a_master_takes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.pem");
        let names = ["node1", "localhost", "10.0.0.7", "::1"].map(str::to_owned);
        std::fs::write(&path, self_signed(names.to_vec()).unwrap()).unwrap();
        let identity = Identity {
            certificate: path,
            key: None,
        };
        let once = identity
            .read(SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(300_000))
            .unwrap();
        assert_eq!(once.certified.cert.len(), 1);
    }
}
