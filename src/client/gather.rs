//! Gathering: results come into a folder as they get done, several at once and ahead of whoever waits for them.
//!
//! Here is what is shared between the loop ([`super::round`]), which brings them, and threads that wait for them.

use super::denoise::Denoise;
use super::fetch;
use super::pages::{frames_of, wanted_frames};
use super::round::Round;
use super::table::{GatheredFrame, GatheredState, Table};
use super::tiles;
use crate::error::{Code, Error, Result};
use crate::ids::{FrameSet, JobId, SlaveId, Tile};
use crate::link::Link;
use crate::wire::{JobInfo, JobKind, JobStateInfo};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Written and removed again to find out whether a folder can be written.
const PROBE_NAME: &str = ".netrender-probe";

/// What to gather.
#[derive(Debug, Clone)]
pub struct GatherRequest {
    /// Of which job.
    pub job: JobId,
    /// Where to.
    pub folder: PathBuf,
    /// Which frames; none: all.
    pub frames: Option<FrameSet>,
    /// Whether to go on until the job is over, rather than until everything that is done by now is here.
    pub follow: bool,
    /// Which of its files.
    pub what: Gathered,
    /// The Blender that denoises what slaves left noisy, in jobs of earlier releases; none: one on this machine that is of the
    /// job's series.
    pub blender: Option<PathBuf>,
}

/// What is gathered of each frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathered {
    /// Its layers: the multilayer EXR that the slave rendered, as `000001.exr`.
    Layers,
    /// The final files that the slave made of them, as `000001.zip`.
    Finals,
}

/// How far a gathering is.
#[derive(Debug, Clone)]
pub struct GatherView {
    /// The job as last seen.
    pub job: JobInfo,
    /// How many frames are wanted,
    pub wanted: u32,
    /// … of which lie in the folder,
    pub here: u32,
    /// … failed for good.
    pub failed: u32,
    /// Bytes of those in the folder.
    pub here_bytes: u64,
    /// Why nothing goes on at the moment.
    pub trouble: Option<Error>,
    /// Whether all that was wanted and can be had is here.
    pub complete: bool,
    /// Why it ended early.
    pub ended: Option<Error>,
}

/// Results on their way from the master.
#[derive(Debug)]
pub struct Gather {
    shared: Arc<Shared>,
}

/// What the loop and those who wait share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) request: GatherRequest,
    /// How frames are denoised here, if that is left to do.
    pub(super) denoise: Option<Denoise>,
    token: CancellationToken,
    state: Mutex<State>,
    /// Something changed, for threads.
    changed: Condvar,
    /// Somebody waits, for the loop.
    pub(super) awaited: Notify,
}

/// What is known.
#[derive(Debug)]
pub(super) struct State {
    pub(super) table: Table,
    what: Gathered,
    pub(super) job: JobInfo,
    /// Frames that somebody waits for; the latest wish comes last.
    pub(super) awaited: Vec<i32>,
    pub(super) names: HashMap<SlaveId, String>,
    pub(super) trouble: Option<Error>,
    pub(super) complete: bool,
    ended: Option<Error>,
}

/// Makes the folder if it is not there, and finds out whether files can be written into it.
pub fn prepare_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    let probe = folder.join(PROBE_NAME);
    std::fs::File::create(&probe).map_err(|error| Error::io("write into the folder", folder, &error))?;
    std::fs::remove_file(&probe).map_err(|error| Error::io("remove", &probe, &error))
}

/// Asks for the job once, then lets the gathering go on in the threads that ask.
pub(super) async fn start(link: Link, request: GatherRequest) -> Result<Arc<Gather>> {
    let job: JobInfo = link.get(&format!("jobs/{}", request.job)).await?;
    if job.kind == JobKind::Bake {
        return Err(
            Error::bad_input(format!("job {} ({}) bakes: it has no frames", job.id, job.name))
                .hint(format!("netrender results {} DIR --bake brings what it baked", job.id)),
        );
    }
    let frames = frames_of(&link, &job).await?;
    let wanted = wanted_frames(&frames, request.frames.as_ref())?;
    tokio::task::block_in_place(|| prepare_folder(&request.folder))?;
    let denoise = match request.what {
        Gathered::Layers => Denoise::of(&link, &job, &request).await?,
        Gathered::Finals => None,
    };
    let shared = Arc::new(Shared {
        token: CancellationToken::new(),
        state: Mutex::new(State {
            table: Table::new(frames, &wanted),
            what: request.what,
            job,
            awaited: Vec::new(),
            names: HashMap::new(),
            trouble: None,
            complete: false,
            ended: None,
        }),
        changed: Condvar::new(),
        awaited: Notify::new(),
        denoise,
        request,
    });
    let ending = Ending(Arc::clone(&shared));
    tokio::spawn(async move {
        let shared = Arc::clone(&ending.0);
        let error = tokio::select! {
            () = shared.token.cancelled() => stopped(),
            error = Round::new(&shared, &link).run() => error,
        };
        if let Some(denoise) = &shared.denoise {
            denoise.end().await;
        }
        shared.end(error);
    });
    Ok(Arc::new(Gather { shared }))
}

impl Gather {
    /// Which files of the frames are gathered.
    #[must_use]
    pub fn what(&self) -> Gathered {
        self.shared.request.what
    }

