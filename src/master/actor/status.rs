//! What the master does, in a few numbers, for whoever asks without waiting.

use crate::farm::{Farm, Moment};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How old the numbers may be. Counting all jobs after every batch would cost more than the batch.
const STATUS_AGE_MS_MAX: u64 = 200;

/// A master at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Slaves that are there.
    pub slaves: u32,
    /// Jobs that it knows.
    pub jobs: u32,
    /// Frames that are done, of all jobs.
    pub frames_done: u64,
    /// Frames of all jobs.
    pub frames: u64,
    /// Whether the disk is full, so that nothing goes on.
    pub disk_full: bool,
}

impl Status {
    /// Counts.
    pub(in crate::master) fn of(farm: &Farm) -> Self {
        let mut status = Self {
            disk_full: farm.disk_is_low(),
            ..Self::default()
        };
        for job in farm.jobs() {
            status.jobs += 1;
            status.frames_done += u64::from(job.done);
            status.frames += u64::from(job.tasks);
        }
        status.slaves = u32::try_from(farm.slaves().filter(|slave| slave.online).count()).unwrap_or(u32::MAX);
        status
    }
}

/// One line for people, such as `2 slaves, 1 job, 12 of 48 frames done`.
impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |count: u32| if count == 1 { "" } else { "s" };
        let Self {
            slaves,
            jobs,
            frames_done,
            frames,
            disk_full,
        } = self;
        write!(f, "{slaves} slave{}, {jobs} job{}", plural(*slaves), plural(*jobs))?;
        if *jobs > 0 {
            write!(f, ", {frames_done} of {frames} frames done")?;
        }
        if *disk_full {
            f.write_str("; the disk is full")?;
        }
        Ok(())
    }
}

/// Where the actor leaves its status, and everybody else reads it.
#[derive(Debug, Default)]
pub(in crate::master) struct StatusBoard {
    board: Mutex<Board>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Board {
    status: Status,
    /// When the numbers were counted.
    shown: Option<Moment>,
    /// Whether something may have happened since.
    stale: bool,
    ended: bool,
}

impl StatusBoard {
    /// The latest numbers.
    pub(in crate::master) fn status(&self) -> Status {
        self.lock().status.clone()
    }

    /// Whether the actor has ended.
    pub(in crate::master) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Waits until the actor has ended; false if it has not by then.
    pub(in crate::master) fn wait_for_end(&self, timeout: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |board| !board.ended);
        let (board, _) = waited.unwrap_or_else(PoisonError::into_inner);
        board.ended
    }

    pub(super) fn show(&self, status: Status, now: Moment) {
        let mut board = self.lock();
        board.status = status;
        board.shown = Some(now);
        board.stale = false;
    }

    /// Counts again if the numbers are old; else notes that they will have to be. Whether it has counted.
    pub(super) fn refresh(&self, now: Moment, count: impl FnOnce() -> Status) -> bool {
        let age_ms = self.lock().shown.map_or(STATUS_AGE_MS_MAX, |shown| now.millis_since(shown));
        let is_old = age_ms >= STATUS_AGE_MS_MAX;
        if is_old {
            self.show(count(), now);
        } else {
            self.lock().stale = true;
        }
        is_old
    }

    /// When the numbers should be counted again.
    pub(super) fn due(&self) -> Option<Moment> {
        let board = self.lock();
        board.stale.then_some(board.shown?.plus_millis(STATUS_AGE_MS_MAX))
    }

    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
