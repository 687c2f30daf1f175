//! The thread that compresses logs nobody appends to any more. It may be behind; nothing waits for it.

use crate::error::{Error, Result};
use crate::files::Logs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Folders that may wait. One that finds no place is compressed after the next start.
const FOLDERS_MAX: usize = 100_000;

/// Hands folders of logs to the thread, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Press {
    sender: Option<SyncSender<PathBuf>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Press {
    /// Starts the thread.
    pub(super) fn start(logs: Logs) -> Result<Self> {
        let (sender, receiver) = sync_channel::<PathBuf>(FOLDERS_MAX);
        let stopped = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stopped);
        let run = move || {
            let is_wanted = || !is_stopped.load(Ordering::Relaxed);
            for folder in receiver.iter().take_while(|_| is_wanted()) {
                if let Err(error) = logs.compress_all(&folder, is_wanted) {
                    tracing::warn!(%error, "the logs of a job stay as they are");
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("netrender-logs".to_owned())
            .spawn(run)
            .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            sender: Some(sender),
            stopped,
            thread: Some(thread),
        })
    }

    /// A job is over: its logs take less room from now on.
    pub(super) fn compress(&self, folder: PathBuf) {
        if let Some(sender) = &self.sender {
            // A full queue is no failure: the next start comes back to it.
            let _ = sender.try_send(folder);
        }
    }
}

impl Drop for Press {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // It finishes the log that it has in hand; a panic of it has been told of already.
            let _ = thread.join();
        }
    }
}
