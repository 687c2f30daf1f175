//! How long a slot waits before it starts a Blender again that did not stay: ever longer, up to a bound.

use std::time::Duration;

/// Pause before an empty Blender is started again after one did not start, or ended by itself; it doubles with every
/// further one …
const STARTS_PAUSE_MIN: Duration = Duration::from_secs(1);
/// … up to this. A frame that comes meanwhile has one started at once.
const STARTS_PAUSE_MAX: Duration = Duration::from_mins(5);

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
    fn a_blender_that_does_not_stay_is_started_ever_more_seldom() {
        let pauses: Vec<u64> = (0..11).map(|lost| before_start(lost).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(before_start(u32::MAX), STARTS_PAUSE_MAX);
    }
}
