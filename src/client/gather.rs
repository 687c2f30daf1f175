//! Gathering: results come into a folder as they get done, several at once and ahead of whoever waits for them.
//!
//! The loop decides nothing but the order: it asks the master only for what can have changed (first the job's counters,
//! then pages of frames that are still open), often while somebody waits, seldom else. A master that is away is waited
//! for; the frames say so meanwhile.

use super::fetch::{self, Expected};
use super::table::{GatheredFrame, GatheredState, Table};
use super::threads::Threads;
use super::{PAGE, wanted_frames};
use crate::error::{Code, Error, Result};
use crate::ids::{FrameSet, JobId, SlaveId};
use crate::link::{Backoff, Link};
use crate::wire::{FrameInfo, JobInfo, JobStateInfo, SlaveInfo};
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many results are fetched at once.
const FETCHES_AT_ONCE: usize = 4;
/// Pause between two looks at the master while somebody waits for a frame.
const LOOK_AWAITED_MS: u64 = 200;
/// The same while nobody does.
const LOOK_MS: u64 = 1_000;
/// How many frames are asked for around one that is awaited.
const AHEAD_FRAMES: u32 = 64;
/// Most pages of frames asked for in one look.
const PAGES_PER_LOOK_MAX: usize = 8;

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

#[derive(Debug)]
struct Shared {
    request: GatherRequest,
    token: CancellationToken,
    state: Mutex<State>,
    /// Something changed, for threads.
    changed: Condvar,
    /// Somebody waits, for the loop.
    awaited: Notify,
}

#[derive(Debug)]
struct State {
    table: Table,
    job: JobInfo,
    /// Frames that somebody waits for; the latest wish comes first.
    awaited: Vec<i32>,
    names: HashMap<SlaveId, String>,
    trouble: Option<Error>,
    complete: bool,
    ended: Option<Error>,
}

/// Makes the folder if it is not there, and finds out whether files can be written into it.
pub fn prepare_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    let probe = folder.join(PROBE_NAME);
    std::fs::File::create(&probe).map_err(|error| Error::io("write into the folder", folder, &error))?;
    std::fs::remove_file(&probe).map_err(|error| Error::io("remove", &probe, &error))
}

/// Asks for the job once, then lets the gathering go on in the client's threads.
pub(super) fn start(threads: &Threads, link: &Link, request: GatherRequest) -> Result<Gather> {
    prepare_folder(&request.folder)?;
    let (asking, path) = (link.clone(), format!("jobs/{}", request.job));
    let job: JobInfo = threads.ask(async move { asking.get(&path).await })?;
    let wanted = wanted_frames(&job.frames, request.frames.as_ref())?;
    let shared = Arc::new(Shared {
        token: CancellationToken::new(),
        state: Mutex::new(State {
            table: Table::new(job.frames.clone(), &wanted),
            job,
            awaited: Vec::new(),
            names: HashMap::new(),
            trouble: None,
            complete: false,
            ended: None,
        }),
        changed: Condvar::new(),
        awaited: Notify::new(),
        request,
    });
    let ending = Ending(Arc::clone(&shared));
    let link = link.clone();
    threads.spawn(async move {
        let shared = Arc::clone(&ending.0);
        let error = tokio::select! {
            () = shared.token.cancelled() => stopped(),
            error = Round::new(&shared, &link).run() => error,
        };
        shared.end(error);
    })?;
    Ok(Gather { shared })
}

impl Gather {
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
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody waits for what a look at the master may bring.
    fn is_awaited(&self) -> bool {
        let state = self.lock();
        state.trouble.is_none() && !state.awaited.is_empty()
    }

    /// Changes the state and wakes whoever waits for a change.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
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
    fn look_at(&self, frame: i32) -> GatheredState {
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
            (GatheredState::Queued, _) => format!("frame {frame} waits for a slave"),
            (GatheredState::Rendering, _) => format!("frame {frame} is being rendered{}", on("on")),
            (GatheredState::Delivering, _) => format!("frame {frame} is on its way to the master{}", on("from")),
            (GatheredState::Fetching, _) => format!("frame {frame} is being fetched"),
        };
        let text = match &self.trouble {
            Some(trouble) if !state.is_settled() => format!("{text}; {}, trying again", trouble.message),
            _ => text,
        };
        let path = (state == GatheredState::Here).then(|| folder.join(fetch::file_name(frame)));
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

/// What of a job tells that frames of it may have changed.
type Counters = (JobStateInfo, u32, u32, u32, usize);

fn counters(job: &JobInfo) -> Counters {
    (job.state, job.rendering, job.done, job.failed, job.transitions.len())
}

type Fetched = (i32, Result<PathBuf>);

/// The loop's own memory.
struct Round<'a> {
    shared: &'a Arc<Shared>,
    link: &'a Link,
    fetches: JoinSet<Fetched>,
    seen: Option<Counters>,
    /// Pages to ask for, after the counters changed.
    pages: VecDeque<u32>,
    backoff: Backoff,
}

impl<'a> Round<'a> {
    fn new(shared: &'a Arc<Shared>, link: &'a Link) -> Self {
        Self {
            shared,
            link,
            fetches: JoinSet::new(),
            seen: None,
            pages: VecDeque::new(),
            backoff: Backoff::default(),
        }
    }

