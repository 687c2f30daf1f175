//! What happens to slaves.

use super::Farm;
use super::effect::{Change, Effect};
use super::event::{RequestId, TaskRef};
use super::limits::SLAVES_KNOWN_MAX;
use super::model::{Machine, SlaveRecord};
use super::slave::Slave;
use crate::ids::{JobId, SlaveId, TaskIndex};

impl Farm {
    pub(super) fn slave_registered(&mut self, request: RequestId, id: SlaveId, machine: Machine, holding: &[TaskRef]) {
        let known = self.slaves.get(&id).map(|slave| &slave.record);
        let record = SlaveRecord::registered(known, id, machine);
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
        self.forget_unfitness_of(id);
    }

    /// Notes a sign of life; whether the slave is known.
    pub(super) fn see(&mut self, id: SlaveId) -> bool {
        let Some(slave) = self.slaves.get_mut(&id) else {
            return false;
        };
        slave.last_seen = self.now;
        slave.heard = true;
        slave.lost = false;
        if !slave.online {
            slave.online = true;
            self.balance.slots_came(slave.slots());
            // Of a larger farm, each job may have more.
            self.work_appeared = true;
        }
        self.silence_due
            .get_or_insert(self.now.plus_millis(self.settings.silence_ms()));
        true
    }

