//! Slaves tell of tasks.

use super::Farm;
use super::effect::Refusal;
use super::event::{RequestId, TaskRef};
use super::job::Job;
use super::limits::REASON_BYTES_MAX;
use super::model::ReportBody;
use super::seconds::plausible;
use super::task::State;
use crate::ids::SlaveId;

/// What a reported attempt is to the task as it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// The reporter has the task.
    Held { rendered: bool },
    /// It was taken back from the reporter, and nobody has had it since.
    TakenBack,
    /// This very attempt is done, by the reporter.
    DoneBefore,
    /// This very attempt failed, at the reporter.
    FailedBefore,
    /// Somebody else's, or long ago.
    Stale,
}

impl Farm {
    pub(super) fn report(&mut self, request: RequestId, slave: SlaveId, task: TaskRef, body: ReportBody) {
        if !self.see(slave) {
            return self.refuse(request, Refusal::UnknownSlave(slave));
        }
        let Some(job) = self.jobs.get(&task.job) else {
            return self.refuse(request, Refusal::UnknownJob(task.job));
        };
        if job.task(task.task).is_none() {
            return self.refuse(request, Refusal::UnknownTask(task.job, task.task));
        }
        let claim = claim(job, slave, task);
        match (body, claim) {
            (ReportBody::Rendered, Claim::Held { rendered: false }) => self.rendered(slave, task),
            (ReportBody::Done { seconds, result }, Claim::Held { .. } | Claim::TakenBack) => {
                let seconds = plausible(seconds);
                self.done(task, claim, State::Done { slave, seconds, result }, slave);
            }
            (ReportBody::Failed { reason }, Claim::Held { rendered }) => self.failed(slave, task, rendered, reason),
            (ReportBody::Returned, Claim::Held { .. }) => self.put_back(task.job, task.task),
            // Told before, or without consequence. A result that is announced late is welcome if it comes in time.
            (ReportBody::Rendered, Claim::Held { .. } | Claim::TakenBack | Claim::DoneBefore)
            | (ReportBody::Done { .. }, Claim::DoneBefore)
            | (ReportBody::Failed { .. }, Claim::FailedBefore)
            | (ReportBody::Returned, Claim::TakenBack | Claim::FailedBefore) => {}
            (ReportBody::Rendered | ReportBody::Done { .. }, Claim::FailedBefore)
            | (ReportBody::Failed { .. }, Claim::TakenBack | Claim::DoneBefore)
            | (ReportBody::Returned, Claim::DoneBefore)
            | (_, Claim::Stale) => return self.refuse(request, Refusal::Stale(task)),
        }
        self.accept(request);
    }

    /// Whether a task is queued again under the attempt that somebody still holds.
    pub(super) fn is_taken_back(&self, held: TaskRef) -> bool {
        let job = self.jobs.get(&held.job).filter(|job| !job.state().is_over());
        let task = job.and_then(|job| job.task(held.task));
        task.is_some_and(|task| task.attempt == held.attempt && held.attempt.0 > 0 && task.state == State::Queued)
    }

    fn rendered(&mut self, slave: SlaveId, at: TaskRef) {
        let Some(job) = self.jobs.get_mut(&at.job) else {
            return;
        };
        let Some(State::Leased { since, .. }) = job.task(at.task).map(|task| task.state) else {
            return;
        };
        job.enter(
            at.task,
            State::Leased {
                slave,
                since,
                rendered: true,
            },
        );
        let freed = self
            .slaves
            .get_mut(&slave)
            .is_some_and(|slave| slave.rendered(at.job, at.task));
        if freed {
            self.balance.slot_freed(self.now, at.job);
        }
        self.record_task(at.job, at.task);
    }

    fn done(&mut self, at: TaskRef, claim: Claim, done: State, slave: SlaveId) {
        if let Claim::Held { rendered } = claim {
            self.release(slave, at.job, at.task, rendered);
        }
        if let Some(job) = self.jobs.get_mut(&at.job) {
            job.enter(at.task, done);
        }
        if let Some(slave) = self.slaves.get_mut(&slave) {
            slave.done += 1;
        }
        self.record_task(at.job, at.task);
        self.settle(at.job);
    }

    fn failed(&mut self, slave: SlaveId, at: TaskRef, rendered: bool, mut reason: String) {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        self.release(slave, at.job, at.task, rendered);
        if let Some(job) = self.jobs.get_mut(&at.job) {
            job.fail(at.task, at.attempt, slave, reason);
        }
        if let Some(slave) = self.slaves.get_mut(&slave) {
            slave.failed += 1;
        }
        self.record_task(at.job, at.task);
        self.settle(at.job);
        self.work_appeared = true;
    }
}

fn claim(job: &Job, reporter: SlaveId, at: TaskRef) -> Claim {
    let failed_before = |it: &super::task::Failures| it.attempt == at.attempt && it.slaves.last() == Some(&reporter);
    let failed_before = job.failures.get(&at.task).is_some_and(failed_before);
    let Some(task) = job
        .task(at.task)
        .filter(|task| task.attempt == at.attempt && at.attempt.0 > 0)
    else {
        return if failed_before { Claim::FailedBefore } else { Claim::Stale };
    };
    match task.state {
        State::Leased { slave, rendered, .. } if slave == reporter => Claim::Held { rendered },
        State::Done { slave, .. } if slave == reporter => Claim::DoneBefore,
        _ if failed_before => Claim::FailedBefore,
        State::Queued if !job.state().is_over() => Claim::TakenBack,
        _ => Claim::Stale,
    }
}
