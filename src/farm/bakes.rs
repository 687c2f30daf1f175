//! Bakes: tasks of which some come after others.
//!
//! A task whose predecessors are not all done is in no queue: it is held. That it is, and whether it still is, follows from
//! the states of the others alone, so nothing of it is recorded. Where a bake is given up, those after it are given up too,
//! under attempts that nobody has; where one is reset, so are those after it, which were made from what it was.

use super::Farm;
use super::job::Job;
use super::task::{Failures, State, Task};
use crate::ids::{Attempt, JobId, SlaveId, TaskIndex};
use std::collections::BTreeSet;

/// One task of a job that bakes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bake {
    /// What people call it, such as "cloth of Flag"; one line.
    pub name: String,
    /// Those that must be done before.
    pub after: Vec<TaskIndex>,
}

impl Bake {
    /// Bakes of which each waits for the next one, and the last for the first; none if there is an order for all.
    #[must_use]
    pub fn circle(bakes: &[Self]) -> Option<Vec<TaskIndex>> {
        let after = |place: TaskIndex| bakes.get(place.0 as usize).map_or(&[][..], |bake| &bake.after);
        let mut left: BTreeSet<TaskIndex> = (0..).take(bakes.len()).map(TaskIndex).collect();
        // What comes after nothing that is left has its place in the order.
        while let Some(next) = left.iter().find(|place| !after(**place).iter().any(|on| left.contains(on))) {
            let next = *next;
            left.remove(&next);
        }
        // Each of those that are left waits for another one that is: following them leads round.
        let mut path = vec![*left.first()?];
        loop {
            let next = after(*path.last()?).iter().find(|on| left.contains(on))?;
            if let Some(start) = path.iter().position(|it| it == next) {
                return Some(path.split_off(start));
            }
            path.push(*next);
        }
    }
}

impl Farm {
    /// How much of a task is done, as far as a slave that has it has told.
    #[must_use]
    pub fn percent(&self, job: JobId, task: TaskIndex) -> Option<u32> {
        let holds = self.jobs.get(&job)?.holds_of(task);
        let told = holds.filter_map(|hold| {
            let slave = self.slaves.get(&hold.slave)?;
            slave.chunks[slave.chunk_of(job, task)?].percent
        });
        told.filter(|(of, _)| *of == task).map(|(_, percent)| percent).max()
    }

    /// How much of the bakes of a job is done.
    pub(super) fn percent_of(&self, job: &Job) -> u32 {
        let chunks = self.slaves.values().flat_map(|slave| &slave.chunks);
        let under_way = chunks.filter(|chunk| job.leased > 0 && chunk.job == job.id());
        let hundredths = under_way
            .filter_map(|chunk| chunk.percent)
            .map(|(_, percent)| u64::from(percent));
        let done = u64::from(job.done) * 100 + hundredths.sum::<u64>();
        // Of two slaves that have the same one, both count: it is never more than all.
        u32::try_from(done / u64::from(job.task_count().max(1))).map_or(100, |percent| percent.min(100))
    }

    /// What was rendered, or is being rendered, of the jobs that wait for one that bakes: with the bakes that it has by now. A
    /// job that is over keeps what it has.
    pub(super) fn made_with_bakes_of(&self, id: JobId) -> Vec<(JobId, Vec<TaskIndex>)> {
        if self.jobs.get(&id).is_none_or(|job| !job.bakes()) {
            return Vec::new();
        }
        let open = self
            .dependents(id)
            .filter_map(|other| self.jobs.get(&other))
            .filter(|other| !other.state().is_over());
        let made = open.map(|other| {
            let touched = other
                .touched()
                .filter(|(index, task)| task.attempt.0 > 0 && !other.dropped.contains(*index));
            (other.id(), touched.map(|(index, _)| index).collect())
        });
        made.collect()
    }

    /// A bake that was given up takes those with it that come after it.
    pub(super) fn give_up_those_after(&mut self, id: JobId, index: TaskIndex, slave: SlaveId) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| job.has_failed(index)) else {
            return;
        };
        let mut given_up = job.those_after(BTreeSet::from([index]));
        given_up.remove(&index);
        let reason = job.why_given_up_after(index);
        for next in &given_up {
            job.give_up(*next, slave, reason.clone());
        }
        for next in given_up {
            self.record_task(id, next);
        }
    }
}

