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
        self.balance.add(self.now, &record.job, self.now);
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