    /// The frame's state, waiting up to `timeout` for its file.
    #[must_use]
    pub fn frame(&self, frame: i32, timeout: Duration) -> GatheredFrame {
        let mut state = self.shared.lock();
        if state.table.want(frame) && !state.look_at(frame).is_settled() {
            state.awaited.push(frame);
            self.shared.awaited.notify_one();
            (state, _) = self
                .shared
                .changed
                .wait_timeout_while(state, timeout, |state| !state.look_at(frame).is_settled())
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = state.awaited.iter().rposition(|it| *it == frame) {
                state.awaited.remove(place);
            }
        }
        state.show(frame, &self.shared.request.folder)
    }

    /// Those tiles of a frame that are here before the frame is.
    #[must_use]
    pub fn tiles(&self, frame: i32) -> Vec<(Tile, PathBuf)> {
        let told = self.shared.lock().table.tiles(frame);
        told.map_or_else(Vec::new, |told| tiles::here(&self.shared.request.folder, frame, told.grid))
    }

    /// How far it is; never blocks.
    #[must_use]
    pub fn view(&self) -> GatherView {
        self.shared.lock().view()
    }

    /// How far it is, waiting up to `timeout` until nothing is left to do.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> GatherView {
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), timeout, |state| !state.complete && state.ended.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.view()
    }

    /// Ends the fetching; files that are there stay. A second call does nothing.
    pub fn stop(&self) {
        self.shared.token.cancel();
        self.shared.end(stopped());
    }
}

impl Drop for Gather {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody waits for what a look at the master may bring.
    pub(super) fn is_awaited(&self) -> bool {
        let state = self.lock();
        state.trouble.is_none() && !state.awaited.is_empty()
    }

    /// Changes the state and wakes whoever waits for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    fn end(&self, error: Error) {
        self.change(|state| {
            state.trouble = None;
            state.ended.get_or_insert(error);
        });
    }
}

impl State {
    fn view(&self) -> GatherView {
        GatherView {
            job: self.job.clone(),
            wanted: self.table.wanted,
            here: self.table.here,
            failed: self.table.failed,
            here_bytes: self.table.here_bytes,
            trouble: self.trouble.clone(),
            complete: self.complete,
            ended: self.ended.clone(),
        }
    }

    /// What the table says, in the light of what became of the job and of this gathering.
    pub(super) fn look_at(&self, frame: i32) -> GatheredState {
        let state = self.table.state(frame);
        match &self.ended {
            _ if state.is_settled() => state,
            Some(error) if error.code == Code::Stopped => GatheredState::Cancelled,
            Some(_) => GatheredState::Unknown,
            None if self.job.state == JobStateInfo::Cancelled && self.table.is_undone(frame) => GatheredState::Cancelled,
            _ => state,
        }
    }

    fn show(&self, frame: i32, folder: &Path) -> GatheredFrame {
        let state = self.look_at(frame);
        let slave = self
            .table
            .slave(frame)
            .map(|slave| self.names.get(&slave).cloned().unwrap_or_else(|| slave.to_string()));
        let on = |verb: &str| slave.as_ref().map_or_else(String::new, |slave| format!(" {verb} {slave}"));
        // Its last task is all that is left.
        let tiles = self.table.tiles(frame).filter(|_| !state.is_settled());
        let is_together = tiles.is_some_and(|tiles| tiles.denoising.is_some() && tiles.done == tiles.grid.count());
        let text = match (state, &self.ended) {
            (GatheredState::Here, _) => format!("frame {frame} is here"),
            (GatheredState::Failed, _) => {
                format!(
                    "frame {frame} failed: {}",
                    self.table.failure(frame).unwrap_or("no reason was told")
                )
            }
            (_, Some(error)) => format!("frame {frame}: {}", error.message),
            (GatheredState::Unknown, _) => format!("frame {frame} is not part of job {}", self.job.id),
            (GatheredState::Cancelled, _) => format!("the job was cancelled before frame {frame} was rendered"),
            (GatheredState::Queued, _) if self.job.state == JobStateInfo::Paused => {
                format!("frame {frame} waits: the job is paused")
            }
            (GatheredState::Queued, _) if self.job.state == JobStateInfo::Waiting => {
                let why = self.job.explanation.first().map_or("", String::as_str);
                format!("frame {frame} waits: {}", why.trim_start_matches("waiting: "))
            }
            (GatheredState::Queued, _) if is_together => format!("frame {frame} waits for a slave that denoises it"),
            (GatheredState::Queued, _) => format!("frame {frame} waits for a slave"),
            (GatheredState::Rendering, _) if is_together => format!("frame {frame} is being denoised{}", on("on")),
            (GatheredState::Rendering, _) => format!("frame {frame} is being rendered{}", on("on")),
            (GatheredState::Delivering, _) => format!("frame {frame} is on its way to the master{}", on("from")),
            (GatheredState::Fetching, _) => format!("frame {frame} is being fetched"),
        };
        let text = match tiles.filter(|_| !is_together) {
            Some(tiles) => format!("{text}: {} of {} tiles are done", tiles.done, tiles.grid.count()),
            None => text,
        };
        let text = match &self.trouble {
            Some(trouble) if !state.is_settled() => format!("{text}; {}, trying again", trouble.message),
            _ => text,
        };
        let path = (state == GatheredState::Here).then(|| folder.join(fetch::file_name(frame, self.what)));
        GatheredFrame { state, path, text }
    }
}

/// Dropped with the loop, however that ends: whoever waits is told.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end(stopped());
    }
}

fn stopped() -> Error {
    Error::stopped("the gathering was stopped")
}
