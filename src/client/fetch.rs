//! One result on its way from the master into a folder: checked before it bears its name.

use super::denoise::Denoise;
use super::download::download;
use super::gather::Gathered;
use super::tiles::{self, Tiled};
use crate::error::{Error, Result};
use crate::files;
use crate::ids::{ContentHash, JobId, TileGrid};
use crate::link::Link;
use std::path::{Path, PathBuf};

/// Longest zip of final files.
const FINALS_BYTES_MAX: u64 = 16 << 30;

/// What a result must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) hash: ContentHash,
    pub(super) size_bytes: u64,
    /// Of a frame that is cut and to be put together here: how. Then hash and length are those of all tiles.
    pub(super) grid: Option<TileGrid>,
}

/// The name of a frame's file, as Blender numbers its own: `000001.exr`, `-00001.exr`.
pub(super) fn file_name(frame: i32, what: Gathered) -> String {
    match what {
        Gathered::Layers => format!("{frame:06}.exr"),
        Gathered::Finals => format!("{frame:06}.zip"),
    }
}

/// Brings the final files that a slave made of a frame into the folder, in one zip: whole, but not looked into.
pub(super) async fn finals(link: &Link, job: JobId, frame: i32, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(file_name(frame, Gathered::Finals));
    let url = format!("jobs/{job}/frames/{frame}/final");
    download(link, &url, &path, FINALS_BYTES_MAX).await?.place(&path).await?;
    Ok(path)
}

/// Brings a frame's result into the folder, put together if it is in tiles, and denoised if that is left to do. One that lies
/// there already, and is the right one, is not fetched again.
pub(super) async fn layers(
    link: &Link,
    (job, frame): (JobId, i32),
    expected: Expected,
    denoise: Option<&Denoise>,
    folder: &Path,
) -> Result<PathBuf> {
    let path = folder.join(file_name(frame, Gathered::Layers));
    if let Some(grid) = expected.grid {
        tiles::bring(link, &Tiled { job, frame, grid }, expected.hash, denoise, &path).await?;
    } else {
        let url = format!("jobs/{job}/frames/{frame}/result");
        file(link, &url, expected, &path, &format!("frame {frame}")).await?;
        tiles::forget(&path).await;
    }
    Ok(path)
}

/// Brings a file that is `what`, unless it is here.
pub(super) async fn file(link: &Link, url: &str, expected: Expected, path: &Path, what: &str) -> Result<()> {
    let there = tokio::fs::metadata(path)
        .await
        .is_ok_and(|facts| facts.len() == expected.size_bytes);
    if there && hash(path).await.is_ok_and(|hash| hash == expected.hash) {
        return Ok(());
    }
    let arrived = download(link, url, path, expected.size_bytes).await?;
    // Shorter: the connection broke in a way that looked like an end. Other content: the frame was rendered anew.
    if (arrived.size_bytes, arrived.hash) != (expected.size_bytes, expected.hash) {
        return Err(Error::conflict(format!(
            "what the master sent as {what} is not what it announced"
        )));
    }
    arrived.place(path).await
}

/// The hash of a file, read by a thread that may wait for the disk.
pub(super) async fn hash(path: &Path) -> Result<ContentHash> {
    let path = path.to_path_buf();
    tokio::task::spawn_blocking(move || files::hash_file(&path))
        .await
        .map_err(|error| Error::internal(format!("hashing ended unexpectedly: {error}")))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_blender_names_its_own() {
        assert_eq!(file_name(1, Gathered::Layers), "000001.exr");
        assert_eq!(file_name(-1, Gathered::Layers), "-00001.exr");
        assert_eq!(file_name(1_048_574, Gathered::Layers), "1048574.exr");
    }
}
