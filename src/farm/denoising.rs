//! Frames that are denoised as a whole: the last task of each comes after its tiles.
//!
//! It is held like a bake that comes after others ([`super::bakes`]): it can be leased once all tiles are done, is given up with
//! one of them, and made anew after one of them. How long it takes says nothing of how long tiles take.

use super::Farm;
use super::job::Job;
use crate::ids::{JobId, TaskIndex, TileGrid};

impl Farm {
    /// How the frame is cut whose tiles a task puts together and denoises; none for a task that renders.
    #[must_use]
    pub fn denoises(&self, job: JobId, task: TaskIndex) -> Option<TileGrid> {
        let layout = &self.jobs.get(&job)?.record.layout;
        layout.denoised_by(task).map(|_| layout.grid())
    }
}

impl Job {
    /// Whether a task denoises a frame, rather than to render a tile of it.
    pub(super) fn is_denoising(&self, index: TaskIndex) -> bool {
        self.record.layout.denoised_by(index).is_some()
    }

    /// Whether some of its tasks come after others.
    pub(super) fn has_order(&self) -> bool {
        self.bakes() || self.record.layout.denoises()
    }

    /// Tasks that may have to wait for others, when the job is new.
    pub(super) fn held_at_first(&self) -> Vec<TaskIndex> {
        let layout = &self.record.layout;
        let per_frame = layout.tasks_per_frame();
        let last_of_frames = (per_frame - 1..layout.len()).step_by(per_frame as usize);
        let denoising = last_of_frames.filter(|_| layout.denoises()).map(TaskIndex);
        let bakes = (0..).take(self.record.job.bakes.len()).map(TaskIndex);
        bakes.chain(denoising).collect()
    }

    /// Those that a task comes directly after.
    pub(super) fn those_before(&self, index: TaskIndex) -> Vec<TaskIndex> {
        let tiles = self.record.layout.denoised_by(index).into_iter().flatten().map(TaskIndex);
        let bake = self.record.job.bakes.get(index.0 as usize);
        let bakes = bake.into_iter().flat_map(|bake| bake.after.iter().copied());
        tiles.chain(bakes).collect()
    }

    /// Why what comes after a task is given up with it.
    pub(super) fn why_given_up_after(&self, index: TaskIndex) -> String {
        match self.piece_of(index) {
            Some(piece) if piece.tile.is_some() => format!("{piece} was given up"),
            _ => format!("{}, which it comes after, was given up", self.told(index)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, a_machine, tasks_of};
    use crate::farm::{Effect, Event, JobEdit, JobState, Machine, NewJob, Refusal, Reset, TaskRef, TaskState};
    use crate::ids::{JobId, Piece, SlaveId, TaskIndex};

    /// Frames of two tiles each.
    fn submitted(trial: &mut Trial, frames: i32) -> JobId {
        trial.submit(NewJob {
            tiles: "1x2".parse().unwrap(),
            denoises: true,
            ..a_job(1, frames)
        })
    }

    fn next(trial: &mut Trial, slave: SlaveId) -> TaskRef {
        trial.leased(slave)[0]
    }

    fn finish_next(trial: &mut Trial, slave: SlaveId) -> u32 {
        let task = next(trial, slave);
        assert_eq!(trial.done(slave, task), Answer::Accept);
        task.task.0
    }

    fn finish_tiles(trial: &mut Trial, slave: SlaveId) {
        assert_eq!([finish_next(trial, slave), finish_next(trial, slave)], [0, 1]);
    }

    #[test]
    fn a_frame_is_denoised_after_its_last_tile_and_the_job_ends_with_that() {
        let mut trial = Trial::new();
        let (slave, other) = (trial.slave(1), trial.slave(2));
        let job = submitted(&mut trial, 2);
        let view = trial.farm.job(job).unwrap();
        assert_eq!((view.tasks, view.queued), (6, 6));
        assert_eq!(finish_next(&mut trial, slave), 0);
        let late = next(&mut trial, slave);
        assert_eq!(
            next(&mut trial, other).task,
            TaskIndex(3),
            "of the next frame, for the first one lacks a tile"
        );
        trial.done(slave, late);
        let denoising = next(&mut trial, slave);
        let grid = trial.farm.denoises(job, denoising.task);
        assert_eq!((denoising.task, grid), (TaskIndex(2), "1x2".parse().ok()));
        assert_eq!(trial.farm.piece_of(job, denoising.task), Some(Piece::from(1)));
        trial.restart();
        assert_eq!(trial.done(slave, denoising), Answer::Accept);
        let tile = TaskRef {
            task: TaskIndex(3),
            ..late
        };
        trial.done(other, tile);
        assert_eq!([finish_next(&mut trial, slave), finish_next(&mut trial, slave)], [4, 5]);
        assert_eq!(trial.state(job), JobState::Finished);
    }

    #[test]
    fn who_waits_gets_the_denoising_as_soon_as_the_last_tile_is_done() {
        let mut trial = Trial::new();
        let (slave, other, idle) = (trial.slave(1), trial.slave(2), trial.slave(3));
        submitted(&mut trial, 1);
        let tiles = [next(&mut trial, slave), next(&mut trial, other)];
        assert_eq!(trial.want(idle), None);
        trial.done(slave, tiles[0]);
        trial.done(other, tiles[1]);
        assert_eq!(trial.farm.slave(idle).unwrap().leased.len(), 1);
    }

    #[test]
    fn a_slave_of_an_earlier_release_gets_nothing_that_is_denoised() {
        let mut trial = Trial::new();
        let earlier = Machine {
            denoises: false,
            ..a_machine(&[])
        };
        let old = trial.register(1, earlier, &[]);
        let job = submitted(&mut trial, 1);
        assert_eq!(trial.want(old), None);
        let told = (trial.farm.explain_job(job), trial.farm.explain_slave(old));
        assert!(told.0[0].contains("of a release that cannot"), "{told:?}");
        assert!(told.1.iter().any(|sentence| sentence.contains("release cannot")), "{told:?}");
        let new = trial.slave(2);
        finish_tiles(&mut trial, new);
    }

    #[test]
    fn a_tile_that_is_rendered_anew_takes_the_denoised_frame_back() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = submitted(&mut trial, 1);
        finish_tiles(&mut trial, slave);
        let denoising = next(&mut trial, slave);
        let request = trial.request();
        let which = Reset::Tiles("1".parse().unwrap(), [0].into());
        let told = trial.happen(&Event::JobReset {
            request,
            job,
            which: which.clone(),
        });
        assert!(told.contains(&Effect::Cancel { slave, task: denoising }), "{told:?}");
        assert_eq!(trial.done(slave, denoising), Answer::Refuse(Refusal::Stale(denoising)));
        trial.restart();
        assert_eq!([finish_next(&mut trial, slave), finish_next(&mut trial, slave)], [0, 2]);
        assert_eq!(trial.state(job), JobState::Finished);
        trial.reset(job, which);
        assert_eq!(trial.farm.job(job).unwrap().done, 1, "the other tile is as it was");
        let never = Reset::Tiles("1".parse().unwrap(), [2].into());
        assert!(matches!(trial.reset(job, never), Answer::Refuse(Refusal::Frames(..))));
    }

    #[test]
    fn a_tile_that_is_given_up_takes_the_denoising_with_it() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = submitted(&mut trial, 1);
        for _ in 0..3 {
            trial.fail_next(slave);
            trial.let_rest();
        }
        let given_up = trial.farm.task(job, TaskIndex(2)).unwrap();
        assert_eq!(
            given_up.last_failure.as_deref(),
            Some("tile 1 of 1x2 of frame 1 was given up")
        );
        finish_next(&mut trial, slave);
        assert_eq!(trial.state(job), JobState::Failed);
        trial.reset(job, Reset::Failed);
        trial.restart();
        assert_eq!([finish_next(&mut trial, slave), finish_next(&mut trial, slave)], [0, 2]);
        assert_eq!(trial.state(job), JobState::Finished);
    }

