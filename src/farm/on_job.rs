//! What happens to jobs.

use super::Farm;
use super::effect::{Change, Effect, Refusal};
use super::event::RequestId;
use super::job::Job;
use super::model::{JobRecord, JobState, NewJob, Transition};
use super::task::State;
use crate::ids::{FrameLayout, JobId};

impl Farm {
    pub(super) fn job_submitted(&mut self, request: RequestId, mut new: NewJob) {
        let id = new.id;
        if self.jobs.contains_key(&id) {
            return self.refuse(request, Refusal::JobExists(id));
        }
        if let Some(refusal) = self.refuse_dependencies(id, &mut new.depends_on) {
            return self.refuse(request, refusal);
        }
        let layout = match FrameLayout::of_tiles(new.frames.clone(), new.tiles, new.denoises) {
            Ok(layout) => layout,
            Err(reason) => return self.refuse(request, Refusal::Frames(id, reason.to_string())),
        };
        let is_held_back = !new.depends_on.iter().all(|on| self.is_finished(*on));
        let state = if new.files_missing || is_held_back {
            JobState::Waiting
        } else {
            JobState::Queued
        };
        let record = JobRecord {
            layout,
            resets: 0,
            job: new,
            submitted: self.now,
            transitions: vec![Transition { at: self.now, state }],
            last_dispatched: None,
        };
        self.record(Change::JobAdded(Box::new(record.clone())));
        self.balance.add(self.now, &record.job, self.now, None);
        self.jobs.insert(id, Job::new(record));
        self.link(id);
        self.ban_unwanted(id);
        self.settle(id);
        self.accept(request);
    }

