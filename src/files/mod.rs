//! Files of jobs: content by hash, manifests, zips of results.
//!
//! Absences: no async and no network; who has a stream feeds it in piece by piece.

pub mod content;
mod manifest;
pub mod part;
mod zip;

pub use manifest::{BuiltManifest, SourceFile, build};
pub use zip::{ZipEntry, write_zip, zip_length_bytes};
