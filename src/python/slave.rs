//! A running slave.

use super::error::away;
use super::own::{Own, span};
use super::values::Happening;
use crate::access::KeySource;
use crate::slave::{self, CACHE_GIB_DEFAULT, HANG_TIMEOUT_S};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use std::path::PathBuf;
use std::time::Duration;

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
            *, master="auto", path=None, blenders=Vec::new(), name=None, tags=Vec::new(), gpus=Vec::new(), slots=1, threads=0,
            cache_gib=CACHE_GIB_DEFAULT, copy_to=None, hang_timeout=HANG_TIMEOUT_S, exit_when_idle=None, disk_free_gib=None,
            clear_on_exit=true, log_console=false, thumbnails=true, allow_scripts=false, allow_local_repositories=false, key_file=None, wait=true
        ),
        text_signature = "($cls, *, master='auto', path=None, blenders=(), name=None, tags=(), gpus=(), slots=1, threads=0, cache_gib=20, copy_to=None, hang_timeout=1800, exit_when_idle=None, disk_free_gib=None, clear_on_exit=True, log_console=False, thumbnails=True, allow_scripts=False, allow_local_repositories=False, key_file=None, wait=True)"
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
        slots: usize,
        threads: u32,
        cache_gib: u64,
        copy_to: Option<PathBuf>,
        hang_timeout: u64,
        exit_when_idle: Option<u64>,
        disk_free_gib: Option<u32>,
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
                slots,
                threads,
                cache_bytes_max: cache_gib.saturating_mul(1 << 30),
                copy_to,
                hang_timeout: Duration::from_secs(hang_timeout),
                exit_when_idle: exit_when_idle.map(Duration::from_secs),
                disk_free_bytes: disk_free_gib.map(|gib| u64::from(gib) << 30),
                clear_on_exit,
                log_console,
                thumbnails,
                allow_scripts,
                allow_local_repositories,
                ..slave::SlaveOptions::default()
            };
            let options = options.rendering_with(gpus)?;
            if wait {
                slave::Slave::start(options)
            } else {
                slave::Slave::begin(options)
            }
        })?;
        Ok(Self(Own::new(slave)))
    }

    /// Lets it end by itself after what is being rendered.
    fn drain(&self, py: Python<'_>) -> PyResult<()> {
        away(py, || {
            self.0.get()?.drain();
            Ok(())
        })
    }

    /// Whether it ends by itself, or has.
    #[getter]
    fn draining(&self) -> bool {
        self.0.get().is_ok_and(slave::Slave::is_draining)
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
