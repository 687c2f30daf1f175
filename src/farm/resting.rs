//! A job rests on a slave on which it fails time after time: ever longer, up to a bound, until a task of it is finished
//! there. Other jobs go on there meanwhile.
//!
//! Who is at fault, the slave or the scene, is not known yet; [`super::judging`] finds out. Until then a slave on which
//! nothing succeeds does not use up all attempts at all frames within seconds, and a scene that nobody can render costs
//! other jobs nothing.
//!
//! Absences: rests are not recorded; a restarted master tries again at once.

use super::Farm;
use super::effect::Effect;
use super::event::TaskRef;
use super::fitness::Obstacle;
use super::job::Job;
use super::judging::note_fault;
use super::limits::{REST_MS_MAX, REST_MS_MIN};
use super::slave::{Chunk, Slave};
use super::time::Moment;
use crate::ids::{JobId, SlaveId, TaskIndex};
use std::collections::BTreeSet;

/// What a slave failed of a job since it last finished a task of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    pub(super) tasks: BTreeSet<TaskIndex>,
    /// Attempts in a row, of which a task may have had several.
    attempts: u32,
    /// Until when the job rests there.
    rests_until: Option<Moment>,
}

impl Faults {
    pub(super) fn note(&mut self, task: TaskIndex) {
        note_fault(&mut self.tasks, task);
        self.attempts = self.attempts.saturating_add(1);
    }
}

impl Farm {
    /// What a slave got with a task, and still holds.
    pub(super) fn leased_together(&self, slave: SlaveId, at: TaskRef) -> Vec<TaskIndex> {
        let chunk = self.slaves.get(&slave).and_then(|slave| {
            let place = slave.chunk_of(at.job, at.task)?;
            slave.chunks.get(place)
        });
        chunk.map_or_else(Vec::new, |chunk| chunk.tasks.clone())
    }

    /// Lets a job rest on a slave that failed it again, and takes back what the slave was to render of it next; the orders
    /// that tell it. `together`: the chunk whose task failed.
    pub(super) fn rest_if_failing(&mut self, slave: SlaveId, id: JobId, together: &[TaskIndex]) -> Vec<Effect> {
        // Banned meanwhile, it has no faults any more.
        let Some(faults) = self.jobs.get_mut(&id).and_then(|job| job.faults.get_mut(&slave)) else {
            return Vec::new();
        };
        let Some(rest_ms) = rest_ms(faults.attempts) else {
            return Vec::new();
        };
        let until = self.now.plus_millis(rest_ms);
        if let Some(before) = faults.rests_until.replace(until) {
            self.rest_ends.remove(&(before, id, slave));
        }
        self.rest_ends.insert((until, id, slave));
        let taken = self.not_begun(slave, id, together);
        taken.into_iter().filter_map(|task| self.take_back(slave, id, task)).collect()
    }

    /// Why a slave gets nothing of a job for a short while.
    pub(super) fn rest_of(&self, slave: SlaveId, job: &Job) -> Option<Obstacle> {
        let faults = job.faults.get(&slave)?;
        let millis = faults.rests_until?.millis_since(self.now);
        Some(Obstacle::Rests {
            attempts: faults.attempts,
            millis,
        })
    }

    /// Nothing that the slave failed of the job counts any more.
    pub(super) fn forgive(&mut self, id: JobId, slave: SlaveId) {
        let faults = self.jobs.get_mut(&id).and_then(|job| job.faults.remove(&slave));
        if let Some(until) = faults.and_then(|faults| faults.rests_until) {
            self.rest_ends.remove(&(until, id, slave));
            self.work_appeared = true;
        }
    }

    /// Lets go on what has rested for long enough.
    pub(super) fn end_rests(&mut self) {
        while let Some(end @ (_, job, slave)) = self.rest_ends.first().filter(|(until, ..)| *until <= self.now).copied() {
            self.rest_ends.remove(&end);
            self.set_rest(job, slave, None);
            self.work_appeared = true;
        }
    }

