//! Slaves that get nothing of a job, or of any.
//!
//! People ban whom they like, the sender of a job those that it does not want, and the farm those that fail (see
//! [`super::judging`]). A ban ends by itself if it has an end; what a banned slave has to render goes to others. If nobody is
//! left who could render a job, it says so.

use super::Farm;
use super::effect::{Change, Effect, Refusal};
use super::event::RequestId;
use super::job::Job;
use super::model::{Ban, BanCause};
use super::slave::Slave;
use super::time::Moment;
use crate::ids::{JobId, SlaveId};
use std::collections::BTreeSet;

impl Farm {
    pub(super) fn slave_banned(&mut self, request: RequestId, job: Option<JobId>, slave: SlaveId, reason: String) {
        if let Some(job) = job.filter(|job| !self.jobs.contains_key(job)) {
            return self.refuse(request, Refusal::UnknownJob(job));
        }
        if !self.slaves.contains_key(&slave) {
            return self.refuse(request, Refusal::UnknownSlave(slave));
        }
        let cancels = self.ban(job, slave, BanCause::Administrator, None, reason);
        self.accept(request);
        self.effects.extend(cancels);
    }

    pub(super) fn ban_lifted(&mut self, request: RequestId, job: Option<JobId>, slave: Option<SlaveId>) {
        if let Some(job) = job.filter(|job| !self.jobs.contains_key(job)) {
            return self.refuse(request, Refusal::UnknownJob(job));
        }
        let lifted: Vec<SlaveId> = match slave {
            Some(slave) => vec![slave],
            None => self.bans(job).map(|(slave, _)| slave).collect(),
        };
        for slave in lifted {
            self.lift(job, slave);
        }
        self.accept(request);
    }

