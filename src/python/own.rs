//! What every handle needs: to belong to one process, and seconds as Python counts them.

use super::error::away;
use crate::error::{Error, Result};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::time::Duration;

/// Longest wait in one piece: between two of them Ctrl-C is looked for.
const SLICE: Duration = Duration::from_millis(100);
/// Stands for "for ever": a year.
pub(super) const FOREVER: Duration = Duration::from_hours(365 * 24);

/// Something with threads. They do not survive a fork, so a forked child may neither use nor end it.
#[derive(Debug)]
pub(super) struct Own<T> {
    /// Always there until it is dropped.
    value: Option<T>,
    process: u32,
}

impl<T> Own<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Some(value),
            process: std::process::id(),
        }
    }

    /// It, unless this is a forked child.
    pub(super) fn get(&self) -> Result<&T> {
        match &self.value {
            Some(value) if self.process == std::process::id() => Ok(value),
            _ => Err(
                Error::stopped("this handle belongs to the process that this one was forked from")
                    .hint("make a new one in this process"),
            ),
        }
    }
}

impl<T> Drop for Own<T> {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            std::mem::forget(self.value.take());
        }
    }
}

/// Seconds as a span of time.
pub(super) fn span(seconds: f64) -> PyResult<Duration> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(PyValueError::new_err(format!(
            "{seconds} is no time to wait: give seconds from 0 on"
        )));
    }
    Ok(Duration::try_from_secs_f64(seconds).map_or(FOREVER, |span| span.min(FOREVER)))
}

/// Waits in slices, so that Ctrl-C ends the wait: `look` waits up to its argument and says whether it is over.
pub(super) fn wait<T: Send>(
    py: Python<'_>,
    timeout: Duration,
    mut look: impl FnMut(Duration) -> Result<T> + Send,
    is_over: impl Fn(&T) -> bool,
) -> PyResult<T> {
    let mut left = timeout;
    loop {
        let slice = left.min(SLICE);
        let seen = away(py, || look(slice))?;
        left -= slice;
        if is_over(&seen) || left.is_zero() {
            return Ok(seen);
        }
        py.check_signals()?;
    }
}
