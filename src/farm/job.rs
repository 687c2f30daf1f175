//! One job: its tasks, and counters that always agree with them.
//!
//! Absences: nothing here knows other jobs, or slaves beyond their ids. [`Job::put`] is the only place where a task changes.

use super::effect::Change;
use super::limits::{RETRIES_SEARCHED_MAX, TRANSITIONS_MAX};
use super::model::{Ban, JobRecord, JobState, TaskRecord, Transition};
use super::ranges::TaskRanges;
use super::resting::Faults;
use super::seconds::LatestSeconds;
use super::settings::Settings;
use super::task::{Failures, State, Task};
use crate::ids::{Attempt, JobId, Piece, SlaveId, TaskIndex};
use std::collections::BTreeMap;

/// A job with its tasks.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) record: JobRecord,
    /// Tasks up to the highest that was ever leased; those beyond are [`Task::FRESH`].
    tasks: Vec<Task>,
    /// Queued tasks that never failed …
    pub(super) fresh: TaskRanges,
    /// … those that did …
    pub(super) retries: TaskRanges,
    /// … and those that come after one that is not done ([`super::bakes`], [`super::denoising`]).
    pub(super) held: TaskRanges,
    /// Tasks whose frames were taken out: in no queue and no counter, but what became of them is kept.
    pub(super) dropped: TaskRanges,
    pub(super) failures: BTreeMap<TaskIndex, Failures>,
    /// Slaves that get nothing of it.
    pub(super) bans: BTreeMap<SlaveId, Ban>,
    /// What each slave failed of it since it last finished a task.
    pub(super) faults: BTreeMap<SlaveId, Faults>,
    pub(super) leased: u32,
    /// Of the leased ones, those that two slaves have.
    pub(super) leased_twice: u32,
    pub(super) done: u32,
    pub(super) failed: u32,
    pub(super) latest_seconds: LatestSeconds,
}

impl Job {
    /// A job of which no task was ever leased.
    pub(super) fn new(record: JobRecord) -> Self {
        let mut job = Self {
            tasks: Vec::new(),
            fresh: TaskRanges::first(record.layout.len()),
            retries: TaskRanges::default(),
            held: TaskRanges::default(),
            dropped: TaskRanges::default(),
            failures: BTreeMap::new(),
            bans: BTreeMap::new(),
            faults: BTreeMap::new(),
            leased: 0,
            leased_twice: 0,
            done: 0,
            failed: 0,
            latest_seconds: LatestSeconds::default(),
            record,
        };
        if job.record.layout.len() != job.task_count() {
            for index in (0..job.record.layout.len()).map(TaskIndex) {
                if !job.is_wanted(index) {
                    job.drop_task(index);
                }
            }
        }
        for index in job.held_at_first() {
            job.queue_anew(index);
        }
        job
    }

    pub(super) fn id(&self) -> JobId {
        self.record.job.id
    }

    pub(super) fn state(&self) -> JobState {
        self.record.transitions.last().map_or(JobState::Queued, |it| it.state)
    }

    pub(super) fn task_count(&self) -> u32 {
        self.record.job.frames.len() * self.record.layout.tasks_per_frame()
    }

    /// How many of its tasks could be leased now.
    pub(super) fn queued(&self) -> u32 {
        self.fresh.len() + self.retries.len()
    }

    /// How many of its tasks wait to be leased, now or when others are done.
    pub(super) fn waiting(&self) -> u32 {
        self.queued() + self.held.len()
    }

    /// How many of its tasks are with slaves, done or given up, or were tried at least.
    pub(super) fn dispatched(&self) -> u32 {
        self.task_count() - self.fresh.len() - self.held.len()
    }

    /// What its tasks take up in memory.
    #[cfg(test)]
    pub(super) fn task_bytes(&self) -> usize {
        self.tasks.capacity() * size_of::<Task>()
    }

    /// Whether tasks of it may be leased as soon as there are any.
    pub(super) fn may_go_on(&self) -> bool {
        self.state() == JobState::Queued
    }

    /// Whether tasks of it may be leased now.
    pub(super) fn is_ready(&self) -> bool {
        self.may_go_on() && self.queued() > 0
    }

    /// Whether nothing but failures came of it so far.
    pub(super) fn is_hopeless(&self, settings: &Settings) -> bool {
        settings.hopeless_after > 0 && self.done == 0 && self.failed >= settings.hopeless_after
    }

