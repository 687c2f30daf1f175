//! Bakes: the tasks of a job that bakes, and what comes of them.

use super::text;
use crate::ids::{BlenderVersion, JobPath};
use serde::{Deserialize, Serialize};

/// The folder beside a job's .blend in which the files of its bakes lie.
pub const BAKES_FOLDER: &str = "netrender_bakes";

/// What a job's tasks make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Pictures, one for each frame or tile.
    #[default]
    Render,
    /// Caches of simulations: its "frame" 1 is the first of its bakes, and so on.
    Bake,
}

/// One cache to bake, as the plan of a scene has it. Its number is its place in the plan, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BakeTask {
    /// What people call it.
    #[schema(example = "cloth of Flag")]
    pub name: String,
    /// What is simulated: `cloth`, `soft_body`, `particles`, `dynamic_paint`, `rigid_body`, `fluid`, `simulation` or
    /// `bake_node`.
    #[schema(example = "cloth")]
    pub kind: String,
    /// The object, if it is of one.
    #[serde(default)]
    pub object: String,
    /// Its modifier, particle system, surface or node, if it is of one.
    #[serde(default)]
    pub item: String,
    /// The scene.
    #[serde(default)]
    pub scene: String,
    /// The first frame of the cache …
    pub first: i32,
    /// … and the last.
    pub last: i32,
    /// Numbers of those that must be baked before.
    #[serde(default)]
    pub after: Vec<u32>,
}

/// What came of a bake: `bake.json` of the zip that a slave delivers, and what a scene is told that plays it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Baked {
    /// Which of the job's bakes it is, from 1.
    pub number: u32,
    /// As in its [`BakeTask`], like what follows.
    pub name: String,
    /// What was simulated.
    pub kind: String,
    /// The object.
    #[serde(default)]
    pub object: String,
    /// Its modifier, particle system, surface or node.
    #[serde(default)]
    pub item: String,
    /// The scene.
    #[serde(default)]
    pub scene: String,
    /// The first frame of the cache …
    pub first: i32,
    /// … and the last.
    pub last: i32,
    /// The Blender that baked it.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "3.4.1")]
    pub blender: BlenderVersion,
    /// Its files.
    pub files: Vec<BakedFile>,
}

/// One file of a bake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BakedFile {
    /// Where it lies inside the job: below [`BAKES_FOLDER`] beside the .blend, or in the place of the .blend itself.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "shots/netrender_bakes/shot_cloth_of_Flag_2b5f08c1/cache_000001_00.bphys")]
    pub path: JobPath,
    /// First and last frame that need it; none: all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<(i32, i32)>,
}
