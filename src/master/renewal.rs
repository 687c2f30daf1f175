//! A certificate that is renewed while the master runs.

use super::happening::Happenings;
use super::herald::Herald;
use crate::access::config_folder;
use crate::error::{Error, Result};
use crate::happening::HappeningKind;
use crate::ids::Fingerprint;
use crate::tls::{Certificates, Identity, self_signed};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// The word for a certificate of the master's own.
pub const SELF_SIGNED: &str = "self-signed";

/// Which certificate a master shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ssl {
    /// One from somebody's files.
    Files {
        /// PEM: the certificate, then its chain of trust.
        certificate: PathBuf,
        /// PEM: its key; none: it lies in the same file.
        key: Option<PathBuf>,
    },
    /// One of its own, made at the first start and kept beside the farm's key.
    SelfSigned,
}

/// The certificate that is shown, and who is told when it changes.
#[derive(Debug)]
pub(super) struct Renewal {
    certificates: Arc<Certificates>,
    happenings: Arc<Happenings>,
    herald: Arc<Herald>,
}

impl Renewal {
    pub(super) fn new(certificates: Certificates, happenings: Arc<Happenings>, herald: Arc<Herald>) -> Self {
        Self {
            certificates: Arc::new(certificates),
            happenings,
            herald,
        }
    }

    pub(super) fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.certificates.fingerprint()
    }

    /// Takes up what the files hold, if they have changed since they were read.
    pub(super) fn look(&self) {
        if self.certificates.have_changed() {
            // What is wrong has been told.
            let _ = self.renew();
        }
    }

    /// Reads the files again now. A pair that cannot be used changes nothing, and is told.
    #[expect(clippy::disallowed_methods, reason = "a certificate is valid by the wall clock")]
    pub(super) fn renew(&self) -> Result<()> {
        match self.certificates.reload(SystemTime::now()) {
            Ok(true) => {
                let fingerprint = self.fingerprint();
                self.herald.tell_certificate(fingerprint);
                self.happenings
                    .add(HappeningKind::Info, format!("the certificate was renewed: {fingerprint}"));
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => {
                let told = format!("the certificate stays as it was: {error}");
                self.happenings.add(HappeningKind::Warning, told);
                Err(error)
            }
        }
    }
}

/// Reads the certificate that a master shall show; one of its own is made if there is none yet.
#[expect(clippy::disallowed_methods, reason = "a certificate is valid by the wall clock")]
pub(super) fn open(ssl: Ssl, names: &[String]) -> Result<Certificates> {
    let identity = match ssl {
        Ssl::Files { certificate, key } => Identity { certificate, key },
        Ssl::SelfSigned => Identity {
            certificate: own_certificate(names)?,
            key: None,
        },
    };
    Certificates::open(identity, SystemTime::now())
}

/// The file with the master's own certificate and key. It is made once: whoever has seen it knows it again, even if the
/// machine has got other addresses since.
fn own_certificate(names: &[String]) -> Result<PathBuf> {
    let path = config_folder()?.join("self-signed.pem");
    if !path.exists() {
        let mut all: Vec<String> = names.iter().filter(|name| is_host(name)).cloned().collect();
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        all.extend(interfaces.iter().map(|interface| interface.ip().to_string()));
        all.sort();
        all.dedup();
        crate::access::write_private(&path, &self_signed(all)?)?;
    }
    Ok(path)
}

/// Whether a certificate can be for this name: people call their masters anything.
fn is_host(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    !name.is_empty() && name.len() <= 253 && name.chars().all(is_letter)
}

/// A master without TLS has nothing to renew.
pub(super) fn no_certificate() -> Error {
    Error::conflict("this master shows no certificate").hint("start it with --ssl")
}