    /// Whether every task came to an end.
    pub(super) fn is_worked_off(&self) -> bool {
        self.done + self.failed == self.task_count()
    }

    /// The frame that a task renders.
    pub(super) fn frame_of(&self, index: TaskIndex) -> Option<i32> {
        self.record.layout.frame_of(index)
    }

    /// What a task renders.
    pub(super) fn piece_of(&self, index: TaskIndex) -> Option<Piece> {
        self.record.layout.piece_of(index)
    }

    /// Whether a task's frame is one of those to be rendered.
    pub(super) fn is_wanted(&self, index: TaskIndex) -> bool {
        let frame = self.frame_of(index);
        frame.is_some_and(|frame| self.record.job.frames.place_of(frame).is_some())
    }

    pub(super) fn task(&self, index: TaskIndex) -> Option<Task> {
        let fresh = (index.0 < self.record.layout.len()).then_some(Task::FRESH);
        self.tasks.get(index.0 as usize).copied().or(fresh)
    }

    pub(super) fn task_record(&self, index: TaskIndex) -> Option<TaskRecord> {
        let task = self.task(index)?;
        let failures = self.failures.get(&index);
        Some(TaskRecord {
            attempt: task.attempt,
            attempts: task.attempts,
            failures: failures.map_or(0, |it| it.count),
            state: task.state.told(failures),
            last_failure: failures.map(|it| it.reason.clone()),
            failed_on: failures.map(|it| it.slaves.clone()).unwrap_or_default(),
            failed_before: failures.map(|it| it.before.clone()).unwrap_or_default(),
        })
    }

    /// What to record of a task after it changed.
    pub(super) fn task_change(&self, index: TaskIndex) -> Option<Change> {
        Some(Change::Task {
            job: self.id(),
            task: index,
            record: self.task_record(index)?,
        })
    }

