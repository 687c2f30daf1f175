//! The brain: jobs, tasks, slaves, and who renders what next. A plain value that knows everything and does nothing.
//!
//! Absences: no clock, no network, no disk, no threads, no randomness, no serde, no logging. Time comes in with every
//! event, wishes go out as effects, in order. See [`Farm`] for the four verbs.
//!
//! How to read it: [`event`](Event) and [`effect`](Effect) list all that can happen and all that can be wanted; `on_*` are
//! the arms of [`Farm::handle`]; `job`, `slave`, `waits` and `balance` are the parts of its state, each true in itself;
//! [`check()`] says what must be true between them; `sim` lets it live through bad days.

mod bakes;
mod balance;
mod blacklist;
mod blocks;
mod check;
mod denoising;
mod dependencies;
mod effect;
mod event;
mod explain;
mod fitness;
mod holds;
mod job;
mod judging;
mod limits;
mod model;
mod on_edit;
mod on_job;
mod on_report;
mod on_reset;
mod on_slave;
mod on_work;
mod queries;
mod ranges;
mod requirements;
mod resting;
mod restore;
mod retention;
mod rules;
mod seconds;
mod settings;
#[cfg(test)]
pub(crate) mod sim;
mod slave;
mod steering;
mod straggler;
mod take_back;
mod task;
mod tiles;
mod time;
mod timeouts;
mod waits;

pub use bakes::Bake;
pub use check::check;
pub use effect::{Change, Effect, Lease, Refusal};
pub use event::{Event, RequestId, TaskRef};
pub use explain::Explainer;
pub use model::{
    Ban, BanCause, CHUNK_TASKS_MAX, Hold, JobEdit, JobRecord, JobState, JobView, Machine, NewJob, PRIORITY_RANGE, ReportBody,
    Reset, ResultFile, SlaveRecord, SlaveView, Steering, TaskRecord, TaskState, Transition,
};
pub use restore::Records;
pub use rules::{NEW_FRAMES_RANGE, Rule, Rules, SHARE_PERCENT_RANGE, STARVING_MINUTES_RANGE};
pub use settings::{Limits, Settings};
pub use tiles::TiledFrame;
pub use time::Moment;

use crate::ids::{JobId, SlaveId, TaskIndex};
use balance::{Balance, Standing};
use job::Job;
use slave::Slave;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use waits::Waits;

/// All that a master knows of its jobs and slaves.
///
/// Four verbs: [`handle`](Self::handle) what happened, [`poll_effect`](Self::poll_effect) until there is none, call again
/// at [`next_deadline`](Self::next_deadline) at the latest, and ask the `&self` questions at any time.
#[derive(Debug, Clone)]
pub struct Farm {
    /// When the latest event happened.
    now: Moment,
    jobs: BTreeMap<JobId, Job>,
    slaves: BTreeMap<SlaveId, Slave>,
    waits: Waits,
    balance: Balance,
    settings: Settings,
    /// Who depends on a job.
    dependents: BTreeMap<JobId, BTreeSet<JobId>>,
    /// When which ban ends.
    ban_ends: BTreeSet<(Moment, Option<JobId>, SlaveId)>,
    /// When which job goes on where it rests.
    rest_ends: BTreeSet<(Moment, JobId, SlaveId)>,
    /// When to look for attempts that take too long.
    timeouts_due: Option<Moment>,
    /// When to look for jobs that are kept no longer.
    retention_due: Option<Moment>,
    /// Whether the master's disk has no room for results.
    disk_is_low: bool,
    /// No slave has been silent for too long before this.
    silence_due: Option<Moment>,
    /// Whether there may be work, since the last event, for slaves that wait for some.
    work_appeared: bool,
    effects: VecDeque<Effect>,
}

impl Farm {
    /// A farm without jobs or slaves.
    #[must_use]
    pub fn new() -> Self {
        let now = Moment(0);
        Self {
            now,
            jobs: BTreeMap::new(),
            slaves: BTreeMap::new(),
            waits: Waits::default(),
            balance: Balance::new(now),
            settings: Settings::default(),
            dependents: BTreeMap::new(),
            ban_ends: BTreeSet::new(),
            rest_ends: BTreeSet::new(),
            timeouts_due: None,
            retention_due: None,
            disk_is_low: false,
            silence_due: None,
            work_appeared: false,
            effects: VecDeque::new(),
        }
    }

