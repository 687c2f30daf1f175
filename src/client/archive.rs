//! A job's archive on its way from the master, whole before it bears its name; and back to a master.

use super::download::download;
use super::{Client, Pending};
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::link::{Link, no_progress};
use crate::wire::JobRestored;
use std::path::Path;
use tokio::io::AsyncReadExt as _;

/// Longest archive that is fetched.
const ARCHIVE_BYTES_MAX: u64 = 1 << 42;
/// How a zip begins that holds anything.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

impl Client {
    /// Brings a job with its files, its history, its logs and its pictures into one zip, which appears whole or not at all.
    pub fn archive(&self, job: JobId, file: &Path) -> Result<u64> {
        self.ask_archive(job, file)?.answer()
    }

    /// The same without waiting.
    pub fn ask_archive(&self, job: JobId, file: &Path) -> Result<Pending<u64>> {
        let (link, file) = (self.link.clone(), file.to_path_buf());
        self.threads.begin(async move { fetch(&link, job, &file).await })
    }

    /// Restores a job from such a zip; returns its id, which is a new one if the old one is taken.
    pub fn restore(&self, file: &Path) -> Result<JobId> {
        self.ask_restore(file)?.answer()
    }

    /// The same without waiting.
    pub fn ask_restore(&self, file: &Path) -> Result<Pending<JobId>> {
        let (link, file) = (self.link.clone(), file.to_path_buf());
        self.threads.begin(async move {
            check_zip(&file).await?;
            let restored: JobRestored = link.post_file("archive", &file, no_progress()).await?;
            Ok(restored.job)
        })
    }
}

/// Whether it may be an archive at all is seen before all of it is sent.
async fn check_zip(file: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("read", file, &error);
    if !tokio::fs::metadata(file).await.map_err(failed)?.is_file() {
        return Err(
            Error::bad_input(format!("{} is no file", file.display())).hint("name the zip that netrender archive has written")
        );
    }
    let mut beginning = Vec::new();
    let opened = tokio::fs::File::open(file).await.map_err(failed)?;
    let mut opened = opened.take(ZIP_MAGIC.len() as u64);
    opened.read_to_end(&mut beginning).await.map_err(failed)?;
    if beginning != ZIP_MAGIC {
        return Err(Error::bad_input(format!("{} is no archive of a job", file.display()))
            .hint("name the zip that netrender archive has written"));
    }
    Ok(())
}

/// Fetches it; returns its length.
async fn fetch(link: &Link, job: JobId, file: &Path) -> Result<u64> {
    // A zip that ends early ends short of its announced length, which fails here.
    let arrived = download(link, &format!("jobs/{job}/archive.zip"), file, ARCHIVE_BYTES_MAX).await?;
    let size_bytes = arrived.size_bytes;
    arrived.place(file).await?;
    Ok(size_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_archive_is_told_before_it_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        for (path, sentence) in [
            (folder.path().to_path_buf(), "is no file"),
            (folder.path().join("none.zip"), "cannot read"),
            (of("empty.zip", b""), "is no archive of a job"),
            (of("notes.txt", b"these are notes"), "is no archive of a job"),
        ] {
            let error = check_zip(&path).await.unwrap_err();
            let named = error.message.contains(&path.display().to_string());
            assert!(named && error.message.contains(sentence), "{error}");
        }
        check_zip(&of("job.zip", b"PK\x03\x04...")).await.unwrap();
    }
}
