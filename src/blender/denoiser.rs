//! Frames that were rendered in tiles are denoised by a Blender once they are whole (`denoising.py`).

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

/// A picture to denoise.
#[derive(Debug, Clone, Copy)]
pub struct DenoiseOrder<'a> {
    /// Where it lies.
    pub picture: &'a Path,
    /// Its width and height in pixels.
    pub size: (u32, u32),
    /// How, and which view layers.
    pub denoising: &'a Denoising,
    /// Where the denoised pictures go; empty.
    pub folder: &'a Path,
}

impl Worker {
    /// Denoises a picture into files, one for each view layer in their order. No scene is open afterwards; given up half-way,
    /// or failed by a time-out, it is good for nothing but to be killed.
    pub async fn denoise(&mut self, order: &DenoiseOrder<'_>) -> Result<Vec<PathBuf>> {
        let DenoiseOrder {
            picture,
            size,
            denoising,
            folder,
        } = *order;
        let what = What::Denoise {
            picture,
            size,
            denoising,
            threads: self.threads(),
            folder,
        };
        let doing = "while denoising";
        let time = Duration::from_secs(LAYER_TIMEOUT_S.saturating_mul(denoising.layers.len() as u64));
        match timeout(time, self.order(what, doing)).await {
            Ok(Ok(Reply::Denoised {})) => Ok((0..denoising.layers.len())
                .map(|number| folder.join(format!("{number}.exr")))
                .collect()),
            Ok(reply) => Err(unexpected(reply, doing)),
            Err(_) => Err(Error::timeout("Blender did not end denoising")),
        }
    }
}

/// A Blender that denoises. Dropping it kills it; a call that is given up half-way, or that failed by a time-out, leaves it good
/// for nothing but that.
#[derive(Debug)]
pub struct Denoiser {
    worker: Worker,
}

impl Denoiser {
    /// Starts a Blender of this installation.
    pub async fn start(installation: &Installation, options: &WorkerOptions) -> Result<Self> {
        // Nobody listens: the log only remembers what matters.
        let log: mpsc::Sender<LogLine> = mpsc::channel(1).0;
        let worker = Worker::start(installation, options, log).await?;
        Ok(Self { worker })
    }

    /// Denoises a picture: see [`Worker::denoise`].
    pub async fn denoise(
        &mut self,
        picture: &Path,
        size: (u32, u32),
        denoising: &Denoising,
        folder: &Path,
    ) -> Result<Vec<PathBuf>> {
        let order = DenoiseOrder {
            picture,
            size,
            denoising,
            folder,
        };
        self.worker.denoise(&order).await
    }

    /// Kills Blender and all that it started; returns when nothing of it is left.
    pub async fn kill(self) {
        self.worker.kill().await;
    }
}
