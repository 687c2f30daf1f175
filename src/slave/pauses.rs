//! How long a slot waits before it tries again what failed here: ever longer, up to a bound.

use std::time::Duration;

/// Pause after the second of two attempts that failed one after the other; it doubles with every further one …
const FAILURES_PAUSE_MIN: Duration = Duration::from_secs(1);
/// … up to this. A slave on which nothing succeeds would else use up all attempts at all frames within seconds.
const FAILURES_PAUSE_MAX: Duration = Duration::from_secs(30);

/// Pause before an empty Blender is started again after one did not start, or ended by itself; it doubles with every
/// further one …
const STARTS_PAUSE_MIN: Duration = Duration::from_secs(1);
/// … up to this. A frame that comes meanwhile has one started at once.
const STARTS_PAUSE_MAX: Duration = Duration::from_mins(5);

/// How long to rest after so many failures in a row; a single one may be the frame's own fault.
pub(super) fn after_failures(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(2)?;
    Some(doubled(FAILURES_PAUSE_MIN, doublings, FAILURES_PAUSE_MAX))
}

/// How long to wait before an empty Blender is started, after so many were lost.
pub(super) fn before_start(lost: u32) -> Duration {
    let doublings = lost.checked_sub(1);
    doublings.map_or(Duration::ZERO, |doublings| {
        doubled(STARTS_PAUSE_MIN, doublings, STARTS_PAUSE_MAX)
    })
}

fn doubled(pause_min: Duration, doublings: u32, pause_max: Duration) -> Duration {
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    pause_min.saturating_mul(factor).min(pause_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slave_on_which_nothing_succeeds_rests_ever_longer() {
        let pauses: Vec<u64> = (0..9)
            .map(|failures| after_failures(failures).map_or(0, |it| it.as_secs()))
            .collect();
        assert_eq!(pauses, [0, 0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(after_failures(u32::MAX), Some(FAILURES_PAUSE_MAX));
    }

    #[test]
    fn a_blender_that_does_not_stay_is_started_ever_more_seldom() {
        let pauses: Vec<u64> = (0..11).map(|lost| before_start(lost).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(before_start(u32::MAX), STARTS_PAUSE_MAX);
    }
}
