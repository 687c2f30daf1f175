//! Tasks are to be rendered anew.

use super::Farm;
use super::effect::{Change, Effect, Refusal};
use super::event::RequestId;
use super::model::{JobState, Reset};
use super::task::State;
use crate::ids::{FrameSet, JobId, TaskIndex};

impl Farm {
    /// Results of what is reset count for nothing from now on; who failed it before is remembered. A job that is over goes
    /// on if there is something to do by then.
    pub(super) fn job_reset(&mut self, request: RequestId, id: JobId, which: &Reset) {
        let tasks = match self.tasks_to_reset(id, which) {
            Ok(tasks) => tasks,
            Err(refusal) => return self.refuse(request, refusal),
        };
        let was_cancelled = self.jobs.get(&id).is_some_and(|job| job.state() == JobState::Cancelled);
        let made_with = if tasks.is_empty() {
            Vec::new()
        } else {
            self.made_with_bakes_of(id)
        };
        let mut cancels = self.reset_tasks(id, tasks);
        for (other, tasks) in made_with {
            cancels.extend(self.reset_tasks(other, tasks));
            self.settle(other);
        }
        if was_cancelled && self.jobs.get(&id).is_some_and(|job| !job.is_worked_off()) {
            self.reopen(id);
        }
        self.settle(id);
        self.work_appeared = true;
        self.accept(request);
        self.effects.extend(cancels);
    }

    /// Puts tasks back into their queue; the orders to those who have them.
    fn reset_tasks(&mut self, id: JobId, tasks: Vec<TaskIndex>) -> Vec<Effect> {
        if let Some(job) = self.jobs.get_mut(&id).filter(|_| !tasks.is_empty()) {
            job.record.resets += 1;
            self.record_job(id);
        }
        let mut cancels = Vec::new();
        let mut never_failed = Vec::new();
        for index in tasks {
            cancels.extend(self.take_back_from_all(id, index));
            let Some(job) = self.jobs.get_mut(&id) else {
                break;
            };
            job.reset(index);
            if job.failures.contains_key(&index) {
                self.record_task(id, index);
            } else {
                never_failed.push(index);
            }
        }
        self.record_resets(id, &never_failed);
        cancels
    }

    /// Most often that is one change, however many tasks there are.
    fn record_resets(&mut self, job: JobId, tasks: &[TaskIndex]) {
        for row in tasks.chunk_by(|one, next| one.0 + 1 == next.0) {
            if let (Some(first), Some(last)) = (row.first(), row.last()) {
                let (first, last) = (*first, *last);
                self.record(Change::TasksReset { job, first, last });
            }
        }
    }

    fn tasks_to_reset(&self, id: JobId, which: &Reset) -> Result<Vec<TaskIndex>, Refusal> {
        let job = self.jobs.get(&id).ok_or(Refusal::UnknownJob(id))?;
        let touched = || job.touched().filter(|(index, _)| !job.dropped.contains(*index));
        let tasks = match which {
            Reset::Failed => touched()
                .filter(|(_, task)| matches!(task.state, State::Failed { .. }))
                .map(|(index, _)| index)
                .collect(),
            Reset::All => touched()
                .filter(|(_, task)| task.attempt.0 > 0)
                .map(|(index, _)| index)
                .collect(),
            Reset::Frames(frames) => self.touched_of(id, frames, |_| true)?,
            Reset::Tiles(frames, tiles) => {
                let grid = job.record.layout.grid();
                if let Some(none) = tiles.iter().find(|tile| grid.is_whole() || **tile >= grid.count()) {
                    let why = if grid.is_whole() {
                        "its frames are not cut into tiles".to_owned()
                    } else {
                        format!("it has no tile {}: each frame has {}, of {grid}", none + 1, grid.count())
                    };
                    return Err(Refusal::Frames(id, why));
                }
                self.touched_of(id, frames, |tile| tiles.contains(&tile))?
            }
        };
        Ok(job.reset_with(tasks))
    }

    /// The tasks of these frames, in order, that were ever leased; of each frame those whose number in the grid is wanted.
    fn touched_of(&self, id: JobId, frames: &FrameSet, is_wanted: impl Fn(u32) -> bool) -> Result<Vec<TaskIndex>, Refusal> {
        let job = self.jobs.get(&id).ok_or(Refusal::UnknownJob(id))?;
        let mut tasks = Vec::new();
        for frame in frames.iter() {
            let of_frame = self.tasks_of(id, frame);
            let of_frame = of_frame.ok_or_else(|| Refusal::Frames(id, format!("it has no frame {frame}")))?;
            tasks.extend(
                (0..)
                    .zip(of_frame)
                    .filter(|(tile, _)| is_wanted(*tile))
                    .map(|(_, index)| index),
            );
        }
        tasks.retain(|index| job.task(*index).is_some_and(|task| task.attempt.0 > 0));
        tasks.sort_unstable();
        Ok(tasks)
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job};
    use crate::farm::{Change, Effect, Event, JobState, Refusal, Reset, TaskState};
    use crate::ids::{Attempt, TaskIndex};

