//! Whole frames of a job whose frames are cut: put together out of their tiles when somebody asks for them, and not kept.
//!
//! Frames that slaves denoise are whole already. Absence: nothing is denoised here, for a master has no Blender; whoever gets
//! frames of a job from before slaves did that is told.

use super::App;
use super::contents::blocking;
use crate::error::{Error, Result};
use crate::farm::TaskState;
use crate::files::{Make, ZipEntry, ZipSource, part};
use crate::ids::{JobId, Piece, TileGrid};
use crate::images;
use crate::master::actor::{State as Known, no_job};
use crate::master::fault::Fault;
use crate::master::home::Folders;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;

/// Who may wait for a frame that is put together. It takes a second of all cores for each.
const WAITING_MAX: usize = 32;
/// Bytes read from a file at once.
const READ_BYTES: usize = 1 << 20;
/// In a zip of frames or tiles that are still to be denoised.
const NOTE: &str = "not_denoised.txt";

/// The one who puts frames together for downloads, and those who wait for one.
#[derive(Debug)]
pub(in crate::master) struct Joiner {
    waiting: Semaphore,
    joining: Arc<Semaphore>,
}

impl Default for Joiner {
    fn default() -> Self {
        Self {
            waiting: Semaphore::new(WAITING_MAX),
            joining: Arc::new(Semaphore::new(1)),
        }
    }
}

/// All tiles of a frame.
pub(super) struct WholeFrame {
    frame: i32,
    grid: TileGrid,
    tiles: Vec<PathBuf>,
}

impl WholeFrame {
    /// All tiles of a frame, from the upper left one; none if the frames of its job are not cut, or a slave denoises them and so
    /// puts them together.
    pub(super) fn of(state: &Known, folders: &Folders, job: JobId, frame: i32) -> Result<Option<Self>> {
        let layout = &state.farm.job(job).ok_or_else(|| no_job(job))?.record.layout;
        let grid = layout.grid();
        if grid.is_whole() || layout.denoises() {
            return Ok(None);
        }
        let none = || Error::not_found(format!("the job {job} has no frame {frame}"));
        let tasks = state.farm.tasks_of(job, frame).ok_or_else(none)?;
        let done = tasks.filter_map(|task| {
            let record = state.farm.task(job, task)?;
            let is_done = matches!(record.state, TaskState::Done { result: Some(_), .. });
            is_done.then_some(folders.result(job, state.farm.piece_of(job, task)?, record.attempt))
        });
        let (tiles, count) = (done.collect::<Vec<_>>(), grid.count());
        if tiles.len() == count as usize {
            return Ok(Some(Self { frame, grid, tiles }));
        }
        let how_many = tiles.len();
        Err(Error::not_found(format!(
            "frame {frame} of job {job} is cut into {count} tiles, of which {how_many} are done"
        ))
        .hint(format!("ask for one of them by tile=0 to tile={}", count - 1)))
    }

    /// Puts it together, for this moment.
    pub(super) async fn download(self, app: &App) -> Result<Response, Fault> {
        let _waiting =
            app.joiner.waiting.try_acquire().map_err(|_| {
                Error::unreachable("too many frames are to be put together just now").hint("try again in a moment")
            })?;
        // Never closed, so its turn comes sooner or later.
        let turn = Arc::clone(&app.joiner.joining).acquire_owned().await;
        let (path, disk) = (passing(&app.folders)?, Arc::clone(&app.folders.disk));
        let headers = [
            (header::CONTENT_TYPE, "image/x-exr".to_owned()),
            (
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"{}\"", file_name(self.frame)),
            ),
        ];
        let (file, size_bytes) = blocking(move || {
            let _turn = turn;
            let size_bytes = images::assembled_bytes(self.grid, &self.tiles)?;
            disk.admit(size_bytes)?;
            let made = assemble(self.grid, &self.tiles, &path)
                .and_then(|()| File::open(&path).map_err(|error| Error::io("read", &path, &error)));
            // Read through the open file; where that keeps it, the next start sweeps it away.
            part::remove(&path)?;
            Ok((made?, size_bytes))
        })
        .await?;
        let body = Body::from_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), READ_BYTES));
        Ok((headers, [(header::CONTENT_LENGTH, size_bytes.to_string())], body).into_response())
    }
}