    /// Lets something happen; what is wanted because of it, [`poll_effect`](Self::poll_effect) tells.
    pub fn handle(&mut self, now: Moment, event: Event) {
        let due = self.next_deadline();
        if now < self.now {
            self.clock_went_back(now);
        } else if due.is_some_and(|due| now.millis_since(due) > limits::CLOCK_LATE_MS_MAX) {
            self.clock_went_ahead(now);
        }
        self.now = now;
        self.balance.pass(now);
        match event {
            Event::Tick => self.tick(),
            Event::JobSubmitted { request, job } => self.job_submitted(request, job),
            Event::JobRestored { request, record, tasks } => self.job_restored(request, *record, tasks),
            Event::JobFilesReady { job } => self.job_files_ready(job),
            Event::JobPaused { request, job } => self.job_paused(request, job),
            Event::JobResumed { request, job } => self.job_resumed(request, job),
            Event::JobCancelled { request, job } => self.job_cancelled(request, job),
            Event::AllCancelled { request } => self.all_cancelled(request),
            Event::JobRemoved {
                request,
                job,
                keep_results,
            } => self.job_removed(request, job, keep_results),
            Event::JobEdited { request, job, edit } => self.job_edited(request, job, *edit),
            Event::JobReset { request, job, which } => self.job_reset(request, job, &which),
            Event::SettingsChanged { request, settings } => self.settings_changed(request, *settings),
            Event::DiskChanged { is_low } => self.disk_changed(is_low),
            Event::SlaveRegistered {
                request,
                slave,
                machine,
                holding,
            } => {
                self.slave_registered(request, slave, machine, &holding);
            }
            Event::SlaveSeen { slave } => self.slave_seen(slave),
            Event::SlaveLeft { slave } => self.slave_left(slave),
            Event::SlaveSteered { request, slave, how } => self.slave_steered(request, slave, how),
            Event::SlaveTagged { request, slave, tags } => self.slave_tagged(request, slave, tags),
            Event::SlaveRests { slave, why } => self.slave_rests(slave, why),
            Event::WorkWanted {
                request,
                slave,
                until,
                warm,
            } => self.work_wanted(request, slave, until, warm),
            Event::SlaveBanned {
                request,
                job,
                slave,
                reason,
            } => self.slave_banned(request, job, slave, reason),
            Event::BanLifted { request, job, slave } => self.ban_lifted(request, job, slave),
            Event::Progressed { slave, task, percent } => self.progressed(slave, task, percent),
            Event::WorkUnwanted { request } => self.work_unwanted(request),
            Event::Report {
                request,
                slave,
                task,
                body,
            } => self.report(request, slave, task, body),
            Event::RulesChanged { request, rules } => self.rules_changed(request, rules),
        }
        self.serve_waits_if_work_appeared();
    }

