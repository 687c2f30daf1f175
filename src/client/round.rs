//! The loop of a gathering: looks at the master, fetches what is done, rests.
//!
//! It decides nothing but the order. The master tells which frames changed, and is asked for those. Where its events do not
//! come through, it is asked for what can have changed (first the job's counters, then pages of frames that are still
//! open), often while somebody waits, seldom else. A master that is away is waited for; the frames say so meanwhile.

use super::PAGE;
use super::ahead::Ahead;
use super::fetch::{self, Expected};
use super::gather::{GatherRequest, Gathered, Shared, State};
use super::pages::{frames_of, wanted_frames};
use crate::error::{Code, Error, Result};
use crate::ids::JobId;
use crate::link::{Backoff, Events, Link, Told};
use crate::wire::{Changes, FrameInfo, JobInfo, JobStateInfo, SlaveInfo};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How many results are fetched at once.
const FETCHES_AT_ONCE: usize = 4;
/// Pause between two looks at the master while somebody waits for a frame.
const LOOK_AWAITED_MS: u64 = 200;
/// The same while nobody does: as long as nothing has changed, but not shorter than this …
const LOOK_MS_MIN: u64 = 100;
/// … nor longer than this. So a frame comes late by no more than a part of the time that it took,
const LOOK_MS_MAX: u64 = 1_000;
/// … and the looks at a job of many frames take up a small part of the master's time.
const LOOKS_PER_PAUSE_MAX: u32 = 10;
/// The same while the master tells what changes.
const LOOK_TOLD_MS: u64 = 2_000;
/// The same once everything is here: somebody may reset frames of a job that is over.
const LOOK_COMPLETE_MS: u64 = 10_000;
/// How long a master may take to begin to tell.
const FOLLOW_TIMEOUT_S: u64 = 5;
/// Shortest pause between two events of the master.
const EVENT_PAUSE_MS: u64 = 20;
/// How many frames are asked for around one that is awaited.
const AHEAD_FRAMES: u32 = 64;
/// Most pages of frames asked for in one look.
const PAGES_PER_LOOK_MAX: usize = 8;
/// Most runs of changed frames that are asked for one by one; for more, whole pages are.
const RUNS_PER_LOOK_MAX: usize = 8;

/// What of a job tells that frames of it may have changed.
type Counters = (JobStateInfo, u32, u32, u32, usize);

fn counters(job: &JobInfo) -> Counters {
    (job.state, job.rendering, job.done, job.failed, job.transitions.len())
}

/// Whether frames may have changed that the master did not tell of. What it told before it was followed is unknown; and the end
/// of a job can be seen before the event that tells of its last frame.
fn is_more_than_told(is_followed: bool, seen: Option<Counters>, now: Counters) -> bool {
    let is_told = is_followed && seen.is_some() && !now.0.is_over();
    !is_told && seen != Some(now)
}

type Fetched = (i32, Result<PathBuf>);

/// The loop's own memory.
pub(super) struct Round<'a> {
    shared: &'a Arc<Shared>,
    link: &'a Link,
    fetches: JoinSet<Fetched>,
    seen: Option<Counters>,
    /// When the counters were last seen to change.
    changed: Instant,
    /// Pages to ask for, after the counters changed.
    pages: VecDeque<u32>,
    /// What the master tells; none as long as it cannot be followed.
    events: Option<Events>,
    /// Places of frames that it told of.
    told: Vec<u32>,
    backoff: Backoff,
    /// Tiles of frames that are not done.
    ahead: Ahead,
}

