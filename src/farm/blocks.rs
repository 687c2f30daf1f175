//! Tiles that one slave renders as one: what a render costs beside its pixels, such as the bringing of moving things into the
//! renderer, is then paid once for all of them.
//!
//! A block is a chunk whose tiles are neighbours, leased as one and begun as one: nothing of it is taken back half-way. It has
//! its part of what is left of the frame, by how fast its slave is, so blocks are large at first and single tiles in the end.
//! A slave whose pace nobody knows begins with one tile. A block takes some minutes at most, for tiles to be seen as they come. Where a tile of a frame failed, blocks of it are half as
//! large, and half of that after the next one: so a tile that ends every Blender is soon alone. Results, attempts and logs
//! are of tiles, as ever.

use super::Farm;
use super::job::Job;
use super::limits::{AUTO_CHUNK_TASKS_MAX, BLOCK_S_MAX};
use super::slave::{Chunk, Slave};
use super::task::Failures;
use crate::ids::{TaskIndex, Tile, TileBlock};

impl Job {
    /// Whether what is leased at once is rendered as one: tiles, unless somebody said how many are leased.
    pub(super) fn renders_blocks(&self) -> bool {
        !self.record.layout.grid().is_whole() && self.record.job.chunk_tasks == 0
    }

    /// How much of an average task a task is, which a tile need not be.
    pub(super) fn size_of(&self, index: TaskIndex) -> f64 {
        self.tile_of(index).map_or(1.0, Tile::average_tiles)
    }

    /// The tasks that are being rendered of a chunk: all of a block, else the first that is not rendered.
    pub(super) fn begun(&self, slave: &Slave, chunk: &Chunk) -> impl Iterator<Item = TaskIndex> {
        let is_unrendered = |task: &&TaskIndex| self.hold_of(**task, slave.id()).is_some_and(|hold| !hold.rendered);
        let unrendered = chunk.tasks.iter().filter(is_unrendered).copied();
        unrendered.take(if chunk.is_block { usize::MAX } else { 1 })
    }

    /// What a slave renders together with a task.
    pub(super) fn block_of(&self, slave: &Slave, task: TaskIndex) -> Vec<TaskIndex> {
        let chunk = slave.chunk_of(self.id(), task).map(|place| &slave.chunks[place]);
        let Some(block) = chunk.filter(|chunk| chunk.is_block) else {
            return vec![task];
        };
        self.begun(slave, block).collect()
    }

    fn tile_of(&self, index: TaskIndex) -> Option<Tile> {
        self.piece_of(index)?.tile
    }

    /// How many tiles of a frame failed at least once.
    fn failed_tiles(&self, frame: &std::ops::Range<u32>) -> usize {
        self.failures.range(TaskIndex(frame.start)..TaskIndex(frame.end)).count()
    }
}

impl Farm {
    /// The tiles of the next block for a slave; one that failed before is rendered alone.
    pub(super) fn next_block(&self, slave: &Slave, job: &Job, room: usize) -> Vec<TaskIndex> {
        let alone = job.next_tasks(1, |failures: &Failures| self.may_retry(slave, job, failures));
        let Some(first) = alone.first().filter(|first| job.fresh.contains(**first)) else {
            return alone;
        };
        let Some(frame) = job.frame_of(*first).and_then(|frame| job.record.layout.tasks_of(frame)) else {
            return alone;
        };
        let of_frame: Vec<TaskIndex> = job.fresh.iter().take_while(|task| task.0 < frame.end).collect();
        let sizes: Vec<f64> = of_frame.iter().map(|task| job.size_of(*task)).collect();
        // One more than slots, for nobody to begin all that is left; tiles of other frames are of average size.
        let elsewhere = f64::from(job.queued()) - of_frame.len() as f64;
        let share = (sizes.iter().sum::<f64>() + elsewhere) / f64::from(self.balance.slots() + 1);
        let size_max = match job.latest_seconds.median().zip(slave.pace) {
            Some((median, pace)) => share.min(BLOCK_S_MAX / median.max(f64::EPSILON)) / pace,
            None => 0.0,
        };
        let mut size = 0.0;
        let fitting = sizes.iter().take_while(|tile| {
            size += **tile;
            size <= size_max
        });
        let halvings = u32::try_from(job.failed_tiles(&frame)).unwrap_or(u32::MAX);
        let count = fitting.count().min(AUTO_CHUNK_TASKS_MAX.min(room));
        block(job, &of_frame, count.checked_shr(halvings).unwrap_or(0))
    }
}

