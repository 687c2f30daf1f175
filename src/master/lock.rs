//! Which key opens the master now, and how another takes its place.

use super::Access;
use super::happening::Happenings;
use super::herald::Herald;
use crate::access::FarmKey;
use crate::error::{Error, Result};
use crate::happening::HappeningKind;
use crate::ids::FarmId;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// The lock of the master's door.
#[derive(Debug)]
pub(super) struct Lock {
    access: RwLock<Access>,
    /// Where the key lies.
    file: Option<PathBuf>,
    /// One at a time, or the file would hold another key than the one that opens.
    renewing: Mutex<()>,
    /// Sends everybody away who came in by the old key.
    cut_off: watch::Sender<()>,
    herald: Arc<Herald>,
    happenings: Arc<Happenings>,
}

impl Lock {
    pub(super) fn new(access: Access, file: Option<PathBuf>, herald: Arc<Herald>, happenings: Arc<Happenings>) -> Self {
        Self {
            access: RwLock::new(access),
            file,
            renewing: Mutex::default(),
            cut_off: watch::Sender::new(()),
            herald,
            happenings,
        }
    }

    /// Who may use this master now.
    pub(super) fn access(&self) -> Access {
        self.access.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hears when everybody has to come back and show the key.
    pub(super) fn cut_off(&self) -> watch::Receiver<()> {
        self.cut_off.subscribe()
    }

    /// Makes a new key, on the disk first. From then on the old one opens nothing, and whoever is connected is sent away.
    pub(super) fn renew(&self) -> Result<FarmId> {
        let _alone = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(self.access(), Access::Open) {
            return Err(Error::conflict("this master asks for no key").hint("start it with --access key"));
        }
        let Some(file) = &self.file else {
            return Err(
                Error::conflict("the master was not given its key by a file, so it cannot put a new one there")
                    .hint("start it with another key"),
            );
        };
        let key = FarmKey::replace(file)?;
        let farm = key.farm();
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = Access::Key(key);
        self.herald.tell_farm(farm);
        self.cut_off.send_replace(());
        self.happenings.add(
            HappeningKind::Info,
            format!("the farm has a new key and is now farm {farm}; the old key is refused"),
        );
        Ok(farm)
    }
}
