//! A worker in a folder of its own.

use netrender::blender::{Installation, LogLine, Playback, SceneRequest, Worker, WorkerOptions};
use netrender::wire::RenderSettings;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// What belongs to a worker under test: it is gone with it.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    log: mpsc::Receiver<LogLine>,
}

/// A worker in a folder of its own.
pub(crate) async fn worker(installation: &Installation) -> (Worker, Bench) {
    worker_with(installation, &[]).await
}

/// The same; Cycles renders with these devices.
pub(crate) async fn worker_with(installation: &Installation, devices: &[&str]) -> (Worker, Bench) {
    let folder = tempfile::tempdir().unwrap();
    let (sender, log) = mpsc::channel(100_000);
    let options = WorkerOptions {
        threads: 2,
        devices: devices.iter().map(|name| name.parse().unwrap()).collect(),
        allow_scripts: false,
        folder: folder.path().join("worker"),
    };
    let worker = Worker::start(installation, &options, sender).await.unwrap();
    (worker, Bench { folder, log })
}

/// A scene as its file says.
pub(crate) fn request(blend: &Path) -> SceneRequest {
    SceneRequest {
        blend: blend.to_path_buf(),
        settings: RenderSettings::default(),
        playback: Playback::default(),
    }
}

impl Bench {
    /// Where a frame goes.
    pub(crate) fn output(&self, frame: i32) -> PathBuf {
        self.folder.path().join(format!("{frame}.exr"))
    }

    /// What was printed since the last call.
    pub(crate) fn lines(&mut self) -> Vec<LogLine> {
        std::iter::from_fn(|| self.log.try_recv().ok()).collect()
    }
}
