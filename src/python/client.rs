//! A connection to a master.

use super::error::away;
use super::moving::{Gather, Submission};
use super::own::{Own, span};
use super::pending::Pending;
use super::rules::{self, Rules, Setting};
use super::values::{FrameInfo, JobInfo, MasterFound, SlaveInfo};
use crate::access::KeySource;
use crate::client::{self, GatherRequest, SubmitRequest};
use crate::error::Result;
use crate::wire::RenderSettings;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a handle and all that is under way through it share.
pub(super) type Connected = Own<client::Client>;

/// A connection to a master.
#[pyclass(frozen, module = "netrender_core")]
#[derive(Debug)]
pub(super) struct Client(Arc<Connected>);

#[pymethods]
impl Client {
    /// Finds the master, has it prove the farm's key, and checks its version.
    #[classmethod]
    #[pyo3(signature = (*, master="auto", key_file=None, key=None, timeout=10.0))]
    fn connect(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        master: &str,
        key_file: Option<PathBuf>,
        key: Option<&str>,
        timeout: f64,
    ) -> PyResult<Self> {
        let timeout = span(timeout)?;
        let keys = key_source(py, key, key_file)?;
        away(py, || client::Client::connect(master, &keys, timeout)).map(Self::new)
    }

    /// The same without waiting; returns at once.
    #[classmethod]
    #[pyo3(signature = (*, master="auto", key_file=None, key=None, timeout=10.0))]
    fn start_connect(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        master: &str,
        key_file: Option<PathBuf>,
        key: Option<&str>,
        timeout: f64,
    ) -> PyResult<Pending> {
        let timeout = span(timeout)?;
        let keys = key_source(py, key, key_file)?;
        away(py, || client::Client::start_connect(master, &keys, timeout)).map(Pending::connecting)
    }

    /// The master's address.
    #[getter]
    fn url(&self, py: Python<'_>) -> PyResult<String> {
        self.ask(py, |client| Ok(client.url()))
    }

    /// The SHA-256 of the master's certificate; None without TLS.
    #[getter]
    fn fingerprint(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.ask(py, |client| Ok(client.fingerprint().map(|print| print.to_string())))
    }

    /// Has the master replace the farm's key; returns which farm it is now.
    fn renew_key(&self, py: Python<'_>) -> PyResult<String> {
        self.ask(py, |client| Ok(client::renew_key(client)?.to_string()))
    }