    /// Takes those for gone that were silent for too long, and finds out when to look again.
    pub(super) fn send_silent_slaves_off(&mut self) {
        let (now, silence_ms) = (self.now, self.settings.silence_ms());
        let online = self.slaves.values().filter(|slave| slave.online);
        let silent = online.filter(|slave| now.millis_since(slave.last_seen) >= silence_ms);
        for id in silent.map(Slave::id).collect::<Vec<_>>() {
            self.send_off(id);
            if let Some(slave) = self.slaves.get_mut(&id) {
                // Of those that only an earlier master has heard of, many may have been switched off long ago.
                slave.lost = slave.heard;
            }
        }
        let online = self.slaves.values().filter(|slave| slave.online);
        let first = online.map(|slave| slave.last_seen).min();
        self.silence_due = first.map(|seen| seen.plus_millis(silence_ms));
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
                self.forget_slave(oldest);
            }
        }
        self.slaves.insert(record.id, Slave::new(record, self.now));
    }

    /// As if it had never been there; what it still holds is free again.
    pub(super) fn forget_slave(&mut self, id: SlaveId) {
        self.send_off(id);
        self.slaves.remove(&id);
        self.forget_bans_of(id);
        self.record(Change::SlaveRemoved(id));
    }

    /// Puts back what the slave does not hold any more; what it holds, but is not its own any more.
    fn keep_only(&mut self, id: SlaveId, holding: &[TaskRef]) -> Vec<TaskRef> {
        let mut wanted: std::collections::BTreeSet<TaskRef> = holding.iter().copied().collect();
        for (job, index) in self.held_by(id) {
            let Some(theirs) = self.jobs.get(&job).and_then(|job| job.hold_of(index, id)) else {
                continue;
            };
            let held = TaskRef {
                job,
                task: index,
                attempt: theirs.attempt,
            };
            if wanted.remove(&held) {
                self.hear_of(id, job, index);
            } else {
                self.put_back(id, job, index);
            }
        }
        // Nobody else has what is queued under the same attempt: its result is still welcome.
        wanted.retain(|held| !self.is_taken_back(*held));
        wanted.into_iter().collect()
    }

    pub(super) fn held_by(&self, id: SlaveId) -> Vec<(JobId, TaskIndex)> {
        let chunks = self.slaves.get(&id).map_or(&[][..], |slave| &slave.chunks);
        let tasks = chunks
            .iter()
            .flat_map(|chunk| chunk.tasks.iter().map(|task| (chunk.job, *task)));
        tasks.collect()
    }

    pub(super) fn hear_of(&mut self, id: SlaveId, job: JobId, index: TaskIndex) {
        if let Some(slave) = self.slaves.get_mut(&id) {
            slave.hear_of(job, index);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, a_machine};
    use crate::farm::{Effect, Event, JobState, NewJob, ReportBody, TaskState};

    #[test]
    fn what_a_silent_slave_held_goes_to_another() {
        let mut trial = Trial::new();
        let (silent, other) = (trial.slave(1), trial.slave(2));
        trial.submit(a_job(1, 1));
        let tasks = trial.leased(silent);
        trial.pass(30_000);
        trial.happen(&Event::SlaveSeen { slave: other });
        assert_eq!(trial.want(other), None);
        let told = trial.pass(30_000);
        assert!(!trial.farm.slave(silent).unwrap().online);
        let leased = told
            .iter()
            .any(|effect| matches!(effect, Effect::Lease { slave, .. } if *slave == other));
        assert!(leased, "{told:?}");
        assert!(matches!(trial.done(silent, tasks[0]), Answer::Refuse(_)));
    }

    #[test]
    fn a_slave_that_registers_again_keeps_what_it_still_holds() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = a_job(1, 3);
        let job = trial.submit(NewJob { chunk_tasks: 3, ..job });
        let tasks = trial.leased(slave);
        trial.report(slave, tasks[0], ReportBody::Rendered);
        trial.register(1, a_machine(&["new"]), &tasks[..1]);
        assert_eq!(trial.farm.slave(slave).unwrap().leased, tasks[..1]);
        assert_eq!(trial.farm.job(job).unwrap().queued, 2);
    }

    #[test]
    fn a_slave_is_told_what_is_not_its_own_any_more() {
        let mut trial = Trial::new();
        let (slave, other) = (trial.slave(1), trial.slave(2));
        trial.submit(a_job(1, 2));
        let task = trial.leased(slave)[0];
        trial.happen(&Event::SlaveLeft { slave });
        let theirs = trial.leased(other)[0];
        assert_eq!(theirs.task, task.task);
        let request = trial.request();
        let machine = a_machine(&[]);
        let told = trial.happen(&Event::SlaveRegistered {
            request,
            slave,
            machine,
            holding: vec![task],
        });
        assert_eq!(told, [Effect::Accept { request }, Effect::Cancel { slave, task }]);
    }

    #[test]
    fn a_restarted_master_leaves_slaves_their_work_and_takes_it_back_from_the_silent() {
        let mut trial = Trial::new();
        let slaves = [1, 2].map(|number| trial.slave(number));
        let job = trial.submit(a_job(1, 2));
        let tasks = slaves.map(|slave| trial.leased(slave)[0]);
        trial.restart();
        assert_eq!(trial.farm.job(job).unwrap().leased, 2);
        assert_eq!(trial.done(slaves[0], tasks[0]), Answer::Accept);
        trial.pass(60_000);
        assert_eq!(trial.farm.task(job, tasks[1].task).unwrap().state, TaskState::Queued);
        let again = trial.leased(slaves[0])[0];
        trial.done(slaves[0], again);
        assert_eq!(trial.state(job), JobState::Finished);
    }

    #[test]
    fn lost_is_who_falls_silent_and_whom_this_master_has_heard() {
        let mut trial = Trial::new();
        let (silent, leaves) = (trial.slave(1), trial.slave(2));
        let lost = |trial: &Trial| [silent, leaves].map(|slave| trial.farm.slave(slave).unwrap().lost);
        trial.happen(&Event::SlaveLeft { slave: leaves });
        trial.pass(60_000);
        assert_eq!(lost(&trial), [true, false]);
        trial.happen(&Event::SlaveSeen { slave: silent });
        assert_eq!(lost(&trial), [false, false], "there again");
        trial.restart();
        trial.pass(60_000);
        assert_eq!(lost(&trial), [false, false], "they may have been switched off long ago");
    }

    #[test]
    fn a_clock_that_goes_back_makes_nobody_wait_longer_or_seem_silent() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 1));
        trial.leased(slave);
        assert!(trial.want(slave).is_some(), "told again");
        trial.now = crate::farm::Moment(trial.now.0 - 3_600_000);
        trial.happen(&Event::SlaveSeen { slave });
        assert!(trial.farm.slave(slave).unwrap().online);
        trial.pass(60_000);
        assert!(!trial.farm.slave(slave).unwrap().online);
        assert_eq!(trial.farm.job(job).unwrap().queued, 1);
    }
}
