//! A job's archive on its way from the master, whole before it bears its name; and back to a master.

use super::{Client, Pending};
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::link::{Link, no_progress};
use crate::wire::JobRestored;
use std::path::{Path, PathBuf};

/// Longest archive that is fetched.
const ARCHIVE_BYTES_MAX: u64 = 1 << 42;

impl Client {
    /// Brings a job with its files, its history, its logs and its pictures into one zip, which appears whole or not at all.
    pub fn archive(&self, job: JobId, file: &Path) -> Result<u64> {
        self.ask_archive(job, file)?.answer()
    }

    /// The same without waiting.
    pub fn ask_archive(&self, job: JobId, file: &Path) -> Result<Pending<u64>> {
        let (link, file) = (self.link.clone(), file.to_path_buf());
        self.threads.begin(async move { download(&link, job, &file).await })
    }

    /// Restores a job from such a zip; returns its id, which is a new one if the old one is taken.
    pub fn restore(&self, file: &Path) -> Result<JobId> {
        self.ask_restore(file)?.answer()
    }

    /// The same without waiting.
    pub fn ask_restore(&self, file: &Path) -> Result<Pending<JobId>> {
        let (link, file) = (self.link.clone(), file.to_path_buf());
        self.threads.begin(async move {
            let restored: JobRestored = link.post_file("archive", &file, no_progress()).await?;
            Ok(restored.job)
        })
    }
}

/// Fetches it; returns its length. The file is written beside its place first.
async fn download(link: &Link, job: JobId, file: &Path) -> Result<u64> {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = Part(file.with_file_name(name));
    let path = format!("jobs/{job}/archive.zip");
    // A zip that ends early ends short of its announced length, which fails here.
    let size_bytes = link.download(&path, &part.0, ARCHIVE_BYTES_MAX, no_progress()).await?;
    tokio::fs::rename(&part.0, file)
        .await
        .map_err(|error| Error::io("write", file, &error))?;
    Ok(size_bytes)
}

/// Gone however the download ends, also if it is given up.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // It may not even have been begun, or bears its name by now.
        let _ = std::fs::remove_file(&self.0);
    }
}
