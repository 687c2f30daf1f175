//! Files of jobs: content by hash, zips of results.
//!
//! Absences: no async and no network; who has a stream feeds it in piece by piece.

pub mod content;
pub mod part;
mod zip;

pub use zip::{ZipEntry, write_zip, zip_length_bytes};
