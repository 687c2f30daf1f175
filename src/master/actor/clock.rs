//! The actor's clock.

use crate::farm::Moment;
use std::time::{Instant, SystemTime};

/// Wall-clock time that never jumps while the master runs.
pub(super) struct Clock {
    wall_ms: u64,
    started: Instant,
}

impl Clock {
    /// Looks at the system's clock once.
    #[expect(clippy::disallowed_methods, reason = "the actor's loop is where time comes from")]
    pub(super) fn start() -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(0),
            started: Instant::now(),
        }
    }

    /// For measurements: since the start.
    pub(super) fn micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// What time it is.
    pub(super) fn now(&self) -> Moment {
        Moment(self.wall_ms).plus_millis(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(0))
    }
}
