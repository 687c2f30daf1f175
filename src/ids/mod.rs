//! The plain names of things: jobs, slaves, tasks, attempts, contents, certificates, roles of keys, frames and paths
//! inside a job.
//!
//! Absences: no I/O, no clock, no serde, no randomness (who makes an id hands the random bits in). Everything here has
//! exactly one spelling as text, `Display` writes it and `FromStr` reads it back; the wire and the store use that spelling.

mod blocks;
mod fingerprint;
mod frames;
mod hash;
mod hex;
mod job_path;
mod layout;
mod name;
mod remote;
mod requirements;
mod role;
mod tiles;
mod version;

pub use blocks::TileBlock;
pub use fingerprint::Fingerprint;
pub use frames::{FRAME_MAX, FRAME_MIN, FRAMES_LEFT_OUT, FRAMES_PER_JOB_MAX, FrameSet};
pub use hash::ContentHash;
pub use job_path::{JOB_PATH_BYTES_MAX, JobPath};
pub use layout::{FrameLayout, LAYOUT_PARTS_MAX};
pub use name::{FarmId, JobId, SlaveId};
pub use remote::{Remote, Revision, VersionSystem};
pub use requirements::{Comparison, NumberProperty, REQUIREMENTS_BYTES_MAX, Requirement, Requirements, WordProperty};
pub use role::Role;
pub use tiles::{Piece, Rectangle, TILES_PER_FRAME_MAX, Tile, TileGrid};
pub use version::BlenderVersion;

/// Why a text is not the id, path or frame range it should be: one sentence, lower case, no final stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError(pub String);

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

/// A task's place in its job's list of tasks, from 0. In an animation, task 0 is the job's first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskIndex(pub u32);

/// Counts how often a task was leased, from 1. Whoever reports with an older number is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u32);

impl std::fmt::Display for TaskIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