impl Job {
    /// Whether its tasks are bakes.
    pub(super) fn bakes(&self) -> bool {
        !self.record.job.bakes.is_empty()
    }

    /// A task in words: "frame 12", or "bake 2 (cloth of Flag)".
    pub(super) fn told(&self, index: TaskIndex) -> String {
        let frame = || self.frame_of(index).unwrap_or_default();
        match self.record.job.bakes.get(index.0 as usize) {
            Some(bake) => format!("bake {} ({})", index.0 + 1, bake.name),
            None if self.is_denoising(index) => format!("the denoising of frame {}", frame()),
            None => format!("frame {}", frame()),
        }
    }

    /// Whether a task comes after one that is not done.
    pub(super) fn is_held(&self, index: TaskIndex) -> bool {
        if let Some(tiles) = self.record.layout.denoised_by(index) {
            // Backwards, for the last ones are done last, and this is asked with each.
            return tiles.rev().any(|tile| !self.is_done(TaskIndex(tile)));
        }
        self.waits_for(index).is_some()
    }

    /// The first that a task waits for.
    pub(super) fn waits_for(&self, index: TaskIndex) -> Option<TaskIndex> {
        if let Some(tiles) = self.record.layout.denoised_by(index) {
            return tiles.map(TaskIndex).find(|tile| !self.is_done(*tile));
        }
        let bake = self.record.job.bakes.get(index.0 as usize)?;
        bake.after.iter().find(|on| !self.is_done(**on)).copied()
    }

    /// Those that come directly after a task.
    pub(super) fn next_after(&self, index: TaskIndex) -> Vec<TaskIndex> {
        let bakes = (0..).map(TaskIndex).zip(&self.record.job.bakes);
        let next = bakes.filter(|(_, bake)| bake.after.contains(&index));
        let next = next.map(|(index, _)| index);
        next.chain(self.record.layout.denoiser_of(index)).collect()
    }

    /// These tasks, and all that come after one of them by however many steps.
    pub(super) fn those_after(&self, tasks: BTreeSet<TaskIndex>) -> BTreeSet<TaskIndex> {
        let (mut all, mut next) = (BTreeSet::new(), Vec::from_iter(tasks));
        while let Some(index) = next.pop() {
            if all.insert(index) {
                next.extend(self.next_after(index));
            }
        }
        all
    }

    /// What is to be reset with these tasks: those that come after them, and those before that were given up, for which they
    /// would wait for ever.
    pub(super) fn reset_with(&self, tasks: Vec<TaskIndex>) -> Vec<TaskIndex> {
        if !self.has_order() {
            return tasks;
        }
        let mut all = BTreeSet::from_iter(tasks);
        loop {
            let known = all.len();
            all = self.those_after(all);
            let failed = all
                .iter()
                .flat_map(|index| self.those_before(*index))
                .filter(|on| self.has_failed(*on));
            all.extend(failed.collect::<Vec<_>>());
            if all.len() == known {
                break;
            }
        }
        let was_touched = |index: &TaskIndex| self.task(*index).is_some_and(|task| task.attempts > 0);
        all.into_iter().filter(was_touched).collect()
    }

    /// Gives up a task that nobody has, for no fault of its own.
    fn give_up(&mut self, index: TaskIndex, slave: SlaveId, reason: String) {
        let Some(task) = self.task(index).filter(|task| task.state == State::Queued) else {
            return;
        };
        let attempts = task.attempts + 1;
        let attempt = Attempt(attempts);
        // Out of its queue before it belongs to another one.
        self.put(
            index,
            Task {
                attempt,
                attempts,
                state: State::Failed { slave },
            },
        );
        let failures = self.failures.entry(index).or_insert_with(Failures::none);
        failures.attempt = attempt;
        failures.reason = reason;
    }
}

#[cfg(test)]
mod tests {
    use super::Bake;
    use crate::farm::sim::trial::{Answer, Trial, a_job};
    use crate::farm::{Event, JobEdit, JobState, NewJob, Refusal, Reset, TaskState};
    use crate::ids::{JobId, SlaveId, TaskIndex};

