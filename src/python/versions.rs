//! Jobs as revisions of working copies.

use super::client::Client;
use super::error::away;
use super::pending::Pending;
use crate::client;
use crate::ids::{JobPath, VersionSystem};
use crate::versions::{self, VersionWish};
use crate::wire::Source;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use std::path::PathBuf;

/// Where a .blend lies in a working copy.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VersionGuess {
    vcs: String,
    remote: String,
    revision: String,
    working_copy: String,
    path: String,
}

impl From<versions::VersionGuess> for VersionGuess {
    fn from(guess: versions::VersionGuess) -> Self {
        Self {
            vcs: guess.system.to_string(),
            remote: guess.remote.to_string(),
            revision: guess.revision.to_string(),
            working_copy: guess.working_copy.to_string_lossy().into_owned(),
            path: guess.main.to_string(),
        }
    }
}

#[pymethods]
impl VersionGuess {
    fn __repr__(&self) -> String {
        format!(
            "<VersionGuess {}: {} of {} at {}>",
            self.vcs, self.path, self.remote, self.revision
        )
    }
}

/// Which revision slaves get a job's files from.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobSource {
    vcs: String,
    remote: String,
    revision: String,
    path: String,
}

#[pymethods]
impl JobSource {
    /// That of a job; None if its files come from the master. Raises `NotFound`.
    #[classmethod]
    fn of(_class: &Bound<'_, PyType>, py: Python<'_>, client: &Client, job: &str) -> PyResult<Option<Self>> {
        let source = away(py, || client.0.get()?.source(job.parse()?))?;
        Ok(source.map(Self::from))
    }

    fn __repr__(&self) -> String {
        format!(
            "<JobSource {}: {} of {} at {}>",
            self.vcs, self.path, self.remote, self.revision
        )
    }
}

impl From<(Source, JobPath)> for JobSource {
    fn from((source, main): (Source, JobPath)) -> Self {
        Self {
            vcs: source.system.to_string(),
            remote: source.remote.to_string(),
            revision: source.revision.to_string(),
            path: main.to_string(),
        }
    }
}

/// Finds out in which working copy a .blend lies; what is told is not guessed.
#[pyfunction]
#[pyo3(
    signature = (blend, **version),
    text_signature = "(blend, *, vcs='auto', revision=None, remote=None, working_copy=None)"
)]
pub(super) fn guess_version(py: Python<'_>, blend: PathBuf, version: Option<&Bound<'_, PyDict>>) -> PyResult<VersionGuess> {
    let wish = wish(version)?.unwrap_or_default();
    away(py, move || client::guess_version(&blend, &wish)).map(VersionGuess::from)
}

/// The same without waiting.
#[pyfunction]
#[pyo3(
    signature = (blend, **version),
    text_signature = "(blend, *, vcs='auto', revision=None, remote=None, working_copy=None)"
)]
pub(super) fn start_guess_version(py: Python<'_>, blend: PathBuf, version: Option<&Bound<'_, PyDict>>) -> PyResult<Pending> {
    let wish = wish(version)?.unwrap_or_default();
    let guess = away(py, move || client::start_guess(&blend, &wish))?;
    Ok(Pending::alone(guess, VersionGuess::from))
}

/// What is told of a working copy; none: files are sent.
pub(super) fn wish(told: Option<&Bound<'_, PyDict>>) -> PyResult<Option<VersionWish>> {
    let mut wish = VersionWish::default();
    let mut is_wanted = false;
    for (name, value) in told.into_iter().flatten() {
        if value.is_none() {
            continue;
        }
        match name.extract::<String>()?.as_str() {
            "vcs" => {
                is_wanted = true;
                wish.system = system(&value.extract::<String>()?)?;
            }
            "revision" => wish.revision = Some(value.extract()?),
            "remote" => wish.remote = Some(value.extract()?),
            "working_copy" => wish.working_copy = Some(value.extract()?),
            other => return Err(PyTypeError::new_err(format!("unexpected keyword argument '{other}'"))),
        }
    }
    Ok((is_wanted || wish != VersionWish::default()).then_some(wish))
}

fn system(text: &str) -> PyResult<Option<VersionSystem>> {
    match text {
        "auto" => Ok(None),
        _ => text
            .parse()
            .map(Some)
            .map_err(|error| PyValueError::new_err(format!("{error}, or auto"))),
    }
}