impl<'a> Round<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, link: &'a Link) -> Self {
        Self {
            shared,
            link,
            fetches: JoinSet::new(),
            seen: None,
            changed: Instant::now(),
            pages: VecDeque::new(),
            events: None,
            told: Vec::new(),
            backoff: Backoff::default(),
            ahead: Ahead::default(),
        }
    }

    /// Goes on until it fails for good; that there is nothing to do at the moment is no end.
    pub(super) async fn run(mut self) -> Error {
        loop {
            let began = Instant::now();
            let pause = match self.look().await {
                Ok(()) => {
                    self.backoff.reset();
                    self.shared.change(|state| state.trouble = None);
                    self.pause(began.elapsed())
                }
                Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout) => {
                    self.shared.change(|state| state.trouble = Some(error));
                    self.backoff.next_wait()
                }
                Err(error) => return error,
            };
            self.start_fetches();
            self.ahead.go_on(self.shared, self.link);
            let complete = self.is_complete();
            if complete && let Some(denoise) = &self.shared.denoise {
                denoise.end().await;
            }
            self.shared.change(|state| state.complete = complete);
            if complete {
                self.rest_complete().await;
            } else {
                self.rest(pause).await;
            }
        }
    }

    fn pause(&self, took: Duration) -> Duration {
        match (&self.events, self.pages.is_empty()) {
            (_, false) => Duration::ZERO,
            (Some(_), true) => Duration::from_millis(LOOK_TOLD_MS),
            (None, true) => pause_between_looks(self.changed.elapsed(), took),
        }
    }

    /// Asks the master what has changed.
    async fn look(&mut self) -> Result<()> {
        let job_id = self.shared.request.job;
        if self.events.is_none() {
            // Before anything is read, so that nothing is missed in between. One that cannot be followed is asked instead.
            let following = tokio::time::timeout(Duration::from_secs(FOLLOW_TIMEOUT_S), follow(self.link, job_id));
            self.events = following.await.ok().and_then(Result::ok);
            self.seen = self.seen.filter(|_| self.events.is_none());
        }
        self.learn_told().await?;
        let awaited = self.shared.lock().awaited.last().copied();
        if let Some(frame) = awaited {
            let place = self.shared.lock().table.place_of(frame).unwrap_or(0);
            self.learn(place, AHEAD_FRAMES).await?;
            self.learn_name(frame).await;
        }
        let job: JobInfo = self.link.get(&format!("jobs/{job_id}")).await?;
        let counters = counters(&job);
        self.follow_edits(job).await?;
        if is_more_than_told(self.events.is_some(), self.seen, counters) {
            self.changed = Instant::now();
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

    /// Takes in what the job is now. If frames of it were reset, added or taken out, what was known of them may be old: all
    /// are looked at anew, and a file that is still the right one is not fetched again.
    async fn follow_edits(&mut self, job: JobInfo) -> Result<()> {
        let is_same = |state: &State| state.job.resets == job.resets && state.job.frames == job.frames;
        if is_same(&self.shared.lock()) {
            self.shared.change(|state| state.job = job);
            return Ok(());
        }
        let frames = frames_of(self.link, &job).await?;
        let wanted = wanted_frames(&frames, self.shared.request.frames.as_ref()).ok();
        self.shared.change(|state| {
            state.table.renew(frames, wanted.as_ref());
            state.job = job;
        });
        self.seen = None;
        self.pages.clear();
        Ok(())
    }

    /// Asks for the frames that the master told of.
    async fn learn_told(&mut self) -> Result<()> {
        let mut places = std::mem::take(&mut self.told);
        places.sort_unstable();
        places.dedup();
        let runs: Vec<&[u32]> = places.chunk_by(|a, b| b - a <= AHEAD_FRAMES).collect();
        let is_short = |run: &&[u32]| run[run.len() - 1] - run[0] < PAGE;
        if runs.len() > RUNS_PER_LOOK_MAX || !runs.iter().all(is_short) {
            self.queue_pages(places.iter().map(|place| place / PAGE));
            return Ok(());
        }
        for run in &runs {
            if let Err(error) = self.learn(run[0], run[run.len() - 1] - run[0] + 1).await {
                self.told = places;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Takes in what the master told. A stream that broke is begun anew at the next look.
    fn hear(&mut self, told: Result<Told>) {
        match told {
            Ok(Told::Changes(Changes { frames, .. })) => {
                let state = self.shared.lock();
                let frames = frames.iter().filter(|changed| changed.job == self.shared.request.job);
                let places = frames.flat_map(|changed| changed.frames.iter().filter_map(|frame| state.table.place_of(frame)));
                self.told.extend(places);
            }
            Ok(Told::Reset) => self.seen = None,
            Err(error) => {
                tracing::debug!(%error, "the master's events broke off");
                self.events = None;
            }
        }
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
            let slave = state.table.slave(frame);
            slave.filter(|slave| !state.names.contains_key(slave))
        };
        if let Some(slave) = unknown
            && let Ok(info) = self.link.get::<SlaveInfo>(&format!("slaves/{slave}")).await
        {
            self.shared.change(|state| state.names.insert(slave, info.name));
        }
    }

    fn start_fetches(&mut self) {
        while self.fetches.len() < FETCHES_AT_ONCE {
            let next = self.shared.change(|state| {
                let awaited = state.awaited.last().copied();
                state.table.next_fetch(awaited)
            });
            let Some((frame, expected)) = next else { break };
            self.ahead.let_go(frame);
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

    /// Until somebody wants more, or the master tells of more.
    async fn rest_complete(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(LOOK_COMPLETE_MS)) => {}
            () = self.shared.awaited.notified() => {}
            told = next_event(&mut self.events) => self.hear(told),
        }
    }

    /// Until it is time to look again: fetches end and begin meanwhile.
    async fn rest(&mut self, pause: Duration) {
        let began = Instant::now();
        loop {
            let is_awaited = self.shared.is_awaited();
            let pause = match (&self.events, is_awaited) {
                (_, false) => pause,
                (Some(_), true) => pause.min(Duration::from_millis(LOOK_MS_MAX)),
                (None, true) => pause.min(Duration::from_millis(LOOK_AWAITED_MS)),
            };
            tokio::select! {
                () = tokio::time::sleep_until(began + pause) => return,
                told = next_event(&mut self.events) => {
                    self.hear(told);
                    return;
                }
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

/// How long to rest after a look that took so long, if nothing has changed since.
fn pause_between_looks(unchanged: Duration, took: Duration) -> Duration {
    unchanged
        .clamp(Duration::from_millis(LOOK_MS_MIN), Duration::from_millis(LOOK_MS_MAX))
        .max(took.saturating_mul(LOOKS_PER_PAUSE_MAX))
        .min(Duration::from_millis(LOOK_MS_MAX))
}

/// Begins to follow a job. The first event only says that from here on nothing is missed.
async fn follow(link: &Link, job: JobId) -> Result<Events> {
    let mut events = link.follow(Some(job), Duration::from_millis(EVENT_PAUSE_MS)).await?;
    events.next().await?;
    Ok(events)
}

/// Never, if nothing is followed.
async fn next_event(events: &mut Option<Events>) -> Result<Told> {
    match events {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}

async fn fetch_one(link: Link, shared: Arc<Shared>, frame: i32, expected: Expected) -> Fetched {
    let GatherRequest { job, folder, what, .. } = &shared.request;
    let fetched = match what {
        Gathered::Layers => fetch::layers(&link, (*job, frame), expected, shared.denoise.as_ref(), folder).await,
        Gathered::Finals => fetch::finals(&link, *job, frame, folder).await,
    };
    (frame, fetched)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_job_that_is_seen_before_its_event_ends_no_gathering_early() {
        let rendering = (JobStateInfo::Queued, 1, 1, 0, 2);
        let finished = (JobStateInfo::Finished, 0, 2, 0, 3);
        assert!(is_more_than_told(true, Some(rendering), finished));
        assert!(!is_more_than_told(true, Some(finished), finished));
        assert!(!is_more_than_told(true, Some((JobStateInfo::Queued, 2, 0, 0, 2)), rendering));
        assert!(is_more_than_told(true, None, rendering) && is_more_than_told(false, Some(finished), rendering));
    }

    #[test]
    fn a_master_is_looked_at_as_often_as_things_change_and_never_without_pause() {
        let pause_ms =
            |unchanged, took| pause_between_looks(Duration::from_millis(unchanged), Duration::from_millis(took)).as_millis();
        assert_eq!(pause_ms(0, 1), 100);
        assert_eq!(pause_ms(400, 1), 400);
        assert_eq!(pause_ms(60_000, 1), 1_000);
        assert_eq!(pause_ms(0, 50), 500, "a slow look is seldom repeated");
        assert_eq!(pause_ms(0, 5_000), 1_000);
    }
}
