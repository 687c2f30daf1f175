//! Jobs: how they are announced, and how they are shown.

use super::bake::JobKind;
use super::content::Accepts;
use super::edit::JobLimits;
use super::manifest::Manifest;
use super::text;
use crate::ids::{BlenderVersion, ContentHash, FrameSet, JobId, Requirements, Role, SlaveId, TileGrid};
use serde::{Deserialize, Serialize};

/// About how many bytes tell which frames a job has.
const FRAMES_SHOWN_BYTES: usize = 1_000;

/// `POST /api/v1/jobs`: a client wants frames rendered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobAnnounce {
    /// The job's id, random and chosen by the client: who repeats an announcement, because the answer was lost, gets the same
    /// answer. None: the master chooses.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "7k3vq9xd")]
    pub id: Option<JobId>,
    /// What people call it.
    pub name: String,
    /// Balancing group; empty: none.
    #[serde(default)]
    pub category: String,
    /// A slave must have all of these.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What else a slave must be, such as "cores>=8; os=linux".
    #[serde(default, with = "text", skip_serializing_if = "Requirements::is_empty")]
    #[schema(value_type = String, example = "cores>=8; os=linux")]
    pub requirements: Requirements,
    /// 1 to 10: a job of priority 2 counts as two of priority 1.
    #[serde(default = "one")]
    pub priority: u32,
    /// Frames per lease; 0: the master chooses.
    #[serde(default)]
    pub chunks: u32,
    /// The frames, such as "1-10,20".
    #[serde(with = "text")]
    #[schema(value_type = String, example = "1-10,20")]
    pub frames: FrameSet,
    /// Columns and rows that each frame is cut into, such as "4x3", and "4x3t" for rows that become lower; each tile is a task.
    #[serde(default, with = "text")]
    #[schema(value_type = String, example = "1x1")]
    pub tiles: TileGrid,
    /// The Blender that collected the job; slaves need the same series.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "3.4.1")]
    pub blender: Option<BlenderVersion>,
    /// Jobs that must be finished before a frame of this one is rendered.
    #[serde(default, with = "text::list", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub depends_on: Vec<JobId>,
    /// Slaves that are to get nothing of it.
    #[serde(default, with = "text::list", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub blacklist: Vec<SlaveId>,
    /// Limits of its frames.
    #[serde(flatten)]
    pub limits: JobLimits,
    /// The files; none for a job without files (a measurement).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
}

fn one() -> u32 {
    1
}

/// The answer: the job is known, and starts by itself as soon as nothing is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobAnnounced {
    /// The job's id.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub job: JobId,
    /// Contents that the master does not have yet: upload these.
    #[serde(with = "text::list")]
    #[schema(value_type = Vec<String>)]
    pub missing: Vec<ContentHash>,
    /// In which ways, beside one by one.
    #[serde(default)]
    pub accepts: Accepts,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStateInfo {
    /// Files are missing, or a job that it depends on is not finished.
    Waiting,
    /// Has tasks to lease, or waits for results.
    Queued,
    /// Held back by somebody.
    Paused,
    /// Every frame is done.
    Finished,
    /// Nothing left to do, and at least one frame was given up.
    Failed,
    /// Ended by somebody.
    Cancelled,
}

impl JobStateInfo {
    /// Whether nothing more will happen by itself.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }
}

/// One step in the life of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TransitionInfo {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Into which state.
    pub state: JobStateInfo,
}

/// The frames of a job as text, of a bounded length: of frames that are too ragged to be written down only the beginning, and
/// `…` for the rest; the pages of `GET /api/v1/jobs/{job}/frames` tell all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShownFrames(String);

impl ShownFrames {
    /// All frames, if none is left out.
    #[must_use]
    pub fn whole(&self) -> Option<FrameSet> {
        self.0.parse().ok()
    }
}

impl From<&FrameSet> for ShownFrames {
    fn from(frames: &FrameSet) -> Self {
        Self(frames.shortened(FRAMES_SHOWN_BYTES))
    }
}

impl std::fmt::Display for ShownFrames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A job as lists show it: its size does not depend on how many frames it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobInfo {
    /// The job's id.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub id: JobId,
    /// What people call it.
    pub name: String,
    /// With which key it was sent, "admin" or "submit"; the latter changes only what was sent with one like it.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "submit")]
    pub sent_by: Role,
    /// What its tasks make.
    #[serde(default)]
    pub kind: JobKind,
    /// Balancing group.
    pub category: String,
    /// Tags that slaves need.
    pub tags: Vec<String>,
    /// What else slaves must be; empty: anything.
    #[serde(default, with = "text")]
    #[schema(value_type = String, example = "cores>=8; os=linux")]
    pub requirements: Requirements,
    /// 1 to 10.
    pub priority: u32,
    /// Frames per lease; 0: the master chooses.
    pub chunks: u32,
    /// Its frames.
    #[schema(value_type = String, example = "1-10,20")]
    pub frames: ShownFrames,
    /// Columns and rows that each frame is cut into; "1x1": none is cut.
    #[serde(default, with = "text")]
    #[schema(value_type = String, example = "1x1")]
    pub tiles: TileGrid,
    /// Whether slaves denoise each frame of it once all its tiles are done: a task more for each frame.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub denoises: bool,
    /// The Blender it was collected with.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub blender: Option<BlenderVersion>,
    /// Jobs that must be finished before.
    #[serde(default, with = "text::list")]
    #[schema(value_type = Vec<String>)]
    pub depends_on: Vec<JobId>,
    /// Limits of its frames.
    #[serde(flatten)]
    pub limits: JobLimits,
    /// How often frames of it were reset, added or taken out: what was gathered before may be old.
    #[serde(default)]
    pub resets: u32,
    /// How many slaves get nothing of it: `GET /api/v1/jobs/{job}/blacklist` names them.
    #[serde(default)]
    pub blacklisted: u32,
    /// Where it stands.
    pub state: JobStateInfo,
    /// How many frames it has (tiles, if its frames are cut),
    pub total: u32,
    /// … of which wait,
    pub queued: u32,
    /// … are being rendered or delivered,
    pub rendering: u32,
    /// … are done,
    pub done: u32,
    /// … were given up.
    pub failed: u32,
    /// Share of the farm it has used lately, 0 to 1.
    pub usage: f64,
    /// Median seconds of its latest frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_seconds: Option<f64>,
    /// Of a job that bakes how much is done, in percent: bakes under way count as far as they have come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// When it came, in milliseconds since the Unix epoch.
    pub submitted_ms: u64,
    /// When something of it was last given to a slave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatched_ms: Option<u64>,
    /// Its life so far.
    pub transitions: Vec<TransitionInfo>,
    /// Why it does not go on, or what it is doing, in sentences.
    pub explanation: Vec<String>,
}

impl JobInfo {
    /// How many frames it has, however they are cut and denoised, or how many bakes.
    #[must_use]
    pub fn frame_total(&self) -> u32 {
        self.total / (self.tiles.count() + u32::from(self.denoises))
    }
}
