//! What questions to a master are made of, from Python's texts.

use super::error::away;
use crate::access::KeySource;
use crate::client::{GatherRequest, Gathered};
use crate::error::Result;
use crate::ids::{JobId, ParseError};
use crate::wire::{JobEdit, JobLimits, JobReset, RenderSettings};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the key was said to be.
pub(super) fn key_source(py: Python<'_>, key: Option<&str>, key_file: Option<PathBuf>) -> PyResult<KeySource> {
    match (key, key_file) {
        (Some(_), Some(_)) => Err(PyValueError::new_err("give a key or a key_file, not both")),
        (Some(key), None) => away(py, || key.parse().map(KeySource::Given)),
        (None, Some(path)) => Ok(KeySource::File(path)),
        (None, None) => Ok(KeySource::Kept),
    }
}

/// The program of a command that takes no arguments.
pub(super) fn one_program(command: Option<Vec<PathBuf>>) -> PyResult<Option<PathBuf>> {
    let mut words = command.unwrap_or_default().into_iter();
    let program = words.next();
    match words.next() {
        Some(_) => Err(PyValueError::new_err("blender is one program; it takes no arguments")),
        None => Ok(program),
    }
}

/// What to gather.
pub(super) fn gathering(job: &str, folder: PathBuf, frames: Option<&str>, blender: Option<PathBuf>) -> Result<GatherRequest> {
    Ok(GatherRequest {
        job: job.parse()?,
        folder,
        frames: frames.map(str::parse).transpose()?,
        follow: true,
        what: Gathered::Layers,
        blender,
    })
}

/// Ids from their texts.
pub(super) fn ids(texts: Vec<String>) -> Result<Vec<JobId>> {
    texts.into_iter().map(|text| Ok(text.parse()?)).collect()
}

/// Which frames are to be rendered anew.
pub(super) fn which_frames(frames: Option<&str>, everything: bool) -> Result<JobReset> {
    Ok(match frames {
        Some(frames) => JobReset::Frames {
            frames: frames.parse()?,
            tiles: Vec::new(),
        },
        None if everything => JobReset::All,
        None => JobReset::Failed,
    })
}

/// What of a scene is rendered, and how.
pub(super) fn render_settings(
    scene: Option<String>,
    engine: Option<String>,
    resolution_percent: Option<u32>,
    samples: Option<u32>,
    without_scripts: bool,
    final_frames: bool,
) -> RenderSettings {
    RenderSettings {
        scene,
        engine,
        resolution_percent,
        samples,
        final_frames,
        without_scripts,
        ..RenderSettings::default()
    }
}

/// What is to be different about a job, from keyword arguments; what is None stays as it is.
pub(super) fn job_edit(py: Python<'_>, changes: Option<&Bound<'_, PyDict>>) -> PyResult<JobEdit> {
    let mut edit = JobEdit::default();
    for (name, value) in changes.into_iter().flatten() {
        let name: String = name.extract()?;
        match name.as_str() {
            "name" => edit.name = value.extract()?,
            "category" => edit.category = value.extract()?,
            "tags" => edit.tags = value.extract()?,
            "requirements" => edit.requirements = parsed(py, &value)?,
            "priority" => edit.priority = value.extract()?,
            "chunks" => edit.chunks = value.extract()?,
            "frames" => edit.frames = parsed(py, &value)?,
            "add_frames" => edit.add_frames = parsed(py, &value)?,
            "remove_frames" => edit.remove_frames = parsed(py, &value)?,
            "after" => {
                let after: Option<Vec<String>> = value.extract()?;
                edit.depends_on = away(py, || after.map(ids).transpose())?;
            }
            "attempts" => edit.attempts = value.extract()?,
            "silence_time" => edit.silence_s = value.extract()?,
            "stall_time" => edit.stall_s = value.extract()?,
            "frame_time" => edit.frame_s = value.extract()?,
            _ => return Err(PyTypeError::new_err(format!("a job has no {name:?} to change"))),
        }
    }
    Ok(edit)
}

fn parsed<T: FromStr<Err = ParseError> + Send>(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Option<T>> {
    let text: Option<String> = value.extract()?;
    away(py, || Ok(text.as_deref().map(str::parse).transpose()?))
}

/// A job's own limits.
pub(super) fn limits(attempts: u32, silence_s: u32, stall_s: u32, frame_s: u32) -> JobLimits {
    JobLimits {
        attempts,
        silence_s,
        stall_s,
        frame_s,
    }
}