    #[test]
    fn failed_frames_are_tried_anew_and_the_job_goes_on() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 2));
        (0..3).for_each(|_| trial.fail_next(slave));
        trial.let_rest();
        let good = trial.leased(slave)[0];
        trial.done(slave, good);
        assert_eq!(trial.state(job), JobState::Failed);
        assert_eq!(trial.reset(job, Reset::Failed), Answer::Accept);
        trial.restart();
        assert_eq!(trial.state(job), JobState::Queued);
        let record = trial.farm.task(job, TaskIndex(0)).unwrap();
        assert_eq!((record.failures, record.failed_before.as_slice()), (0, &[slave][..]));
        let again = trial.leased(slave)[0];
        assert_eq!(again.attempt, Attempt(5), "attempts go on, the reset counts as one");
        trial.done(slave, again);
        assert_eq!(trial.state(job), JobState::Finished);
        assert_eq!(trial.farm.job(job).unwrap().record.resets, 1);
    }

    #[test]
    fn one_frame_or_all_frames_are_rendered_anew() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 3));
        for _ in 0..3 {
            let task = trial.leased(slave)[0];
            trial.done(slave, task);
        }
        let unknown = trial.reset(job, Reset::Frames("2,9".parse().unwrap()));
        assert_eq!(unknown, Answer::Refuse(Refusal::Frames(job, "it has no frame 9".to_owned())));
        assert_eq!(trial.state(job), JobState::Finished, "nothing was reset");
        trial.reset(job, Reset::Frames("2".parse().unwrap()));
        let again = trial.leased(slave)[0];
        assert_eq!((again.task, trial.farm.job(job).unwrap().done), (TaskIndex(1), 2));
        trial.reset(job, Reset::All);
        let view = trial.farm.job(job).unwrap();
        assert_eq!((view.queued, view.done, view.leased), (3, 0, 0));
    }

    #[test]
    fn a_reset_of_many_frames_is_one_change_and_of_those_that_failed_one_each() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 40));
        for number in 0..39 {
            let task = trial.leased(slave)[0];
            if number == 20 {
                trial.fail(slave, task);
            } else {
                trial.done(slave, task);
            }
        }
        let request = trial.request();
        let which = Reset::All;
        trial.farm.handle(trial.now, Event::JobReset { request, job, which });
        let mut changes = Vec::new();
        while let Some(effect) = trial.farm.poll_effect() {
            changes.extend(match effect {
                Effect::Record(change) => Some(change),
                _ => None,
            });
        }
        let resets = changes.iter().filter(|change| matches!(change, Change::TasksReset { .. }));
        let single = changes.iter().filter(|change| matches!(change, Change::Task { .. }));
        assert_eq!((resets.count(), single.count()), (2, 1), "{changes:?}");
        for change in changes {
            trial.ledger.apply(change);
        }
        trial.audit();
        assert_eq!(trial.farm.job(job).unwrap().queued, 40);
    }

    #[test]
    fn what_was_under_way_before_a_reset_is_stale() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 1));
        let task = trial.leased(slave)[0];
        let request = trial.request();
        let which = Reset::All;
        let told = trial.happen(&Event::JobReset { request, job, which });
        assert_eq!(told, [Effect::Accept { request }, Effect::Cancel { slave, task }]);
        assert_eq!(trial.done(slave, task), Answer::Refuse(Refusal::Stale(task)));
        let again = trial.leased(slave)[0];
        assert_eq!(trial.done(slave, again), Answer::Accept);
        trial.reset(job, Reset::All);
        let repeated = trial.done(slave, again);
        assert_eq!(
            repeated,
            Answer::Refuse(Refusal::Stale(again)),
            "a late repetition does not undo the reset"
        );
        assert_eq!(trial.farm.task(job, TaskIndex(0)).unwrap().state, TaskState::Queued);
    }

    #[test]
    fn a_cancelled_job_goes_on_after_a_reset() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 2));
        let task = trial.leased(slave)[0];
        trial.done(slave, task);
        trial.cancel(job);
        trial.pass(60_000 * 60);
        let slave = trial.slave(1);
        trial.reset(job, Reset::Failed);
        assert_eq!(trial.state(job), JobState::Queued);
        let last = trial.leased(slave)[0];
        trial.done(slave, last);
        assert_eq!(trial.state(job), JobState::Finished);
    }
}
