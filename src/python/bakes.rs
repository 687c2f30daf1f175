//! What was baked on the network, in a folder of this machine.

use crate::client::{BakesHere, BakesRequest};
use crate::error::Result;
use pyo3::prelude::*;
use std::path::PathBuf;

/// Bakes that were brought into a folder.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bakes {
    names: Vec<String>,
    wanted: u32,
    failed: u32,
    files: u64,
    index: String,
    blend: Option<String>,
    warnings: Vec<String>,
}

impl From<BakesHere> for Bakes {
    fn from(here: BakesHere) -> Self {
        Self {
            names: here.bakes.into_iter().map(|baked| baked.name).collect(),
            wanted: here.job.total,
            failed: here.job.failed,
            files: here.files,
            index: here.index.display().to_string(),
            blend: here.blend.map(|blend| blend.display().to_string()),
            warnings: here.told,
        }
    }
}

#[pymethods]
impl Bakes {
    fn __repr__(&self) -> String {
        format!("<Bakes {} of {}>", self.names.len(), self.wanted)
    }
}

/// What to bring.
pub(super) fn request(job: &str, folder: PathBuf, blend: Option<PathBuf>, blender: Option<PathBuf>) -> Result<BakesRequest> {
    Ok(BakesRequest {
        job: job.parse()?,
        folder,
        blend,
        blender,
    })
}
