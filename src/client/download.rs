//! Answers that become files: hashed and written as they come, beside their place, by a thread that may wait for the disk.

use crate::error::{Code, Error, Result};
use crate::files::Incoming;
use crate::files::part::Part;
use crate::ids::ContentHash;
use crate::link::{Link, hand_over};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells apart the temporary names of one process.
static UNPLACED: AtomicU64 = AtomicU64::new(0);

/// A file that has arrived beside its place, safe on the disk. Dropped without [`Download::place`], it is gone.
#[derive(Debug)]
pub struct Download {
    unplaced: Unplaced,
    /// How long it is.
    pub size_bytes: u64,
    /// What it is.
    pub hash: ContentHash,
}

/// `GET /api/v1/<url>` for a file that shall be at `path`. The caller looks at what it is before it gives it that name. What is
/// longer than `bytes_max` is refused before it fills the disk.
pub async fn download(link: &Link, url: &str, path: &Path, bytes_max: u64) -> Result<Download> {
    let mut pieces = link.get_pieces(url, 0).await?;
    // It goes with the thread: whoever gives up does not leave it behind.
    let unplaced = Unplaced::beside(path);
    let take = move |next| {
        let mut part = Part::create(&unplaced.0)?;
        Incoming::new(next, bytes_max).for_each(|bytes| part.write(bytes))?;
        let (size_bytes, hash) = part.finish()?;
        Ok(Download {
            unplaced,
            size_bytes,
            hash,
        })
    };
    hand_over(&mut pieces, take).await.map_err(|error| match error.code {
        // The master's fault, not the caller's.
        Code::BadInput => Error::conflict(format!(
            "the master sends more as {url} than it should have: {}",
            error.message
        )),
        _ => error,
    })
}

impl Download {
    /// Gives it its name.
    pub async fn place(self, path: &Path) -> Result<()> {
        place(&self.unplaced.0, path).await
    }
}

/// Gives a file that is complete its name.
pub(super) async fn place(unplaced: &Path, path: &Path) -> Result<()> {
    tokio::fs::rename(unplaced, path)
        .await
        .map_err(|error| Error::io("write", path, &error))
}

/// A file under its temporary name. It is gone with this, unless it got its real one.
#[derive(Debug)]
pub(super) struct Unplaced(pub(super) PathBuf);

impl Unplaced {
    /// Hidden, beside what it will be.
    pub(super) fn beside(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = UNPLACED.fetch_add(1, Ordering::Relaxed);
        Self(path.with_file_name(format!(".{name}.{}_{number}.part", std::process::id())))
    }
}

impl Drop for Unplaced {
    fn drop(&mut self) {
        // It is not there if it was renamed, or never begun.
        let _ = std::fs::remove_file(&self.0);
    }
}