    #[test]
    fn a_denoising_that_fails_is_tried_again_and_given_up_alone() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = submitted(&mut trial, 1);
        finish_tiles(&mut trial, slave);
        for _ in 0..3 {
            trial.fail_next(slave);
            trial.let_rest();
        }
        assert_eq!(trial.state(job), JobState::Failed);
        let told = trial.farm.explain_job(job);
        assert!(told[1].starts_with("the denoising of frame 1 failed 3 times"), "{told:?}");
        trial.reset(job, Reset::Failed);
        assert_eq!(finish_next(&mut trial, slave), 2);
        let view = trial.farm.job(job).unwrap();
        assert_eq!((view.state, view.done), (JobState::Finished, 3));
    }

    #[test]
    fn frames_that_are_added_are_denoised_and_those_taken_out_are_not() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = submitted(&mut trial, 1);
        let adding = JobEdit {
            add_frames: Some("7".parse().unwrap()),
            ..JobEdit::default()
        };
        trial.edit(job, adding);
        let removing = JobEdit {
            remove_frames: Some("1".parse().unwrap()),
            ..JobEdit::default()
        };
        trial.edit(job, removing);
        trial.restart();
        assert_eq!(trial.farm.job(job).unwrap().tasks, 3);
        let made: Vec<u32> = (0..3).map(|_| finish_next(&mut trial, slave)).collect();
        assert_eq!((made, trial.state(job)), (vec![3, 4, 5], JobState::Finished));
    }

    #[test]
    fn how_long_denoising_takes_says_nothing_of_tiles() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(NewJob {
            tiles: "1x2".parse().unwrap(),
            denoises: true,
            chunk_tasks: 3,
            ..a_job(1, 4)
        });
        while let Some(Answer::Lease(lease)) = trial.want(slave) {
            for task in tasks_of(&lease) {
                let seconds = if trial.farm.denoises(job, task.task).is_some() {
                    900.0
                } else {
                    1.0
                };
                trial.done_in(slave, task, seconds);
            }
        }
        assert_eq!(
            (trial.state(job), trial.farm.job(job).unwrap().task_seconds),
            (JobState::Finished, Some(1.0))
        );
        assert!((trial.farm.slave(slave).unwrap().speed - 1.0).abs() < 0.01);
        let done = trial.farm.task(job, TaskIndex(2)).unwrap().state;
        assert!(matches!(done, TaskState::Done { .. }));
    }
}