    /// Lets nothing rest for longer than until a moment.
    pub(super) fn end_rests_by(&mut self, latest: Moment) {
        for (until, job, slave) in std::mem::take(&mut self.rest_ends) {
            let until = until.min(latest);
            self.set_rest(job, slave, Some(until));
            self.rest_ends.insert((until, job, slave));
        }
    }

    /// Both orders hold the same.
    pub(super) fn check_rests(&self) {
        let rests = self.jobs.values().flat_map(|job| {
            let id = job.id();
            let faults = job.faults.iter();
            faults.filter_map(move |(slave, faults)| Some((faults.rests_until?, id, *slave)))
        });
        assert_eq!(rests.collect::<BTreeSet<_>>(), self.rest_ends, "ends of rests");
    }

    fn set_rest(&mut self, job: JobId, slave: SlaveId, until: Option<Moment>) {
        let faults = self.jobs.get_mut(&job).and_then(|job| job.faults.get_mut(&slave));
        if let Some(faults) = faults {
            faults.rests_until = until;
        }
    }

    /// What a slave holds of a job and does not render in another slot.
    fn not_begun(&self, id: SlaveId, job: JobId, together: &[TaskIndex]) -> Vec<TaskIndex> {
        let (Some(slave), Some(job)) = (self.slaves.get(&id), self.jobs.get(&job)) else {
            return Vec::new();
        };
        let chunks = slave.chunks.iter().filter(|chunk| chunk.job == job.id());
        let not_begun = chunks.flat_map(|chunk| {
            let begun = begun_elsewhere(slave, chunk, job, together);
            let unrendered = self.unrendered(slave, chunk).into_iter();
            unrendered.filter(move |task| !begun.contains(task))
        });
        not_begun.collect()
    }
}

/// What is being rendered of a chunk, if it is not the one whose task failed.
fn begun_elsewhere(slave: &Slave, chunk: &Chunk, job: &Job, together: &[TaskIndex]) -> Vec<TaskIndex> {
    let is_elsewhere = chunk.heard_of && !chunk.tasks.iter().any(|task| together.contains(task));
    if is_elsewhere {
        job.begun(slave, chunk).collect()
    } else {
        Vec::new()
    }
}

