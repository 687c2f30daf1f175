//! The end of a job: what waits in the hands of a busy slave goes to an idle one.
//!
//! A chunk is rendered in order, so of its tasks only the first that is not rendered can have been started. The others are
//! spare: they are put back under a cancelled attempt, and leased again like any queued task. If the busy slave was faster
//! than the order to stop, its result is refused as stale, or welcome while nobody else has the task.

use super::Farm;
use super::limits::TAKE_BACK_AFTER_MS;
use super::slave::{Chunk, Slave};
use crate::ids::{JobId, SlaveId, TaskIndex};

impl Farm {
    /// Frees spare tasks for a slave that would be idle otherwise; whether there were any.
    pub(super) fn take_back_for(&mut self, id: SlaveId) -> bool {
        if self.disk_is_low {
            return false;
        }
        let Some(job) = self.job_with_spare(id) else {
            return false;
        };
        let Some((victim, tasks)) = self.spare_tasks(job, id) else {
            return false;
        };
        for index in tasks {
            let order = self.take_back(victim, job, index);
            self.settle(job);
            self.work_appeared = true;
            self.effects.extend(order);
        }
        true
    }

    /// A job that could go on here, had it not leased its last tasks to others who have not begun them.
    pub(super) fn job_with_spare(&self, id: SlaveId) -> Option<JobId> {
        let slave = self.slaves.get(&id)?;
        let with_spare = self.balance.shares().filter(|share| share.spare > 0);
        let able = with_spare.filter(|share| {
            let job = self.jobs.get(&share.job);
            let may_have_more = !self.balance.any_ready() || self.balance.over_share(share.job).is_none();
            may_have_more && job.is_some_and(|job| job.may_go_on() && job.queued() == 0 && self.kept_from(slave, job).is_none())
        });
        able.map(|share| share.job).next()
    }

    /// The later half of the chunk with the most that is not rendered, and who has it.
    fn spare_tasks(&self, job: JobId, for_slave: SlaveId) -> Option<(SlaveId, Vec<TaskIndex>)> {
        let others = self.slaves.values().filter(|slave| slave.id() != for_slave);
        let chunks = others.flat_map(|slave| slave.chunks.iter().map(move |chunk| (slave, chunk)));
        // A lease that has just been told may not have arrived, and what is short is not worth the trouble.
        let is_old = |chunk: &Chunk| self.now.millis_since(chunk.since) >= TAKE_BACK_AFTER_MS;
        let spare = chunks.filter(|(_, chunk)| chunk.job == job && chunk.spare() > 0 && is_old(chunk));
        let (slave, chunk) = spare.max_by_key(|(_, chunk)| chunk.unrendered)?;
        let unrendered = self.unrendered(slave, chunk);
        let kept = unrendered.len().div_ceil(2);
        Some((slave.id(), unrendered.into_iter().skip(kept).collect()))
    }

    pub(super) fn unrendered(&self, slave: &Slave, chunk: &Chunk) -> Vec<TaskIndex> {
        let job = self.jobs.get(&chunk.job);
        let hold_of = |task: TaskIndex| job.and_then(|job| job.hold_of(task, slave.id()));
        let is_unrendered = |task: &&TaskIndex| hold_of(**task).is_some_and(|hold| !hold.rendered);
        chunk.tasks.iter().filter(is_unrendered).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job};
    use crate::farm::{Effect, JobState, NewJob, Refusal, ReportBody};

    #[test]
    fn an_idle_slave_gets_half_of_what_a_busy_one_has_not_begun() {
        let mut trial = Trial::new();
        let (busy, idle) = (trial.slave(1), trial.slave(2));
        let job = trial.submit(NewJob {
            chunk_tasks: 8,
            ..a_job(1, 8)
        });
        let tasks = trial.leased(busy);
        trial.report(busy, tasks[0], ReportBody::Rendered);
        assert_eq!(trial.want(idle), None, "the lease is too fresh");
        let told = trial.pass(10_000);
        let cancelled = told.iter().filter_map(|effect| match effect {
            Effect::Cancel { slave, task } if *slave == busy => Some(*task),
            _ => None,
        });
        let cancelled: Vec<_> = cancelled.collect();
        assert_eq!(cancelled, tasks[5..]);
        assert_eq!(trial.farm.slave(idle).unwrap().leased.len(), 3);
        let late = trial.done(busy, tasks[7]);
        assert_eq!(late, Answer::Refuse(Refusal::Stale(tasks[7])));
        for task in &tasks[..5] {
            assert_eq!(trial.done(busy, *task), Answer::Accept);
        }
        for task in trial.farm.slave(idle).unwrap().leased {
            assert_eq!(trial.done(idle, task), Answer::Accept);
        }
        assert_eq!(trial.state(job), JobState::Finished);
    }

    #[test]
    fn a_frame_that_is_being_rendered_is_left_alone() {
        let mut trial = Trial::new();
        let (busy, idle) = (trial.slave(1), trial.slave(2));
        trial.submit(a_job(1, 1));
        trial.leased(busy);
        trial.pass(20_000);
        assert_eq!(trial.want(idle), None);
    }

    #[test]
    fn a_paused_job_keeps_its_chunks_where_they_are() {
        let mut trial = Trial::new();
        let (busy, idle) = (trial.slave(1), trial.slave(2));
        let job = trial.submit(NewJob {
            chunk_tasks: 8,
            ..a_job(1, 8)
        });
        trial.leased(busy);
        trial.pause(job);
        trial.pass(20_000);
        assert_eq!(trial.want(idle), None);
        assert_eq!(trial.farm.slave(busy).unwrap().leased.len(), 8);
    }
}
