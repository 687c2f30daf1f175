//! One result on its way from the master into a folder: checked before it bears its name.

use crate::error::{Error, Result};
use crate::files;
use crate::ids::{ContentHash, JobId};
use crate::link::{Link, no_progress};
use std::path::{Path, PathBuf};

/// What a result must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) hash: ContentHash,
    pub(super) size_bytes: u64,
}

/// The name of a frame's file, as Blender numbers its own: `000001.exr`, `-00001.exr`.
pub(super) fn file_name(frame: i32) -> String {
    format!("{frame:06}.exr")
}

/// Brings a frame's result into the folder. One that lies there already, and is the right one, is not fetched again.
pub(super) async fn fetch(link: &Link, job: JobId, frame: i32, expected: Expected, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(file_name(frame));
    let there = tokio::fs::metadata(&path)
        .await
        .is_ok_and(|facts| facts.len() == expected.size_bytes);
    if there && hash(&path).await.is_ok_and(|hash| hash == expected.hash) {
        return Ok(path);
    }
    let part = Part(folder.join(format!(".{}.{}.part", file_name(frame), std::process::id())));
    let size_bytes = link
        .download(
            &format!("jobs/{job}/frames/{frame}/result"),
            &part.0,
            expected.size_bytes,
            no_progress(),
        )
        .await?;
    // Shorter: the connection broke in a way that looked like an end. Other content: the frame was rendered anew.
    if size_bytes != expected.size_bytes || hash(&part.0).await? != expected.hash {
        return Err(Error::conflict(format!(
            "what the master sent as frame {frame} is not the result that it announced"
        )));
    }
    tokio::fs::rename(&part.0, &path)
        .await
        .map_err(|error| Error::io("write", &path, &error))?;
    Ok(path)
}

async fn hash(path: &Path) -> Result<ContentHash> {
    let path = path.to_path_buf();
    tokio::task::spawn_blocking(move || files::hash_file(&path))
        .await
        .map_err(|error| Error::internal(format!("hashing ended unexpectedly: {error}")))?
}

/// A file that is gone when its fetching ends, unless it got its real name.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there if it was renamed, or never begun.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_blender_names_its_own() {
        assert_eq!(file_name(1), "000001.exr");
        assert_eq!(file_name(-1), "-00001.exr");
        assert_eq!(file_name(1_048_574), "1048574.exr");
    }
}
