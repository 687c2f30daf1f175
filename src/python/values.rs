//! Frozen snapshots: what is known of jobs, frames, slaves, masters and pictures at one moment.

use super::error::away;
use crate::error::Result;
use crate::happening;
use crate::images;
use crate::wire::{self, FrameStateInfo, JobKind, JobStateInfo};
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Something that happened since the last look.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Happening {
    kind: &'static str,
    text: String,
}

impl Happening {
    /// What a service's handle returns from `events()`.
    pub(super) fn all(py: Python<'_>, drain: impl FnOnce() -> Result<Vec<happening::Happening>> + Send) -> PyResult<Vec<Self>> {
        let drained = away(py, drain)?;
        let shown = |it: happening::Happening| Self {
            kind: it.kind.as_str(),
            text: it.text,
        };
        Ok(drained.into_iter().map(shown).collect())
    }
}

#[pymethods]
impl Happening {
    fn __repr__(&self) -> String {
        format!("<Happening {}: {}>", self.kind, self.text)
    }
}

/// A job on the master.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct JobInfo {
    id: String,
    name: String,
    sent_by: &'static str,
    kind: &'static str,
    category: String,
    tags: Vec<String>,
    requirements: String,
    priority: u32,
    chunks: u32,
    frames: String,
    tiles: String,
    piece: &'static str,
    frame_total: u32,
    state: &'static str,
    total: u32,
    queued: u32,
    rendering: u32,
    done: u32,
    failed: u32,
    usage: f64,
    frame_seconds: Option<f64>,
    percent: Option<u32>,
    depends_on: Vec<String>,
    resets: u32,
    blacklisted: u32,
    submitted: f64,
    state_since: f64,
    explanation: Vec<String>,
}

impl From<wire::JobInfo> for JobInfo {
    fn from(job: wire::JobInfo) -> Self {
        let frame_total = job.frame_total();
        Self {
            id: job.id.to_string(),
            name: job.name,
            sent_by: job.sent_by.as_str(),
            kind: match job.kind {
                JobKind::Render => "render",
                JobKind::Bake => "bake",
            },
            category: job.category,
            tags: job.tags,
            requirements: job.requirements.to_string(),
            priority: job.priority,
            chunks: job.chunks,
            frames: job.frames.to_string(),
            tiles: job.tiles.to_string(),
            piece: match job.kind {
                JobKind::Bake => "bake",
                JobKind::Render if job.denoises => "task",
                JobKind::Render if job.tiles.is_whole() => "frame",
                JobKind::Render => "tile",
            },
            frame_total,
            state: match job.state {
                JobStateInfo::Waiting => "waiting",
                JobStateInfo::Queued => "queued",
                JobStateInfo::Paused => "paused",
                JobStateInfo::Finished => "finished",
                JobStateInfo::Failed => "failed",
                JobStateInfo::Cancelled => "cancelled",
            },
            total: job.total,
            queued: job.queued,
            rendering: job.rendering,
            done: job.done,
            failed: job.failed,
            usage: job.usage,
            frame_seconds: job.frame_seconds,
            percent: job.percent,
            depends_on: job.depends_on.iter().map(ToString::to_string).collect(),
            resets: job.resets,
            blacklisted: job.blacklisted,
            submitted: seconds(job.submitted_ms),
            state_since: seconds(job.transitions.last().map_or(job.submitted_ms, |last| last.at_ms)),
            explanation: job.explanation,
        }
    }
}

#[pymethods]
impl JobInfo {
    fn __repr__(&self) -> String {
        format!(
            "<JobInfo {} {:?}: {}, {} of {} {}s done>",
            self.id, self.name, self.state, self.done, self.total, self.piece
        )
    }
}

/// A slave on a blacklist; times in seconds since the Unix epoch.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ban {
    slave: String,
    name: String,
    since: f64,
    until: Option<f64>,
    cause: &'static str,
    reason: String,
}

impl From<wire::BanInfo> for Ban {
    fn from(ban: wire::BanInfo) -> Self {
        Self {
            slave: ban.slave.to_string(),
            name: ban.name,
            since: seconds(ban.since_ms),
            until: ban.until_ms.map(seconds),
            cause: match ban.cause {
                wire::BanCauseInfo::Failures => "failures",
                wire::BanCauseInfo::Unfit => "unfit",
                wire::BanCauseInfo::Client => "client",
                wire::BanCauseInfo::Administrator => "administrator",
            },
            reason: ban.reason,
        }
    }
}

#[pymethods]
impl Ban {
    fn __repr__(&self) -> String {
        format!("<Ban of {} {:?}: {}>", self.slave, self.name, self.cause)
    }
}

