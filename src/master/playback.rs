//! What is baked by now, in the manifests of those jobs that play it back: of the baking job itself, whose later bakes come
//! after earlier ones, and of jobs that are rendered with its bakes.

use crate::error::{Error, Result};
use crate::wire::{Baked, FileEntry, Manifest};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What came of a bake, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// What it says of itself.
    pub(super) baked: Baked,
    /// Its files as contents.
    pub(super) files: Vec<FileEntry>,
}

/// A manifest as it was announced, and what was baked for it since, as it is stored.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) document: String,
    /// By number.
    pub(super) kept: Vec<String>,
}

impl Announced {
    /// The manifest as it is now.
    pub(super) fn manifest(&self) -> Result<Manifest> {
        let mut manifest = read(&self.document)?;
        if self.kept.is_empty() {
            return Ok(manifest);
        }
        let mut places: HashMap<_, _> = manifest.files.iter().map(|file| file.path.clone()).zip(0..).collect();
        for document in &self.kept {
            let Kept { baked, files } = read(document)?;
            for file in files {
                // What is baked takes the place of what was announced under its path.
                if let Some(place) = places.get(&file.path) {
                    manifest.files[*place] = file;
                } else {
                    places.insert(file.path.clone(), manifest.files.len());
                    manifest.files.push(file);
                }
            }
            manifest.baked.retain(|known| known.number != baked.number);
            manifest.baked.push(baked);
        }
        manifest.baked.sort_by_key(|baked| baked.number);
        Ok(manifest)
    }

    /// The same as JSON.
    pub(super) fn text(self) -> Result<String> {
        if self.kept.is_empty() {
            return Ok(self.document);
        }
        written(&self.manifest()?)
    }
}

/// A value as JSON.
pub(super) fn written(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal(format!("a manifest cannot be written: {error}")))
}

fn read<T: serde::de::DeserializeOwned>(document: &str) -> Result<T> {
    serde_json::from_str(document).map_err(|error| Error::internal(format!("a manifest cannot be read: {error}")))
}
