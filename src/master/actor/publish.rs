//! What changed, handed to those who follow: once it is durable.

use super::Actor;
use super::state::State;
use crate::farm::{Change, Moment};
use crate::ids::{JobId, SlaveId};
use crate::master::feed::Changed;
use crate::store::Write;
use std::collections::BTreeSet;

impl Actor {
    /// Tells of what has just become durable.
    pub(super) fn publish(&mut self, writes: &[Write]) {
        self.feed.add(writes.iter().filter_map(|write| changed(write, &self.state)));
        for write in writes {
            match write {
                Write::Farm(Change::JobDispatched { job, at }) => self.note_dispatch(*job, *at),
                // It came out of an archive.
                Write::Farm(Change::JobAdded(record)) if record.transitions.last().is_some_and(|last| last.state.is_over()) => {
                    self.press.compress(self.home.folders.logs(record.job.id));
                }
                Write::Farm(Change::JobState { job, transition }) if transition.state.is_over() => {
                    self.press.compress(self.home.folders.logs(*job));
                }
                _ => {}
            }
        }
    }

    fn note_dispatch(&mut self, job: JobId, at: Moment) {
        let is_first = self
            .state
            .jobs
            .get_mut(&job)
            .is_some_and(|notes| !std::mem::replace(&mut notes.dispatched, true));
        if is_first && let Some(view) = self.state.farm.job(job) {
            self.metrics.queue.add(at.millis_since(view.record.submitted) * 1_000);
        }
    }

    /// Tells of slaves that came or went since the last call: silence is not recorded, so no write tells of it.
    pub(super) fn publish_presence(&mut self) {
        let slaves = self.state.farm.slaves().filter(|slave| slave.online);
        let online: BTreeSet<SlaveId> = slaves.map(|slave| slave.record.id).collect();
        self.feed
            .add(online.symmetric_difference(&self.online).copied().map(Changed::Slave));
        self.online = online;
    }
}

fn changed(write: &Write, state: &State) -> Option<Changed> {
    match write {
        Write::Farm(Change::JobAdded(record)) => Some(Changed::Job(record.job.id)),
        Write::Farm(Change::JobState { job, .. } | Change::JobRemoved(job) | Change::Ban { job: Some(job), .. }) => {
            Some(Changed::Job(*job))
        }
        Write::Farm(Change::JobEdited { job, .. }) => Some(Changed::Job(job.id)),
        // Its count of resets tells that all that is known of its frames may be old.
        Write::Farm(Change::TasksReset { job, .. }) => Some(Changed::Job(*job)),
        Write::Farm(Change::Task { job, task, .. }) => {
            let frame = state.farm.frame_of(*job, *task);
            Some(frame.map_or(Changed::Job(*job), |frame| Changed::Frame(*job, frame)))
        }
        Write::Farm(Change::Slave(record)) => Some(Changed::Slave(record.id)),
        Write::Farm(Change::SlaveRemoved(slave) | Change::Ban { job: None, slave, .. }) | Write::Facts { slave, .. } => {
            Some(Changed::Slave(*slave))
        }
        Write::Farm(Change::Rules(_)) => Some(Changed::Rules),
        Write::Farm(Change::Settings(_)) => Some(Changed::Settings),
        // Every dispatch changes a task too, and is told of by that.
        Write::Farm(Change::JobDispatched { .. }) | Write::Manifest { .. } | Write::Baked { .. } | Write::Note { .. } => None,
    }
}
