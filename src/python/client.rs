//! A connection to a master.

use super::asking::{gathering, ids, job_edit, key_source, limits, one_program, render_settings, which_frames};
use super::bakes::{self, Bakes};
use super::error::{Stopped, away};
use super::later::Later;
use super::moving::{Gather, Submission};
use super::own::{FOREVER, Own, span, wait};
use super::pending::Pending;
use super::rules::{self, Rules, Setting};
use super::settings::{self, FarmSettings};
use super::values::{Ban, FrameInfo, JobInfo, SlaveInfo};
use super::versions;
use super::watching::until_over;
use crate::client::{self, SubmitRequest};
use crate::error::Result;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a handle and all that is under way through it share.
pub(super) type Connected = Own<client::Client>;

/// A connection to a master.
#[pyclass(frozen, module = "netrender_core")]
#[derive(Debug)]
pub(super) struct Client(pub(super) Arc<Connected>);

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

    /// What the key that is used allows.
    #[getter]
    fn role(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.ask(py, |client| Ok(client.role().as_str()))
    }

    /// The SHA-256 of the master's certificate; None without TLS.
    #[getter]
    fn fingerprint(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.ask(py, |client| Ok(client.fingerprint().map(|print| print.to_string())))
    }

    /// The same questions without waiting for their answers.
    #[getter]
    fn later(&self) -> Later {
        Later(Arc::clone(&self.0))
    }

    /// Has the master replace the farm's key; returns which farm it is now.
    fn renew_key(&self, py: Python<'_>) -> PyResult<String> {
        self.ask(py, |client| Ok(client::renew_key(client)?.to_string()))
    }

    /// Starts to send a saved .blend with all it needs; returns at once.
    #[pyo3(
        signature = (
            blend, *, blender=None, frames=None, tiles="1x1", tiles_exact=false, name=None, category=String::new(), tags=Vec::new(), requirements="", priority=1,
            chunks=0, scene=None, engine=None, resolution_percent=None, samples=None, final_frames=false, allow_missing=false,
            without_scripts=false, after=Vec::new(), attempts=0, silence_time=0, stall_time=0, frame_time=0, bakes="never",
            bake_order=None, **version
        ),
        text_signature = "($self, blend, *, blender=None, frames=None, tiles='1x1', tiles_exact=False, name=None, category='', tags=(), requirements='', priority=1, chunks=0, scene=None, engine=None, resolution_percent=None, samples=None, final_frames=False, allow_missing=False, without_scripts=False, after=(), attempts=0, silence_time=0, stall_time=0, frame_time=0, bakes='never', bake_order=None, vcs=None, revision=None, remote=None, working_copy=None)"
    )]
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "keyword arguments of Python"
    )]
    fn submit(
        &self,
        py: Python<'_>,
        blend: PathBuf,
        blender: Option<Vec<PathBuf>>,
        frames: Option<&str>,
        tiles: &str,
        tiles_exact: bool,
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
        final_frames: bool,
        allow_missing: bool,
        without_scripts: bool,
        after: Vec<String>,
        attempts: u32,
        silence_time: u32,
        stall_time: u32,
        frame_time: u32,
        bakes: &str,
        bake_order: Option<String>,
        version: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Submission> {
        let blender = one_program(blender)?;
        let version = versions::wish(version)?;
        let submission = self.ask(py, |client| {
            client.submit(SubmitRequest {
                after: ids(after)?,
                limits: limits(attempts, silence_time, stall_time, frame_time),
                blender,
                frames: frames.map(str::parse).transpose()?,
                tiles: tiles.parse()?,
                tiles_exact,
                name,
                category,
                tags,
                requirements: requirements.parse()?,
                priority,
                chunks,
                settings: render_settings(scene, engine, resolution_percent, samples, without_scripts, final_frames),
                allow_missing,
                version,
                bakes: bakes.parse()?,
                bake_order,
                ..SubmitRequest::new(blend)
            })
        })?;
        Ok(Submission::new(submission, Arc::clone(&self.0)))
    }

    /// All jobs, newest first.
    fn jobs(&self, py: Python<'_>) -> PyResult<Vec<JobInfo>> {
        let jobs = self.ask(py, client::Client::jobs)?;
        Ok(jobs.into_iter().map(JobInfo::from).collect())
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

    /// The slaves that the master knows.
    fn slaves(&self, py: Python<'_>) -> PyResult<Vec<SlaveInfo>> {
        let slaves = self.ask(py, client::Client::slaves)?;
        Ok(slaves.into_iter().map(SlaveInfo::from).collect())
    }

    /// Brings the bakes that are done into a folder, and makes a copy of `blend` there that plays them back.
    #[pyo3(signature = (job, folder, *, blend=None, blender=None))]
    fn bring_bakes(
        &self,
        py: Python<'_>,
        job: &str,
        folder: PathBuf,
        blend: Option<PathBuf>,
        blender: Option<PathBuf>,
    ) -> PyResult<Bakes> {
        let ask = |client: &client::Client| client.bring_bakes(bakes::request(job, folder, blend, blender)?);
        self.ask(py, ask).map(Bakes::from)
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

    /// Cancels the job and deletes its files on the master, and its results unless they are to be kept.
    #[pyo3(signature = (job, *, keep_results=false))]
    fn remove(&self, py: Python<'_>, job: &str, keep_results: bool) -> PyResult<()> {
        self.ask(py, |client| client.remove(job.parse()?, keep_results))
    }

    /// Ends every job that is not over.
    fn cancel_all(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, client::Client::cancel_all)
    }

    /// Changes a job; what is None stays as it is. Returns the job as it is then.
    #[pyo3(signature = (job, **changes))]
    fn edit(&self, py: Python<'_>, job: &str, changes: Option<&Bound<'_, PyDict>>) -> PyResult<JobInfo> {
        let edit = job_edit(py, changes)?;
        self.ask(py, |client| client.edit(job.parse()?, edit)).map(JobInfo::from)
    }

    /// Lets frames of a job be rendered anew: those that failed, unless others are named.
    #[pyo3(signature = (job, *, frames=None, everything=false))]
    fn reset(&self, py: Python<'_>, job: &str, frames: Option<&str>, everything: bool) -> PyResult<()> {
        self.ask(py, |client| client.reset(job.parse()?, which_frames(frames, everything)?))
    }

    /// Who is on the blacklist of a job, or on the farm's.
    #[pyo3(signature = (job=None))]
    fn blacklist(&self, py: Python<'_>, job: Option<&str>) -> PyResult<Vec<Ban>> {
        self.ask(py, |client| client.blacklist(job.map(str::parse).transpose()?))
            .map(|bans| bans.into_iter().map(Ban::from).collect())
    }

    /// Lets a slave get nothing more of a job, or of any.
    #[pyo3(signature = (slave, *, job=None, reason=""))]
    fn ban(&self, py: Python<'_>, slave: &str, job: Option<&str>, reason: &str) -> PyResult<()> {
        let reason = reason.to_owned();
        self.ask(py, |c| c.ban(job.map(str::parse).transpose()?, slave.parse()?, reason))
    }

    /// Takes a slave off the blacklist of a job, or off the farm's; all slaves if none is named.
    #[pyo3(signature = (slave=None, *, job=None))]
    fn lift_ban(&self, py: Python<'_>, slave: Option<&str>, job: Option<&str>) -> PyResult<()> {
        self.ask(py, |client| {
            client.lift_ban(job.map(str::parse).transpose()?, slave.map(str::parse).transpose()?)
        })
    }

    /// The settings of the farm.
    fn settings(&self, py: Python<'_>) -> PyResult<FarmSettings> {
        self.ask(py, client::Client::settings).map(FarmSettings::from)
    }

    /// Changes settings of the farm; what is None stays as it is. Returns all of them.
    #[pyo3(signature = (**changes))]
    fn set_settings(&self, py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<FarmSettings> {
        let edit = settings::edit(changes)?;
        self.ask(py, |client| client.set_settings(edit)).map(FarmSettings::from)
    }

    /// What Blender printed in the frame's latest attempt, or in the one given, from a byte on.
    #[pyo3(signature = (job, frame, *, attempt=None, offset=0))]
    fn log(&self, py: Python<'_>, job: &str, frame: i32, attempt: Option<u32>, offset: u64) -> PyResult<String> {
        let bytes = self.ask(py, |client| client.log_from(job.parse()?, frame, attempt, offset))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A small picture of a finished frame as PNG, about `width` pixels wide.
    #[pyo3(signature = (job, frame, *, width=240))]
    fn thumbnail<'py>(&self, py: Python<'py>, job: &str, frame: i32, width: u32) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.ask(py, |client| client.thumbnail(job.parse()?, frame, width))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The job once it is over, or as it is after `timeout`.
    fn wait(&self, py: Python<'_>, job: &str, timeout: f64) -> PyResult<JobInfo> {
        until_over(py, &self.0, job, span(timeout)?).map(JobInfo::from)
    }

    /// Keeps the job with its files, history, logs and pictures as one zip; returns its length in bytes.
    fn archive(&self, py: Python<'_>, job: &str, file: PathBuf) -> PyResult<u64> {
        let pending = self.ask(py, move |client| client.ask_archive(job.parse()?, &file))?;
        self.answer(py, &pending)
    }

    /// Brings a job back from such a zip, on this master or another one; returns its id.
    fn restore(&self, py: Python<'_>, file: PathBuf) -> PyResult<String> {
        let pending = self.ask(py, move |client| client.ask_restore(&file))?;
        self.answer(py, &pending).map(|job| job.to_string())
    }

    /// Asks for the job, then brings its results into `folder` as they get done.
    #[pyo3(signature = (job, folder, *, frames=None, blender=None))]
    fn gather(
        &self,
        py: Python<'_>,
        job: &str,
        folder: PathBuf,
        frames: Option<&str>,
        blender: Option<PathBuf>,
    ) -> PyResult<Gather> {
        let gather = self.ask(py, |client| client.gather(gathering(job, folder, frames, blender)?))?;
        Ok(Gather::new(gather, Arc::clone(&self.0)))
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

    /// The answer to a question that may take long: Ctrl-C gives it up.
    fn answer<T: Clone + Send>(&self, py: Python<'_>, pending: &client::Pending<T>) -> PyResult<T> {
        let look = |slice| {
            self.0.get()?;
            pending.wait(slice)
        };
        let answer = wait(py, FOREVER, look, Option::is_some)?;
        answer.ok_or_else(|| Stopped::new_err("the question was given up"))
    }

    fn ask<T: Send>(&self, py: Python<'_>, question: impl FnOnce(&client::Client) -> Result<T> + Send) -> PyResult<T> {
        away(py, || question(self.0.get()?))
    }
}
