//! A task in the hands of slaves: of one, or of two while the first one takes too long (see [`super::straggler`]).
//!
//! Whatever comes of one attempt, the other goes on: the task is queued again, or given up, only when no slave has it.

use super::Farm;
use super::effect::Effect;
use super::event::TaskRef;
use super::job::Job;
use super::model::Hold;
use super::slave::Loss;
use super::task::{Failures, State, Task};
use super::time::Moment;
use crate::ids::{Attempt, JobId, SlaveId, TaskIndex};

impl Farm {
    /// Takes a task out of a slave's hands without counting a failure: free for others at once.
    pub(super) fn put_back(&mut self, slave: SlaveId, id: JobId, index: TaskIndex) {
        if self.let_go(slave, id, index).is_some() {
            self.settle(id);
            self.work_appeared = true;
        }
    }

    /// Takes a task out of a slave's hands; the order that tells the slave. The caller settles the job.
    pub(super) fn take_back(&mut self, slave: SlaveId, id: JobId, index: TaskIndex) -> Option<Effect> {
        let hold = self.let_go(slave, id, index)?;
        Some(order_to_stop(id, index, hold))
    }

    /// Takes a task out of all hands; the orders that tell the slaves. The caller settles the job.
    pub(super) fn take_back_from_all(&mut self, id: JobId, index: TaskIndex) -> Vec<Effect> {
        let holds: Vec<Hold> = self.jobs.get(&id).map_or_else(Vec::new, |job| job.holds_of(index).collect());
        holds
            .into_iter()
            .filter_map(|hold| self.take_back(hold.slave, id, index))
            .collect()
    }

    /// The first result wins: whoever else renders the task has nothing of it any more. The order that tells that slave; the
    /// caller puts the task into its next state.
    pub(super) fn take_from_other(&mut self, than: SlaveId, id: JobId, index: TaskIndex) -> Option<Effect> {
        let other = self.jobs.get(&id)?.holds_of(index).find(|hold| hold.slave != than)?;
        self.release(other.slave, id, index, other.rendered);
        Some(order_to_stop(id, index, other))
    }

    /// Notes that a slave has nothing of a task any more; the caller puts the task into its next state.
    pub(super) fn release(&mut self, slave: SlaveId, job: JobId, task: TaskIndex, rendered: bool) {
        let Some(slave) = self.slaves.get_mut(&slave) else {
            return;
        };
        let loss = slave.release(job, task, rendered, self.now);
        self.lose(job, loss);
    }

    /// Notes what a job has less of.
    pub(super) fn lose(&mut self, job: JobId, loss: Loss) {
        match loss {
            Loss::Slot => self.work_appeared |= self.balance.slot_freed(self.now, job),
            Loss::Spare => self.balance.spare_gone(job),
            Loss::Nothing => {}
        }
    }

    /// What the slave had, if anything.
    fn let_go(&mut self, slave: SlaveId, id: JobId, index: TaskIndex) -> Option<Hold> {
        let hold = self.jobs.get(&id)?.hold_of(index, slave)?;
        self.release(slave, id, index, hold.rendered);
        self.jobs.get_mut(&id)?.let_go(index, slave);
        self.record_task(id, index);
        Some(hold)
    }
}

fn order_to_stop(job: JobId, task: TaskIndex, hold: Hold) -> Effect {
    let attempt = hold.attempt;
    Effect::Cancel {
        slave: hold.slave,
        task: TaskRef { job, task, attempt },
    }
}

impl Job {
    /// What a slave has of a task.
    pub(super) fn hold_of(&self, index: TaskIndex, slave: SlaveId) -> Option<Hold> {
        self.task(index)?.hold_of(slave)
    }

    /// What slaves have of a task, who has it longest first.
    pub(super) fn holds_of(&self, index: TaskIndex) -> impl Iterator<Item = Hold> + use<> {
        self.task(index).into_iter().flat_map(Task::holds)
    }

    /// Leases a queued task, or to a second slave one that another slave has: the attempt that reports must name.
    pub(super) fn lease(&mut self, index: TaskIndex, slave: SlaveId, since: Moment) -> Attempt {
        let task = self.task(index).unwrap_or(Task::FRESH);
        let attempts = task.attempts + 1;
        let hold = Hold {
            slave,
            attempt: Attempt(attempts),
            since,
            rendered: false,
        };
        let leased = match task.holds().next() {
            Some(first) => task.held(first, Some(hold)),
            None => task.held(hold, None),
        };
        self.put(index, Task { attempts, ..leased });
        hold.attempt
    }

    /// Notes that a slave has rendered what it has.
    pub(super) fn note_rendered(&mut self, index: TaskIndex, slave: SlaveId) {
        let Some(task) = self.task(index) else {
            return;
        };
        let mut holds = task.holds().map(|hold| Hold {
            rendered: hold.rendered || hold.slave == slave,
            ..hold
        });
        if let Some(first) = holds.next() {
            self.put(index, task.held(first, holds.next()));
        }
    }

    /// Takes a task out of the hands of one slave.
    pub(super) fn let_go(&mut self, index: TaskIndex, slave: SlaveId) {
        let Some(task) = self.task(index) else {
            return;
        };
        match task.holds().find(|hold| hold.slave != slave) {
            Some(other) => self.put(index, task.held(other, None)),
            None => self.enter(index, State::Queued),
        }
    }

    /// Notes the result of an attempt.
    pub(super) fn finish(&mut self, index: TaskIndex, attempt: Attempt, done: State) {
        if let Some(task) = self.task(index) {
            let state = done;
            self.put(index, Task { attempt, state, ..task });
        }
    }

    /// Counts a failed attempt of a leased task.
    pub(super) fn fail(&mut self, index: TaskIndex, attempt: Attempt, slave: SlaveId, reason: String, attempts_max: u32) {
        let failures = self.failures.entry(index).or_insert_with(Failures::none);
        failures.count += 1;
        failures.attempt = attempt;
        failures.slaves.push(slave);
        failures.reason = reason;
        let is_over_limit = failures.count >= attempts_max;
        self.let_go(index, slave);
        if is_over_limit && self.holds_of(index).next().is_none() {
            self.enter(index, State::Failed { slave });
        }
    }
}