    /// Starts to send a saved .blend with all it needs; returns at once.
    #[pyo3(
        signature = (
            blend, *, blender=None, frames=None, name=None, category=String::new(), tags=Vec::new(), requirements="", priority=1,
            chunks=0, scene=None, engine=None, resolution_percent=None, samples=None, allow_missing=false
        ),
        text_signature = "($self, blend, *, blender=None, frames=None, name=None, category='', tags=(), requirements='', priority=1, chunks=0, scene=None, engine=None, resolution_percent=None, samples=None, allow_missing=False)"
    )]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn submit(
        &self,
        py: Python<'_>,
        blend: PathBuf,
        blender: Option<Vec<PathBuf>>,
        frames: Option<&str>,
        name: Option<String>,
        category: String,
        tags: Vec<String>,
        requirements: &str,
        priority: u32,
        chunks: u32,
        scene: Option<String>,
        engine: Option<String>,
        resolution_percent: Option<u32>,
        samples: Option<u32>,
        allow_missing: bool,
    ) -> PyResult<Submission> {
        let mut programs = blender.unwrap_or_default().into_iter();
        let blender = programs.next();
        if programs.next().is_some() {
            return Err(PyValueError::new_err("blender is one program; it takes no arguments"));
        }
        let submission = self.ask(py, |client| {
            client.submit(SubmitRequest {
                blend,
                blender,
                frames: frames.map(str::parse).transpose()?,
                name,
                category,
                tags,
                requirements: requirements.parse()?,
                priority,
                chunks,
                settings: RenderSettings {
                    scene,
                    engine,
                    resolution_percent,
                    samples,
                },
                allow_missing,
            })
        })?;
        Ok(Submission::new(submission, Arc::clone(&self.0)))
    }

    /// All jobs, newest first.
    fn jobs(&self, py: Python<'_>) -> PyResult<Vec<JobInfo>> {
        let jobs = self.ask(py, client::Client::jobs)?;
        Ok(jobs.into_iter().map(JobInfo::from).collect())
    }

    /// The same without waiting.
    fn ask_jobs(&self, py: Python<'_>) -> PyResult<Pending> {
        let pending = self.ask(py, client::Client::ask_jobs)?;
        Ok(self.pending(pending, |jobs, _| jobs.into_iter().map(JobInfo::from).collect::<Vec<_>>()))
    }

    /// One job. Raises `NotFound`.
    fn job(&self, py: Python<'_>, job: &str) -> PyResult<JobInfo> {
        self.ask(py, |client| client.job(job.parse()?)).map(JobInfo::from)
    }

    /// Frames of a job, ascending.
    #[pyo3(signature = (job, *, offset=0, limit=1000))]
    fn frames(&self, py: Python<'_>, job: &str, offset: u32, limit: u32) -> PyResult<Vec<FrameInfo>> {
        let frames = self.ask(py, |client| client.frames(job.parse()?, offset, limit))?;
        Ok(frames.into_iter().map(FrameInfo::from).collect())
    }

    /// The same without waiting.
    #[pyo3(signature = (job, *, offset=0, limit=1000))]
    fn ask_frames(&self, py: Python<'_>, job: &str, offset: u32, limit: u32) -> PyResult<Pending> {
        let pending = self.ask(py, |client| client.ask_frames(job.parse()?, offset, limit))?;
        Ok(self.pending(pending, |frames, _| {
            frames.into_iter().map(FrameInfo::from).collect::<Vec<_>>()
        }))
    }

    /// The slaves that the master knows.
    fn slaves(&self, py: Python<'_>) -> PyResult<Vec<SlaveInfo>> {
        let slaves = self.ask(py, client::Client::slaves)?;
        Ok(slaves.into_iter().map(SlaveInfo::from).collect())
    }

    /// Why a job does not go on, or what it is doing, in sentences.
    fn explain_job(&self, py: Python<'_>, job: &str) -> PyResult<Vec<String>> {
        self.ask(py, |client| client.explain_job(job.parse()?))
    }

    /// What a slave does, or why it does nothing, in sentences.
    fn explain_slave(&self, py: Python<'_>, slave: &str) -> PyResult<Vec<String>> {
        self.ask(py, |client| client.explain_slave(slave.parse()?))
    }

    /// The rules by which jobs are balanced.
    fn rules(&self, py: Python<'_>) -> PyResult<Rules> {
        self.ask(py, client::Client::rules).map(Rules::from)
    }

    /// Changes rules of balancing: a number is a limit, a bool switches. Returns all rules.
    #[pyo3(
        signature = (*, share=None, new_first=None, starving_first=None),
        text_signature = "($self, *, share=None, new_first=None, starving_first=None)"
    )]
    fn set_rules(
        &self,
        py: Python<'_>,
        share: Option<Setting>,
        new_first: Option<Setting>,
        starving_first: Option<Setting>,
    ) -> PyResult<Rules> {
        let change = rules::change(share, new_first, starving_first);
        self.ask(py, |client| client.change_rules(change)).map(Rules::from)
    }

    /// Lets no more frames of the job begin.
    fn pause(&self, py: Python<'_>, job: &str) -> PyResult<()> {
        self.ask(py, |client| client.pause(job.parse()?))
    }

    /// Lets a paused job go on.
    fn resume(&self, py: Python<'_>, job: &str) -> PyResult<()> {
        self.ask(py, |client| client.resume(job.parse()?))
    }

    /// Ends the job now; finished frames stay.
    fn cancel(&self, py: Python<'_>, job: &str) -> PyResult<()> {
        self.ask(py, |client| client.cancel(job.parse()?))
    }

    /// The same without waiting; the answer is True.
    fn ask_cancel(&self, py: Python<'_>, job: &str) -> PyResult<Pending> {
        let pending = self.ask(py, |client| client.ask_cancel(job.parse()?))?;
        Ok(self.pending(pending, |(), _| true))
    }

    /// Cancels the job and deletes its files and results on the master.
    fn remove(&self, py: Python<'_>, job: &str) -> PyResult<()> {
        self.ask(py, |client| client.remove(job.parse()?))
    }

    /// The same without waiting; the answer is True.
    fn ask_remove(&self, py: Python<'_>, job: &str) -> PyResult<Pending> {
        let pending = self.ask(py, |client| client.ask_remove(job.parse()?))?;
        Ok(self.pending(pending, |(), _| true))
    }

    /// What Blender printed in the frame's latest attempt.
    fn log(&self, py: Python<'_>, job: &str, frame: i32) -> PyResult<String> {
        self.ask(py, |client| client.log(job.parse()?, frame))
    }

    /// Asks for the job, then brings its results into `folder` as they get done.
    #[pyo3(signature = (job, folder, *, frames=None))]
    fn gather(&self, py: Python<'_>, job: &str, folder: PathBuf, frames: Option<&str>) -> PyResult<Gather> {
        let gather = self.ask(py, |client| client.gather(gathering(job, folder, frames)?))?;
        Ok(Gather::new(gather, Arc::clone(&self.0)))
    }

    /// The same without waiting for the job.
    #[pyo3(signature = (job, folder, *, frames=None))]
    fn start_gather(&self, py: Python<'_>, job: &str, folder: PathBuf, frames: Option<&str>) -> PyResult<Pending> {
        let pending = self.ask(py, |client| client.start_gather(gathering(job, folder, frames)?))?;
        Ok(self.pending(pending, |gather, client| Gather::new(gather, Arc::clone(client))))
    }

    /// Ends the connection and all that is under way through it. A second call does nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, |client| {
            client.stop(Duration::from_secs_f64(super::STOP_TIMEOUT_S));
            Ok(())
        })
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_raised), text_signature = "($self, kind, error, trace, /)")]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self) -> String {
        self.0.get().map_or_else(
            |_| "<Client of another process>".to_owned(),
            |client| format!("<Client of {}>", client.url()),
        )
    }
}

