//! Slaves tell of tasks.

use super::Farm;
use super::effect::Refusal;
use super::event::{RequestId, TaskRef};
use super::job::Job;
use super::limits::REASON_BYTES_MAX;
use super::model::{Hold, JobState, ReportBody};
use super::seconds::plausible;
use super::task::State;
use crate::ids::{JobId, SlaveId};

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
        if matches!(claim, Claim::Held { .. }) {
            self.hear_of(slave, task.job, task.task);
        }
        match (body, claim) {
            (ReportBody::Rendered, Claim::Held { rendered: false }) => self.rendered(slave, task),
            (ReportBody::Done { seconds, result }, Claim::Held { .. } | Claim::TakenBack) => {
                let seconds = plausible(seconds);
                self.done(task, claim, State::Done { slave, seconds, result }, slave);
            }
            (ReportBody::Failed { reason }, Claim::Held { rendered }) => self.failed(slave, task, rendered, reason),
            (ReportBody::Unfit { reason }, Claim::Held { .. }) => self.found_unfit(slave, task, reason),
            (ReportBody::Returned, Claim::Held { .. }) => self.put_back(slave, task.job, task.task),
            // Told before, or without consequence. A result that is announced late is welcome if it comes in time.
            (ReportBody::Rendered, Claim::Held { .. } | Claim::TakenBack | Claim::DoneBefore)
            | (ReportBody::Done { .. }, Claim::DoneBefore)
            | (ReportBody::Failed { .. }, Claim::FailedBefore)
            | (ReportBody::Returned | ReportBody::Unfit { .. }, Claim::TakenBack | Claim::FailedBefore) => {}
            (ReportBody::Rendered | ReportBody::Done { .. }, Claim::FailedBefore)
            | (ReportBody::Failed { .. }, Claim::TakenBack | Claim::DoneBefore)
            | (ReportBody::Returned | ReportBody::Unfit { .. }, Claim::DoneBefore)
            | (_, Claim::Stale) => return self.refuse(request, Refusal::Stale(task)),
        }
        self.accept(request);
    }

    /// Whether a task is queued again under the attempt that somebody still holds.
    pub(super) fn is_taken_back(&self, held: TaskRef) -> bool {
        let job = self.jobs.get(&held.job).filter(|job| !job.state().is_over());
        let task = job.and_then(|job| job.task(held.task));
        let is_free = |task: super::task::Task| task.attempt == held.attempt && held.attempt.0 > 0 && task.state == State::Queued;
        task.is_some_and(is_free) && job.is_some_and(|job| !job.dropped.contains(held.task) && !job.is_held(held.task))
    }

    fn rendered(&mut self, slave: SlaveId, at: TaskRef) {
        if let Some(job) = self.jobs.get_mut(&at.job) {
            job.note_rendered(at.task, slave);
        }
        if let Some(slave) = self.slaves.get_mut(&slave) {
            let loss = slave.rendered(at.job, at.task, self.now);
            self.lose(at.job, loss);
        }
        self.record_task(at.job, at.task);
    }

    fn done(&mut self, at: TaskRef, claim: Claim, done: State, slave: SlaveId) {
        if let Claim::Held { rendered } = claim {
            self.release(slave, at.job, at.task, rendered);
        }
        self.measure_pace(slave, at, done);
        let other = self.take_from_other(slave, at.job, at.task);
        if let Some(job) = self.jobs.get_mut(&at.job) {
            job.finish(at.task, at.attempt, done);
            // What came after it may be free now, although the job had something to lease before: for others.
            self.work_appeared |= job.has_order();
        }
        if let Some(slave) = self.slaves.get_mut(&slave) {
            slave.done += 1;
            slave.latest = Some(at);
        }
        self.praise(slave, at.job);
        self.record_task(at.job, at.task);
        self.settle(at.job);
        self.effects.extend(other);
    }

    /// Counts a failed attempt, and what follows from it: for the frame, the slave and the job.
    pub(super) fn failed(&mut self, slave: SlaveId, at: TaskRef, rendered: bool, mut reason: String) {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let together = self.leased_together(slave, at);
        let failed_before = self.jobs.get(&at.job).map_or(0, |job| job.failed);
        self.release(slave, at.job, at.task, rendered);
        if let Some(job) = self.jobs.get_mut(&at.job) {
            let attempts_max = self.settings.attempts_max(job.record.job.limits);
            job.fail(at.task, at.attempt, slave, reason, attempts_max);
        }
        if let Some(slave) = self.slaves.get_mut(&slave) {
            slave.failed += 1;
        }
        self.record_task(at.job, at.task);
        self.give_up_those_after(at.job, at.task, slave);
        let mut cancels = self.blame(slave, at);
        cancels.extend(self.rest_if_failing(slave, at.job, &together));
        self.pause_if_hopeless(at.job, failed_before);
        self.settle(at.job);
        self.work_appeared = true;
        self.effects.extend(cancels);
    }

    /// A job of which frame after frame is given up, and none was ever done, shall not keep the farm busy.
    fn pause_if_hopeless(&mut self, id: JobId, failed_before: u32) {
        let Some(job) = self.jobs.get(&id).filter(|job| job.state() == JobState::Queued) else {
            return;
        };
        // With one task those after it may be given up.
        let reached = |failed: u32| failed.checked_div(self.settings.hopeless_after);
        let is_limit = reached(job.failed) > reached(failed_before);
        let just_given_up = job.done == 0 && !job.is_worked_off();
        if is_limit && just_given_up && job.is_hopeless(&self.settings) {
            self.transit(id, JobState::Paused);
        }
    }
}

