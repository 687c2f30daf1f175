//! The farm's settings, as Python sees and changes them.

use crate::wire::{Settings, SettingsEdit};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What an administrator has set for the whole farm; times in seconds, 0: never, for ever or learnt.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FarmSettings {
    attempts: u32,
    silence_time: u32,
    stall_time: u32,
    frame_time: u32,
    blacklist_after: u32,
    blacklist_time: u32,
    set_aside_after: u32,
    set_aside_time: u32,
    hopeless_after: u32,
    straggler_time: u32,
    keep_days: u32,
    keep_jobs: u32,
    disk_free: u32,
    force_upload: bool,
}

impl From<Settings> for FarmSettings {
    fn from(settings: Settings) -> Self {
        Self {
            attempts: settings.attempts,
            silence_time: settings.silence_s,
            stall_time: settings.stall_s,
            frame_time: settings.frame_s,
            blacklist_after: settings.blacklist_after,
            blacklist_time: settings.blacklist_s,
            set_aside_after: settings.set_aside_after,
            set_aside_time: settings.set_aside_s,
            hopeless_after: settings.hopeless_after,
            straggler_time: settings.straggler_s,
            keep_days: settings.keep_days,
            keep_jobs: settings.keep_jobs,
            disk_free: settings.disk_free_mib,
            force_upload: settings.force_upload,
        }
    }
}

#[pymethods]
impl FarmSettings {
    fn __repr__(&self) -> String {
        format!("<FarmSettings: {} attempts at a frame>", self.attempts)
    }
}

/// What is to be different, from keyword arguments; what is None stays as it is.
pub(super) fn edit(changes: Option<&Bound<'_, PyDict>>) -> PyResult<SettingsEdit> {
    let mut edit = SettingsEdit::default();
    for (name, value) in changes.into_iter().flatten() {
        let name: String = name.extract()?;
        let place = match name.as_str() {
            "attempts" => &mut edit.attempts,
            "silence_time" => &mut edit.silence_s,
            "stall_time" => &mut edit.stall_s,
            "frame_time" => &mut edit.frame_s,
            "blacklist_after" => &mut edit.blacklist_after,
            "blacklist_time" => &mut edit.blacklist_s,
            "set_aside_after" => &mut edit.set_aside_after,
            "set_aside_time" => &mut edit.set_aside_s,
            "hopeless_after" => &mut edit.hopeless_after,
            "straggler_time" => &mut edit.straggler_s,
            "keep_days" => &mut edit.keep_days,
            "keep_jobs" => &mut edit.keep_jobs,
            "disk_free" => &mut edit.disk_free_mib,
            "force_upload" => {
                edit.force_upload = value.extract()?;
                continue;
            }
            _ => return Err(PyTypeError::new_err(format!("the farm has no setting {name:?}"))),
        };
        *place = value.extract()?;
    }
    Ok(edit)
}
