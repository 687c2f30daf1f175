//! Masters on the local network.

use super::error::away;
use super::own::span;
use super::pending::Pending;
use super::values::MasterFound;
use crate::client;
use pyo3::prelude::*;

/// Asks the local network for masters and returns those that answered in time.
#[pyfunction]
#[pyo3(signature = (timeout=2.0))]
pub(super) fn find_masters(py: Python<'_>, timeout: f64) -> PyResult<Vec<MasterFound>> {
    let timeout = span(timeout)?;
    Ok(seen(away(py, || client::find_masters(timeout))?))
}

/// The same without waiting; returns at once.
#[pyfunction]
#[pyo3(signature = (timeout=2.0))]
pub(super) fn start_find_masters(py: Python<'_>, timeout: f64) -> PyResult<Pending> {
    let timeout = span(timeout)?;
    away(py, || client::start_find_masters(timeout)).map(|search| Pending::alone(search, seen))
}

/// What Python sees of those that answered.
fn seen(found: Vec<client::MasterFound>) -> Vec<MasterFound> {
    found
        .into_iter()
        .map(|it| MasterFound {
            url: it.url,
            name: it.name,
            farm: it.farm.to_string(),
            version: it.version,
            usable: it.usable,
        })
        .collect()
}
