//! Masters on the local network.

use super::error::away;
use super::own::span;
use super::values::MasterFound;
use crate::client;
use pyo3::prelude::*;

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
