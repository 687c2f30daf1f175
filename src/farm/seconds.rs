//! How long a job's latest frames took.

use super::limits::MEDIAN_FRAMES;
use std::collections::VecDeque;

/// The seconds of the latest frames, with their median at hand: each dispatch may ask for it.
#[derive(Debug, Clone, Default)]
pub(super) struct LatestSeconds {
    by_arrival: VecDeque<f64>,
    by_size: Vec<f64>,
}

impl LatestSeconds {
    /// Adds a frame, and forgets the oldest if there are enough.
    pub(super) fn push(&mut self, seconds: f64) {
        if self.by_arrival.len() == MEDIAN_FRAMES
            && let Some(oldest) = self.by_arrival.pop_front()
        {
            self.by_size.remove(self.place_of(oldest));
        }
        self.by_size.insert(self.place_of(seconds), seconds);
        self.by_arrival.push_back(seconds);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_size.len()
    }

    /// The middle one; `None` before the first frame.
    pub(super) fn median(&self) -> Option<f64> {
        self.by_size.get(self.by_size.len() / 2).copied()
    }

    fn place_of(&self, seconds: f64) -> usize {
        self.by_size.partition_point(|other| other.total_cmp(&seconds).is_lt())
    }
}

/// Seconds as a slave tells them, made harmless: what is no length of time counts as none.
pub(super) fn plausible(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds.max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_that_of_the_latest_frames_only() {
        let mut seconds = LatestSeconds::default();
        assert_eq!(seconds.median(), None);
        for _ in 0..MEDIAN_FRAMES {
            seconds.push(100.0);
        }
        assert_eq!(seconds.median(), Some(100.0));
        for number in 0..MEDIAN_FRAMES {
            seconds.push(number as f64);
        }
        assert_eq!(seconds.median(), Some(MEDIAN_FRAMES as f64 / 2.0));
        assert_eq!(seconds.by_size.len(), MEDIAN_FRAMES);
    }

    #[test]
    fn seconds_that_are_no_length_of_time_count_as_none() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
            assert!(plausible(odd).abs() < f64::EPSILON);
        }
        assert!((plausible(1.5) - 1.5).abs() < f64::EPSILON);
    }
}
