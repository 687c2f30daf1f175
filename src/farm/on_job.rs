//! What happens to jobs.

use super::Farm;
use super::effect::{Change, Effect, Refusal};
use super::event::{RequestId, TaskRef};
use super::job::Job;
use super::model::{JobRecord, JobState, NewJob, Transition};
use super::task::State;
use crate::ids::JobId;

impl Farm {
    pub(super) fn job_submitted(&mut self, request: RequestId, new: NewJob) {
        let id = new.id;
        if self.jobs.contains_key(&id) {
            return self.refuse(request, Refusal::JobExists(id));
        }
        let state = if new.files_missing {
            JobState::Waiting
        } else {
            JobState::Queued
        };
        let record = JobRecord {
            job: new,
            submitted: self.now,
            transitions: vec![Transition { at: self.now, state }],
            last_dispatched: None,
        };
        self.record(Change::JobAdded(record.clone()));
        self.balance.add(self.now, &record.job, self.now, None);
        self.jobs.insert(id, Job::new(record));
        self.settle(id);
        self.accept(request);
    }

    pub(super) fn job_files_ready(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.files_missing) else {
            return;
        };
        job.files_missing = false;
        match job.state() {
            JobState::Waiting => self.transit(id, JobState::Queued),
            // The step through Queued leaves a trace in the records that the files are here, for a restarted master.
            JobState::Paused => {
                self.transit(id, JobState::Queued);
                self.transit(id, JobState::Paused);
            }
            _ => {}
        }
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
                let state = if job.files_missing {
                    JobState::Waiting
                } else {
                    JobState::Queued
                };
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
                // The state first: nobody who restarts in between shall lease what is put back.
                self.transit(id, JobState::Cancelled);
                let cancels = self.take_all_back(id);
                self.settle(id);
                self.accept(request);
                self.effects.extend(cancels);
            }
        }
    }

    pub(super) fn job_removed(&mut self, request: RequestId, id: JobId) {
        if !self.jobs.contains_key(&id) {
            return self.refuse(request, Refusal::UnknownJob(id));
        }
        self.record(Change::JobRemoved(id));
        let recorded = self.effects.len();
        let cancels = self.take_all_back(id);
        // Its tasks are gone with it: nothing more to record of them.
        self.effects.truncate(recorded);
        self.jobs.remove(&id);
        self.balance.remove(id);
        // A job that was above its share may be the only one now.
        self.work_appeared = true;
        self.accept(request);
        self.effects.extend(cancels);
        self.effects.push_back(Effect::Forget { job: id });
    }

    /// Puts every leased task of a job back; the orders that tell the slaves.
    fn take_all_back(&mut self, id: JobId) -> Vec<Effect> {
        let Some(job) = self.jobs.get(&id).filter(|job| job.leased > 0) else {
            return Vec::new();
        };
        let leased: Vec<_> = job
            .touched()
            .filter_map(|(index, task)| match task.state {
                State::Leased { slave, rendered, .. } => Some((index, task.attempt, slave, rendered)),
                _ => None,
            })
            .collect();
        let mut cancels = Vec::new();
        for (index, attempt, slave, rendered) in leased {
            self.release(slave, id, index, rendered);
            if let Some(job) = self.jobs.get_mut(&id) {
                job.enter(index, State::Queued);
            }
            self.record_task(id, index);
            let task = TaskRef {
                job: id,
                task: index,
                attempt,
            };
            cancels.push(Effect::Cancel { slave, task });
        }
        cancels
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
        let told = trial.happen(&Event::JobRemoved { request, job });
        assert_eq!(
            told,
            [
                Effect::Accept { request },
                Effect::Cancel { slave, task },
                Effect::Forget { job }
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