/// So many of the first of these tiles as make a block: one at least, of one row, or of whole rows.
fn block(job: &Job, tasks: &[TaskIndex], count: usize) -> Vec<TaskIndex> {
    let tiles: Vec<Tile> = tasks
        .iter()
        .take(count.max(1))
        .filter_map(|task| job.tile_of(*task))
        .collect();
    let is_block = |count: &usize| TileBlock::of(&tiles[..*count]).is_some();
    let columns = usize::from(job.record.layout.grid().columns());
    let rows = (1..=tiles.len() / columns).rev().map(|rows| rows * columns);
    let of_one_row = (1..=tiles.len().min(columns)).rev();
    let count = rows.chain(of_one_row).find(is_block).unwrap_or(1);
    tasks[..count.min(tasks.len())].to_vec()
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, tasks_of};
    use crate::farm::{Effect, Event, Lease, Limits, NewJob, ReportBody, TaskRef};
    use crate::ids::{JobId, SlaveId, Tile, TileBlock};

    fn tiled(grid: &str) -> NewJob {
        NewJob {
            tiles: grid.parse().unwrap(),
            chunk_tasks: 0,
            ..a_job(1, 1)
        }
    }

    fn lease(trial: &mut Trial, slave: SlaveId) -> Lease {
        match trial.want(slave) {
            Some(Answer::Lease(lease)) => lease,
            other => panic!("no lease but {other:?}"),
        }
    }

    fn block_of(trial: &Trial, job: JobId, lease: &Lease) -> TileBlock {
        let tile = |task: &TaskRef| trial.farm.piece_of(job, task.task)?.tile;
        let tiles: Vec<Tile> = tasks_of(lease).iter().filter_map(tile).collect();
        TileBlock::of(&tiles).expect("it is a rectangle")
    }

    /// A slave that has rendered some tiles one by one, so that its pace is known, and the block that it got then.
    fn begun(job: NewJob) -> (Trial, JobId, SlaveId, Lease) {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(job);
        let mut given = lease(&mut trial, slave);
        while given.tasks.len() == 1 {
            let task = tasks_of(&given)[0];
            trial.done_in(slave, task, 1.0);
            given = lease(&mut trial, slave);
        }
        (trial, job, slave, given)
    }

    #[test]
    fn blocks_become_smaller_to_the_end_and_cover_every_tile_once() {
        let (mut trial, job, slave, mut given) = begun(tiled("6x8"));
        let mut sizes = Vec::new();
        loop {
            let block = block_of(&trial, job, &given);
            assert!(given.as_one && (block.high() == 1 || block.wide() == 6), "{block}");
            sizes.push(given.tasks.len());
            for task in tasks_of(&given) {
                trial.done_in(slave, task, 1.0);
            }
            match trial.want(slave) {
                Some(Answer::Lease(next)) => given = next,
                _ => break,
            }
        }
        assert_eq!(sizes.iter().sum::<usize>(), 42, "{sizes:?}");
        assert!(sizes[0] >= 12 && sizes.ends_with(&[1, 1]), "{sizes:?}");
        assert!(sizes.len() <= 12, "{sizes:?}");
    }

    #[test]
    fn tiles_that_take_minutes_go_one_by_one() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        trial.submit(tiled("6x8"));
        for _ in 0..10 {
            let given = lease(&mut trial, slave);
            assert_eq!(given.tasks.len(), 1);
            trial.done_in(slave, tasks_of(&given)[0], 120.0);
        }
    }

    #[test]
    fn nothing_of_a_block_is_taken_back() {
        let (mut trial, _, _, _) = begun(tiled("6x8"));
        let idle = trial.slave(2);
        while let Some(Answer::Lease(other)) = trial.want(idle) {
            for task in tasks_of(&other) {
                trial.done_in(idle, task, 1.0);
            }
        }
        let told = trial.pass(7_000);
        assert!(!told.iter().any(|effect| matches!(effect, Effect::Cancel { .. })), "{told:?}");
    }

    #[test]
    fn after_a_failure_one_tile_is_alone_and_the_next_block_is_smaller() {
        let (mut trial, job, slave, given) = begun(tiled("6x8"));
        let tasks = tasks_of(&given);
        for task in &tasks[1..] {
            assert_eq!(trial.report(slave, *task, ReportBody::Returned), Answer::Accept);
        }
        trial.fail(slave, tasks[0]);
        let other = trial.slave(2);
        let alone = lease(&mut trial, other);
        assert_eq!((alone.tasks.len(), tasks_of(&alone)[0].task), (1, tasks[0].task));
        let half = lease(&mut trial, slave);
        assert!((2..=tasks.len() / 2).contains(&half.tasks.len()), "{half:?}");
        assert_eq!(trial.farm.task(job, tasks[1].task).unwrap().failures, 0);
    }

    #[test]
    fn a_block_may_take_as_long_as_all_of_its_tiles_and_ends_as_one() {
        let limits = Limits {
            frame_s: 60,
            ..Limits::default()
        };
        let (mut trial, job, slave, given) = begun(NewJob { limits, ..tiled("2x8") });
        let tasks = tasks_of(&given);
        let seconds = 60 * u64::try_from(tasks.len()).unwrap();
        let mut told = Vec::new();
        for _ in 0..seconds / 10 - 1 {
            trial.happen(&Event::SlaveSeen { slave });
            told.extend(trial.pass(10_000));
        }
        assert_eq!(told, []);
        for _ in 0..2 {
            trial.happen(&Event::SlaveSeen { slave });
            told.extend(trial.pass(10_000));
        }
        let cancelled = told.iter().filter(|effect| matches!(effect, Effect::Cancel { .. }));
        assert_eq!(cancelled.count(), tasks.len(), "{told:?}");
        let failures: Vec<u32> = tasks
            .iter()
            .map(|at| trial.farm.task(job, at.task).unwrap().failures)
            .collect();
        assert_eq!(failures.iter().sum::<u32>(), 1);
        let reason = trial.farm.task(job, tasks[0].task).unwrap().last_failure.unwrap();
        assert!(
            reason.ends_with(&format!("that {} tiles of this job may take", tasks.len())),
            "{reason}"
        );
    }

    #[test]
    fn a_block_on_a_slave_that_hangs_is_rendered_elsewhere_as_one() {
        let (mut trial, job, slow, given) = begun(tiled("6x4"));
        let quick = trial.slave(2);
        while let Some(Answer::Lease(other)) = trial.want(quick) {
            for task in tasks_of(&other) {
                trial.done_in(quick, task, 1.0);
            }
        }
        let mut second = None;
        for _ in 0..30 {
            for slave in [slow, quick] {
                trial.happen(&Event::SlaveSeen { slave });
            }
            let told = trial.pass(10_000);
            second = second.or(told.into_iter().find_map(|effect| match effect {
                Effect::Lease { slave, lease, .. } if slave == quick => Some(lease),
                _ => None,
            }));
            if second.is_none() {
                trial.want(quick);
            }
        }
        let second = second.expect("it is leased a second time");
        assert!(second.as_one);
        let names = |lease: &Lease| tasks_of(lease).into_iter().map(|at| at.task).collect::<Vec<_>>();
        assert_eq!(names(&second), names(&given));
        for task in tasks_of(&second) {
            assert_eq!(trial.done_in(quick, task, 1.0), Answer::Accept);
        }
        assert_eq!(trial.state(job), crate::farm::JobState::Finished);
    }
}
