//! What happens to slaves.

use super::Farm;
use super::effect::{Change, Effect};
use super::event::{RequestId, TaskRef};
use super::limits::{SLAVE_SILENCE_MS_MAX, SLAVES_KNOWN_MAX};
use super::model::{Machine, SlaveRecord};
use super::slave::Slave;
use super::task::State;
use crate::ids::{JobId, SlaveId, TaskIndex};

impl Farm {
    pub(super) fn slave_registered(&mut self, request: RequestId, id: SlaveId, machine: Machine, holding: &[TaskRef]) {
        let record = SlaveRecord { id, machine };
        if self.slaves.get(&id).is_none_or(|slave| slave.record != record) {
            self.record(Change::Slave(record.clone()));
        }
        match self.slaves.get_mut(&id) {
            Some(slave) => {
                if slave.online {
                    self.balance.slots_went(slave.slots());
                    self.balance.slots_came(record.machine.slots.max(1));
                }
                slave.record = record;
            }
            None => self.get_to_know(record),
        }
        self.see(id);
        let stale = self.keep_only(id, holding);
        // What it asked for before it registered, nobody waits for any more.
        self.end_waits_of(id);
        // With other tags or Blenders, it may make a difference to tasks that are kept for others.
        self.work_appeared = true;
        self.accept(request);
        for task in stale {
            self.effects.push_back(Effect::Cancel { slave: id, task });
        }
    }

    pub(super) fn slave_seen(&mut self, id: SlaveId) {
        self.see(id);
    }

    pub(super) fn slave_left(&mut self, id: SlaveId) {
        self.send_off(id);
    }

    /// Notes a sign of life; whether the slave is known.
    pub(super) fn see(&mut self, id: SlaveId) -> bool {
        let Some(slave) = self.slaves.get_mut(&id) else {
            return false;
        };
        slave.last_seen = self.now;
        if !slave.online {
            slave.online = true;
            self.balance.slots_came(slave.slots());
        }
        self.silence_due.get_or_insert(self.now.plus_millis(SLAVE_SILENCE_MS_MAX));
        true
    }

    /// Takes those for gone that were silent for too long, and finds out when to look again.
    pub(super) fn send_silent_slaves_off(&mut self) {
        let now = self.now;
        let online = self.slaves.values().filter(|slave| slave.online);
        let silent = online.filter(|slave| now.millis_since(slave.last_seen) >= SLAVE_SILENCE_MS_MAX);
        for id in silent.map(Slave::id).collect::<Vec<_>>() {
            self.send_off(id);
        }
        let online = self.slaves.values().filter(|slave| slave.online);
        let first = online.map(|slave| slave.last_seen).min();
        self.silence_due = first.map(|seen| seen.plus_millis(SLAVE_SILENCE_MS_MAX));
    }

    /// A slave is not there any more: what it holds is free again, and it waits for nothing.
    fn send_off(&mut self, id: SlaveId) {
        let Some(slave) = self.slaves.get_mut(&id).filter(|slave| slave.online) else {
            return;
        };
        slave.online = false;
        self.balance.slots_went(slave.slots());
        self.keep_only(id, &[]);
        self.end_waits_of(id);
        // Also tasks that were kept for it because others had failed them.
        self.work_appeared = true;
    }

    fn end_waits_of(&mut self, id: SlaveId) {
        if self.slaves.get(&id).is_some_and(|slave| slave.waiting > 0) {
            for request in self.waits.of(id) {
                self.end_wait(request);
            }
        }
    }

    fn get_to_know(&mut self, record: SlaveRecord) {
        if self.slaves.len() >= SLAVES_KNOWN_MAX {
            let gone = self.slaves.values().filter(|slave| !slave.online);
            if let Some(oldest) = gone.min_by_key(|slave| slave.last_seen).map(Slave::id) {
                self.slaves.remove(&oldest);
                self.record(Change::SlaveRemoved(oldest));
            }
        }
        self.slaves.insert(record.id, Slave::new(record, self.now));
    }

    /// Puts back what the slave does not hold any more; what it holds, but is not its own any more.
    fn keep_only(&mut self, id: SlaveId, holding: &[TaskRef]) -> Vec<TaskRef> {
        let mut wanted: std::collections::BTreeSet<TaskRef> = holding.iter().copied().collect();
        for (job, index) in self.held_by(id) {
            let Some(task) = self.jobs.get(&job).and_then(|job| job.task(index)) else {
                continue;
            };
            let held = TaskRef {
                job,
                task: index,
                attempt: task.attempt,
            };
            if wanted.remove(&held) {
                self.hear_of(id, job, index);
            } else {
                self.put_back(job, index);
            }
        }
        // Nobody else has what is queued under the same attempt: its result is still welcome.
        wanted.retain(|held| !self.is_taken_back(*held));
        wanted.into_iter().collect()
    }

    fn held_by(&self, id: SlaveId) -> Vec<(JobId, TaskIndex)> {
        let chunks = self.slaves.get(&id).map_or(&[][..], |slave| &slave.chunks);
        let tasks = chunks
            .iter()
            .flat_map(|chunk| chunk.tasks.iter().map(|task| (chunk.job, *task)));
        tasks.collect()
    }

    fn hear_of(&mut self, id: SlaveId, job: JobId, index: TaskIndex) {
        if let Some(slave) = self.slaves.get_mut(&id)
            && let Some(place) = slave.chunk_of(job, index)
        {
            slave.chunks[place].heard_of = true;
        }
    }

    /// Makes a leased task free again, without counting a failure.
    pub(super) fn put_back(&mut self, id: JobId, index: TaskIndex) {
        let Some(job) = self.jobs.get(&id) else {
            return;
        };
        let Some(State::Leased { slave, rendered, .. }) = job.task(index).map(|task| task.state) else {
            return;
        };
        self.release(slave, id, index, rendered);
        if let Some(job) = self.jobs.get_mut(&id) {
            job.enter(index, State::Queued);
        }
        self.record_task(id, index);
        self.settle(id);
        self.work_appeared = true;
    }
}
