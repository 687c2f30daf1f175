//! Jobs that wait for jobs.
//!
//! A job is held back until every job that it depends on is finished. One that failed, was cancelled or removed before it
//! was finished holds it back for good, and [`Farm::explain_waiting`] says so, until somebody resets that one or edits this
//! one. A finished job that is removed holds nobody back.

use super::Farm;
use super::effect::Refusal;
use super::job::Job;
use super::model::JobState;
use crate::ids::JobId;
use std::collections::BTreeSet;

impl Farm {
    /// Why a job cannot depend on these; brings them into order.
    pub(super) fn refuse_dependencies(&self, id: JobId, wanted: &mut Vec<JobId>) -> Option<Refusal> {
        wanted.sort_unstable();
        wanted.dedup();
        // One that was removed may stay where it was.
        let known = |on: &JobId| self.jobs.contains_key(on) || self.jobs.get(&id).is_some_and(|job| job.depends_on(*on));
        if let Some(unknown) = wanted.iter().find(|on| !known(on)) {
            return Some(Refusal::UnknownJob(*unknown));
        }
        let circle = wanted.iter().find(|on| self.waits_for(**on, id))?;
        Some(Refusal::Circle(id, *circle))
    }

    /// Notes what a job depends on from now on.
    pub(super) fn set_dependencies(&mut self, id: JobId, depends_on: Vec<JobId>) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        let old = std::mem::replace(&mut job.record.job.depends_on, depends_on);
        self.unlink(id, &old);
        self.link(id);
    }

    /// Enters a job with those that it depends on.
    pub(super) fn link(&mut self, id: JobId) {
        for on in self.jobs.get(&id).map_or(&[][..], |job| &job.record.job.depends_on) {
            self.dependents.entry(*on).or_default().insert(id);
        }
    }

    /// Takes a job off the lists of those that it depended on.
    pub(super) fn unlink(&mut self, id: JobId, depended_on: &[JobId]) {
        for on in depended_on {
            if let Some(dependents) = self.dependents.get_mut(on) {
                dependents.remove(&id);
                if dependents.is_empty() {
                    self.dependents.remove(on);
                }
            }
        }
    }

    /// Whether a job waits for another one that is not finished.
    pub(super) fn is_held_back(&self, job: &Job) -> bool {
        job.record.job.depends_on.iter().any(|on| !self.is_finished(*on))
    }

    /// Brings those that depend on a job in line after it became finished, or is it no more.
    pub(super) fn settle_dependents(&mut self, of: JobId) {
        let dependents: Vec<JobId> = self.dependents.get(&of).into_iter().flatten().copied().collect();
        for id in dependents {
            self.settle(id);
        }
    }

    /// Whoever depended on a finished job that is about to go depends on it no longer.
    pub(super) fn let_dependents_go(&mut self, finished: JobId) {
        for id in self.dependents.remove(&finished).unwrap_or_default() {
            if let Some(job) = self.jobs.get_mut(&id) {
                job.record.job.depends_on.retain(|on| *on != finished);
                self.record_job(id);
            }
        }
    }

    /// Why a job waits, in a sentence.
    pub(super) fn explain_waiting(&self, job: &Job) -> String {
        if job.record.job.files_missing {
            return "waiting: not all of its files are here yet".to_owned();
        }
        let depends_on = &job.record.job.depends_on;
        let Some(on) = depends_on.iter().find(|on| !self.is_finished(**on)) else {
            return "waiting".to_owned();
        };
        let Some(other) = self.jobs.get(on) else {
            return format!("waiting: job {on}, which has to be finished before, was removed; edit this job to go on without it");
        };
        let name = &other.record.job.name;
        match other.state() {
            JobState::Failed => format!("waiting: job {on} ({name}), which has to be finished before, failed; reset its frames"),
            JobState::Cancelled => {
                format!("waiting: job {on} ({name}), which has to be finished before, was cancelled; reset it, or edit this job")
            }
            JobState::Paused => format!("waiting: job {on} ({name}) has to be finished before, and is paused"),
            _ if other.bakes() => {
                let percent = self.percent_of(other);
                format!("waiting: job {on} ({name}) has to be finished before, and is at {percent} %")
            }
            _ => format!("waiting: job {on} ({name}) has to be finished before"),
        }
    }

    pub(super) fn is_finished(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.state() == JobState::Finished)
    }

    /// Whether a job is another one, or depends on it by however many steps.
    pub(super) fn waits_for(&self, id: JobId, other: JobId) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![id]);
        while let Some(id) = next.pop() {
            if id == other {
                return true;
            }
            if seen.insert(id) {
                next.extend(self.jobs.get(&id).map_or(&[][..], |job| &job.record.job.depends_on));
            }
        }
        false
    }
}