    /// A job of bakes, each with the numbers (from 1) of those before it.
    fn baking(after: &[&[u32]]) -> NewJob {
        let bake = |(number, after): (usize, &&[u32])| Bake {
            name: format!("cloth {number}"),
            after: after.iter().map(|on| TaskIndex(on - 1)).collect(),
        };
        NewJob {
            bakes: (1..).zip(after).map(bake).collect(),
            chunk_tasks: 5,
            ..a_job(1, i32::try_from(after.len()).unwrap())
        }
    }

    fn begun(after: &[&[u32]]) -> (Trial, SlaveId, JobId) {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(baking(after));
        (trial, slave, job)
    }

    /// Bakes until there is nothing more to bake; the numbers in their order.
    fn bake_all(trial: &mut Trial, slave: SlaveId) -> Vec<u32> {
        let mut order = Vec::new();
        while let Some(Answer::Lease(lease)) = trial.want(slave) {
            assert_eq!(lease.tasks.len(), 1, "a chunk of bakes");
            let task = crate::farm::sim::trial::tasks_of(&lease)[0];
            trial.done(slave, task);
            order.push(task.task.0 + 1);
        }
        order
    }

    #[test]
    fn a_bake_begins_when_those_before_it_are_done() {
        let (mut trial, slave, job) = begun(&[&[3], &[], &[2], &[]]);
        let other = trial.slave(2);
        let (first, second) = (trial.leased(slave)[0], trial.leased(other)[0]);
        assert_eq!([first.task.0, second.task.0], [1, 3]);
        let view = trial.farm.job(job).unwrap();
        assert_eq!((view.queued, view.leased), (2, 2));
        assert_eq!(
            trial.farm.explain_job(job),
            [
                "baking: the last 2 bakes that can be begun are with slaves",
                "bake 1 (cloth 1) waits: it comes after bake 3 (cloth 3)"
            ]
        );
        trial.restart();
        trial.done(slave, first);
        trial.done(other, second);
        assert_eq!(bake_all(&mut trial, slave), [3, 1]);
        assert_eq!(trial.state(job), JobState::Finished);
    }

    #[test]
    fn how_far_bakes_are_is_told_while_they_are_under_way() {
        let (mut trial, slave, job) = begun(&[&[], &[], &[1], &[]]);
        let other = trial.slave(2);
        let (first, second) = (trial.leased(slave)[0], trial.leased(other)[0]);
        let told = |trial: &Trial| {
            let of = |task: crate::farm::TaskRef| trial.farm.percent(job, task.task);
            (of(first), of(second), trial.farm.job(job).unwrap().percent)
        };
        assert_eq!(told(&trial), (None, None, Some(0)));
        let progress = |trial: &mut Trial, slave, task, percent| {
            let percent = Some(percent);
            trial.happen(&Event::Progressed { slave, task, percent });
        };
        progress(&mut trial, slave, first, 40);
        progress(&mut trial, other, second, 80);
        assert_eq!(told(&trial), (Some(40), Some(80), Some(30)));
        trial.done(slave, first);
        assert_eq!(told(&trial), (None, Some(80), Some(45)));
        trial.fail(other, second);
        progress(&mut trial, other, second, 90);
        assert_eq!(
            told(&trial),
            (None, None, Some(25)),
            "of an attempt that is over nothing is heard"
        );
        let frames = trial.submit(a_job(2, 1));
        assert_eq!(trial.farm.job(frames).unwrap().percent, None);
    }

