//! A Blender without a scene, started ahead so that the next job need not wait for its start.
//!
//! What it prints before a scene is opened in it waits, bounded, for the log of the first frame. It knows nothing of leases:
//! that it fails costs no attempt.

use super::shop::Shop;
use crate::blender::{Installation, LogLine, Worker, WorkerOptions, devices_of};
use crate::error::{Error, Result};
use std::convert::Infallible;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

/// Lines of output that wait to be written; more are left out, so that Blender never waits for the log.
const LINES_MAX: usize = 16_384;

/// A Blender that has no scene open. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Empty {
    blender: Installation,
    lines: mpsc::Receiver<LogLine>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// In a task of its own, for it goes on while files are fetched and frames are waited for.
    Starting(AbortOnDropHandle<Result<Worker>>),
    Ready(Box<Worker>),
    Failed,
}

impl Empty {
    /// Begins to start it. `alive` is dropped when nothing of that Blender is left, however that comes about.
    pub(super) fn start(blender: Installation, shop: &Shop, slot: usize, alive: oneshot::Sender<Infallible>) -> Self {
        let options = WorkerOptions {
            threads: shop.options.threads_of_a_slot(),
            devices: devices_of(slot, shop.options.slots, &shop.options.devices),
            allow_scripts: shop.options.allow_scripts,
            folder: shop.work_folder.join(format!("blender{slot}")),
        };
        let (sender, lines) = mpsc::channel(LINES_MAX);
        let installation = blender.clone();
        let starting = async move { Worker::start_watched(&installation, &options, sender, Some(alive)).await };
        Self {
            blender,
            lines,
            stage: Stage::Starting(AbortOnDropHandle::new(tokio::spawn(starting))),
        }
    }

    /// Waits until it has started; the error says why it has not. May be given up and called again.
    pub(super) async fn started(&mut self) -> Result<()> {
        let Stage::Starting(task) = &mut self.stage else {
            return Ok(());
        };
        let started = task
            .await
            .unwrap_or_else(|_| Err(Error::internal("the start of Blender ended unexpectedly")));
        let (stage, told) = match started {
            Ok(worker) => (Stage::Ready(Box::new(worker)), Ok(())),
            Err(error) => (Stage::Failed, Err(error)),
        };
        self.stage = stage;
        told
    }

    /// Waits until it ends without having been asked to; tells why. May be given up and called again.
    pub(super) async fn ended(&mut self) -> Error {
        if let Err(error) = self.started().await {
            return error;
        }
        if let Stage::Ready(worker) = &mut self.stage {
            worker.ended().await;
        }
        Error::blender("Blender ended while it waited for work")
    }

    /// Whether a scene can be opened in it, by this Blender.
    pub(super) fn fits(&mut self, blender: &Installation) -> bool {
        let has_ended = match &mut self.stage {
            Stage::Starting(_) => false,
            Stage::Ready(worker) => worker.has_ended(),
            Stage::Failed => true,
        };
        self.blender == *blender && !has_ended
    }

    /// What it printed.
    pub(super) fn lines(&mut self) -> &mut mpsc::Receiver<LogLine> {
        &mut self.lines
    }

    /// Its parts, if it has started.
    pub(super) fn into_parts(self) -> Option<(Installation, Worker, mpsc::Receiver<LogLine>)> {
        match self.stage {
            Stage::Ready(worker) => Some((self.blender, *worker, self.lines)),
            Stage::Starting(_) | Stage::Failed => None,
        }
    }

    /// Kills it. One that has not started yet is given up, and killed by being dropped.
    pub(super) async fn kill(self) {
        if let Stage::Ready(worker) = self.stage {
            worker.kill().await;
        }
    }
}
