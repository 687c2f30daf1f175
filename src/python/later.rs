//! The questions to a master that need not be waited for: those of a client, each answered by a [`Pending`].

use super::asking::{gathering, job_edit, which_frames};
use super::bakes::{self, Bakes};
use super::client::Connected;
use super::error::away;
use super::finishing::Finish;
use super::moving::Gather;
use super::pending::Pending;
use super::rules::{self, Rules, Setting};
use super::values::{Ban, FrameInfo, JobInfo, SlaveInfo};
use crate::client::{self, FinishRequest};
use crate::error::Result;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::sync::Arc;

/// The same questions as a client's, without waiting.
#[pyclass(frozen, module = "netrender_core")]
#[derive(Debug)]
pub(super) struct Later(pub(super) Arc<Connected>);

#[pymethods]
impl Later {
    /// All jobs, newest first.
    fn jobs(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, client::Client::ask_jobs, all::<_, JobInfo>)
    }

    /// Frames of a job, ascending.
    #[pyo3(signature = (job, *, offset=0, limit=1000))]
    fn frames(&self, py: Python<'_>, job: &str, offset: u32, limit: u32) -> PyResult<Pending> {
        self.ask(
            py,
            |client| client.ask_frames(job.parse()?, offset, limit),
            all::<_, FrameInfo>,
        )
    }

    /// The slaves that the master knows.
    fn slaves(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, client::Client::ask_slaves, all::<_, SlaveInfo>)
    }

    /// Why a job does not go on, or what it is doing, in sentences.
    fn explain_job(&self, py: Python<'_>, job: &str) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_explain_job(job.parse()?), same)
    }

    /// What a slave does, or why it does nothing, in sentences.
    fn explain_slave(&self, py: Python<'_>, slave: &str) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_explain_slave(slave.parse()?), same)
    }

    /// Who is on the blacklist of a job, or on the farm's.
    #[pyo3(signature = (job=None))]
    fn blacklist(&self, py: Python<'_>, job: Option<&str>) -> PyResult<Pending> {
        let ask = |client: &client::Client| client.ask_blacklist(job.map(str::parse).transpose()?);
        self.ask(py, ask, all::<_, Ban>)
    }

    /// The rules by which jobs are balanced.
    fn rules(&self, py: Python<'_>) -> PyResult<Pending> {
        self.ask(py, client::Client::ask_rules, |rules, _| Rules::from(rules))
    }

    /// What Blender printed in the frame's latest attempt, or in the one given, from a byte on.
    #[pyo3(signature = (job, frame, *, attempt=None, offset=0))]
    fn log(&self, py: Python<'_>, job: &str, frame: i32, attempt: Option<u32>, offset: u64) -> PyResult<Pending> {
        let ask = |client: &client::Client| client.ask_log(job.parse()?, frame, attempt, offset);
        self.ask(py, ask, |bytes, _| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A small picture of a finished frame as PNG, about `width` pixels wide.
    #[pyo3(signature = (job, frame, *, width=240))]
    fn thumbnail(&self, py: Python<'_>, job: &str, frame: i32, width: u32) -> PyResult<Pending> {
        let ask = |client: &client::Client| client.ask_thumbnail(job.parse()?, frame, width);
        self.ask(py, ask, |bytes, _| std::borrow::Cow::<[u8]>::Owned(bytes))
    }

    /// Lets no more frames of the job begin; the answer is True, as of all that tell nothing.
    fn pause(&self, py: Python<'_>, job: &str) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_pause(job.parse()?), done)
    }

    /// Lets a paused job go on.
    fn resume(&self, py: Python<'_>, job: &str) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_resume(job.parse()?), done)
    }

    /// Ends the job now; finished frames stay.
    fn cancel(&self, py: Python<'_>, job: &str) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_cancel(job.parse()?), done)
    }

    /// Cancels the job and deletes its files on the master, and its results unless they are to be kept.
    #[pyo3(signature = (job, *, keep_results=false))]
    fn remove(&self, py: Python<'_>, job: &str, keep_results: bool) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_remove(job.parse()?, keep_results), done)
    }

    /// Changes a job; what is None stays as it is. The answer is the job as it is then.
    #[pyo3(signature = (job, **changes))]
    fn edit(&self, py: Python<'_>, job: &str, changes: Option<&Bound<'_, PyDict>>) -> PyResult<Pending> {
        let edit = job_edit(py, changes)?;
        self.ask(py, |client| client.ask_edit(job.parse()?, edit), |job, _| JobInfo::from(job))
    }

    /// Lets frames of a job be rendered anew: those that failed, unless others are named.
    #[pyo3(signature = (job, *, frames=None, everything=false))]
    fn reset(&self, py: Python<'_>, job: &str, frames: Option<&str>, everything: bool) -> PyResult<Pending> {
        let ask = |client: &client::Client| client.ask_reset(job.parse()?, which_frames(frames, everything)?);
        self.ask(py, ask, done)
    }

    /// Lets a slave get nothing more of a job, or of any.
    #[pyo3(signature = (slave, *, job=None, reason=""))]
    fn ban(&self, py: Python<'_>, slave: &str, job: Option<&str>, reason: &str) -> PyResult<Pending> {
        let reason = reason.to_owned();
        let ask = |client: &client::Client| client.ask_ban(job.map(str::parse).transpose()?, slave.parse()?, reason);
        self.ask(py, ask, done)
    }

    /// Takes a slave off the blacklist of a job, or off the farm's; all slaves if none is named.
    #[pyo3(signature = (slave=None, *, job=None))]
    fn lift_ban(&self, py: Python<'_>, slave: Option<&str>, job: Option<&str>) -> PyResult<Pending> {
        let ask =
            |client: &client::Client| client.ask_lift_ban(job.map(str::parse).transpose()?, slave.map(str::parse).transpose()?);
        self.ask(py, ask, done)
    }

    /// Lets a slave finish what it renders, and gives it nothing more.
    fn pause_slave(&self, py: Python<'_>, slave: &str) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_pause_slave(slave.parse()?), done)
    }

    /// Gives work to a paused slave again.
    fn resume_slave(&self, py: Python<'_>, slave: &str) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_resume_slave(slave.parse()?), done)
    }

    /// Lets a slave end after what it renders.
    fn end_slave(&self, py: Python<'_>, slave: &str) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_end_slave(slave.parse()?), done)
    }

    /// Gives a slave other tags than it says of itself; `None`: its own again.
    fn tag_slave(&self, py: Python<'_>, slave: &str, tags: Option<Vec<String>>) -> PyResult<Pending> {
        self.ask(py, |client| client.ask_tag_slave(slave.parse()?, tags), done)
    }

    /// Changes rules of balancing: a number is a limit, a bool switches. The answer is all rules.
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
    ) -> PyResult<Pending> {
        let change = rules::change(share, new_first, starving_first);
        self.ask(py, |client| client.ask_change_rules(change), |rules, _| Rules::from(rules))
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
    ) -> PyResult<Pending> {
        let ask = |client: &client::Client| client.ask_bring_bakes(bakes::request(job, folder, blend, blender)?);
        self.ask(py, ask, |here, _| Bakes::from(here))
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
    ) -> PyResult<Pending> {
        let ask = |client: &client::Client| client.start_gather(gathering(job, folder, frames, blender)?);
        self.ask(py, ask, |gather, client| Gather::new(gather, Arc::clone(client)))
    }

    /// Asks for the job, then makes the final files of its frames in `folder` as they get done.
    #[pyo3(signature = (job, folder, *, frames=None, follow=true, blender=None, allow_scripts=false))]
    #[expect(clippy::too_many_arguments, reason = "Python's keywords")]
    fn finish(
        &self,
        py: Python<'_>,
        job: &str,
        folder: PathBuf,
        frames: Option<&str>,
        follow: bool,
        blender: Option<PathBuf>,
        allow_scripts: bool,
    ) -> PyResult<Pending> {
        let ask = |client: &client::Client| {
            client.start_finish(FinishRequest {
                job: job.parse()?,
                folder,
                frames: frames.map(str::parse).transpose()?,
                follow,
                blender,
                allow_scripts,
            })
        };
        self.ask(py, ask, |finish, client| Finish::new(finish, Arc::clone(client)))
    }

    fn __repr__(&self) -> String {
        self.0.get().map_or_else(
            |_| "<Later of another process>".to_owned(),
            |client| format!("<Later of {}>", client.url()),
        )
    }
}

impl Later {
    fn ask<T, U>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&client::Client) -> Result<client::Pending<T>> + Send,
        convert: fn(T, &Arc<Connected>) -> U,
    ) -> PyResult<Pending>
    where
        T: Clone + Send + Sync + 'static,
        U: for<'py> IntoPyObject<'py> + 'static,
    {
        let pending = away(py, || question(self.0.get()?))?;
        Ok(Pending::new(pending, Arc::clone(&self.0), convert))
    }
}

fn all<T, U: From<T>>(list: Vec<T>, _client: &Arc<Connected>) -> Vec<U> {
    list.into_iter().map(U::from).collect()
}

fn same<T>(answer: T, _client: &Arc<Connected>) -> T {
    answer
}

fn done((): (), _client: &Arc<Connected>) -> bool {
    true
}
