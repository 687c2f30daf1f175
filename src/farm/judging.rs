//! Whom failures are held against.
//!
//! A slave that fails frame after frame of a job gets nothing more of it, and one that fails frame after frame of whatever
//! jobs is set aside for all of them: for a time that the settings say. Two things speak for a slave: a frame that it
//! finishes, and that others fail the same frame until it is given up. And the farm never bans the last one that might do
//! better: where all fail, it is the job. Until it is known who is at fault, the job rests on the slave ([`super::resting`]).
//! A slave that finds itself unfit for a job, as its Blender lacks something, has failed nothing: it is passed over until the
//! time is over, or it leaves, as it does before its owner mends that.
//!
//! Absences: what is held against whom is not recorded; a restarted master forgives it. Bans are.

use super::Farm;
use super::effect::Effect;
use super::event::TaskRef;
use super::fitness::unfitness;
use super::job::Job;
use super::limits::{FAULTS_KEPT_MAX, REASON_BYTES_MAX};
use super::model::BanCause;
use super::slave::Slave;
use super::task::State;
use super::time::Moment;
use crate::ids::{JobId, SlaveId, TaskIndex};
use std::collections::BTreeSet;

impl Farm {
    /// A slave failed a task that is in its next state already.
    pub(super) fn blame(&mut self, slave: SlaveId, at: TaskRef) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(&at.job) else {
            return Vec::new();
        };
        let Some(failures) = job.failures.get(&at.task) else {
            return Vec::new();
        };
        let failed_before = failures.before.contains(&slave);
        let blamed: BTreeSet<SlaveId> = failures.slaves.iter().copied().collect();
        let given_up = matches!(job.task(at.task).map(|task| task.state), Some(State::Failed { .. }));
        let reason = failures.reason.clone();
        job.faults.entry(slave).or_default().note(at.task);
        if let Some(slave) = self.slaves.get_mut(&slave) {
            note_fault(&mut slave.faults, (at.job, at.task));
        }
        if given_up && blamed.len() > 1 {
            self.excuse(&blamed, at.job, at.task);
        }
        let mut cancels = Vec::new();
        let (in_job, in_all) = self.faults_of(slave, at.job);
        let is_over_limit = |faults: usize, limit: u32| limit > 0 && faults >= limit as usize;
        if failed_before {
            let reason = format!("it failed a frame again after that was reset: {reason}");
            cancels.extend(self.ban_for_failures(Some(at.job), slave, reason));
        } else if is_over_limit(in_job, self.settings.ban_after) && self.has_better(slave, Some(at.job)) {
            let reason = format!("it failed {in_job} frames in a row, the last time because {reason}");
            cancels.extend(self.ban_for_failures(Some(at.job), slave, reason));
        }
        if is_over_limit(in_all, self.settings.set_aside_after) && self.has_better(slave, None) {
            let reason = format!("it failed {in_all} frames in a row, the last time because {reason}");
            cancels.extend(self.ban_for_failures(None, slave, reason));
        }
        cancels
    }

    /// A slave lacks what a job takes: it gets nothing more of it for a time, and the task is free for others.
    pub(super) fn found_unfit(&mut self, slave: SlaveId, at: TaskRef, mut reason: String) {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        self.put_back(slave, at.job, at.task);
        let until = self.ban_end(self.settings.ban_s);
        let cancels = self.ban(Some(at.job), slave, BanCause::Unfit, until, reason);
        self.effects.extend(cancels);
    }

    /// A slave leaves: what it lacked it may have when it comes again.
    pub(super) fn forget_unfitness_of(&mut self, slave: SlaveId) {
        let is_unfit = |job: &&Job| job.bans.get(&slave).is_some_and(|ban| ban.cause == BanCause::Unfit);
        let jobs: Vec<JobId> = self.jobs.values().filter(is_unfit).map(Job::id).collect();
        for job in jobs {
            self.lift(Some(job), slave);
        }
    }

    /// A slave finished a task.
    pub(super) fn praise(&mut self, slave: SlaveId, job: JobId) {
        self.forgive(job, slave);
        if let Some(slave) = self.slaves.get_mut(&slave) {
            slave.faults.clear();
        }
    }

    fn ban_for_failures(&mut self, job: Option<JobId>, slave: SlaveId, reason: String) -> Vec<Effect> {
        let seconds = if job.is_some() {
            self.settings.ban_s
        } else {
            self.settings.set_aside_s
        };
        let until = self.ban_end(seconds);
        // What it did until now is paid for by this.
        if let Some(slave) = self.slaves.get_mut(&slave).filter(|_| job.is_none()) {
            slave.faults.clear();
        }
        if let Some(job) = job {
            self.forgive(job, slave);
        }
        self.ban(job, slave, BanCause::Failures, until, reason)
    }

    /// The end of a ban of so many seconds; 0: until somebody lifts it.
    fn ban_end(&self, seconds: u32) -> Option<Moment> {
        (seconds > 0).then(|| self.now.plus_millis(u64::from(seconds) * 1_000))
    }

    /// The frame was given up after several slaves failed it: that speaks against the frame.
    fn excuse(&mut self, slaves: &BTreeSet<SlaveId>, id: JobId, task: TaskIndex) {
        for slave in slaves {
            if let Some(faults) = self.jobs.get_mut(&id).and_then(|job| job.faults.get_mut(slave)) {
                faults.tasks.remove(&task);
            }
            if let Some(slave) = self.slaves.get_mut(slave) {
                slave.faults.remove(&(id, task));
            }
        }
    }

    fn faults_of(&self, slave: SlaveId, job: JobId) -> (usize, usize) {
        let in_job = self.jobs.get(&job).and_then(|job| job.faults.get(&slave));
        let in_all = self.slaves.get(&slave).map(|slave| &slave.faults);
        (in_job.map_or(0, |faults| faults.tasks.len()), in_all.map_or(0, BTreeSet::len))
    }

    /// Whether another slave is there that might render the job, or any, and did not just fail itself.
    fn has_better(&self, than: SlaveId, job: Option<JobId>) -> bool {
        let job = job.and_then(|job| self.jobs.get(&job));
        let is_better = |slave: &Slave| {
            let fits = match job {
                Some(job) => {
                    let failed = job.faults.get(&slave.id()).is_some_and(|faults| !faults.tasks.is_empty());
                    !failed && !Self::is_banned(slave, job) && unfitness(&slave.record.machine, job).is_none()
                }
                None => slave.ban.is_none() && slave.faults.is_empty(),
            };
            slave.online && slave.id() != than && fits
        };
        self.slaves.values().any(is_better)
    }
}

