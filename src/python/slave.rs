//! A running slave.

use super::error::away;
use super::own::{Own, span};
use super::values::Happening;
use crate::access::KeySource;
use crate::slave;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use std::path::PathBuf;

/// A running slave.
#[pyclass(frozen, module = "netrender_core")]
#[derive(Debug)]
pub(super) struct Slave(Own<slave::Slave>);

/// A slave at one moment.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlaveStatus {
    state: &'static str,
    text: String,
    master: Option<String>,
    id: Option<String>,
    done: u64,
}

#[pymethods]
impl SlaveStatus {
    fn __repr__(&self) -> String {
        format!("<SlaveStatus {}: {}>", self.state, self.text)
    }
}

#[pymethods]
impl Slave {
    /// Starts a slave; returns at once, it finds its master in the background and goes on looking.
    #[classmethod]
    #[pyo3(
        signature = (
            *, master="auto", path=None, blenders=Vec::new(), name=None, tags=Vec::new(), gpus=Vec::new(), threads=0,
            clear_on_exit=true, log_console=false, thumbnails=true, allow_scripts=false, allow_local_repositories=false, key_file=None, wait=true
        ),
        text_signature = "($cls, *, master='auto', path=None, blenders=(), name=None, tags=(), gpus=(), threads=0, clear_on_exit=True, log_console=False, thumbnails=True, allow_scripts=False, allow_local_repositories=False, key_file=None, wait=True)"
    )]
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "keyword arguments of Python"
    )]
    fn start(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        master: &str,
        path: Option<PathBuf>,
        blenders: Vec<PathBuf>,
        name: Option<String>,
        tags: Vec<String>,
        gpus: Vec<String>,
        threads: u32,
        clear_on_exit: bool,
        log_console: bool,
        thumbnails: bool,
        allow_scripts: bool,
        allow_local_repositories: bool,
        key_file: Option<PathBuf>,
        wait: bool,
    ) -> PyResult<Self> {
        let slave = away(py, || {
            let options = slave::SlaveOptions {
                master: crate::client::named_master(master)?,
                keys: key_file.map_or(KeySource::Kept, KeySource::File),
                path,
                blenders,
                name,
                tags,
                gpus,
                threads,
                clear_on_exit,
                log_console,
                thumbnails,
                allow_scripts,
                allow_local_repositories,
                ..slave::SlaveOptions::default()
            };
            if wait {
                slave::Slave::start(options)
            } else {
                slave::Slave::begin(options)
            }
        })?;
        Ok(Self(Own::new(slave)))
    }

    /// False once it was stopped, or ended by itself.
    #[getter]
    fn running(&self) -> bool {
        self.0.get().is_ok_and(slave::Slave::running)
    }

    /// What it does now, from memory: never blocks.
    fn status(&self, py: Python<'_>) -> PyResult<SlaveStatus> {
        let status = away(py, || Ok(self.0.get()?.status()))?;
        Ok(SlaveStatus {
            state: status.state.as_str(),
            text: status.text,
            master: status.master,
            id: status.id.map(|id| id.to_string()),
            done: status.done,
        })
    }

    /// What happened since the last call, oldest first.
    fn events(&self, py: Python<'_>) -> PyResult<Vec<Happening>> {
        Happening::all(py, || Ok(self.0.get()?.events()))
    }

    /// Ends it and its Blender. A second call does nothing.
    #[pyo3(signature = (timeout=5.0))]
    fn stop(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        let timeout = span(timeout)?;
        away(py, || self.0.get()?.stop(timeout))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_raised), text_signature = "($self, kind, error, trace, /)")]
    fn __exit__(&self, py: Python<'_>, _raised: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.stop(py, super::STOP_TIMEOUT_S)
    }

    fn __repr__(&self) -> String {
        self.0.get().map_or_else(
            |_| "<Slave of another process>".to_owned(),
            |slave| format!("<Slave: {}>", slave.status().text),
        )
    }
}
