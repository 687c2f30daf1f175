//! Small pictures of frames that are cut into tiles, out of those of their tiles: as much of a frame as is there.

use super::App;
use super::contents::blocking;
use super::thumbnails::{fitting, keep, kept_before};
use crate::error::{Error, Result};
use crate::farm::TaskState;
use crate::ids::{Attempt, JobId, Piece, Tile, TileGrid};
use crate::images::{self, Mosaic};
use crate::master::actor::{State, no_job};
use crate::master::home::Folders;

/// What of a frame is done.
pub(super) struct Tiled {
    grid: TileGrid,
    done: Vec<(Tile, Attempt)>,
    /// Of all its tiles together: another one with each result that takes the place of one.
    attempts: Attempt,
    /// The whole is still to be denoised.
    is_noisy: bool,
}

impl Tiled {
    /// Of a frame that is cut into tiles; none for any other, and for one that is denoised by now.
    pub(super) fn of(state: &State, job: JobId, frame: i32) -> Result<Option<Self>> {
        let layout = &state.farm.job(job).ok_or_else(|| no_job(job))?.record.layout;
        let grid = layout.grid();
        let Some(tasks) = state.farm.tasks_of(job, frame).filter(|_| !grid.is_whole()) else {
            return Ok(None);
        };
        let whole = state.farm.task_of(job, frame).and_then(|task| state.farm.task(job, task));
        if whole.is_some_and(|whole| matches!(whole.state, TaskState::Done { result: Some(_), .. })) {
            return Ok(None);
        }
        let tiles = tasks.filter_map(|task| Some((state.farm.piece_of(job, task)?.tile?, state.farm.task(job, task)?)));
        let (mut done, mut attempts) = (Vec::new(), 0_u32);
        for (tile, record) in tiles {
            attempts = attempts.saturating_add(record.attempt.0);
            if matches!(record.state, TaskState::Done { result: Some(_), .. }) {
                done.push((tile, record.attempt));
            }
        }
        if done.is_empty() {
            return Err(Error::not_found(format!(
                "no tile of frame {frame} of job {job} has a result yet"
            )));
        }
        Ok(Some(Self {
            grid,
            done,
            attempts: Attempt(attempts),
            is_noisy: layout.denoises(),
        }))
    }

    /// Whether nothing is missing, and nothing else will take its place.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_noisy && self.done.len() == self.grid.count() as usize
    }
}

/// A picture of what is done of a frame, about so wide; kept once that is all.
pub(super) async fn show(app: &App, job: JobId, frame: i32, tiled: Tiled, width: u32) -> Result<Vec<u8>> {
    let kept = app.folders.thumbnail(job, Piece::from(frame), tiled.attempts, width);
    let kept = tiled.is_whole().then_some(kept);
    if let Some(looked_for) = kept.clone()
        && let Some(bytes) = blocking(move || Ok(kept_before(&looked_for))).await?
    {
        return Ok(bytes);
    }
    let folders = app.folders.clone();
    let paint = move || paint(&folders, job, frame, &tiled, width);
    app.painter.paint(kept, paint).await
}

fn paint(folders: &Folders, job: JobId, frame: i32, tiled: &Tiled, width: u32) -> Result<Vec<u8>> {
    let result = |(tile, attempt): (Tile, Attempt)| folders.result(job, piece(frame, tile), attempt);
    let mut sizes = Vec::with_capacity(tiled.done.len());
    for (tile, attempt) in &tiled.done {
        let picture = images::inspect(&result((*tile, *attempt)))?;
        sizes.push((*tile, (picture.width, picture.height)));
    }
    let none = || Error::internal("a picture of no tile");
    let mut mosaic = Mosaic::new(tiled.grid, &sizes, width).ok_or_else(none)?;
    let tile_width = fitting(width.div_ceil(tiled.grid.columns().into()));
    for (tile, attempt) in tiled.done.iter().copied() {
        let small = folders.thumbnail(job, piece(frame, tile), attempt, tile_width);
        if kept_before(&small).is_some_and(|png| mosaic.add(tile, &png)) {
            continue;
        }
        let png = images::thumbnail(&result((tile, attempt)), tile_width)?;
        keep(&small, &png);
        if !mosaic.add(tile, &png) {
            return Err(Error::internal(format!("the small picture of tile {tile} cannot be read")));
        }
    }
    Ok(mosaic.png())
}

fn piece(frame: i32, tile: Tile) -> Piece {
    Piece { frame, tile: Some(tile) }
}