    /// Goes on until it fails for good; that there is nothing to do at the moment is no end.
    async fn run(mut self) -> Error {
        loop {
            let pause = match self.look().await {
                Ok(()) => {
                    self.backoff.reset();
                    self.shared.change(|state| state.trouble = None);
                    Duration::from_millis(if self.pages.is_empty() { LOOK_MS } else { 0 })
                }
                Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout) => {
                    self.shared.change(|state| state.trouble = Some(error));
                    self.backoff.next_wait()
                }
                Err(error) => return error,
            };
            self.start_fetches();
            if self.is_complete() {
                self.shared.change(|state| state.complete = true);
                self.shared.awaited.notified().await;
                self.shared.change(|state| state.complete = false);
            } else {
                self.rest(pause).await;
            }
        }
    }

    /// Asks the master what has changed.
    async fn look(&mut self) -> Result<()> {
        let job_id = self.shared.request.job;
        let awaited = self.shared.lock().awaited.last().copied();
        if let Some(frame) = awaited {
            let place = self.shared.lock().table.place_of(frame).unwrap_or(0);
            self.learn(place, AHEAD_FRAMES).await?;
            self.learn_name(frame).await;
        }
        let job: JobInfo = self.link.get(&format!("jobs/{job_id}")).await?;
        let counters = counters(&job);
        self.shared.change(|state| state.job = job);
        if self.seen != Some(counters) {
            let open: Vec<u32> = self.shared.lock().table.open_pages().collect();
            self.queue_pages(open);
        }
        for _ in 0..PAGES_PER_LOOK_MAX {
            let Some(page) = self.pages.front().copied() else { break };
            self.learn(page * PAGE, PAGE).await?;
            self.pages.pop_front();
        }
        self.seen = Some(counters);
        Ok(())
    }

    fn queue_pages(&mut self, pages: impl IntoIterator<Item = u32>) {
        for page in pages {
            if !self.pages.contains(&page) {
                self.pages.push_back(page);
            }
        }
    }

    async fn learn(&self, offset: u32, limit: u32) -> Result<()> {
        let path = format!("jobs/{}/frames?offset={offset}&limit={limit}", self.shared.request.job);
        let frames: Vec<FrameInfo> = self.link.get(&path).await?;
        self.shared
            .change(|state| frames.iter().for_each(|info| state.table.learn(info)));
        Ok(())
    }

    /// The name of the slave that has a frame, for people. Not to know it is no failure.
    async fn learn_name(&self, frame: i32) {
        let unknown = {
            let state = self.shared.lock();
            state
                .table
                .slave(frame)
                .is_some_and(|slave| !state.names.contains_key(&slave))
        };
        if unknown && let Ok(slaves) = self.link.get::<Vec<SlaveInfo>>("slaves").await {
            self.shared
                .change(|state| state.names.extend(slaves.into_iter().map(|slave| (slave.id, slave.name))));
        }
    }

    fn start_fetches(&mut self) {
        while self.fetches.len() < FETCHES_AT_ONCE {
            let next = self.shared.change(|state| {
                let awaited = state.awaited.last().copied();
                state.table.next_fetch(awaited)
            });
            let Some((frame, expected)) = next else { break };
            self.fetches
                .spawn(fetch_one(self.link.clone(), Arc::clone(self.shared), frame, expected));
        }
    }

    /// Whether there is nothing left to wait for.
    fn is_complete(&self) -> bool {
        let state = self.shared.lock();
        let follows = self.shared.request.follow && !state.job.state.is_over() && state.table.is_open();
        let awaits = state.awaited.iter().any(|frame| !state.look_at(*frame).is_settled());
        let is_away = state.trouble.is_some();
        !follows && !awaits && !is_away && self.pages.is_empty() && self.fetches.is_empty() && !state.table.has_fetches()
    }

    /// Until it is time to look again: fetches end and begin meanwhile.
    async fn rest(&mut self, pause: Duration) {
        let began = Instant::now();
        loop {
            let is_awaited = self.shared.is_awaited();
            let pause = if is_awaited {
                pause.min(Duration::from_millis(LOOK_AWAITED_MS))
            } else {
                pause
            };
            tokio::select! {
                () = tokio::time::sleep_until(began + pause) => return,
                () = self.shared.awaited.notified() => {}
                Some(fetched) = self.fetches.join_next(), if !self.fetches.is_empty() => {
                    if let Ok((frame, outcome)) = fetched {
                        self.finish(frame, outcome);
                    }
                    self.start_fetches();
                    if self.fetches.is_empty() {
                        return;
                    }
                }
            }
        }
    }

    fn finish(&mut self, frame: i32, outcome: Result<PathBuf>) {
        let is_away = matches!(&outcome, Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout));
        if let Err(error) = &outcome {
            tracing::warn!(job = %self.shared.request.job, frame, %error, "a result could not be fetched");
        }
        let failed = outcome.is_err();
        let place = self.shared.change(|state| {
            state.table.fetched(frame, outcome, !is_away);
            state.table.place_of(frame)
        });
        if failed {
            self.queue_pages(place.map(|place| place / PAGE));
        }
    }
}

async fn fetch_one(link: Link, shared: Arc<Shared>, frame: i32, expected: Expected) -> Fetched {
    let GatherRequest { job, folder, .. } = &shared.request;
    (frame, fetch::fetch(&link, *job, frame, expected, folder).await)
}