    pub(super) fn job_files_ready(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.record.job.files_missing) else {
            return;
        };
        job.record.job.files_missing = false;
        self.record_job(id);
        self.settle(id);
    }

    pub(super) fn job_paused(&mut self, request: RequestId, id: JobId) {
        let Some(job) = self.jobs.get(&id) else {
            return self.refuse(request, Refusal::UnknownJob(id));
        };
        match job.state() {
            JobState::Paused => self.accept(request),
            state @ (JobState::Finished | JobState::Failed | JobState::Cancelled) => {
                self.refuse(request, Refusal::WrongState(id, state));
            }
            JobState::Waiting | JobState::Queued => {
                self.transit(id, JobState::Paused);
                self.settle(id);
                self.accept(request);
            }
        }
    }

    pub(super) fn job_resumed(&mut self, request: RequestId, id: JobId) {
        let Some(job) = self.jobs.get(&id) else {
            return self.refuse(request, Refusal::UnknownJob(id));
        };
        match job.state() {
            JobState::Waiting | JobState::Queued => self.accept(request),
            state @ (JobState::Finished | JobState::Failed | JobState::Cancelled) => {
                self.refuse(request, Refusal::WrongState(id, state));
            }
            JobState::Paused => {
                let state = self.idle_state(job);
                self.transit(id, state);
                self.settle(id);
                self.accept(request);
            }
        }
    }

    pub(super) fn job_cancelled(&mut self, request: RequestId, id: JobId) {
        let Some(job) = self.jobs.get(&id) else {
            return self.refuse(request, Refusal::UnknownJob(id));
        };
        match job.state() {
            JobState::Cancelled => self.accept(request),
            state @ (JobState::Finished | JobState::Failed) => self.refuse(request, Refusal::WrongState(id, state)),
            JobState::Waiting | JobState::Queued | JobState::Paused => {
                let cancels = self.cancel(id);
                self.accept(request);
                self.effects.extend(cancels);
            }
        }
    }

    pub(super) fn all_cancelled(&mut self, request: RequestId) {
        let running: Vec<JobId> = self.jobs.values().filter(|job| !job.state().is_over()).map(Job::id).collect();
        let cancels: Vec<Effect> = running.into_iter().flat_map(|id| self.cancel(id)).collect();
        self.accept(request);
        self.effects.extend(cancels);
    }

    fn cancel(&mut self, id: JobId) -> Vec<Effect> {
        // The state first: nobody who restarts in between shall lease what is put back.
        self.transit(id, JobState::Cancelled);
        let cancels = self.take_all_back(id);
        self.settle(id);
        cancels
    }

    pub(super) fn job_removed(&mut self, request: RequestId, id: JobId, keep_results: bool) {
        if !self.jobs.contains_key(&id) {
            return self.refuse(request, Refusal::UnknownJob(id));
        }
        let cancels = self.remove_job(id);
        // Nobody is told that the results are kept before they are in their place.
        let forget = Effect::Forget { job: id, keep_results };
        if keep_results {
            self.effects.push_back(forget);
            self.accept(request);
            self.effects.extend(cancels);
        } else {
            self.accept(request);
            self.effects.extend(cancels);
            self.effects.push_back(forget);
        }
    }

    /// Takes a job out of the farm; the orders that tell the slaves.
    pub(super) fn remove_job(&mut self, id: JobId) -> Vec<Effect> {
        if self.jobs.get(&id).is_some_and(|job| job.state() == JobState::Finished) {
            self.let_dependents_go(id);
        }
        self.record(Change::JobRemoved(id));
        let recorded = self.effects.len();
        let cancels = self.take_all_back(id);
        // Its tasks are gone with it: nothing more to record of them.
        self.effects.truncate(recorded);
        if let Some(job) = self.jobs.remove(&id) {
            self.unlink(id, &job.record.job.depends_on);
            self.forget_bans_in(id);
        }
        self.balance.remove(id);
        // A job that was above its share may be the only one now.
        self.work_appeared = true;
        cancels
    }

    /// Puts every leased task of a job back; the orders that tell the slaves.
    fn take_all_back(&mut self, id: JobId) -> Vec<Effect> {
        let Some(job) = self.jobs.get(&id).filter(|job| job.leased > 0) else {
            return Vec::new();
        };
        let leased: Vec<_> = job
            .touched()
            .filter(|(_, task)| matches!(task.state, State::Leased { .. }))
            .map(|(index, _)| index)
            .collect();
        leased
            .into_iter()
            .flat_map(|index| self.take_back_from_all(id, index))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, job_id};
    use crate::farm::{Effect, Event, JobState, NewJob, Refusal, ReportBody};

    #[test]
    fn a_job_waits_for_its_files_and_starts_by_itself() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = a_job(1, 1);
        let job = trial.submit(NewJob {
            files_missing: true,
            ..job
        });
        assert_eq!(trial.want(slave), None);
        trial.happen(&Event::JobFilesReady { job });
        assert_eq!(trial.farm.job(job).unwrap().leased, 1);
        trial.happen(&Event::JobFilesReady { job });
    }

    #[test]
    fn files_that_come_while_a_job_is_paused_are_known_even_after_a_restart() {
        let mut trial = Trial::new();
        let job = a_job(1, 1);
        let job = trial.submit(NewJob {
            files_missing: true,
            ..job
        });
        trial.pause(job);
        trial.resume(job);
        assert_eq!(trial.state(job), JobState::Waiting);
        trial.pause(job);
        trial.happen(&Event::JobFilesReady { job });
        assert_eq!(trial.state(job), JobState::Paused);
        trial.restart();
        trial.resume(job);
        assert_eq!(trial.state(job), JobState::Queued);
    }

    #[test]
    fn a_paused_job_finishes_what_is_started_and_starts_nothing() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 2));
        let task = trial.leased(slave)[0];
        assert_eq!([trial.pause(job), trial.pause(job)], [Answer::Accept, Answer::Accept]);
        assert_eq!(trial.done(slave, task), Answer::Accept);
        assert_eq!(trial.want(slave), None);
        assert_eq!([trial.resume(job), trial.resume(job)], [Answer::Accept, Answer::Accept]);
        assert_eq!(trial.farm.job(job).unwrap().leased, 1, "who waited has it");
    }

    #[test]
    fn a_cancelled_job_stops_its_slaves_and_takes_no_more_results() {
        let mut trial = Trial::new();
        let slaves = [1, 2].map(|number| trial.slave(number));
        let job = trial.submit(a_job(1, 9));
        let tasks = slaves.map(|slave| trial.leased(slave)[0]);
        trial.report(slaves[1], tasks[1], ReportBody::Rendered);
        let request = trial.request();
        let told = trial.happen(&Event::JobCancelled { request, job });
        let cancel = |place: usize| Effect::Cancel {
            slave: slaves[place],
            task: tasks[place],
        };
        assert_eq!(told, [Effect::Accept { request }, cancel(0), cancel(1)]);
        for place in [0, 1] {
            let answer = trial.done(slaves[place], tasks[place]);
            assert_eq!(answer, Answer::Refuse(Refusal::Stale(tasks[place])));
        }
        assert_eq!(trial.cancel(job), Answer::Accept);
        assert_eq!(
            trial.resume(job),
            Answer::Refuse(Refusal::WrongState(job, JobState::Cancelled))
        );
        assert_eq!(trial.want(slaves[0]), None);
    }

    #[test]
    fn a_removed_job_is_forgotten_after_that_is_recorded() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 9));
        let task = trial.leased(slave)[0];
        let request = trial.request();
        let keep_results = false;
        let told = trial.happen(&Event::JobRemoved {
            request,
            job,
            keep_results,
        });
        assert_eq!(
            told,
            [
                Effect::Accept { request },
                Effect::Cancel { slave, task },
                Effect::Forget { job, keep_results }
            ]
        );
        assert_eq!(trial.done(slave, task), Answer::Refuse(Refusal::UnknownJob(job)));
        assert_eq!(trial.cancel(job), Answer::Refuse(Refusal::UnknownJob(job)));
    }

    #[test]
    fn an_id_is_taken_once() {
        let mut trial = Trial::new();
        let job = trial.submit(a_job(1, 9));
        let answer = trial.ask(|request| Event::JobSubmitted {
            request,
            job: a_job(1, 1),
        });
        assert_eq!(answer, Some(Answer::Refuse(Refusal::JobExists(job))));
        assert_eq!(trial.farm.job(job_id(1)).unwrap().tasks, 9);
    }
}
