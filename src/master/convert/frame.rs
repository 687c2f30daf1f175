//! Frames as they are shown: of one task, or of one for each tile.

use crate::farm::{Farm, TaskRecord, TaskState, TiledFrame};
use crate::files::hash_of_hashes;
use crate::ids::{JobId, Piece, TaskIndex};
use crate::wire::{FrameInfo, FrameStateInfo, TilesInfo};

/// A frame of a job, of one task or of many; none if it is not part of the job.
pub(in crate::master) fn frame(farm: &Farm, job: JobId, frame: i32) -> Option<FrameInfo> {
    let own = farm.task_of(job, frame).and_then(|task| info(farm, job, task));
    match farm.tiled_frame(job, frame) {
        Some(tiled) => Some(tiled_frame(frame, tiled, own)),
        None => own,
    }
}

/// All tiles of a frame, or the frame itself if it is not cut; none if it is not part of the job.
pub(in crate::master) fn tiles(farm: &Farm, job: JobId, frame: i32) -> Option<Vec<FrameInfo>> {
    let tasks = farm.tasks_of(job, frame)?.filter(|task| farm.denoises(job, *task).is_none());
    Some(tasks.filter_map(|task| info(farm, job, task)).collect())
}

fn info(farm: &Farm, job: JobId, task: TaskIndex) -> Option<FrameInfo> {
    Some(FrameInfo {
        bake: farm.bake(job, task).map(|bake| bake.name.clone()),
        percent: farm.percent(job, task),
        ..frame_info(farm.piece_of(job, task)?, farm.task(job, task)?)
    })
}

/// A frame of tiles, and what the task tells that denoises it, if one does.
fn tiled_frame(frame: i32, tiled: TiledFrame, denoising: Option<FrameInfo>) -> FrameInfo {
    let (are_done, seconds, slave) = (tiled.done == tiled.grid.count(), tiled.seconds, tiled.slave);
    let mut rendered = of_tiles(frame, tiled);
    let Some(denoising) = denoising else {
        return rendered;
    };
    if let Some(tiles) = &mut rendered.tiles {
        tiles.denoising = Some(denoising.state);
    }
    if are_done {
        return FrameInfo {
            tiles: rendered.tiles,
            slave: denoising.slave.or(slave),
            seconds: denoising.seconds.map(|own| own + seconds),
            failure: denoising.failure.or(rendered.failure),
            ..denoising
        };
    }
    rendered
}

fn of_tiles(frame: i32, tiled: TiledFrame) -> FrameInfo {
    let is_done = tiled.done == tiled.grid.count();
    let state = if is_done {
        FrameStateInfo::Done
    } else if tiled.rendering > 0 {
        FrameStateInfo::Rendering
    } else if tiled.delivering > 0 {
        FrameStateInfo::Delivering
    } else if tiled.queued > 0 {
        FrameStateInfo::Queued
    } else {
        FrameStateInfo::Failed
    };
    let has_files = tiled.results.len() == tiled.grid.count() as usize;
    FrameInfo {
        frame,
        tile: None,
        tiles: Some(TilesInfo {
            grid: tiled.grid,
            done: tiled.done,
            denoising: None,
        }),
        bake: None,
        state,
        attempt: tiled.attempts,
        slave: tiled.slave,
        percent: None,
        seconds: is_done.then_some(tiled.seconds),
        size_bytes: has_files.then_some(tiled.size_bytes),
        hash: has_files.then(|| hash_of_hashes(&tiled.results)),
        failure: tiled.failure,
    }
}

/// A frame, or a tile, with its task's record.
pub(in crate::master) fn frame_info(piece: impl Into<Piece>, record: TaskRecord) -> FrameInfo {
    let Piece { frame, tile } = piece.into();
    let mut info = FrameInfo {
        frame,
        tile,
        tiles: None,
        bake: None,
        state: FrameStateInfo::Queued,
        attempt: record.attempt.0,
        slave: None,
        percent: None,
        seconds: None,
        size_bytes: None,
        hash: None,
        failure: record.last_failure,
    };
    match record.state {
        TaskState::Queued => {}
        TaskState::Leased { slave, rendered, .. } => {
            info.state = if rendered {
                FrameStateInfo::Delivering
            } else {
                FrameStateInfo::Rendering
            };
            info.slave = Some(slave);
        }
        TaskState::Done { slave, seconds, result } => {
            info.state = FrameStateInfo::Done;
            info.slave = Some(slave);
            info.seconds = Some(seconds);
            info.size_bytes = result.map(|file| file.size_bytes);
            info.hash = result.map(|file| file.hash);
        }
        TaskState::Failed { slave, reason } => {
            info.state = FrameStateInfo::Failed;
            info.slave = Some(slave);
            info.failure = Some(reason);
        }
    }
    info
}