fn claim(job: &Job, reporter: SlaveId, at: TaskRef) -> Claim {
    let failed_before = |it: &super::task::Failures| it.attempt == at.attempt && it.slaves.last() == Some(&reporter);
    let failed_before = job.failures.get(&at.task).is_some_and(failed_before);
    let held = job.hold_of(at.task, reporter).filter(|hold| hold.attempt == at.attempt);
    if let Some(Hold { rendered, .. }) = held {
        return Claim::Held { rendered };
    }
    let Some(task) = job
        .task(at.task)
        .filter(|task| task.attempt == at.attempt && at.attempt.0 > 0)
    else {
        return if failed_before { Claim::FailedBefore } else { Claim::Stale };
    };
    match task.state {
        State::Done { slave, .. } if slave == reporter => Claim::DoneBefore,
        _ if failed_before => Claim::FailedBefore,
        State::Queued if !job.state().is_over() && !job.dropped.contains(at.task) && !job.is_held(at.task) => Claim::TakenBack,
        _ => Claim::Stale,
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, slave_id};
    use crate::farm::{JobState, Refusal, ReportBody, TaskRef, TaskState};
    use crate::ids::{Attempt, SlaveId, TaskIndex};

    /// A job of some frames, the first one leased to the first of two slaves.
    fn leased(frames: i32) -> (Trial, [SlaveId; 2], TaskRef) {
        let mut trial = Trial::new();
        let slaves = [1, 2].map(|number| trial.slave(number));
        trial.submit(a_job(1, frames));
        let task = trial.leased(slaves[0])[0];
        (trial, slaves, task)
    }

    fn stale(task: TaskRef) -> Answer {
        Answer::Refuse(Refusal::Stale(task))
    }

    #[test]
    fn a_job_is_finished_with_its_last_frame() {
        let (mut trial, [slave, _], task) = leased(2);
        assert_eq!(trial.done(slave, task), Answer::Accept);
        assert_eq!(trial.state(task.job), JobState::Queued);
        let last = trial.leased(slave)[0];
        assert_eq!(trial.done(slave, last), Answer::Accept);
        assert_eq!(trial.state(task.job), JobState::Finished);
    }

    #[test]
    fn what_is_told_twice_counts_once() {
        let (mut trial, [slave, _], task) = leased(3);
        for _ in 0..3 {
            assert_eq!(trial.report(slave, task, ReportBody::Rendered), Answer::Accept);
        }
        for _ in 0..3 {
            assert_eq!(trial.done(slave, task), Answer::Accept);
            assert_eq!(trial.report(slave, task, ReportBody::Rendered), Answer::Accept);
        }
        let failing = trial.leased(slave)[0];
        for _ in 0..5 {
            assert_eq!(trial.fail(slave, failing), Answer::Accept);
        }
        assert_eq!(trial.farm.task(task.job, failing.task).unwrap().failures, 1);
        let returned = trial.leased(slave)[0];
        for _ in 0..2 {
            assert_eq!(trial.report(slave, returned, ReportBody::Returned), Answer::Accept);
        }
        let view = trial.farm.slave(slave).unwrap();
        assert_eq!((view.done, view.failed), (1, 1));
    }

    #[test]
    fn a_stale_report_changes_nothing() {
        let (mut trial, [slave, other], task) = leased(2);
        trial.report(slave, task, ReportBody::Returned);
        let again = trial.leased(other)[0];
        assert_eq!((again.task, again.attempt), (task.task, Attempt(2)));
        for body in [
            ReportBody::Rendered,
            ReportBody::Done {
                seconds: 1.0,
                result: None,
            },
            ReportBody::Failed { reason: String::new() },
            ReportBody::Returned,
        ] {
            assert_eq!(trial.report(slave, task, body.clone()), stale(task));
            assert_eq!(trial.report(slave, again, body), stale(again), "another slave's");
        }
        assert_eq!(trial.done(other, again), Answer::Accept);
    }

    #[test]
    fn a_late_result_is_welcome_while_nobody_else_has_the_frame() {
        let (mut trial, [slave, other], task) = leased(2);
        trial.pass(61_000);
        assert_eq!(trial.farm.task(task.job, task.task).unwrap().state, TaskState::Queued);
        assert_eq!(trial.report(slave, task, ReportBody::Rendered), Answer::Accept);
        assert_eq!(trial.done(slave, task), Answer::Accept);
        assert_eq!(trial.leased(other)[0].task, TaskIndex(1), "the frame is not rendered again");
    }

    #[test]
    fn a_frame_is_given_up_after_three_failures_and_the_job_fails_when_the_rest_is_done() {
        let (mut trial, [slave, other], first) = leased(2);
        assert_eq!(trial.fail(slave, first), Answer::Accept);
        for _ in 0..2 {
            let task = trial.leased(other)[0];
            assert_eq!(task.task, first.task, "a frame that failed comes first");
            trial.fail(other, task);
        }
        let record = trial.farm.task(first.job, first.task).unwrap();
        assert!(matches!(record.state, TaskState::Failed { .. }), "{record:?}");
        let last = trial.leased(slave)[0];
        trial.done(slave, last);
        assert_eq!(trial.state(first.job), JobState::Failed);
        assert!(trial.farm.explain_job(first.job)[1].contains("frame 1 failed 3 times"));
    }

    #[test]
    fn a_slave_does_not_get_again_what_it_failed_while_another_can_try() {
        let (mut trial, [slave, other], task) = leased(1);
        assert_eq!(trial.want(other), None);
        trial.fail(slave, task);
        assert_eq!(trial.farm.slave(other).unwrap().leased.len(), 1, "who waits for work gets it");
        trial.pass(61_000);
        assert_eq!(trial.leased(slave)[0].attempt, Attempt(3), "the other one has gone silent");
    }

    #[test]
    fn reports_of_what_is_not_known_here_are_refused() {
        let (mut trial, [slave, _], task) = leased(1);
        let nobody = slave_id(9);
        assert_eq!(trial.done(nobody, task), Answer::Refuse(Refusal::UnknownSlave(nobody)));
        let beyond = TaskRef {
            task: TaskIndex(1),
            ..task
        };
        assert_eq!(
            trial.done(slave, beyond),
            Answer::Refuse(Refusal::UnknownTask(task.job, TaskIndex(1)))
        );
        let job = crate::ids::JobId::from_bits(77);
        assert_eq!(
            trial.done(slave, TaskRef { job, ..task }),
            Answer::Refuse(Refusal::UnknownJob(job))
        );
        let never = TaskRef {
            attempt: Attempt(0),
            ..task
        };
        assert_eq!(trial.done(slave, never), stale(never));
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        let (mut trial, [slave, _], task) = leased(1);
        let reason = "ü".repeat(5_000);
        trial.report(slave, task, ReportBody::Failed { reason });
        let kept = trial.farm.task(task.job, task.task).unwrap().last_failure.unwrap();
        assert_eq!(kept.len(), 2_000);
    }
}
