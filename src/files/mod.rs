//! Files of jobs: content by hash, manifests, zips of results, small files written whole or not at all.
//!
//! Absences: no async and no network; who has a stream feeds it in piece by piece.

pub mod content;
mod hash;
mod manifest;
pub mod part;
mod whole;
pub mod zip;

pub use hash::hash_file;
pub use manifest::{BuiltManifest, SourceFile, build};
pub use whole::write_whole;
