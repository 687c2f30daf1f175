//! How long to wait before the next try.

use std::time::Duration;

/// First wait.
const WAIT_MS_MIN: u64 = 100;
/// Longest wait: a master that comes back is found within this time.
const WAIT_MS_MAX: u64 = 5_000;

/// Waits that double from [`WAIT_MS_MIN`] to [`WAIT_MS_MAX`], shortened by up to a quarter so that a hundred slaves do not
/// come back in the same instant.
#[derive(Debug, Clone)]
pub struct Backoff {
    next_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next_ms: WAIT_MS_MIN }
    }
}

impl Backoff {
    /// The wait before the next try.
    pub fn next_wait(&mut self) -> Duration {
        let full = self.next_ms;
        self.next_ms = (full * 2).min(WAIT_MS_MAX);
        // Without random numbers the waits are only less well spread.
        let random = getrandom::u32().unwrap_or(0);
        Duration::from_millis(full - u64::from(random) % (full / 4 + 1))
    }

    /// It worked: the next failure begins with a short wait again.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_over_after_success() {
        let mut backoff = Backoff::default();
        for full in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let wait = backoff.next_wait();
            assert!(
                (full * 3 / 4..=full).contains(&u64::try_from(wait.as_millis()).unwrap()),
                "{wait:?} of {full}"
            );
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(100));
    }
}
