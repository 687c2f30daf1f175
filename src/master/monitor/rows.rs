//! Jobs, frames and slaves in the words of the pages.

use super::pages::Buttons;
use crate::error::{Error, Result};
use crate::ids::{JobId, SlaveId};
use crate::wire::{FrameInfo, FrameStateInfo, JobInfo, JobStateInfo, SlaveInfo};
use askama::Template as _;
use std::collections::HashMap;

/// A job in a table, and at the head of its page.
pub(super) struct JobRow {
    pub(super) id: JobId,
    pub(super) name: String,
    pub(super) category: String,
    pub(super) state: &'static str,
    pub(super) total: u32,
    pub(super) done: u32,
    pub(super) failed: u32,
    pub(super) left: String,
    pub(super) usage_percent: String,
    pub(super) explanation: Vec<String>,
    pub(super) buttons: String,
}

/// A frame in a table.
pub(super) struct FrameRow {
    pub(super) frame: i32,
    pub(super) state: &'static str,
    pub(super) slave: String,
    pub(super) seconds: String,
    pub(super) attempt: u32,
    pub(super) has_result: bool,
    pub(super) failure: String,
}

/// A slave in a table.
pub(super) struct SlaveRow {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) state: &'static str,
    pub(super) explanation: Vec<String>,
    pub(super) done: u64,
    pub(super) failed: u64,
    pub(super) blenders: String,
    pub(super) machine: String,
}

impl JobRow {
    /// The row of a job on a farm with so many slots.
    pub(super) fn of(job: JobInfo, slots: u32) -> Result<Self> {
        let (state, actions): (_, &[&str]) = match job.state {
            JobStateInfo::Waiting => ("waiting", &["pause", "cancel"]),
            JobStateInfo::Queued => ("queued", &["pause", "cancel"]),
            JobStateInfo::Paused => ("paused", &["resume", "cancel"]),
            JobStateInfo::Finished => ("finished", &[]),
            JobStateInfo::Failed => ("failed", &[]),
            JobStateInfo::Cancelled => ("cancelled", &[]),
        };
        let buttons = Buttons { job: job.id, actions }.render().map_err(unwritten)?;
        Ok(Self {
            left: left(&job, slots),
            usage_percent: format!("{:.0}", job.usage * 100.0),
            id: job.id,
            name: job.name,
            category: job.category,
            state,
            total: job.total,
            done: job.done,
            failed: job.failed,
            explanation: job.explanation,
            buttons,
        })
    }
}

impl FrameRow {
    /// The row of a frame; slaves are shown by their names.
    pub(super) fn of(frame: FrameInfo, names: &HashMap<SlaveId, String>) -> Self {
        let name = |slave| names.get(&slave).cloned().unwrap_or_else(|| format!("{slave}"));
        Self {
            frame: frame.frame,
            state: match frame.state {
                FrameStateInfo::Queued => "queued",
                FrameStateInfo::Rendering => "rendering",
                FrameStateInfo::Delivering => "delivering",
                FrameStateInfo::Done => "done",
                FrameStateInfo::Failed => "failed",
            },
            slave: frame.slave.map(name).unwrap_or_default(),
            seconds: frame.seconds.map(|seconds| format!("{seconds:.1}")).unwrap_or_default(),
            attempt: frame.attempt,
            has_result: frame.hash.is_some(),
            failure: frame.failure.unwrap_or_default(),
        }
    }
}

impl SlaveRow {
    /// The row of a slave.
    pub(super) fn of(slave: SlaveInfo) -> Self {
        let machine = &slave.machine;
        let load_percent = machine.load * 100.0;
        let blenders: Vec<_> = slave.blenders.iter().map(|blender| blender.version.to_string()).collect();
        Self {
            machine: format!("{}, {} cores, {load_percent:.0} % busy", machine.os, machine.cores),
            name: slave.name,
            address: slave.address,
            state: if slave.online { "online" } else { "offline" },
            explanation: slave.explanation,
            done: slave.done,
            failed: slave.failed,
            blenders: blenders.join(", "),
        }
    }
}

/// That a page cannot be written.
pub(super) fn unwritten(error: askama::Error) -> Error {
    Error::internal(format!("the page cannot be written: {error}"))
}

/// About how long it will take, as if the whole farm worked on it.
fn left(job: &JobInfo, slots: u32) -> String {
    let Some(seconds) = job.frame_seconds.filter(|_| !job.state.is_over() && slots > 0) else {
        return String::new();
    };
    let left = seconds * f64::from(job.queued + job.rendering) / f64::from(slots);
    match left {
        left if left < 90.0 => format!("about {left:.0} s"),
        left if left < 5_400.0 => format!("about {:.0} min", left / 60.0),
        left => format!("about {:.1} h", left / 3_600.0),
    }
}
