//! A .blend that plays back bakes, made by a child Blender of one that does not (`playing.py`).

use super::installation::Installation;
use super::talk::{Reply, What};
use super::worker::{Worker, WorkerOptions, unexpected};
use crate::error::{Error, Result};
use crate::wire::Baked;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A scene of many gigabytes over a slow disk takes minutes to be opened and saved twice; what takes longer hangs.
const COPY_TIMEOUT_S: u64 = 3600;

/// A copy to be made.
#[derive(Debug, Clone, Copy)]
pub struct CopyRequest<'a> {
    /// The .blend.
    pub blend: &'a Path,
    /// What it was called when its own caches were baked.
    pub name: &'a str,
    /// What is to play back.
    pub baked: &'a [Baked],
    /// The copy, beside which the bakes lie.
    pub output: &'a Path,
}

/// Makes the copy; tells in sentences what does not play back in it.
pub async fn copy_with_bakes(
    installation: &Installation,
    options: &WorkerOptions,
    request: &CopyRequest<'_>,
) -> Result<Vec<String>> {
    // Nobody listens: the log only remembers what matters.
    let mut worker = Worker::start(installation, options, mpsc::channel(1).0).await?;
    let what = What::Copy {
        blend: request.blend,
        name: request.name,
        baked: request.baked,
        output: request.output,
    };
    let copying = "while making the copy that plays back the bakes";
    let reply = timeout(Duration::from_secs(COPY_TIMEOUT_S), worker.order(what, copying)).await;
    worker.kill().await;
    match reply {
        Ok(Ok(Reply::Copied { told })) => Ok(told),
        Ok(reply) => Err(unexpected(reply, copying)),
        Err(_) => Err(Error::timeout(format!("Blender did not end {copying}"))),
    }
}
