//! Jobs: how they are announced, and how they are shown.

use super::bake::{BakeTask, Baked, JobKind};
use super::content::Accepts;
use super::edit::JobLimits;
use super::text;
use crate::ids::{
    BlenderVersion, ContentHash, FrameSet, JobId, JobPath, Remote, Requirements, Revision, SlaveId, TileGrid, VersionSystem,
};
use serde::{Deserialize, Serialize};

/// About how many bytes tell which frames a job has.
const FRAMES_SHOWN_BYTES: usize = 1_000;

/// One file of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileEntry {
    /// Where it lies inside the job.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "textures/wood.png")]
    pub path: JobPath,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// BLAKE3 of its content, in hexadecimal.
    #[serde(with = "text")]
    #[schema(value_type = String)]
    pub hash: ContentHash,
    /// First and last frame that need it; none: all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<(i32, i32)>,
    /// Whether Blender looks for it only when it opens the scene: if it comes later, the scene has to be opened again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_opening: bool,
}

/// What of the scene is rendered, what is set differently from what the file says, and what that takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RenderSettings {
    /// Scene to render; none: the file's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<String>,
    /// Render engine such as "CYCLES"; none: the scene's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Size in percent; none: the scene's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_percent: Option<u32>,
    /// Samples per pixel (Cycles); none: the scene's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u32>,
    /// Whether slaves also make final frames: composited, in the scene's own format, named by its output path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub final_frames: bool,
    /// Whether each chunk gets a Blender of its own, started for it: for scenes that change while they are rendered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh_blender: bool,
    /// Scripts inside of the file do not run, wherever they would be allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_scripts: bool,
    /// What it takes besides files.
    #[serde(default, skip_serializing_if = "SceneWants::is_empty")]
    pub wants: SceneWants,
    /// Pixels around each tile that are rendered with it and cut off again, for adaptive sampling looks at them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub overlap: u32,
    /// How frames are denoised that are cut into tiles: slaves leave it to whoever puts the tiles together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denoising: Option<Denoising>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_none(pixels: &u32) -> bool {
    *pixels == 0
}

impl RenderSettings {
    /// Whether only a slave that allows scripts renders it as it is meant.
    #[must_use]
    pub fn run_scripts(&self) -> bool {
        !self.without_scripts && !self.wants.scripts.is_empty()
    }
}

/// How a frame is denoised once its tiles are together; words are those of Cycles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Denoising {
    /// The view layers that are denoised.
    pub layers: Vec<DenoisedLayer>,
    /// What the denoiser looks at, such as "RGB".
    pub passes: String,
    /// How that is denoised before, such as "ACCURATE".
    pub prefilter: String,
    /// How thorough it is, such as "HIGH"; empty in Blenders that know one way only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub quality: String,
}

/// A view layer that is denoised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DenoisedLayer {
    /// Its name.
    pub name: String,
    /// Whether what the denoiser looked at stays in the picture.
    #[serde(default)]
    pub keeps_data: bool,
}

/// What a scene wants of the Blender that renders it: without it, the picture would be another one, in silence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SceneWants {
    /// What runs scripts, in words such as "driver of Cube": only slaves that allow scripts render it.
    #[serde(default)]
    pub scripts: Vec<String>,
    /// Types of nodes that come from an add-on.
    #[serde(default)]
    pub nodes: Vec<String>,
}

impl SceneWants {
    /// Whether any Blender will do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty() && self.nodes.is_empty()
    }
}

/// A revision of a repository that slaves get a job's files from, instead of from the master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Source {
    /// The version control system.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "git")]
    pub system: VersionSystem,
    /// The repository; of Subversion also a folder in one.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "https://example.org/film.git")]
    pub remote: Remote,
    /// A number of Subversion, or a whole commit of Git.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "1234")]
    pub revision: Revision,
    /// The folder in it that holds all that the job needs; none: the job may need all of it.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "shots/010")]
    pub folder: Option<JobPath>,
}

/// All files of a job, and which of them Blender opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Manifest {
    /// The .blend to open: one of `files`, or where it lies in `source`.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "shots/010/main.blend")]
    pub main: JobPath,
    /// All files, `main` too, each path once; none if there is a `source`.
    pub files: Vec<FileEntry>,
    /// Where slaves get the files from; none: from the master.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The folder of the artist's machine in which the files lie as they do in the job: a slave that has the same disk takes
    /// from there what is still the same. None: nobody is told, or they lie in no such folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artist_folder: Option<String>,
    /// What to render of it.
    #[serde(default)]
    pub settings: RenderSettings,
    /// What to bake, in the order of their numbers; none for a job that renders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bakes: Vec<BakeTask>,
    /// The job with whose bakes this one is rendered: one of those that it depends on.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub bakes_from: Option<JobId>,
    /// What is baked by now and plays back, by number; its files are among `files`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baked: Vec<Baked>,
}

impl Manifest {
    /// Whether what its frames need may have changed since it was asked for.
    #[must_use]
    pub fn may_change(&self) -> bool {
        !self.bakes.is_empty() || self.bakes_from.is_some()
    }
}

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