/// How long to rest after so many failed attempts in a row; a single one may be the frame's own fault.
fn rest_ms(attempts: u32) -> Option<u64> {
    let doublings = attempts.checked_sub(2)?;
    let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    Some(REST_MS_MIN.saturating_mul(factor).min(REST_MS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::sim::trial::{Trial, a_job, a_machine};
    use crate::farm::{Event, JobState, Machine, NewJob, ReportBody};

    #[test]
    fn a_job_rests_ever_longer_where_it_fails_again_and_again() {
        let seconds: Vec<u64> = (0..9).map(|attempts| rest_ms(attempts).unwrap_or(0) / 1_000).collect();
        assert_eq!(seconds, [0, 0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(rest_ms(u32::MAX), Some(REST_MS_MAX));
    }

    #[test]
    fn a_job_rests_on_a_slave_and_another_one_goes_on_there_at_once() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let broken = trial.submit(a_job(1, 9));
        (0..2).for_each(|_| trial.fail_next(slave));
        assert_eq!(trial.want(slave), None);
        let told = "waiting: it failed time after time on every slave that could render it, and rests for 1 s";
        assert_eq!(trial.farm.explain_job(broken)[0], told);
        let told = trial.farm.explain_slave(slave);
        let of_job = format!("gets nothing of job {broken} (job 1): it failed 2 times in a row here, and rests for 1 s");
        assert_eq!(told[1], of_job, "{told:?}");
        let sound = trial.submit(a_job(2, 3));
        assert_eq!(trial.farm.job(sound).unwrap().leased, 1, "no rest for others");
    }

    #[test]
    fn who_waits_gets_the_job_as_soon_as_it_has_rested() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 9));
        let fail_twice = |trial: &mut Trial| {
            (0..2).for_each(|_| trial.fail_next(slave));
        };
        fail_twice(&mut trial);
        for rest_ms in [1_000, 2_000, 4_000] {
            trial.want(slave);
            trial.pass(rest_ms - 1);
            assert_eq!(trial.farm.job(job).unwrap().leased, 0);
            trial.pass(1);
            let task = trial.held(slave);
            trial.fail(slave, task);
        }
        trial.want(slave);
        trial.pass(8_000);
        let task = trial.held(slave);
        trial.done(slave, task);
        fail_twice(&mut trial);
        trial.want(slave);
        trial.pass(1_000);
        assert_eq!(trial.farm.job(job).unwrap().leased, 1, "a finished frame lets it begin anew");
    }

    #[test]
    fn what_a_slave_was_to_render_next_of_a_resting_job_goes_to_others_and_what_another_slot_renders_stays() {
        let mut trial = Trial::new();
        let machine = Machine {
            slots: 2,
            ..a_machine(&[])
        };
        let slave = trial.register(1, machine, &[]);
        let job = trial.submit(NewJob {
            chunk_tasks: 4,
            ..a_job(1, 8)
        });
        let (first, second) = (trial.leased(slave), trial.leased(slave));
        let task = second[0];
        trial.happen(&Event::Progressed {
            slave,
            task,
            percent: None,
        });
        trial.fail(slave, first[0]);
        assert_eq!(
            trial.farm.slave(slave).unwrap().leased.len(),
            7,
            "one failure may be the frame's own fault"
        );
        let request = trial.request();
        let reason = "no camera".to_owned();
        let told = trial.happen(&Event::Report {
            request,
            slave,
            task: first[1],
            body: ReportBody::Failed { reason },
        });
        let cancelled = first[2..].iter().chain(&second[1..]);
        let cancels: Vec<_> = cancelled.map(|task| Effect::Cancel { slave, task: *task }).collect();
        assert_eq!(told[..5], cancels);
        assert_eq!(trial.farm.slave(slave).unwrap().leased, [second[0]]);
        assert_eq!(trial.farm.job(job).unwrap().queued, 7);
    }

    #[test]
    fn a_slave_on_which_a_job_rests_gets_no_frame_of_it_in_any_other_way() {
        let mut trial = Trial::new();
        let (failing, busy) = (trial.slave(1), trial.slave(2));
        trial.submit(NewJob {
            chunk_tasks: 2,
            ..a_job(1, 4)
        });
        let tasks = trial.leased(busy);
        for task in trial.leased(failing) {
            trial.fail(failing, task);
        }
        assert_eq!(
            trial.want(failing),
            None,
            "what it failed, and what the other one has not begun"
        );
        trial.report(busy, tasks[0], ReportBody::Rendered);
        assert_eq!(trial.farm.likely_next(failing), None);
    }

    #[test]
    fn no_rest_outlives_a_clock_that_goes_back_a_restart_or_its_job() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 9));
        let fail = |trial: &mut Trial| {
            (0..2).for_each(|_| trial.fail_next(slave));
            assert_eq!(trial.want(slave), None);
        };
        fail(&mut trial);
        trial.now = Moment(trial.now.0 - 3_600_000);
        trial.happen(&Event::SlaveSeen { slave });
        trial.pass(REST_MS_MAX);
        assert_eq!(trial.farm.job(job).unwrap().leased, 1);
        let task = trial.held(slave);
        trial.done(slave, task);
        fail(&mut trial);
        trial.restart();
        trial.slave(1);
        let task = trial.leased(slave)[0];
        trial.done(slave, task);
        fail(&mut trial);
        trial.remove(job);
        assert_ne!(trial.farm.job(job).map(|job| job.state), Some(JobState::Queued));
    }
}
