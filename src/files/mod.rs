//! Files of jobs: content by hash, manifests, zips.

mod manifest;

pub use manifest::{BuiltManifest, SourceFile, build};
