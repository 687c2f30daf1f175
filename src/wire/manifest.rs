//! What a job is made of: its files or the revision they come from, and what of the scene is rendered how.

use super::bake::{BakeTask, Baked};
use super::text;
use crate::ids::{ContentHash, JobId, JobPath, Remote, Revision, VersionSystem};
use serde::{Deserialize, Serialize};

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
    /// How frames are denoised that are cut into tiles: slaves leave tiles noisy, and denoise each frame once, as a task of its own.
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
    /// Where the .blend lies on the artist's machine; its path inside the job if nobody is told.
    #[must_use]
    pub fn artist_blend(&self) -> String {
        format!("{}{}", self.artist_folder.as_deref().unwrap_or_default(), self.main)
    }

    /// Whether what its frames need may have changed since it was asked for.
    #[must_use]
    pub fn may_change(&self) -> bool {
        !self.bakes.is_empty() || self.bakes_from.is_some()
    }
}
