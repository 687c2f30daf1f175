//! The room on the slave's disk: with too little of it no more frames are begun, and everybody can see why.

use super::held::Cause;
use super::shop::Shop;
use crate::happening::HappeningKind;
use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// What is to stay free if nothing else was said …
const FREE_BYTES_DEFAULT: u64 = 1 << 30;
/// … but on a small disk no more than this part of it.
const FREE_PART_MAX: u64 = 20;
const GIB: f64 = (1_u64 << 30) as f64;

/// How much room a disk has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) free_bytes: u64,
    total_bytes: u64,
}

/// The room on the disk that a folder lies on, if the system tells.
#[cfg(unix)]
pub(super) fn room(folder: &Path) -> Option<Room> {
    let facts = rustix::fs::statvfs(folder).ok()?;
    Some(Room {
        free_bytes: facts.f_bavail.saturating_mul(facts.f_frsize),
        total_bytes: facts.f_blocks.saturating_mul(facts.f_frsize),
    })
}

/// The room on the disk that a folder lies on, if the system tells.
#[cfg(not(unix))]
pub(super) fn room(_: &Path) -> Option<Room> {
    None
}

impl Room {
    fn is_low(self, wanted_free_bytes: Option<u64>) -> bool {
        let wanted = wanted_free_bytes.unwrap_or(FREE_BYTES_DEFAULT.min(self.total_bytes / FREE_PART_MAX));
        self.free_bytes < wanted
    }
}

/// Lets the slave rest whenever its disk has too little room.
pub(super) async fn watch(shop: &Shop) -> Infallible {
    let folder = &shop.work_folder;
    let mut was_low = false;
    loop {
        let low = room(folder).filter(|room| room.is_low(shop.options.disk_free_bytes));
        if let Some(room) = low {
            let free_gib = room.free_bytes as f64 / GIB;
            let why = format!("its disk has only {free_gib:.1} GiB free");
            if !was_low {
                let text = format!("{why} ({}): nothing more is rendered until there is room", folder.display());
                shop.board.tell(HappeningKind::Warning, text);
            }
            shop.desk.rest(Cause::Disk, why);
        } else if was_low {
            shop.board.tell(HappeningKind::Info, "the disk has room again");
            shop.desk.go_on(Cause::Disk);
        }
        was_low = low.is_some();
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_need_not_have_as_much_free_as_a_large_one() {
        let room = |free_bytes, total_bytes| Room { free_bytes, total_bytes };
        assert!(room(900 << 20, 1 << 40).is_low(None));
        assert!(!room(900 << 20, 8 << 30).is_low(None));
        assert!(room(300 << 20, 8 << 30).is_low(None));
        assert!(room(3 << 30, 8 << 30).is_low(Some(4 << 30)), "what was said counts");
    }
}
