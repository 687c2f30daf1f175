//! Slaves: how they register, and how they are shown.

use super::task::TaskName;
use super::text;
use crate::ids::{BlenderVersion, JobId, SlaveId, Tile};
use serde::{Deserialize, Serialize};

/// A Blender on a slave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BlenderInfo {
    /// Its version.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "3.4.1")]
    pub version: BlenderVersion,
}

/// What a machine is and how it does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MachineInfo {
    /// Operating system and release, such as "Debian GNU/Linux 12".
    pub os: String,
    /// Logical cores.
    pub cores: u32,
    /// Threads that it renders with.
    pub threads: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// What it renders with beside the processor: kinds such as "cuda", and names of devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<String>,
    /// Memory in use, in bytes.
    #[serde(default)]
    pub memory_used_bytes: u64,
    /// Load of all cores, 0 to 1.
    #[serde(default)]
    pub load: f64,
    /// Free bytes on the disk of its folder; 0 if the system does not tell.
    #[serde(default)]
    pub disk_free_bytes: u64,
}

/// Most chunks that one slave renders at once.
pub const SLOTS_MAX: u32 = 256;

/// `POST /api/v1/slaves`: a slave presents itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Registration {
    /// The id to go by: that of an earlier run, or one that it made of random bits, so that a registration whose answer was lost is
    /// repeated by the same slave.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<SlaveId>,
    /// The machine's name.
    pub name: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its Blenders.
    pub blenders: Vec<BlenderInfo>,
    /// How many chunks it renders at once.
    pub slots: u32,
    /// Whether scripts inside of scenes run there.
    #[serde(default)]
    pub allows_scripts: bool,
    /// Whether it can take the task to denoise a frame out of its tiles; slaves of earlier releases cannot.
    #[serde(default)]
    pub denoises: bool,
    /// Facts about the machine.
    pub machine: MachineInfo,
    /// What it still renders or has yet to deliver.
    #[serde(default)]
    pub holding: Vec<TaskName>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Registered {
    /// The id to use from now on.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub id: SlaveId,
}

/// `PUT /api/v1/slaves/{slave}/tags`: tags in the place of those that a slave says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlaveTags {
    /// All of them.
    #[schema(example = json!(["gpu"]))]
    pub tags: Vec<String>,
}

/// `GET /api/v1/slaves/{slave}/next`: what a slave may bring ahead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NextJob {
    /// The job that it would get something of if it asked now.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub job: Option<JobId>,
}

/// A slave as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct SlaveInfo {
    /// Its id.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub id: SlaveId,
    /// The machine's name.
    pub name: String,
    /// Its address as the master sees it.
    pub address: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// What it says of its tags, if somebody gave it others; absent: they are its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_tags: Option<Vec<String>>,
    /// Its Blenders.
    pub blenders: Vec<BlenderInfo>,
    /// How many chunks it renders at once.
    pub slots: u32,
    /// Whether scripts inside of scenes run there.
    #[serde(default)]
    pub allows_scripts: bool,
    /// Facts about the machine.
    pub machine: MachineInfo,
    /// Whether it is there.
    pub online: bool,
    /// Whether it fell silent since the master started, and said no goodbye.
    #[serde(default)]
    pub lost: bool,
    /// When it last gave a sign of life, in milliseconds since the Unix epoch.
    pub last_seen_ms: u64,
    /// Whether it is on the farm's blacklist: then it gets nothing of any job.
    #[serde(default)]
    pub set_aside: bool,
    /// Whether somebody paused it: then it gets nothing until it is resumed.
    #[serde(default)]
    pub paused: bool,
    /// Why it takes no work just now, as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting: Option<String>,
    /// What it renders or delivers.
    pub holding: Vec<TaskName>,
    /// How fast it renders, compared with others: 2 for half of their time; 1 while nothing tells.
    pub speed: f64,
    /// Frames it has finished since the master started.
    pub done: u64,
    /// Attempts of it that failed since the master started.
    pub failed: u64,
    /// The frame that it has had in its hands for longest: the one that it renders, if it renders one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<FrameName>,
    /// The last frame that it delivered a picture of since the master started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<FrameName>,
    /// What it does, or why it does nothing, in sentences.
    pub explanation: Vec<String>,
}

/// An attempt at a frame, or at a tile of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FrameName {
    /// The job that it belongs to.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub job: JobId,
    /// The frame.
    pub frame: i32,
    /// Which tile of it, such as "5/4x3"; absent: all of it.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub tile: Option<Tile>,
    /// Which attempt.
    pub attempt: u32,
}
