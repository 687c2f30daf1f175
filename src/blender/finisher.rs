//! A Blender that makes final frames: what a local render of the scene writes, from gathered layers (`finishing.py`).

use super::installation::Installation;
use super::log::LogLine;
use super::talk::{Reply, What};
use super::worker::{SceneRequest, Worker, WorkerOptions, unexpected};
use crate::error::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A scene of many gigabytes over a slow disk takes minutes; what takes longer hangs.
const OPEN_TIMEOUT_S: u64 = 1800;
/// For each frame: compositing and writing, never rendering.
const FRAME_TIMEOUT_S: u64 = 1800;

/// A gathered multilayer EXR, and what its headers say.
#[derive(Debug, Clone, Serialize)]
pub struct FinalPicture {
    /// Which frame it is.
    pub frame: i32,
    /// Where it lies.
    pub path: PathBuf,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// View layer → pass → its channels in Blender's own order.
    pub passes: BTreeMap<String, BTreeMap<String, String>>,
    /// Text attributes.
    pub metadata: BTreeMap<String, String>,
    /// The .blend that the final file names as its own: the artist's.
    pub blend: String,
}

/// A Blender that holds a scene open for finishing. Dropping it kills it; a call that is given up half-way, or that failed by
/// a time-out, leaves it good for nothing but that.
#[derive(Debug)]
pub struct Finisher {
    worker: Worker,
    folder: PathBuf,
    is_movie: bool,
}

impl Finisher {
    /// Starts a Blender of this installation and has it open the scene.
    pub async fn start(installation: &Installation, options: &WorkerOptions, scene: &SceneRequest) -> Result<Self> {
        // Nobody listens: the log only remembers what matters.
        let log: mpsc::Sender<LogLine> = mpsc::channel(1).0;
        let mut worker = Worker::start(installation, options, log).await?;
        let what = What::OpenToFinish {
            blend: &scene.blend,
            allow_scripts: options.allow_scripts,
            threads: options.threads,
            settings: &scene.settings,
            playback: &scene.playback,
        };
        let opening = "while opening the scene to finish its frames";
        let reply = timeout(Duration::from_secs(OPEN_TIMEOUT_S), worker.order(what, opening)).await;
        match reply {
            Ok(Ok(Reply::OpenedToFinish { is_movie })) => Ok(Self {
                worker,
                folder: options.folder.clone(),
                is_movie,
            }),
            Ok(reply) => Err(unexpected(reply, opening)),
            Err(_) => Err(Error::timeout(format!(
                "Blender did not open the scene within {OPEN_TIMEOUT_S} s"
            ))),
        }
    }

    /// Whether the scene's output is one file of all frames, made from all pictures at once.
    #[must_use]
    pub fn is_movie(&self) -> bool {
        self.is_movie
    }

    /// Makes the final files of these pictures in `folder`, which is empty. Returns their names in it, those of File Output
    /// nodes too.
    pub async fn finish(&mut self, pictures: &[FinalPicture], folder: &Path) -> Result<Vec<PathBuf>> {
        let list = self.folder.join("pictures.json");
        let text = serde_json::to_vec(pictures)
            .map_err(|_| Error::bad_input("a path that is not valid Unicode cannot be handed to Blender"))?;
        std::fs::write(&list, text).map_err(|error| Error::io("write", &list, &error))?;
        let finishing = match pictures {
            [only] => format!("while finishing frame {}", only.frame),
            _ => format!("while finishing {} frames", pictures.len()),
        };
        let what = What::Finish { pictures: &list, folder };
        let time = Duration::from_secs(FRAME_TIMEOUT_S.saturating_mul(pictures.len() as u64));
        match timeout(time, self.worker.order(what, &finishing)).await {
            Ok(Ok(Reply::Finished { files })) => Ok(files),
            Ok(reply) => Err(unexpected(reply, &finishing)),
            Err(_) => Err(Error::timeout(format!("Blender did not end {finishing}"))),
        }
    }

    /// Kills Blender and all that it started; returns when nothing of it is left.
    pub async fn kill(self) {
        self.worker.kill().await;
    }
}
