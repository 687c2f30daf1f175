//! Final frames on their way.

use super::client::{Client, Connected};
use super::error::away;
use super::own::{span, wait};
use crate::client::{self, FinishRequest};
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Final frames on their way: gathered, and finished by a Blender of this machine.
#[pyclass(frozen, module = "netrender_core")]
#[derive(Debug)]
pub(super) struct Finish {
    inner: Arc<client::Finish>,
    /// Its threads do the work, so it must not end before.
    client: Arc<Connected>,
}

/// How far a finishing is.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FinishProgress {
    wanted: u32,
    finished: u32,
    failed: u32,
    files: u32,
    text: String,
    complete: bool,
}

#[pymethods]
impl FinishProgress {
    fn __repr__(&self) -> String {
        format!("<FinishProgress {} of {}: {}>", self.finished, self.wanted, self.text)
    }
}

impl Finish {
    pub(super) fn new(inner: Arc<client::Finish>, client: Arc<Connected>) -> Self {
        Self { inner, client }
    }
}

#[pymethods]
impl Finish {
    /// Asks for the job, then makes the final files of its frames in `folder` as they get done.
    #[classmethod]
    #[pyo3(signature = (client, job, folder, *, frames=None, follow=true, blender=None, allow_scripts=false))]
    #[expect(clippy::too_many_arguments, reason = "Python's keywords")]
    fn start(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        client: &Client,
        job: &str,
        folder: PathBuf,
        frames: Option<&str>,
        follow: bool,
        blender: Option<PathBuf>,
        allow_scripts: bool,
    ) -> PyResult<Self> {
        let client = Arc::clone(&client.0);
        let inner = away(py, || {
            client.get()?.finish(FinishRequest {
                job: job.parse()?,
                folder,
                frames: frames.map(str::parse).transpose()?,
                follow,
                blender,
                allow_scripts,
            })
        })?;
        Ok(Self::new(inner, client))
    }

    /// How far it is, waiting up to `timeout` until it is over. Raises what made it end early.
    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<FinishProgress> {
        let look = |slice: Duration| {
            self.client.get()?;
            let view = self.inner.wait(slice);
            match view.ended {
                Some(error) => Err(error),
                None => Ok(view),
            }
        };
        let view = wait(py, span(timeout)?, look, |view| view.complete)?;
        Ok(FinishProgress {
            wanted: view.gathered.wanted,
            finished: view.finished,
            failed: view.gathered.failed,
            files: view.files,
            text: view.text,
            complete: view.complete,
        })
    }

    /// Ends it; files that are finished stay.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        away(py, || {
            self.inner.stop();
            Ok(())
        })
    }

    fn __repr__(&self) -> String {
        let view = self.inner.wait(Duration::ZERO);
        format!("<Finish: {} of {} frames>", view.finished, view.gathered.wanted)
    }
}