impl Job {
    fn depends_on(&self, on: JobId) -> bool {
        self.record.job.depends_on.contains(&on)
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, job_id};
    use crate::farm::{Event, JobEdit, JobState, NewJob, Refusal, Reset};
    use crate::ids::{JobId, SlaveId};

    fn after(number: u64, on: &[JobId]) -> NewJob {
        NewJob {
            depends_on: on.to_vec(),
            ..a_job(number, 1)
        }
    }

    fn depending_on(on: &[JobId]) -> JobEdit {
        JobEdit {
            depends_on: Some(on.to_vec()),
            ..JobEdit::default()
        }
    }

    fn render_one(trial: &mut Trial, slave: SlaveId) -> JobId {
        let task = trial.leased(slave)[0];
        trial.done(slave, task);
        task.job
    }

    #[test]
    fn a_job_starts_when_those_before_it_are_finished_even_after_a_restart() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let first = [1, 2].map(|number| trial.submit(a_job(number, 1)));
        let last = trial.submit(after(3, &first));
        trial.restart();
        assert_eq!(trial.state(last), JobState::Waiting);
        assert_eq!(
            trial.farm.explain_job(last),
            ["waiting: job 1 (job 1) has to be finished before".replace("job 1 ", &format!("job {} ", first[0]))]
        );
        let order = [1, 2, 3].map(|_| render_one(&mut trial, slave));
        assert_eq!(order, [first[0], first[1], last]);
    }

    #[test]
    fn files_and_jobs_are_waited_for_in_any_order() {
        for files_first in [true, false] {
            let mut trial = Trial::new();
            let slave = trial.slave(1);
            let first = trial.submit(a_job(1, 1));
            let job = trial.submit(NewJob {
                files_missing: true,
                ..after(2, &[first])
            });
            if files_first {
                trial.happen(&Event::JobFilesReady { job });
                trial.restart();
            }
            render_one(&mut trial, slave);
            trial.happen(&Event::JobFilesReady { job });
            assert_eq!(trial.state(job), JobState::Queued);
        }
    }

    #[test]
    fn circles_and_unknown_jobs_are_refused() {
        let mut trial = Trial::new();
        let first = trial.submit(a_job(1, 1));
        let second = trial.submit(after(2, &[first]));
        let third = trial.submit(after(3, &[second]));
        assert_eq!(
            trial.edit(first, depending_on(&[third])),
            Answer::Refuse(Refusal::Circle(first, third))
        );
        assert_eq!(
            trial.edit(first, depending_on(&[first])),
            Answer::Refuse(Refusal::Circle(first, first))
        );
        let unknown = Answer::Refuse(Refusal::UnknownJob(job_id(9)));
        assert_eq!(trial.edit(first, depending_on(&[job_id(9)])), unknown);
        let told = trial.ask(|request| Event::JobSubmitted {
            request,
            job: after(4, &[job_id(9)]),
        });
        assert_eq!(told, Some(unknown));
        assert_eq!(trial.edit(third, depending_on(&[])), Answer::Accept);
        assert_eq!(trial.edit(first, depending_on(&[third])), Answer::Accept);
    }

    #[test]
    fn what_never_gets_finished_is_told_until_somebody_edits() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let first = trial.submit(a_job(1, 1));
        let job = trial.submit(after(2, &[first]));
        let says = |trial: &Trial, word: &str| {
            assert_eq!(trial.state(job), JobState::Waiting);
            assert!(
                trial.farm.explain_job(job)[0].contains(word),
                "{:?}",
                trial.farm.explain_job(job)
            );
        };
        trial.cancel(first);
        says(&trial, "was cancelled");
        trial.reset(first, Reset::All);
        (0..3).for_each(|_| trial.fail_next(slave));
        says(&trial, "failed");
        trial.remove(first);
        says(&trial, "was removed");
        trial.restart();
        says(&trial, "was removed");
        trial.edit(job, depending_on(&[]));
        assert_eq!(render_one(&mut trial, slave), job);
    }

    #[test]
    fn a_job_waits_again_when_one_before_it_is_reset_and_not_when_that_is_removed() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let first = trial.submit(a_job(1, 1));
        let job = trial.submit(NewJob {
            frames: "1-2".parse().unwrap(),
            ..after(2, &[first])
        });
        render_one(&mut trial, slave);
        assert_eq!(trial.state(job), JobState::Queued);
        trial.reset(first, Reset::All);
        assert_eq!(trial.state(job), JobState::Waiting);
        render_one(&mut trial, slave);
        trial.remove(first);
        trial.restart();
        assert_eq!(trial.state(job), JobState::Queued);
        assert!(trial.farm.job(job).unwrap().record.job.depends_on.is_empty());
    }
}
