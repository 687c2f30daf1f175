//! Waiting for the end of a job, so that Ctrl-C ends the wait.

use super::client::Connected;
use super::error::away;
use super::own::wait;
use crate::error::Code;
use crate::wire::JobInfo;
use pyo3::prelude::*;
use std::time::Duration;

/// The job once it is over, or as it is after `timeout`. A master that is away meanwhile may come back in time.
pub(super) fn until_over(py: Python<'_>, client: &Connected, job: &str, timeout: Duration) -> PyResult<JobInfo> {
    let mut seen = away(py, || client.get()?.job(job.parse()?))?;
    let watch = away(py, || client.get()?.watch(seen.id))?;
    let look = |slice: Duration| {
        client.get()?;
        match watch.next(slice) {
            Some(Ok(now)) => seen = now,
            Some(Err(error)) if !matches!(error.code, Code::Unreachable | Code::Timeout) => return Err(error),
            Some(Err(_)) | None => {}
        }
        Ok(seen.clone())
    };
    wait(py, timeout, look, |job| job.state.is_over())
}