    /// Who is on the list of a job, or on the farm's, by id.
    #[must_use]
    pub fn bans(&self, job: Option<JobId>) -> Box<dyn Iterator<Item = (SlaveId, &Ban)> + '_> {
        if let Some(job) = job {
            let bans = self.jobs.get(&job).into_iter().flat_map(|job| &job.bans);
            Box::new(bans.map(|(slave, ban)| (*slave, ban)))
        } else {
            let slaves = self.slaves.values();
            Box::new(slaves.filter_map(|slave| Some((slave.id(), slave.ban.as_ref()?))))
        }
    }

    /// Whether a slave gets nothing of a job because it is on a list.
    pub(super) fn is_banned(slave: &Slave, job: &Job) -> bool {
        slave.ban.is_some() || job.bans.contains_key(&slave.id())
    }

    /// Slaves that the sender of a job does not want.
    pub(super) fn ban_unwanted(&mut self, id: JobId) {
        let unwanted = self.jobs.get(&id).map(|job| job.record.job.unwanted.clone());
        for slave in unwanted.unwrap_or_default() {
            self.ban(Some(id), slave, BanCause::Client, None, String::new());
        }
    }

    /// Lifts what has lasted long enough.
    pub(super) fn lift_what_is_over(&mut self) {
        while let Some((_, job, slave)) = self.ban_ends.first().filter(|(until, ..)| *until <= self.now).copied() {
            self.lift(job, slave);
        }
    }

    /// A slave is forgotten: it is on no list any more, as the store has it too.
    pub(super) fn forget_bans_of(&mut self, slave: SlaveId) {
        self.ban_ends.retain(|(.., banned)| *banned != slave);
        self.rest_ends.retain(|(.., resting)| *resting != slave);
        for job in self.jobs.values_mut() {
            job.bans.remove(&slave);
            job.faults.remove(&slave);
        }
    }

    /// A job goes with its list, and rests nowhere any more.
    pub(super) fn forget_bans_in(&mut self, job: JobId) {
        self.ban_ends.retain(|(_, of, _)| *of != Some(job));
        self.rest_ends.retain(|(_, of, _)| *of != job);
    }

    /// Takes a ban from the store.
    pub(super) fn restore_ban(&mut self, job: Option<JobId>, slave: SlaveId, ban: Ban) {
        let until = ban.until;
        let place = match job {
            Some(job) => self.jobs.get_mut(&job).map(|job| {
                job.bans.insert(slave, ban);
            }),
            None => self.slaves.get_mut(&slave).map(|slave| slave.ban = Some(ban)),
        };
        if let (Some(()), Some(until)) = (place, until) {
            self.ban_ends.insert((until, job, slave));
        }
    }

    /// Both orders hold the same.
    pub(super) fn check_bans(&self) {
        let end = |job: Option<JobId>| move |(slave, ban): (SlaveId, &Ban)| Some((ban.until?, job, slave));
        let of_jobs = self
            .jobs
            .keys()
            .flat_map(|job| self.bans(Some(*job)).filter_map(end(Some(*job))));
        let ends: BTreeSet<(Moment, Option<JobId>, SlaveId)> = of_jobs.chain(self.bans(None).filter_map(end(None))).collect();
        assert_eq!(ends, self.ban_ends, "ends of bans");
        for slave in self.slaves.values() {
            for chunk in slave.chunks.iter().filter(|chunk| chunk.unrendered > 0) {
                assert!(
                    !Self::is_banned(slave, &self.jobs[&chunk.job]),
                    "{} renders what it must not",
                    slave.id()
                );
            }
        }
    }

    /// Puts a slave on a list, and takes back what it has to render of that; the orders that tell it.
    pub(super) fn ban(
        &mut self,
        job: Option<JobId>,
        slave: SlaveId,
        cause: BanCause,
        until: Option<Moment>,
        reason: String,
    ) -> Vec<Effect> {
        self.lift(job, slave);
        let ban = Ban {
            since: self.now,
            until,
            cause,
            reason,
        };
        self.restore_ban(job, slave, ban.clone());
        let ban = Some(ban);
        self.record(Change::Ban { job, slave, ban });
        let mut cancels = Vec::new();
        for (of, index) in self.held_by(slave) {
            let hold = self.jobs.get(&of).and_then(|job| job.hold_of(index, slave));
            let is_unrendered = hold.is_some_and(|hold| !hold.rendered);
            if is_unrendered && job.is_none_or(|job| job == of) {
                cancels.extend(self.take_back(slave, of, index));
                self.settle(of);
            }
        }
        self.work_appeared = true;
        cancels
    }

    pub(super) fn lift(&mut self, job: Option<JobId>, slave: SlaveId) {
        let ban = match job {
            Some(job) => self.jobs.get_mut(&job).and_then(|job| job.bans.remove(&slave)),
            None => self.slaves.get_mut(&slave).and_then(|slave| slave.ban.take()),
        };
        let Some(ban) = ban else {
            return;
        };
        if let Some(until) = ban.until {
            self.ban_ends.remove(&(until, job, slave));
        }
        let ban = None;
        self.record(Change::Ban { job, slave, ban });
        self.work_appeared = true;
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, job_id, slave_id};
    use crate::farm::{BanCause, Effect, Event, NewJob, Refusal};
    use crate::ids::{JobId, SlaveId};

    fn banned(trial: &Trial, job: Option<JobId>) -> Vec<SlaveId> {
        trial.farm.bans(job).map(|(slave, _)| slave).collect()
    }

    #[test]
    fn people_ban_whom_they_like_and_what_is_being_rendered_is_stopped() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 2));
        let task = trial.leased(slave)[0];
        let request = trial.request();
        let told = trial.happen(&Event::SlaveBanned {
            request,
            job: None,
            slave,
            reason: "in repair".to_owned(),
        });
        assert_eq!(told, [Effect::Accept { request }, Effect::Cancel { slave, task }]);
        assert_eq!(trial.farm.job(job).unwrap().queued, 2);
        trial.pass(3_600_000 * 24);
        assert_eq!(banned(&trial, None), [slave], "until somebody lifts it");
        for (job, slave, refusal) in [
            (Some(job_id(9)), slave, Refusal::UnknownJob(job_id(9))),
            (None, slave_id(9), Refusal::UnknownSlave(slave_id(9))),
        ] {
            let reason = String::new();
            let answer = trial.ask(|request| Event::SlaveBanned {
                request,
                job,
                slave,
                reason,
            });
            assert_eq!(answer, Some(Answer::Refuse(refusal)));
        }
    }

    #[test]
    fn slaves_that_the_sender_does_not_want_get_nothing() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(NewJob {
            unwanted: vec![slave, slave_id(7), slave],
            ..a_job(1, 2)
        });
        assert_eq!(trial.want(slave), None);
        trial.restart();
        let causes: Vec<_> = trial.farm.bans(Some(job)).map(|(_, ban)| ban.cause).collect();
        assert_eq!(causes, [BanCause::Client; 2]);
    }
}
