//! What is on its way: a job to the master, results from it.

use super::client::Connected;
use super::error::away;
use super::own::{span, wait};
use crate::client;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A job on its way to the master.
#[pyclass(frozen, module = "netrender_core")]
#[derive(Debug)]
pub(super) struct Submission {
    inner: client::Submission,
    /// Its threads do the sending, so it must not end before.
    client: Arc<Connected>,
}

/// How far a submission is.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    stage: &'static str,
    text: String,
    done: u64,
    total: u64,
    files_done: u64,
    files_total: u64,
    job: Option<String>,
    bake_job: Option<String>,
    unbaked: Vec<String>,
    warnings: Vec<String>,
    missing: Vec<String>,
}

#[pymethods]
impl Progress {
    fn __repr__(&self) -> String {
        format!("<Progress {}: {}>", self.stage, self.text)
    }
}

impl Submission {
    pub(super) fn new(inner: client::Submission, client: Arc<Connected>) -> Self {
        Self { inner, client }
    }
}

#[pymethods]
impl Submission {
    /// Where it stands; never blocks.
    fn progress(&self, py: Python<'_>) -> Progress {
        let progress = py.detach(|| self.inner.progress());
        Progress {
            stage: progress.stage.as_str(),
            text: progress.text,
            done: progress.done,
            total: progress.total,
            files_done: progress.files_done,
            files_total: progress.files_total,
            job: progress.job.map(|job| job.to_string()),
            bake_job: progress.bake_job.map(|job| job.to_string()),
            unbaked: progress.unbaked,
            warnings: progress.warnings,
            missing: progress.missing.iter().map(|file| file.path.display().to_string()).collect(),
        }
    }

    /// The job's id, or None if it is not there after `timeout`.
    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<String>> {
        let look = |slice: Duration| {
            self.client.get()?;
            self.inner.wait(slice)
        };
        let job = wait(py, span(timeout)?, look, Option::is_some)?;
        Ok(job.map(|job| job.to_string()))
    }

    /// Stops it, and takes the job back if the master has it already.
    fn cancel(&self) {
        self.inner.cancel();
    }

    fn __repr__(&self) -> String {
        format!("<Submission: {}>", self.inner.progress().text)
    }
}

/// Results on their way from the master.
#[pyclass(frozen, module = "netrender_core")]
#[derive(Debug)]
pub(super) struct Gather {
    inner: Arc<client::Gather>,
    /// Its threads do the fetching, so it must not end before.
    client: Arc<Connected>,
}

/// One frame of a gathering.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GatheredFrame {
    state: &'static str,
    path: Option<String>,
    text: String,
}

#[pymethods]
impl GatheredFrame {
    fn __repr__(&self) -> String {
        format!("<GatheredFrame {}: {}>", self.state, self.text)
    }
}

impl Gather {
    pub(super) fn new(inner: Arc<client::Gather>, client: Arc<Connected>) -> Self {
        Self { inner, client }
    }
}

#[pymethods]
impl Gather {
    /// The frame's state, waiting up to `timeout` for its file.
    fn frame(&self, py: Python<'_>, frame: i32, timeout: f64) -> PyResult<GatheredFrame> {
        let look = |slice: Duration| {
            self.client.get()?;
            Ok(self.inner.frame(frame, slice))
        };
        let gathered = wait(py, span(timeout)?, look, |gathered| gathered.state.is_settled())?;
        Ok(GatheredFrame {
            state: gathered.state.as_str(),
            path: gathered.path.as_deref().map(shown),
            text: gathered.text,
        })
    }

    /// The tiles of a frame that are here before the frame is: path, left, bottom, width and height in pixels of a picture of
    /// this size.
    fn tiles(&self, py: Python<'_>, frame: i32, width: u32, height: u32) -> Vec<(String, u32, u32, u32, u32)> {
        let tiles = py.detach(|| self.inner.tiles(frame));
        let placed = tiles.iter().map(|(tile, path)| {
            let place = tile.of(width, height);
            let (wide, high) = place.size();
            (shown(path), place.columns.start, height - place.rows.end, wide, high)
        });
        placed.collect()
    }

    /// How many frames lie in the folder; never blocks.
    fn done(&self, py: Python<'_>) -> u32 {
        py.detach(|| self.inner.view().here)
    }

    /// Whether all that can be had is here, waiting up to `timeout` for that.
    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<bool> {
        let look = |slice: Duration| {
            self.client.get()?;
            let view = self.inner.wait(slice);
            view.ended.map_or(Ok(view.complete), Err)
        };
        wait(py, span(timeout)?, look, |complete| *complete)
    }

    /// Ends the fetching; files that are there stay.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        away(py, || {
            self.inner.stop();
            Ok(())
        })
    }

    fn __repr__(&self) -> String {
        let view = self.inner.view();
        format!(
            "<Gather of job {}: {} of {} frames here>",
            view.job.id, view.here, view.wanted
        )
    }
}

fn shown(path: &std::path::Path) -> String {
    PathBuf::from(path).display().to_string()
}
