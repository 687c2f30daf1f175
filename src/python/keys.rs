//! The farm's key and the master's certificate, from machine to machine.

use super::error::away;
use super::own::span;
use super::pending::Pending;
use crate::access::{FarmKey, KeyLine, KeySource, KnownMasters, kept_farms, own_key_file};
use crate::client::Client;
use crate::ids::Role;
use pyo3::prelude::*;
use std::path::PathBuf;

/// Keeps the key that a master elsewhere has shown, for this user; returns which farm it opens.
#[pyfunction]
pub(super) fn add_key(py: Python<'_>, line: &str) -> PyResult<String> {
    away(py, || {
        let line: KeyLine = line.parse()?;
        line.keep(&KnownMasters::of_user()?)?;
        Ok(line.key.farm().to_string())
    })
}

/// The farms whose keys are kept for this user, that of this machine's own masters first.
#[pyfunction]
pub(super) fn known_farms(py: Python<'_>) -> PyResult<Vec<String>> {
    let farms = away(py, kept_farms)?;
    Ok(farms.iter().map(ToString::to_string).collect())
}

/// The key of this machine's own masters; None as long as none has made one.
#[pyfunction]
pub(super) fn own_key(py: Python<'_>) -> PyResult<Option<String>> {
    away(py, || {
        let path = own_key_file()?;
        path.exists().then(|| FarmKey::read(&path)).transpose()
    })
    .map(|key| key.map(|key| key.to_string()))
}

/// One line that gives another machine the key, the master's address and its certificate.
#[pyfunction]
#[pyo3(signature = (*, master="auto", role=None, host=None, key_file=None, timeout=10.0))]
pub(super) fn key_line(
    py: Python<'_>,
    master: &str,
    role: Option<&str>,
    host: Option<&str>,
    key_file: Option<PathBuf>,
    timeout: f64,
) -> PyResult<String> {
    let timeout = span(timeout)?;
    away(py, || {
        let keys = key_file.map_or(KeySource::Kept, KeySource::File);
        let role = role.map(str::parse::<Role>).transpose()?;
        let client = Client::connect(master, &keys, timeout)?;
        Ok(client.key_line(role, host, &keys)?.to_string())
    })
}

/// Trusts the certificate that a master shows now; returns its SHA-256, None without TLS.
#[pyfunction]
#[pyo3(signature = (master, *, key_file=None, timeout=10.0))]
pub(super) fn trust(py: Python<'_>, master: &str, key_file: Option<PathBuf>, timeout: f64) -> PyResult<Option<String>> {
    let timeout = span(timeout)?;
    away(py, || {
        let keys = key_file.map_or(KeySource::Kept, KeySource::File);
        let client = Client::trust(master, &keys, timeout)?;
        Ok(client.fingerprint().map(|print| print.to_string()))
    })
}

/// The same without waiting; returns at once.
#[pyfunction]
#[pyo3(signature = (master, *, key_file=None, timeout=10.0))]
pub(super) fn start_trust(py: Python<'_>, master: &str, key_file: Option<PathBuf>, timeout: f64) -> PyResult<Pending> {
    let timeout = span(timeout)?;
    let keys = key_file.map_or(KeySource::Kept, KeySource::File);
    away(py, || Client::start_trust(master, &keys, timeout)).map(Pending::connecting)
}