    #[test]
    fn a_bake_that_is_given_up_takes_those_after_it_with_it_and_all_of_them_come_back_together() {
        let (mut trial, slave, job) = begun(&[&[], &[1], &[2], &[]]);
        for _ in 0..3 {
            let task = trial.leased(slave)[0];
            assert_eq!(task.task, TaskIndex(0));
            trial.fail(slave, task);
            trial.let_rest();
        }
        for index in [1, 2] {
            let record = trial.farm.task(job, TaskIndex(index)).unwrap();
            let TaskState::Failed { reason, .. } = record.state else {
                panic!("{record:?}");
            };
            assert_eq!(reason, "bake 1 (cloth 1), which it comes after, was given up");
        }
        trial.restart();
        assert_eq!(bake_all(&mut trial, slave), [4]);
        assert_eq!(trial.state(job), JobState::Failed);
        assert_eq!(
            trial.farm.explain_job(job)[0],
            "failed: 3 bakes given up, 1 done",
            "{:?}",
            trial.farm.explain_job(job)
        );
        trial.reset(job, Reset::Frames("3".parse().unwrap()));
        let view = trial.farm.job(job).unwrap();
        assert_eq!(
            (view.queued, view.leased, view.done, view.failed),
            (2, 1, 1, 0),
            "it needs those before it"
        );
        trial.restart();
        assert_eq!(bake_all(&mut trial, slave), [1, 2, 3]);
    }

    #[test]
    fn what_was_made_from_a_bake_that_is_reset_is_made_anew() {
        let (mut trial, slave, job) = begun(&[&[], &[1], &[2], &[]]);
        for _ in 0..2 {
            let task = trial.leased(slave)[0];
            trial.done(slave, task);
        }
        let third = trial.leased(slave)[0];
        assert_eq!(third.task, TaskIndex(2));
        trial.reset(job, Reset::Frames("1".parse().unwrap()));
        let view = trial.farm.job(job).unwrap();
        assert_eq!((view.queued, view.leased, view.done), (4, 0, 0));
        assert_eq!(trial.done(slave, third), Answer::Refuse(Refusal::Stale(third)));
        trial.restart();
        assert_eq!(bake_all(&mut trial, slave), [1, 2, 3, 4]);
    }

    #[test]
    fn what_was_rendered_with_bakes_that_are_reset_is_rendered_anew_unless_its_job_is_over() {
        let (mut trial, slave, bakes) = begun(&[&[]]);
        let after = |number| NewJob {
            depends_on: vec![bakes],
            ..a_job(number, 3)
        };
        let (open, over) = (trial.submit(after(2)), trial.submit(after(3)));
        assert_eq!(bake_all(&mut trial, slave).len(), 1 + 3 + 3);
        trial.reset(open, Reset::Frames("1".parse().unwrap()));
        assert_eq!((trial.state(open), trial.state(over)), (JobState::Queued, JobState::Finished));
        let under_way = trial.leased(slave)[0];
        assert_eq!(under_way.job, open);
        assert_eq!(trial.reset(bakes, Reset::Frames("1".parse().unwrap())), Answer::Accept);
        assert_eq!(trial.state(open), JobState::Waiting);
        let view = trial.farm.job(open).unwrap();
        assert_eq!((view.queued, view.leased, view.done), (3, 0, 0));
        assert_eq!(trial.done(slave, under_way), Answer::Refuse(Refusal::Stale(under_way)));
        assert_eq!(
            (trial.state(over), trial.farm.job(over).unwrap().done),
            (JobState::Finished, 3)
        );
        trial.restart();
        let view = trial.farm.job(open).unwrap();
        assert_eq!((view.queued, view.done, trial.state(open)), (3, 0, JobState::Waiting));
    }

    #[test]
    fn the_bakes_of_a_job_stay_as_they_are() {
        let (mut trial, _, job) = begun(&[&[], &[1]]);
        let edit = JobEdit {
            remove_frames: Some("1".parse().unwrap()),
            ..JobEdit::default()
        };
        let Answer::Refuse(Refusal::Frames(_, reason)) = trial.edit(job, edit) else {
            panic!("it was edited");
        };
        assert!(reason.contains("bakes"), "{reason}");
    }

    #[test]
    fn bakes_that_wait_for_each_other_in_a_circle_are_named() {
        let circle = |after: &[&[u32]]| {
            let circle = Bake::circle(&baking(after).bakes)?;
            Some(circle.iter().map(|place| place.0 + 1).collect::<Vec<_>>())
        };
        assert_eq!(circle(&[&[], &[1], &[1, 2]]), None);
        assert_eq!(circle(&[&[], &[1, 4], &[2], &[3], &[3]]), Some(vec![2, 4, 3]));
        assert_eq!(circle(&[&[1]]), Some(vec![1]));
    }
}
