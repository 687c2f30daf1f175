//! The room on the master's disk: what does not fit any more is refused in one sentence, before the disk is full.
//!
//! Absences: nothing is reserved. Many uploads at once may together be more than there is; then the disk itself refuses.

use crate::error::{Error, Result};
use crate::farm::Settings;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// On a small disk, less than the default stays free: this part of it. What somebody has set holds as it is.
const FREE_PART_MAX: u64 = 20;
const MIB: u64 = 1 << 20;

/// The disk that a folder lies on.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    /// What is to stay free, as the settings say.
    wanted_free_mib: AtomicU32,
    is_low: AtomicBool,
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    free_bytes: u64,
    reserve_bytes: u64,
}

impl Disk {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            wanted_free_mib: AtomicU32::new(0),
            is_low: AtomicBool::new(false),
        }
    }

    /// Looks at the disk anew, with what the settings say by now; tells if it has become full or has room again.
    pub(super) fn look(&self, wanted_free_mib: u32) -> Option<bool> {
        self.wanted_free_mib.store(wanted_free_mib, Ordering::Relaxed);
        let is_low = self.room().is_some_and(|room| room.free_bytes < room.reserve_bytes);
        let was_low = self.is_low.swap(is_low, Ordering::Relaxed);
        (is_low != was_low).then_some(is_low)
    }

    /// Whether it was full at the last look.
    pub(super) fn is_low(&self) -> bool {
        self.is_low.load(Ordering::Relaxed)
    }

    /// Refuses what would leave too little free. Waits for the disk.
    pub(super) fn admit(&self, size_bytes: u64) -> Result<()> {
        match self.room() {
            Some(room) => room.admit(size_bytes),
            // Nobody can tell: then the disk itself says when it is full.
            None => Ok(()),
        }
    }

    #[cfg(unix)]
    fn room(&self) -> Option<Room> {
        let facts = rustix::fs::statvfs(&self.folder).ok()?;
        let total_bytes = facts.f_blocks.saturating_mul(facts.f_frsize);
        Some(Room {
            free_bytes: facts.f_bavail.saturating_mul(facts.f_frsize),
            reserve_bytes: reserve_bytes(self.wanted_free_mib.load(Ordering::Relaxed), total_bytes),
        })
    }

    #[cfg(not(unix))]
    fn room(&self) -> Option<Room> {
        None
    }
}

impl Room {
    fn admit(self, size_bytes: u64) -> Result<()> {
        if self.free_bytes >= size_bytes.saturating_add(self.reserve_bytes) {
            return Ok(());
        }
        let mib = |bytes: u64| bytes as f64 / MIB as f64;
        Err(Error::storage(format!(
            "cannot write {:.1} MiB: {:.1} MiB are free on the disk, of which {:.1} MiB are to stay free",
            mib(size_bytes),
            mib(self.free_bytes),
            mib(self.reserve_bytes)
        ))
        .hint("remove jobs that are over, or free some space, then try again"))
    }
}

fn reserve_bytes(wanted_free_mib: u32, total_bytes: u64) -> u64 {
    let wanted_bytes = u64::from(wanted_free_mib) * MIB;
    if wanted_free_mib == Settings::default().disk_free_mib {
        wanted_bytes.min(total_bytes / FREE_PART_MAX)
    } else {
        wanted_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_is_not_full_by_default_and_what_was_set_holds_on_any() {
        let default_mib = Settings::default().disk_free_mib;
        assert_eq!(reserve_bytes(default_mib, 100 * MIB), 5 * MIB);
        assert_eq!(reserve_bytes(default_mib, 1 << 50), u64::from(default_mib) * MIB);
        assert_eq!(reserve_bytes(200, 100 * MIB), 200 * MIB);
    }

    #[test]
    fn what_would_leave_too_little_is_refused_in_a_sentence() {
        let room = Room {
            free_bytes: 10 * MIB,
            reserve_bytes: 4 * MIB,
        };
        assert!(room.admit(6 * MIB).is_ok());
        let error = room.admit(6 * MIB + 1).unwrap_err();
        assert_eq!(
            error.message,
            "cannot write 6.0 MiB: 10.0 MiB are free on the disk, of which 4.0 MiB are to stay free"
        );
        assert!(room.admit(u64::MAX).is_err());
    }

    #[test]
    fn a_disk_says_once_that_it_became_full() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(folder.path().to_path_buf());
        assert_eq!((disk.look(0), disk.is_low()), (None, false));
        assert!(disk.admit(1).is_ok());
        assert_eq!((disk.look(u32::MAX), disk.is_low()), (Some(true), true));
        assert!(disk.admit(1).is_err());
        assert_eq!((disk.look(0), disk.is_low()), (Some(false), false));
        let gone = Disk::new(folder.path().join("gone"));
        assert_eq!((gone.look(1), gone.admit(u64::MAX).is_ok()), (None, true));
    }
}
