//! Many frames of a job at once, for those who draw them.

use super::body::Asked;
use super::{Shared, parse};
use crate::error::Error;
use crate::farm::Farm;
use crate::ids::{FrameSet, JobId, SlaveId};
use crate::master::actor::no_job;
use crate::master::convert;
use crate::master::fault::Fault;
use crate::wire::{FaultBody, FrameGrid, FrameInfo, FrameStateInfo, GridSlave};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use std::collections::HashMap;

/// Most frames of one answer; the actor looks at all of them while everybody else waits.
const GRID_FRAMES_MAX: u32 = 20_000;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct GridQuery {
    /// How many frames of the job to skip.
    #[serde(default)]
    offset: u32,
    /// How many to show, at most 20000.
    #[serde(default = "frames_max")]
    limit: u32,
    /// Only these frames, such as "1-10,20", instead of those from `offset` on.
    frames: Option<String>,
}

fn frames_max() -> u32 {
    GRID_FRAMES_MAX
}

/// Many frames of a job as columns: state, seconds, slave.
#[utoipa::path(get, path = "/jobs/{job}/grid", operation_id = "grid", params(("job" = String, Path), GridQuery),
    responses((status = 200, body = FrameGrid), (status = "default", body = FaultBody)))]
pub(super) async fn show(
    State(app): Shared,
    Path(job): Path<String>,
    Asked(query): Asked<GridQuery>,
) -> Result<Json<FrameGrid>, Fault> {
    let job: JobId = parse(&job)?;
    let wanted = query.frames.as_deref().map(parse::<FrameSet>).transpose()?;
    if wanted.as_ref().is_some_and(|frames| frames.len() > GRID_FRAMES_MAX) {
        return Err(Error::bad_input(format!("more than {GRID_FRAMES_MAX} frames at once")).into());
    }
    let limit = query.limit.min(GRID_FRAMES_MAX);
    let grid = app.desk.look(move |state| {
        let frames = &state.farm.job(job)?.record.job.frames;
        let last = query.offset.saturating_add(limit).min(frames.len());
        Some(match wanted {
            Some(wanted) => grid(&state.farm, job, wanted.iter()),
            None => grid(&state.farm, job, (query.offset..last).filter_map(|place| frames.nth(place))),
        })
    });
    Ok(Json(grid.await?.ok_or_else(|| no_job(job))?))
}

fn grid(farm: &Farm, job: JobId, frames: impl Iterator<Item = i32>) -> FrameGrid {
    let mut places: HashMap<SlaveId, u32> = HashMap::new();
    let mut grid = FrameGrid::default();
    let known = frames.filter_map(|frame| convert::frame(farm, job, frame));
    let shown = known.map(
        |FrameInfo {
             frame,
             state,
             seconds,
             slave,
             ..
         }| {
            grid.states.push(letter(state));
            grid.seconds
                .push(seconds.map(|seconds| (seconds * 1_000.0).round() / 1_000.0));
            grid.by.push(slave.map(|slave| {
                *places.entry(slave).or_insert_with(|| {
                    let known = farm.slave(slave).map(|slave| slave.record.machine.name.clone());
                    let name = known.unwrap_or_default();
                    grid.slaves.push(GridSlave { id: slave, name });
                    u32::try_from(grid.slaves.len() - 1).unwrap_or(u32::MAX)
                })
            }));
            frame
        },
    );
    let frames = FrameSet::of(shown);
    FrameGrid { frames, ..grid }
}

fn letter(state: FrameStateInfo) -> char {
    match state {
        FrameStateInfo::Queued => 'q',
        FrameStateInfo::Rendering => 'r',
        FrameStateInfo::Delivering => 'v',
        FrameStateInfo::Done => 'd',
        FrameStateInfo::Failed => 'f',
    }
}
