//! A running master.

use super::error::away;
use super::own::{Own, span};
use super::values::Happening;
use crate::access::{KeySource, data_folder};
use crate::master;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use std::path::PathBuf;

/// A running master.
#[pyclass(frozen, module = "netrender_core")]
#[derive(Debug)]
pub(super) struct Master(Own<master::Master>);

/// A master at one moment.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MasterStatus {
    text: String,
    slaves: u32,
    jobs: u32,
    frames_done: u64,
    frames: u64,
}

#[pymethods]
impl MasterStatus {
    fn __repr__(&self) -> String {
        format!("<MasterStatus: {}>", self.text)
    }
}

#[pymethods]
impl Master {
    /// Starts a master; returns as soon as it listens.
    #[classmethod]
    #[pyo3(signature = (*, path=None, address="[default]", port=8000, broadcast=true, clear_on_exit=false, access="key", ssl=None, ssl_key=None, force_upload=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn start(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        path: Option<PathBuf>,
        address: &str,
        port: u16,
        broadcast: bool,
        clear_on_exit: bool,
        access: &str,
        ssl: Option<PathBuf>,
        ssl_key: Option<PathBuf>,
        force_upload: bool,
    ) -> PyResult<Self> {
        if !matches!(access, "key" | "open") {
            return Err(PyValueError::new_err(format!(
                "access is \"key\" or \"open\", not {access:?}"
            )));
        }
        let ssl = match (ssl, ssl_key) {
            (None, None) => None,
            (None, Some(_)) => return Err(PyValueError::new_err("ssl_key needs the certificate that it belongs to: ssl")),
            (Some(ssl), None) if ssl.as_os_str() == master::SELF_SIGNED => Some(master::Ssl::SelfSigned),
            (Some(certificate), key) => Some(master::Ssl::Files { certificate, key }),
        };
        let master = away(py, || {
            let (access, key_file) = if access == "open" {
                (master::Access::Open, None)
            } else {
                let key = KeySource::Kept.of_master()?;
                (master::Access::Key(key.key), key.file)
            };
            master::Master::start(master::Options {
                path: path.map_or_else(|| data_folder().map(|folder| folder.join("master")), Ok)?,
                address: address.to_owned(),
                port,
                broadcast,
                clear_on_exit,
                access,
                key_file,
                ssl,
                name: String::new(),
                host_names: Vec::new(),
                force_upload,
            })
        })?;
        Ok(Self(Own::new(master)))
    }

    /// Where it is reached from this machine.
    #[getter]
    fn url(&self, py: Python<'_>) -> PyResult<String> {
        away(py, || Ok(self.0.get()?.url()))
    }

    /// The farm's key; None with open access.
    #[getter]
    fn key(&self, py: Python<'_>) -> PyResult<Option<String>> {
        away(py, || Ok(self.0.get()?.key().map(|key| key.to_string())))
    }

    /// The SHA-256 of the certificate that it shows; None without TLS.
    #[getter]
    fn fingerprint(&self, py: Python<'_>) -> PyResult<Option<String>> {
        away(py, || Ok(self.0.get()?.fingerprint().map(|print| print.to_string())))
    }

    /// Reads the files of the certificate again, now.
    fn renew_certificate(&self, py: Python<'_>) -> PyResult<()> {
        away(py, || self.0.get()?.renew_certificate())
    }

    /// Puts a new key in the place of the farm's; returns which farm it is now.
    fn renew_key(&self, py: Python<'_>) -> PyResult<String> {
        away(py, || Ok(self.0.get()?.renew_key()?.to_string()))
    }

    /// False once it was stopped, or ended by itself.
    #[getter]
    fn running(&self) -> bool {
        self.0.get().is_ok_and(master::Master::is_running)
    }

    /// What it does now, from memory: never blocks.
    fn status(&self, py: Python<'_>) -> PyResult<MasterStatus> {
        let status = away(py, || Ok(self.0.get()?.status()))?;
        Ok(MasterStatus {
            text: status.to_string(),
            slaves: status.slaves,
            jobs: status.jobs,
            frames_done: status.frames_done,
            frames: status.frames,
        })
    }

    /// What happened since the last call, oldest first.
    fn events(&self, py: Python<'_>) -> PyResult<Vec<Happening>> {
        Happening::all(py, || Ok(self.0.get()?.events()))
    }

    /// Ends it, all state safe on disk. A second call does nothing.
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
            |_| "<Master of another process>".to_owned(),
            |master| format!("<Master at {}>", master.url()),
        )
    }
}
