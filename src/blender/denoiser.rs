//! A Blender that denoises frames that were rendered in tiles (`denoising.py`).

use super::installation::Installation;
use super::log::LogLine;
use super::talk::{Reply, What};
use super::worker::{Worker, WorkerOptions, unexpected};
use crate::error::{Error, Result};
use crate::wire::Denoising;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// For each view layer: a picture of 16K takes minutes.
const LAYER_TIMEOUT_S: u64 = 1800;

/// A Blender that denoises. Dropping it kills it; a call that is given up half-way, or that failed by a time-out, leaves it good
/// for nothing but that.
#[derive(Debug)]
pub struct Denoiser {
    worker: Worker,
    threads: u32,
}

impl Denoiser {
    /// Starts a Blender of this installation.
    pub async fn start(installation: &Installation, options: &WorkerOptions) -> Result<Self> {
        // Nobody listens: the log only remembers what matters.
        let log: mpsc::Sender<LogLine> = mpsc::channel(1).0;
        let worker = Worker::start(installation, options, log).await?;
        let threads = options.threads;
        Ok(Self { worker, threads })
    }

    /// Denoises a picture of this size, and leaves files in `folder`, which is empty: one for each view layer in their order.
    pub async fn denoise(
        &mut self,
        picture: &Path,
        size: (u32, u32),
        denoising: &Denoising,
        folder: &Path,
    ) -> Result<Vec<PathBuf>> {
        let what = What::Denoise {
            picture,
            size,
            denoising,
            threads: self.threads,
            folder,
        };
        let doing = "while denoising";
        let time = Duration::from_secs(LAYER_TIMEOUT_S.saturating_mul(denoising.layers.len() as u64));
        match timeout(time, self.worker.order(what, doing)).await {
            Ok(Ok(Reply::Denoised {})) => Ok((0..denoising.layers.len())
                .map(|number| folder.join(format!("{number}.exr")))
                .collect()),
            Ok(reply) => Err(unexpected(reply, doing)),
            Err(_) => Err(Error::timeout("Blender did not end denoising")),
        }
    }

    /// Kills Blender and all that it started; returns when nothing of it is left.
    pub async fn kill(self) {
        self.worker.kill().await;
    }
}