/// The entries of a zip of whole frames, where all tiles of one are done and fit together, else of the tiles as they are.
pub(super) async fn entries(app: &App, job: JobId, grid: TileGrid, tiles: Vec<(Piece, ZipEntry)>) -> Result<Vec<ZipEntry>> {
    let (announced, denoises) = app
        .desk
        .look(move |state| {
            let denoises = state.farm.job(job).is_some_and(|view| view.record.layout.denoises());
            state.announced(job).map(|announced| (announced, denoises))
        })
        .await??;
    if denoises {
        return Ok(denoised_or_tiles(tiles, job));
    }
    let manifest = announced.map(|it| it.manifest()).transpose()?;
    let is_noisy = manifest.is_some_and(|manifest| manifest.settings.denoising.is_some());
    let folders = app.folders.clone();
    blocking(move || {
        let mut frames: BTreeMap<i32, Vec<ZipEntry>> = BTreeMap::new();
        for (piece, entry) in tiles {
            frames.entry(piece.frame).or_default().push(entry);
        }
        let mut entries = Vec::new();
        for (frame, tiles) in frames {
            match whole(&folders, grid, frame, &tiles) {
                Ok(Some(whole)) => entries.push(whole),
                Ok(None) => entries.extend(tiles),
                Err(error) => {
                    tracing::warn!(%job, frame, %error, "tiles are handed over as they are");
                    entries.extend(tiles);
                }
            }
        }
        if is_noisy {
            entries.push(note(left_to_gathering(job)));
        }
        Ok(entries)
    })
    .await
}

/// The frames that are denoised, and of the others the tiles, with a note that they are noisy.
fn denoised_or_tiles(pieces: Vec<(Piece, ZipEntry)>, job: JobId) -> Vec<ZipEntry> {
    let whole = pieces.iter().filter(|(piece, _)| piece.tile.is_none());
    let denoised: BTreeSet<i32> = whole.map(|(piece, _)| piece.frame).collect();
    let shown = pieces
        .into_iter()
        .filter(|(piece, _)| piece.tile.is_none() || !denoised.contains(&piece.frame));
    let (shown, is_noisy) = shown.fold((Vec::new(), false), |(mut shown, is_noisy), (piece, entry)| {
        shown.push(entry);
        (shown, is_noisy || piece.tile.is_some())
    });
    shown.into_iter().chain(is_noisy.then(|| note(left_to_slaves(job)))).collect()
}

/// A frame that is put together when its turn comes; none if it lacks tiles.
fn whole(folders: &Folders, grid: TileGrid, frame: i32, tiles: &[ZipEntry]) -> Result<Option<ZipEntry>> {
    if tiles.len() != grid.count() as usize {
        return Ok(None);
    }
    let path = |entry: &ZipEntry| match &entry.source {
        ZipSource::File { path, .. } => Some(path.clone()),
        _ => None,
    };
    let paths: Vec<PathBuf> = tiles.iter().filter_map(path).collect();
    let size_bytes = images::assembled_bytes(grid, &paths)?;
    let disk = Arc::clone(&folders.disk);
    let make = move |target: &Path| {
        disk.admit(size_bytes)?;
        assemble(grid, &paths, target)
    };
    Ok(Some(ZipEntry {
        name: file_name(frame),
        source: ZipSource::Made {
            path: passing(folders)?,
            size_bytes,
            make: Make(Arc::new(make)),
        },
    }))
}

fn assemble(grid: TileGrid, tiles: &[PathBuf], target: &Path) -> Result<()> {
    part::make_folder(target.parent().unwrap_or(target))?;
    images::assemble(grid, tiles, target)
}

fn file_name(frame: i32) -> String {
    format!("{}.exr", Piece::from(frame).stem())
}

fn passing(folders: &Folders) -> Result<PathBuf> {
    Ok(folders
        .incoming(JobId::from_bits(crate::master::random_bits()?))
        .with_extension("exr"))
}

fn note(text: String) -> ZipEntry {
    ZipEntry {
        name: NOTE.to_owned(),
        source: ZipSource::Bytes(text.into_bytes()),
    }
}

fn left_to_slaves(job: JobId) -> String {
    format!(
        "The tiles in here are noisy: a slave denoises each frame as a whole, once all of its tiles are done, and these were not yet.\n\
         netrender explain job {job} tells what they wait for.\n"
    )
}

fn left_to_gathering(job: JobId) -> String {
    format!(
        "These frames were rendered in tiles and are not denoised yet: that is done once, on whole frames, by a Blender.\n\
         netrender results {job} FOLDER brings them denoised, to a machine that has a Blender of the job's series.\n"
    )
}
