//! The certificate that a master shows, which can be replaced while it runs.

use super::identity::Checked;
use super::{Identity, provider};
use crate::error::{Error, Result};
use crate::ids::Fingerprint;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// A master's certificate and key, and where they come from. A pair that cannot be used never takes the place of a good one.
#[derive(Debug)]
pub struct Certificates {
    identity: Identity,
    shown: Mutex<Shown>,
}

#[derive(Debug)]
struct Shown {
    config: Arc<ServerConfig>,
    fingerprint: Fingerprint,
    /// How the files looked when they were read last, whatever came of it.
    stamps: Stamps,
}

/// Length and time of change of the certificate's file and of the key's; nothing for one that is not there.
type Stamps = [Option<(u64, SystemTime)>; 2];

impl Certificates {
    /// Reads the files; errors say what is wrong with them.
    pub fn open(identity: Identity, now: SystemTime) -> Result<Self> {
        // Before the reading: what changes meanwhile is seen as a change later.
        let stamps = stamps(&identity);
        let shown = Shown::of(identity.read(now)?, stamps)?;
        Ok(Self {
            identity,
            shown: Mutex::new(shown),
        })
    }

    /// What new connections are to be made with, and the name of the certificate that they show.
    #[must_use]
    pub fn current(&self) -> (Arc<ServerConfig>, Fingerprint) {
        let shown = self.shown();
        (Arc::clone(&shown.config), shown.fingerprint)
    }

    /// The name of the certificate that is shown now.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.shown().fingerprint
    }

    /// Whether the files have changed since they were read last.
    #[must_use]
    pub fn have_changed(&self) -> bool {
        let seen = stamps(&self.identity);
        self.shown().stamps != seen
    }

    /// Reads the files again. New connections are shown what is in them; those that are open go on. Returns whether it is
    /// another certificate. If the files cannot be used, the old pair stays.
    pub fn reload(&self, now: SystemTime) -> Result<bool> {
        let stamps = stamps(&self.identity);
        let read = self.identity.read(now).and_then(|checked| Shown::of(checked, stamps));
        let mut shown = self.shown();
        shown.stamps = stamps;
        let renewed = read?;
        let is_another = renewed.fingerprint != shown.fingerprint;
        *shown = renewed;
        Ok(is_another)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    fn of(checked: Checked, stamps: Stamps) -> Result<Self> {
        let failed = |error: rustls::Error| Error::internal(format!("cannot set up TLS: {error}"));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Always(checked.certified)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            fingerprint: checked.fingerprint,
            stamps,
        })
    }
}

/// The same certificate whatever name is called: who calls judges it.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn stamps(identity: &Identity) -> Stamps {
    let stamp = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.len(), found.modified().ok()?))
    };
    [stamp(&identity.certificate), identity.key.as_deref().and_then(stamp)]
}

#[cfg(test)]
mod tests {
    use super::super::self_signed;
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_new_pair_takes_the_old_ones_place_and_a_bad_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.pem");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(300_000);
        let (first, second) = (self_signed(vec!["a".to_owned()]), self_signed(vec!["b".to_owned()]));
        let identity = Identity {
            certificate: path.clone(),
            key: None,
        };
        write(&first.unwrap());
        let certificates = Certificates::open(identity, now).unwrap();
        let shown = certificates.fingerprint();
        assert!(!certificates.have_changed());
        assert!(!certificates.reload(now).unwrap(), "the same file was taken for another");

        write("-----BEGIN nothing");
        assert!(certificates.have_changed());
        assert!(certificates.reload(now).is_err());
        assert!(!certificates.have_changed(), "a file that is wrong is read again and again");
        assert_eq!(certificates.fingerprint(), shown);

        write(&second.unwrap());
        assert!(certificates.reload(now).unwrap());
        assert_ne!(certificates.fingerprint(), shown);
        assert_eq!(certificates.current().1, certificates.fingerprint());
    }
}
