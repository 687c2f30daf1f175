//! A job as one zip: to be kept, and to be restored from, on another master too.
//!
//! The zip holds [`ARCHIVED_JOB`], [`ARCHIVED_MANIFEST`] and the files below `files/` if the job has any,
//! [`ARCHIVED_FRAMES`] (a [`super::FrameInfo`] a line, for those that are done or failed), their pictures as
//! `results/000001.exr`, and what Blender printed in each attempt at them as `logs/000001_1.log`. Nothing in it is compressed.

use super::text;
use super::{JobAnnounce, TransitionInfo};
use crate::ids::{Attempt, JobId, JobPath, Piece};
use serde::{Deserialize, Serialize};

/// The newest version of the format, that of jobs whose frames slaves denoise; others are of version 1. A master reads its own
/// and older ones.
pub const ARCHIVE_FORMAT: u32 = 2;
/// The entry that holds an [`ArchivedJob`].
pub const ARCHIVED_JOB: &str = "job.json";
/// The entry that holds the manifest, with what is baked by now.
pub const ARCHIVED_MANIFEST: &str = "manifest.json";
/// The entry that tells of the frames.
pub const ARCHIVED_FRAMES: &str = "frames.jsonl";

/// What a job was, and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedJob {
    /// The version of this format.
    pub format: u32,
    /// The release that wrote it.
    pub version: String,
    /// Its id, which it keeps where that is free.
    #[serde(with = "text")]
    pub id: JobId,
    /// As it was announced, without its manifest.
    pub announce: JobAnnounce,
    /// Whether slaves denoise its frames, which earlier releases left to whoever gathers them.
    #[serde(default)]
    pub denoises: bool,
    /// When it came.
    pub submitted_ms: u64,
    /// Its life.
    pub transitions: Vec<TransitionInfo>,
}

/// `POST /api/v1/archive`: the job that was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobRestored {
    /// Its id: the one it had, or a new one if that is taken here.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub job: JobId,
}

/// Where a file of the job lies in the zip.
#[must_use]
pub fn archived_file(path: &JobPath) -> String {
    format!("files/{path}")
}

/// Where the log of an attempt at a frame, or at a tile, lies in the zip.
#[must_use]
pub fn archived_log(piece: Piece, attempt: Attempt) -> String {
    format!("logs/{}_{attempt}.log", piece.stem())
}

/// Where the picture of a frame, or of a tile, lies in the zip.
#[must_use]
pub fn archived_result(piece: Piece) -> String {
    format!("results/{}.exr", piece.stem())
}