/// A moment as Python's `time.time` tells it.
fn seconds(at_ms: u64) -> f64 {
    at_ms as f64 / 1e3
}

/// A frame of a job.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FrameInfo {
    frame: i32,
    tiles: u32,
    tiles_done: u32,
    state: &'static str,
    attempt: u32,
    slave: Option<String>,
    seconds: Option<f64>,
    failure: Option<String>,
    bake: Option<String>,
    percent: Option<u32>,
}

impl From<wire::FrameInfo> for FrameInfo {
    fn from(info: wire::FrameInfo) -> Self {
        let whole_done = u32::from(info.state == FrameStateInfo::Done);
        Self {
            frame: info.frame,
            tiles: info.tiles.map_or(1, |tiles| tiles.grid.count()),
            tiles_done: info.tiles.map_or(whole_done, |tiles| tiles.done),
            state: match info.state {
                FrameStateInfo::Queued => "queued",
                FrameStateInfo::Rendering => "rendering",
                FrameStateInfo::Delivering => "delivering",
                FrameStateInfo::Done => "done",
                FrameStateInfo::Failed => "failed",
            },
            attempt: info.attempt,
            slave: info.slave.map(|slave| slave.to_string()),
            seconds: info.seconds,
            failure: info.failure,
            bake: info.bake,
            percent: info.percent,
        }
    }
}

#[pymethods]
impl FrameInfo {
    fn __repr__(&self) -> String {
        format!("<FrameInfo {}: {}>", self.frame, self.state)
    }
}

/// A slave of the farm.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(super) struct SlaveInfo {
    id: String,
    name: String,
    address: String,
    tags: Vec<String>,
    own_tags: Option<Vec<String>>,
    blenders: Vec<String>,
    online: bool,
    lost: bool,
    last_seen: f64,
    set_aside: bool,
    paused: bool,
    resting: Option<String>,
    slots: u32,
    allows_scripts: bool,
    jobs: Vec<String>,
    os: String,
    cores: u32,
    memory: u64,
    gpus: Vec<String>,
    load: f64,
    speed: f64,
    done: u64,
    failed: u64,
    explanation: Vec<String>,
}

impl From<wire::SlaveInfo> for SlaveInfo {
    fn from(slave: wire::SlaveInfo) -> Self {
        Self {
            id: slave.id.to_string(),
            name: slave.name,
            address: slave.address,
            tags: slave.tags,
            own_tags: slave.own_tags,
            blenders: slave.blenders.iter().map(|blender| blender.version.to_string()).collect(),
            online: slave.online,
            lost: slave.lost,
            last_seen: seconds(slave.last_seen_ms),
            set_aside: slave.set_aside,
            paused: slave.paused,
            resting: slave.resting,
            slots: slave.slots,
            allows_scripts: slave.allows_scripts,
            jobs: slave.holding.iter().map(|task| task.job.to_string()).collect(),
            os: slave.machine.os,
            cores: slave.machine.cores,
            memory: slave.machine.memory_bytes,
            gpus: slave.machine.gpus,
            load: slave.machine.load,
            speed: slave.speed,
            done: slave.done,
            failed: slave.failed,
            explanation: slave.explanation,
        }
    }
}

#[pymethods]
impl SlaveInfo {
    fn __repr__(&self) -> String {
        let presence = if self.online { "online" } else { "away" };
        format!("<SlaveInfo {} {:?}: {presence}>", self.id, self.name)
    }
}

/// A master that answered on the local network.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MasterFound {
    pub(super) url: String,
    pub(super) name: String,
    pub(super) farm: String,
    pub(super) version: String,
    pub(super) usable: bool,
}

#[pymethods]
impl MasterFound {
    fn __repr__(&self) -> String {
        format!("<MasterFound {:?} at {}>", self.name, self.url)
    }
}

/// What is in a multilayer EXR of Blender.
#[pyclass(frozen, get_all, eq, module = "netrender_core")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExrInfo {
    width: u32,
    height: u32,
    passes: BTreeMap<String, BTreeMap<String, String>>,
    metadata: BTreeMap<String, String>,
}

#[pymethods]
impl ExrInfo {
    fn __repr__(&self) -> String {
        format!("<ExrInfo {} x {}, {} layers>", self.width, self.height, self.passes.len())
    }
}

/// Reads the header of a multilayer EXR.
#[pyfunction]
pub(super) fn exr_info(py: Python<'_>, path: PathBuf) -> PyResult<ExrInfo> {
    let info = away(py, move || images::inspect(&path))?;
    Ok(ExrInfo {
        width: info.width,
        height: info.height,
        passes: info.layers,
        metadata: info.metadata,
    })
}
