//! Which key opens the master now, and how another takes its place.

use super::Access;
use super::happening::Happenings;
use super::herald::Herald;
use crate::access::{FarmKey, Tokens};
use crate::error::{Error, Result};
use crate::happening::HappeningKind;
use crate::ids::{FarmId, Role};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::watch;

/// The lock of the master's door.
#[derive(Debug)]
pub(super) struct Lock {
    door: RwLock<Door>,
    /// Where the key lies.
    file: Option<PathBuf>,
    /// One at a time, or the file would hold another key than the one that opens.
    renewing: Mutex<()>,
    /// Sends everybody away who came in by the old key.
    cut_off: watch::Sender<()>,
    herald: Arc<Herald>,
    happenings: Arc<Happenings>,
}

/// Who may come in now.
#[derive(Debug)]
struct Door {
    access: Access,
    /// What they say; nobody has to if everybody may.
    tokens: Option<Tokens>,
}

impl Door {
    fn new(access: Access) -> Self {
        let tokens = match &access {
            Access::Key(key) => Some(Tokens::of(key)),
            Access::Open => None,
        };
        Self { access, tokens }
    }
}

impl Lock {
    pub(super) fn new(access: Access, file: Option<PathBuf>, herald: Arc<Herald>, happenings: Arc<Happenings>) -> Self {
        Self {
            door: RwLock::new(Door::new(access)),
            file,
            renewing: Mutex::default(),
            cut_off: watch::Sender::new(()),
            herald,
            happenings,
        }
    }

    /// Who may use this master now.
    pub(super) fn access(&self) -> Access {
        self.door().access.clone()
    }

    /// Whether everybody may use it, and do everything.
    pub(super) fn is_open(&self) -> bool {
        self.door().tokens.is_none()
    }

    /// What whoever sends this bearer token may do; none: nothing.
    pub(super) fn role(&self, bearer: &str) -> Option<Role> {
        self.door().tokens.as_ref().and_then(|tokens| tokens.role(bearer))
    }

    fn door(&self) -> RwLockReadGuard<'_, Door> {
        self.door.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears when everybody has to come back and show the key.
    pub(super) fn cut_off(&self) -> watch::Receiver<()> {
        self.cut_off.subscribe()
    }

    /// Makes a new key, on the disk first. From then on the old one opens nothing, and whoever is connected is sent away.
    pub(super) fn renew(&self) -> Result<FarmId> {
        let _alone = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_open() {
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
        *self.door.write().unwrap_or_else(PoisonError::into_inner) = Door::new(Access::Key(key));
        self.herald.tell_farm(farm);
        self.cut_off.send_replace(());
        self.happenings.add(
            HappeningKind::Info,
            format!("the farm has a new key and is now farm {farm}; the old key is refused"),
        );
        Ok(farm)
    }
}