    /// The next thing to do, oldest first.
    #[must_use]
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to call [`handle`](Self::handle) with [`Event::Tick`], if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        let deadlines = [
            self.waits.first_end(),
            self.balance.sample_due(),
            self.silence_due,
            self.retention_due,
            self.timeouts_due,
            self.ban_ends.first().map(|(until, ..)| *until),
            self.rest_ends.first().map(|(until, ..)| *until),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Time has passed: everything that is due.
    fn tick(&mut self) {
        if self.silence_due.is_some_and(|due| due <= self.now) {
            self.send_silent_slaves_off();
        }
        if self.balance.sample_due().is_some_and(|due| due <= self.now) {
            self.balance.sample(self.now);
            // Whom a failed task is kept for may have changed without an event of its own.
            self.work_appeared = true;
        }
        let is_look_due = self.timeouts_due.is_some_and(|due| due <= self.now);
        if is_look_due {
            self.end_what_takes_too_long();
        }
        self.lift_what_is_over();
        self.end_rests();
        if self.retention_due.is_some_and(|due| due <= self.now) {
            self.remove_what_is_kept_no_longer();
        }
        // Rather work in the last moment than none.
        self.serve_waits_if_work_appeared();
        if is_look_due {
            self.render_stragglers_twice();
        }
        while let Some(request) = self.waits.ended(self.now) {
            self.end_wait(request);
        }
    }

    fn serve_waits_if_work_appeared(&mut self) {
        if std::mem::take(&mut self.work_appeared) {
            self.serve_waits();
        }
    }

    /// A master that was stopped, or whose machine slept, heard of nobody meanwhile: that time counts for nothing.
    fn clock_went_ahead(&mut self, now: Moment) {
        let lost_ms = now.millis_since(self.now);
        self.balance.clock_went_ahead(lost_ms);
        self.silence_due = self.silence_due.map(|due| due.plus_millis(lost_ms));
        for slave in self.slaves.values_mut() {
            slave.last_seen = slave.last_seen.plus_millis(lost_ms);
            for chunk in &mut slave.chunks {
                chunk.moved = chunk.moved.plus_millis(lost_ms);
                chunk.heard = chunk.heard.plus_millis(lost_ms);
            }
        }
    }

    /// Moments that lie in the future now would make waits and silences longer than their limits.
    fn clock_went_back(&mut self, now: Moment) {
        self.balance.clock_went_back(now);
        self.waits.end_by(now.plus_millis(limits::WORK_WAIT_MS_MAX));
        self.end_rests_by(now.plus_millis(limits::REST_MS_MAX));
        self.silence_due = self
            .silence_due
            .map(|due| due.min(now.plus_millis(self.settings.silence_ms())));
        self.retention_due = self.retention_due.map(|_| now);
        self.timeouts_due = self.timeouts_due.map(|_| now);
        for slave in self.slaves.values_mut() {
            slave.last_seen = slave.last_seen.min(now);
            for chunk in &mut slave.chunks {
                chunk.moved = chunk.moved.min(now);
                chunk.heard = chunk.heard.min(now);
            }
        }
    }

    fn record(&mut self, change: Change) {
        self.effects.push_back(Effect::Record(change));
    }

    fn record_task(&mut self, job: JobId, task: TaskIndex) {
        if let Some(change) = self.jobs.get(&job).and_then(|job| job.task_change(task)) {
            self.record(change);
        }
    }

    fn accept(&mut self, request: RequestId) {
        self.effects.push_back(Effect::Accept { request });
    }

    fn refuse(&mut self, request: RequestId, refusal: Refusal) {
        self.effects.push_back(Effect::Refuse { request, refusal });
    }

    /// Brings a job's end and its standing in line after tasks of it, or its state, changed.
    fn settle(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id) else {
            return;
        };
        let (old, new) = (job.state(), self.due_state(job));
        if old != new {
            if old.is_over() && !new.is_over() {
                self.reopen(id);
            } else {
                self.transit(id, new);
            }
            if (old == JobState::Finished) != (new == JobState::Finished) {
                self.settle_dependents(id);
            }
        }
        let Some(job) = self.jobs.get(&id) else {
            return;
        };
        let standing = match job.state() {
            state if state.is_over() => Standing::Over,
            _ if job.is_ready() => Standing::Ready,
            _ => Standing::Held,
        };
        self.work_appeared |= self.balance.stand(id, standing, job.dispatched());
    }

    /// The state that a job should be in, as its tasks, its files and those that it depends on stand.
    fn due_state(&self, job: &Job) -> JobState {
        match job.state() {
            JobState::Cancelled => JobState::Cancelled,
            _ if job.is_worked_off() && job.failed == 0 => JobState::Finished,
            _ if job.is_worked_off() => JobState::Failed,
            JobState::Paused => JobState::Paused,
            _ => self.idle_state(job),
        }
    }

    /// The state of a job that is to go on as soon as it can.
    fn idle_state(&self, job: &Job) -> JobState {
        if job.record.job.files_missing || self.is_held_back(job) {
            JobState::Waiting
        } else {
            JobState::Queued
        }
    }

    /// Lets a job that was over go on.
    fn reopen(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id) else {
            return;
        };
        if self.balance.share(id).is_none() {
            let record = &job.record;
            self.balance
                .add(self.now, &record.job, record.submitted, record.last_dispatched);
        }
        let state = self.idle_state(job);
        self.transit(id, state);
    }

    /// Lets a job enter another state, and records it.
    fn transit(&mut self, id: JobId, state: JobState) {
        if let Some(job) = self.jobs.get_mut(&id) {
            let transition = Transition { at: self.now, state };
            job.push_transition(transition);
            if state.is_over() {
                self.retention_due
                    .get_or_insert(self.now.plus_millis(limits::RETENTION_LOOK_MS));
            }
            self.record(Change::JobState { job: id, transition });
        }
    }
}

impl Default for Farm {
    fn default() -> Self {
        Self::new()
    }
}