    /// Tasks that were ever leased, ascending.
    pub(super) fn touched(&self) -> impl Iterator<Item = (TaskIndex, Task)> + '_ {
        (0..).map(TaskIndex).zip(self.tasks.iter().copied())
    }

    /// The next tasks to lease, ascending: retries first, so that a broken frame is known early and the job does not end
    /// with them. `may_retry` says for which of them this slave is good enough.
    pub(super) fn next_tasks(&self, count: usize, may_retry: impl Fn(&Failures) -> bool) -> Vec<TaskIndex> {
        let retries: Vec<TaskIndex> = self.retries_for(may_retry).take(count).collect();
        if retries.is_empty() {
            self.fresh.iter().take(count).collect()
        } else {
            retries
        }
    }

    /// Retries, of the first few, that a slave may have.
    pub(super) fn retries_for(&self, may_retry: impl Fn(&Failures) -> bool) -> impl Iterator<Item = TaskIndex> {
        let allowed = move |index: &TaskIndex| self.failures.get(index).is_none_or(&may_retry);
        self.retries.iter().take(RETRIES_SEARCHED_MAX).filter(allowed)
    }

    pub(super) fn is_done(&self, index: TaskIndex) -> bool {
        self.task(index).is_some_and(|task| matches!(task.state, State::Done { .. }))
    }

    pub(super) fn has_failed(&self, index: TaskIndex) -> bool {
        self.task(index)
            .is_some_and(|task| matches!(task.state, State::Failed { .. }))
    }

    /// Puts a task into another state.
    pub(super) fn enter(&mut self, index: TaskIndex, state: State) {
        let task = self.task(index).unwrap_or(Task::FRESH);
        self.put(index, Task { state, ..task });
    }

    /// Puts a task in the place of what it was, and keeps queue and counters in step.
    pub(super) fn put(&mut self, index: TaskIndex, task: Task) {
        let place = index.0 as usize;
        if place >= self.tasks.len() {
            self.grow_to(place + 1);
        }
        let counts = !self.dropped.contains(index);
        if counts {
            self.count_out(index, self.tasks[place].state);
            self.count_in(index, task.state);
        }
        let is_done = |task: Task| matches!(task.state, State::Done { .. });
        let frees_others = is_done(task) != is_done(self.tasks[place]);
        if let State::Done { seconds, .. } = task.state
            && !self.is_denoising(index)
        {
            self.latest_seconds.push(seconds / self.size_of(index));
        }
        self.tasks[place] = task;
        if frees_others {
            for next in self.next_after(index) {
                self.queue_anew(next);
            }
        }
    }

    /// Puts a queued task into the queue where it belongs by now.
    pub(super) fn queue_anew(&mut self, index: TaskIndex) {
        let is_queued = self.task(index).is_some_and(|task| task.state == State::Queued);
        if is_queued && !self.dropped.contains(index) {
            self.count_out(index, State::Queued);
            self.count_in(index, State::Queued);
        }
    }

    /// Takes a task that no slave has out of the job: nothing counts it any more.
    pub(super) fn drop_task(&mut self, index: TaskIndex) {
        if let Some(task) = self.task(index).filter(|_| !self.dropped.contains(index)) {
            self.count_out(index, task.state);
            self.dropped.insert(index);
        }
    }

    /// Brings a task that was taken out back, in the state that it had.
    pub(super) fn bring_back(&mut self, index: TaskIndex) {
        if let Some(task) = self.task(index).filter(|_| self.dropped.contains(index)) {
            self.dropped.remove(index);
            self.count_in(index, task.state);
        }
    }

    /// Makes a task that no slave has one to be rendered anew. Its last attempt counts for nothing any more: what may still
    /// be told of it is stale.
    pub(super) fn reset(&mut self, index: TaskIndex) {
        if let Some(failures) = self.failures.get_mut(&index) {
            failures.count = 0;
            failures.before.append(&mut failures.slaves);
            failures.before.sort_unstable();
            failures.before.dedup();
        }
        let attempts = self.task(index).map_or(0, |task| task.attempts) + 1;
        let task = Task {
            attempt: Attempt(attempts),
            attempts,
            state: State::Queued,
        };
        self.put(index, task);
    }

    fn count_out(&mut self, index: TaskIndex, state: State) {
        match state {
            // The sets that do not have it are not changed.
            State::Queued => {
                self.fresh.remove(index);
                self.retries.remove(index);
                self.held.remove(index);
            }
            State::Leased { second, .. } => {
                self.leased -= 1;
                self.leased_twice -= u32::from(second.is_some());
            }
            State::Done { .. } => self.done -= 1,
            State::Failed { .. } => self.failed -= 1,
        }
    }

    fn count_in(&mut self, index: TaskIndex, state: State) {
        match state {
            State::Queued if self.is_held(index) => self.held.insert(index),
            State::Queued if self.failures.contains_key(&index) => self.retries.insert(index),
            State::Queued => self.fresh.insert(index),
            State::Leased { second, .. } => {
                self.leased += 1;
                self.leased_twice += u32::from(second.is_some());
            }
            State::Done { .. } => self.done += 1,
            State::Failed { .. } => self.failed += 1,
        }
    }

    /// Takes a task's history from the store.
    pub(super) fn restore_task(&mut self, index: TaskIndex, record: TaskRecord, state: State) {
        if index.0 >= self.record.layout.len() {
            return;
        }
        let task = Task {
            attempt: record.attempt,
            attempts: record.attempts.max(record.attempt.0),
            state,
        };
        if record.failures > 0 || record.last_failure.is_some() {
            // The latest that is not at work.
            let mut ended = (0..=task.attempts).rev().map(Attempt);
            let failed = ended.find(|attempt| !task.holds().any(|hold| hold.attempt == *attempt));
            let failures = Failures {
                count: record.failures,
                attempt: failed.unwrap_or(Attempt(0)),
                slaves: record.failed_on,
                before: record.failed_before,
                reason: record.last_failure.unwrap_or_default(),
            };
            // A queued task changes from one queue to the other by this: `put` looks in both.
            self.failures.insert(index, failures);
        }
        self.put(index, task);
    }

    pub(super) fn push_transition(&mut self, transition: Transition) {
        self.record.transitions.push(transition);
        self.shorten_transitions();
    }

    /// Forgets the oldest transitions after the first one.
    pub(super) fn shorten_transitions(&mut self) {
        let excess = self.record.transitions.len().saturating_sub(TRANSITIONS_MAX);
        if excess > 0 {
            self.record.transitions.drain(1..=excess);
        }
    }

    /// Grows by an eighth: doubling would cost a job of a million frames twice its size.
    fn grow_to(&mut self, len: usize) {
        let spare = (self.tasks.len() / 8).max(64);
        if len > self.tasks.capacity() {
            let wanted = (len + spare).min(self.record.layout.len() as usize).max(len);
            self.tasks.reserve_exact(wanted - self.tasks.len());
        }
        self.tasks.resize(len, Task::FRESH);
    }
}