impl Client {
    pub(super) fn new(client: client::Client) -> Self {
        Self(Arc::new(Own::new(client)))
    }

    fn pending<T, U>(&self, pending: client::Pending<T>, convert: fn(T, &Arc<Connected>) -> U) -> Pending
    where
        T: Clone + Send + Sync + 'static,
        U: for<'py> IntoPyObject<'py> + 'static,
    {
        Pending::new(pending, Arc::clone(&self.0), convert)
    }

    fn ask<T: Send>(&self, py: Python<'_>, question: impl FnOnce(&client::Client) -> Result<T> + Send) -> PyResult<T> {
        away(py, || question(self.0.get()?))
    }
}

/// Where the key was said to be.
fn key_source(py: Python<'_>, key: Option<&str>, key_file: Option<PathBuf>) -> PyResult<KeySource> {
    match (key, key_file) {
        (Some(_), Some(_)) => Err(PyValueError::new_err("give a key or a key_file, not both")),
        (Some(key), None) => away(py, || key.parse().map(KeySource::Given)),
        (None, Some(path)) => Ok(KeySource::File(path)),
        (None, None) => Ok(KeySource::Kept),
    }
}

fn gathering(job: &str, folder: PathBuf, frames: Option<&str>) -> Result<GatherRequest> {
    Ok(GatherRequest {
        job: job.parse()?,
        folder,
        frames: frames.map(str::parse).transpose()?,
        follow: true,
    })
}

/// Asks the local network for masters and returns those that answered in time.
#[pyfunction]
#[pyo3(signature = (timeout=2.0))]
pub(super) fn find_masters(py: Python<'_>, timeout: f64) -> PyResult<Vec<MasterFound>> {
    let timeout = span(timeout)?;
    let found = away(py, || client::find_masters(timeout))?;
    Ok(found
        .into_iter()
        .map(|it| MasterFound {
            url: it.url,
            name: it.name,
            farm: it.farm.to_string(),
            version: it.version,
            usable: it.usable,
        })
        .collect())
}