pub(super) fn note_fault<T: Ord>(faults: &mut BTreeSet<T>, fault: T) {
    if faults.len() < FAULTS_KEPT_MAX {
        faults.insert(fault);
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job};
    use crate::farm::{Event, NewJob, ReportBody, Reset, Settings};
    use crate::ids::{JobId, SlaveId};

    fn banned(trial: &Trial, job: Option<JobId>) -> Vec<SlaveId> {
        trial.farm.bans(job).map(|(slave, _)| slave).collect()
    }

    /// Lets a slave fail what it is given, so many times.
    fn fail(trial: &mut Trial, slave: SlaveId, times: usize) {
        (0..times).for_each(|_| trial.fail_next(slave));
    }

    #[test]
    fn a_slave_that_fails_frame_after_frame_gets_nothing_more_of_the_job_for_a_time() {
        let mut trial = Trial::new();
        let (bad, good) = (trial.slave(1), trial.slave(2));
        let job = trial.submit(a_job(1, 9));
        let other = trial.leased(good)[0];
        fail(&mut trial, bad, 3);
        assert_eq!(banned(&trial, Some(job)), [bad]);
        assert_eq!(trial.want(bad), None);
        trial.restart();
        assert_eq!(banned(&trial, Some(job)), [bad]);
        assert_eq!(trial.want(bad), None);
        let told = trial.farm.explain_slave(bad);
        assert!(told[1].contains("on the job's blacklist"), "{told:?}");
        trial.done(good, other);
        let next = trial.submit(a_job(2, 1));
        assert_eq!(trial.farm.job(next).unwrap().leased, 1, "other jobs are as before");
        for _ in 0..=3_600 / 30 {
            trial.happen(&Event::SlaveSeen { slave: bad });
            trial.happen(&Event::SlaveSeen { slave: good });
            trial.pass(30_000);
        }
        assert_eq!(banned(&trial, Some(job)), []);
    }

    #[test]
    fn a_slave_that_lacks_what_a_job_takes_is_passed_over_and_nothing_has_failed() {
        let mut trial = Trial::new();
        let (bare, other) = (trial.slave(1), trial.slave(2));
        let job = trial.submit(NewJob {
            chunk_tasks: 2,
            ..a_job(1, 9)
        });
        let reason = "the scene has nodes of an add-on that this Blender lacks: FooNode";
        let unfit = || ReportBody::Unfit {
            reason: reason.to_owned(),
        };
        let tasks = trial.leased(bare);
        assert_eq!(trial.report(bare, tasks[0], unfit()), Answer::Accept);
        assert_eq!(trial.report(bare, tasks[0], unfit()), Answer::Accept, "told twice");
        assert_eq!(trial.want(bare), None);
        trial.restart();
        assert_eq!(trial.want(bare), None);
        let told = trial.farm.explain_slave(bare);
        assert!(told[1].ends_with(&format!("not fit for it, because {reason}")), "{told:?}");
        let told = trial.farm.explain_job(job);
        assert_eq!(told.len(), 1, "nothing has failed: {told:?}");
        let again = trial.leased(other);
        assert_eq!(again[0].task, tasks[0].task);
        trial.report(other, again[0], unfit());
        let told = trial.farm.explain_job(job);
        let sentence = format!("waiting: every slave that could render it is not fit for it, the last one because {reason}");
        assert_eq!(told, [sentence]);
        assert_eq!(trial.farm.job(job).unwrap().queued, 9);
        trial.happen(&Event::SlaveLeft { slave: bare });
        assert_eq!(banned(&trial, Some(job)), [other]);
        trial.slave(1);
        assert_eq!(trial.leased(bare).len(), 2, "it may have got what it lacked");
    }

    #[test]
    fn a_frame_that_is_done_in_between_forgives_the_failures() {
        let mut trial = Trial::new();
        let (slave, other) = (trial.slave(1), trial.slave(2));
        let job = trial.submit(a_job(1, 99));
        trial.leased(other);
        for _ in 0..5 {
            fail(&mut trial, slave, 2);
            trial.let_rest();
            let task = trial.leased(slave)[0];
            trial.done(slave, task);
        }
        assert_eq!(banned(&trial, Some(job)), []);
    }

    #[test]
    fn where_all_fail_nobody_is_banned() {
        let mut trial = Trial::new();
        trial.set(Settings {
            hopeless_after: 0,
            ..Settings::default()
        });
        let slaves = [1, 2, 3].map(|number| trial.slave(number));
        let job = trial.submit(a_job(1, 40));
        while trial.farm.job(job).unwrap().queued > 0 {
            for slave in slaves {
                if let Some(Answer::Lease(lease)) = trial.want(slave) {
                    trial.fail(slave, crate::farm::sim::trial::tasks_of(&lease)[0]);
                }
            }
            trial.let_rest();
        }
        assert!(banned(&trial, Some(job)).len() < slaves.len(), "somebody is left");
        assert_eq!(banned(&trial, None), []);
    }

    #[test]
    fn a_slave_that_fails_whatever_it_gets_is_set_aside_for_all_jobs() {
        let mut trial = Trial::new();
        let (bad, good) = (trial.slave(1), trial.slave(2));
        let jobs = [1, 2, 3, 4].map(|number| trial.submit(a_job(number, 50)));
        trial.leased(good);
        fail(&mut trial, bad, 10);
        assert_eq!(banned(&trial, None), [bad]);
        assert_eq!(trial.want(bad), None);
        assert!(
            trial.farm.explain_slave(bad)[0].contains("set aside"),
            "{:?}",
            trial.farm.explain_slave(bad)
        );
        trial.restart();
        assert_eq!(banned(&trial, None), [bad]);
        let answer = trial.ask(|request| Event::BanLifted {
            request,
            job: None,
            slave: Some(bad),
        });
        assert_eq!(answer, Some(Answer::Accept));
        for job in jobs {
            trial.ask(|request| Event::BanLifted {
                request,
                job: Some(job),
                slave: None,
            });
        }
        assert!(matches!(trial.want(bad), Some(Answer::Lease(_))));
    }

    #[test]
    fn who_fails_a_frame_again_after_a_reset_is_banned_at_once() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 2));
        fail(&mut trial, slave, 3);
        assert_eq!(banned(&trial, Some(job)), []);
        trial.reset(job, Reset::Failed);
        trial.restart();
        fail(&mut trial, slave, 1);
        assert_eq!(banned(&trial, Some(job)), [slave]);
        let told = trial.farm.explain_job(job);
        assert!(
            told[0].contains("every slave that could render it is on its blacklist, set aside or paused"),
            "{told:?}"
        );
        trial.reset(job, Reset::All);
        assert_eq!(banned(&trial, Some(job)), [slave], "a reset keeps the list");
    }
}
