//! A frame as a whole, of whose tiles each is a task.

use super::Farm;
use super::task::State;
use crate::ids::{ContentHash, JobId, SlaveId, TileGrid};

/// The tiles of a frame. Counts add up to those of the grid.
#[derive(Debug, Clone, PartialEq)]
pub struct TiledFrame {
    /// How it is cut.
    pub grid: TileGrid,
    /// How many tiles wait for a slave,
    pub queued: u32,
    /// … are being rendered,
    pub rendering: u32,
    /// … are rendered and on their way,
    pub delivering: u32,
    /// … are done,
    pub done: u32,
    /// … were given up.
    pub failed: u32,
    /// How often the tile was leased that was leased most.
    pub attempts: u32,
    /// Who has, or had, the last of its tiles that anybody has.
    pub slave: Option<SlaveId>,
    /// Seconds of rendering of all that are done.
    pub seconds: f64,
    /// Bytes of all results.
    pub size_bytes: u64,
    /// The results of those that are done, in the order of the tiles.
    pub results: Vec<ContentHash>,
    /// Why the latest failed attempt at one of them failed.
    pub failure: Option<String>,
}

impl Farm {
    /// A frame of a job whose frames are cut into tiles; none for a frame that is not part of the job, or not any more, or
    /// of a job whose frames are not cut.
    #[must_use]
    pub fn tiled_frame(&self, id: JobId, frame: i32) -> Option<TiledFrame> {
        let job = self.jobs.get(&id)?;
        let grid = job.record.layout.grid();
        let tasks = self.tasks_of(id, frame).filter(|_| !grid.is_whole())?;
        let mut whole = TiledFrame {
            grid,
            queued: 0,
            rendering: 0,
            delivering: 0,
            done: 0,
            failed: 0,
            attempts: 0,
            slave: None,
            seconds: 0.0,
            size_bytes: 0,
            results: Vec::new(),
            failure: None,
        };
        for index in tasks.filter(|index| !job.is_denoising(*index)) {
            let Some(task) = job.task(index) else { continue };
            whole.attempts = whole.attempts.max(task.attempts);
            if let Some(failures) = job.failures.get(&index) {
                whole.failure = Some(failures.reason.clone());
            }
            match task.state {
                State::Queued => whole.queued += 1,
                State::Leased { slave, rendered, .. } => {
                    whole.slave = Some(slave);
                    *(if rendered {
                        &mut whole.delivering
                    } else {
                        &mut whole.rendering
                    }) += 1;
                }
                State::Done { slave, seconds, result } => {
                    whole.done += 1;
                    whole.slave.get_or_insert(slave);
                    whole.seconds += seconds;
                    whole.size_bytes += result.map_or(0, |file| file.size_bytes);
                    whole.results.extend(result.map(|file| file.hash));
                }
                State::Failed { slave } => {
                    whole.failed += 1;
                    whole.slave.get_or_insert(slave);
                }
            }
        }
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job};
    use crate::farm::{JobState, NewJob, Refusal, Reset};
    use crate::ids::{Piece, TileGrid};

    #[test]
    fn each_tile_is_a_task_and_its_frame_is_done_with_the_last_one() {
        let mut trial = Trial::new();
        let tiles: TileGrid = "2x1".parse().unwrap();
        let job = trial.submit(NewJob { tiles, ..a_job(1, 2) });
        let slave = trial.slave(1);
        assert_eq!(trial.farm.job(job).unwrap().tasks, 4);
        let mut rendered = Vec::new();
        for done in 0..4 {
            let task = trial.leased(slave)[0];
            let piece = trial.farm.piece_of(job, task.task).unwrap();
            let frame = trial.farm.tiled_frame(job, piece.frame).unwrap();
            assert_eq!((frame.rendering, frame.done, frame.grid), (1, done % 2, tiles));
            trial.done(slave, task);
            rendered.push((piece.frame, piece.tile.unwrap().number()));
        }
        assert_eq!(rendered, [(1, 0), (1, 1), (2, 0), (2, 1)]);
        let frame = trial.farm.tiled_frame(job, 2).unwrap();
        assert_eq!((frame.done, frame.queued, frame.slave), (2, 0, Some(slave)));
        assert_eq!(trial.state(job), JobState::Finished);
        assert_eq!(trial.farm.tiled_frame(job, 3), None);
    }

    #[test]
    fn tiles_are_tried_again_reset_and_found_after_a_restart_one_by_one() {
        let mut trial = Trial::new();
        let tiles: TileGrid = "1x3".parse().unwrap();
        let job = trial.submit(NewJob { tiles, ..a_job(1, 1) });
        let slave = trial.slave(1);
        for _ in 0..3 {
            let task = trial.leased(slave)[0];
            trial.fail(slave, task);
            trial.let_rest();
        }
        for _ in 0..2 {
            let task = trial.leased(slave)[0];
            trial.done(slave, task);
        }
        let frame = trial.farm.tiled_frame(job, 1).unwrap();
        assert_eq!((frame.done, frame.failed, frame.attempts), (2, 1, 3));
        assert!(frame.failure.is_some());
        trial.restart();
        assert_eq!(trial.farm.tiled_frame(job, 1).unwrap(), frame);
        trial.reset(job, Reset::Failed);
        let frame = trial.farm.tiled_frame(job, 1).unwrap();
        assert_eq!((frame.done, frame.queued), (2, 1));
        let tile = trial.farm.task_of(
            job,
            Piece {
                frame: 1,
                tile: tiles.tile(1),
            },
        );
        assert_eq!((trial.farm.task_of(job, 1), tile.map(|task| task.0)), (None, Some(1)));
        let of_frame = |tiles: &[u32]| Reset::Tiles("1".parse().unwrap(), tiles.iter().copied().collect());
        assert_eq!(trial.reset(job, of_frame(&[2])), Answer::Accept);
        let frame = trial.farm.tiled_frame(job, 1).unwrap();
        assert_eq!((frame.done, frame.queued), (1, 2));
        assert!(matches!(
            trial.reset(job, of_frame(&[3])),
            Answer::Refuse(Refusal::Frames(..))
        ));
        trial.reset(job, Reset::Frames("1".parse().unwrap()));
        assert_eq!(trial.farm.tiled_frame(job, 1).unwrap().queued, 3);
        let whole = trial.submit(a_job(2, 1));
        let refused = Answer::Refuse(Refusal::Frames(whole, "its frames are not cut into tiles".to_owned()));
        assert_eq!(trial.reset(whole, of_frame(&[0])), refused);
    }
}
