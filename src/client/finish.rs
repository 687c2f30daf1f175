//! Final frames at the client: gathered layers become the files that a local render of the scene writes.
//!
//! Here is the handle, and what it shares with the work ([`super::finishing`]).

use super::finishing::finish;
use super::gather::{self, Gather, GatherRequest, GatherView, Gathered};
use super::work_folder::WorkFolder;
use crate::error::{Error, Result};
use crate::ids::{FrameSet, JobId};
use crate::link::Link;
use crate::wire::Manifest;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// What to finish.
#[derive(Debug, Clone)]
pub struct FinishRequest {
    /// Of which job.
    pub job: JobId,
    /// Where the final files go.
    pub folder: PathBuf,
    /// Which frames; none: all.
    pub frames: Option<FrameSet>,
    /// Whether to go on until the job is over, rather than until everything that is done by now is finished.
    pub follow: bool,
    /// The Blender to use; none: one on this machine that is of the job's series.
    pub blender: Option<PathBuf>,
    /// Whether scripts inside of the scene run.
    pub allow_scripts: bool,
}

/// How far a finishing is.
#[derive(Debug, Clone)]
pub struct FinishView {
    /// How far the gathering of layers is.
    pub gathered: GatherView,
    /// Frames whose final files are in the folder.
    pub finished: u32,
    /// Final files in the folder.
    pub files: u32,
    /// What goes on.
    pub text: String,
    /// Whether all that was wanted and can be had is here.
    pub complete: bool,
    /// Why it ended early.
    pub ended: Option<Error>,
}

/// Final frames on their way. Dropped, it is stopped.
#[derive(Debug)]
pub struct Finish {
    shared: Arc<Shared>,
    work: AbortHandle,
}

/// What the work and those who wait share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) gather: Arc<Gather>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    finished: u32,
    files: u32,
    text: String,
    outcome: Option<Result<()>>,
}

/// Begins to gather and to finish, in the threads that ask.
pub(super) async fn start(link: Link, request: FinishRequest) -> Result<Arc<Finish>> {
    gather::prepare_folder(&request.folder)?;
    let work = WorkFolder::make(&request.folder, &format!("final-{}", request.job))?;
    let manifest: Manifest = link.get(&format!("jobs/{}/manifest", request.job)).await?;
    // What slaves have made need only be fetched, unless a Blender is named to make it anew.
    let is_made = manifest.settings.final_frames && request.blender.is_none();
    let frames = GatherRequest {
        job: request.job,
        folder: work.path().join("frames"),
        frames: request.frames.clone(),
        follow: request.follow,
        what: if is_made { Gathered::Finals } else { Gathered::Layers },
        blender: request.blender.clone(),
    };
    let gather = gather::start(link.clone(), frames).await?;
    let shared = Arc::new(Shared {
        gather,
        state: Mutex::default(),
        changed: Condvar::new(),
    });
    let ending = Ending(Arc::clone(&shared));
    let job = tokio::spawn(async move {
        let outcome = finish(&ending.0, &link, &request, manifest, work.path()).await;
        ending.0.end(outcome);
    });
    Ok(Arc::new(Finish {
        shared,
        work: job.abort_handle(),
    }))
}

impl Finish {
    /// How far it is, waiting up to `timeout` until it is over.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> FinishView {
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), timeout, |state| state.outcome.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        FinishView {
            gathered: self.shared.gather.view(),
            finished: state.finished,
            files: state.files,
            text: state.text.clone(),
            complete: state.outcome == Some(Ok(())),
            ended: state.outcome.clone().and_then(Result::err),
        }
    }

    /// Ends it; files that are finished stay. A second call does nothing.
    pub fn stop(&self) {
        self.shared.end(Err(stopped()));
        self.work.abort();
        self.shared.gather.stop();
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, text: impl Into<String>) {
        self.lock().text = text.into();
    }

    /// So many more frames and files are in the folder.
    pub(super) fn count(&self, frames: usize, files: usize) {
        let mut state = self.lock();
        state.finished += u32::try_from(frames).unwrap_or(u32::MAX);
        state.files += u32::try_from(files).unwrap_or(u32::MAX);
    }

    fn end(&self, outcome: Result<()>) {
        self.lock().outcome.get_or_insert(outcome);
        self.changed.notify_all();
    }
}

/// Dropped with the work, however that ends: whoever waits is told.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end(Err(stopped()));
    }
}

fn stopped() -> Error {
    Error::stopped("the finishing was stopped")
}
