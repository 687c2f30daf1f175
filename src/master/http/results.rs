//! Results: up from slaves, down to clients, one by one.

use super::bakes;
use super::body::Asked;
use super::contents::blocking;
use super::receive::{announced, at_most, drain, place, receive};
use super::whole::WholeFrame;
use super::{App, Shared, named_task, number, parse};
use crate::error::{Code, Error, Result};
use crate::farm::{Event, ReportBody, ResultFile, TaskRecord, TaskRef, TaskState};
use crate::files::part;
use crate::ids::{Attempt, ContentHash, JobId, Piece, SlaveId, TaskIndex};
use crate::images;
use crate::master::actor::{State as Known, no_job};
use crate::master::convert;
use crate::master::fault::Fault;
use crate::wire::FaultBody;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tower_http::services::ServeFile;

/// Longest picture, and longest zip of final files.
pub(super) const RESULT_BYTES_MAX: u64 = 16 << 30;
/// Longest zip of a bake.
const BAKE_BYTES_MAX: u64 = 1 << 40;
/// Bytes read from a file at once; larger pieces mean fewer trips to the disk's threads.
const READ_BYTES: usize = 1 << 20;
/// Earlier attempts of which a result may still lie there.
const ATTEMPTS_SEARCHED_MAX: usize = 100;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ResultQuery {
    /// The slave that rendered it.
    slave: String,
    /// Seconds of rendering.
    seconds: f64,
    /// BLAKE3 of the file.
    hash: String,
    /// Its length in bytes.
    size: u64,
}

/// Delivers a frame. When it is answered, the result is on the disk and the frame is done; the same delivery twice does no
/// harm, and one of an attempt that is not wanted any more is refused and leaves nothing behind.
#[utoipa::path(put, path = "/jobs/{job}/tasks/{task}/attempts/{attempt}/result", operation_id = "deliver",
    params(("job" = String, Path), ("task" = u32, Path), ("attempt" = u32, Path), ResultQuery),
    request_body(content = Vec<u8>, content_type = "image/x-exr"),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn upload(
    State(app): Shared,
    Path(names): Path<(String, String, String)>,
    Asked(query): Asked<ResultQuery>,
    body: Body,
) -> Result<StatusCode, Fault> {
    let task = named_task(&names)?;
    let slave: SlaveId = parse(&query.slave)?;
    let file = announced(&query.hash, query.size, BAKE_BYTES_MAX)?;
    let Some((piece, claim, body)) = begin(&app, task, slave, file, body).await? else {
        return Ok(StatusCode::NO_CONTENT);
    };
    if let Some(main) = bakes::main_of(&app, task.job).await? {
        let delivery = Delivery {
            task,
            slave,
            seconds: query.seconds,
            file,
        };
        // It goes on if the slave gives up meanwhile, because a large one takes the disk minutes after its last byte: what is
        // sent again then finds it done, or on its way.
        let delivered = tokio::spawn(async move { bakes::deliver(&app, delivery, (piece, claim), main, body).await });
        delivered
            .await
            .map_err(|error| Error::internal(format!("the bake was not taken in: {error}")))??;
        return Ok(StatusCode::NO_CONTENT);
    }
    if let Err(fault) = at_most(query.size, RESULT_BYTES_MAX) {
        drain(body).await;
        return Err(fault);
    }
    let path = app.folders.result(task.job, piece, task.attempt);
    let (target, disk) = (path.clone(), Arc::clone(&app.folders.disk));
    // The claim goes with the writer, which may outlive this call, and comes back for the report.
    let _claim = receive(body, file.size_bytes, move |incoming| {
        let claim = claim;
        disk.admit(file.size_bytes)?;
        place(incoming, file, &target, check_picture)?;
        Ok(claim)
    })
    .await?;
    let body = ReportBody::Done {
        seconds: query.seconds,
        result: Some(file),
    };
    let told = app
        .desk
        .ask(|request| Event::Report {
            request,
            slave,
            task,
            body,
        })
        .await;
    if let Err(error) = told {
        // Only what is surely not wanted goes. A failure may have come after the record; if not, the next delivery takes
        // the file's place, or the next start removes it.
        if matches!(error.code, Code::Conflict | Code::NotFound | Code::BadInput) {
            blocking(move || part::remove(&path)).await?;
        }
        return Err(error.into());
    }
    remove_earlier(&app, task, piece).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was there before a reset is worth nothing once there is something new.
async fn remove_earlier(app: &App, task: TaskRef, piece: Piece) -> Result<()> {
    let folders = app.folders.clone();
    let earlier = (1..task.attempt.0).rev().take(ATTEMPTS_SEARCHED_MAX).map(Attempt);
    let earlier = earlier.flat_map(move |attempt| {
        [
            folders.result(task.job, piece, attempt),
            folders.finals(task.job, piece, attempt),
        ]
    });
    blocking(move || earlier.into_iter().try_for_each(|path| part::remove(&path))).await
}

/// What a slave says of a result that it delivers.
pub(super) struct Delivery {
    pub(super) task: TaskRef,
    pub(super) slave: SlaveId,
    /// Of work.
    pub(super) seconds: f64,
    pub(super) file: ResultFile,
}

/// Only a whole picture makes a frame done. All of it is decoded: nothing less finds blocks that are missing or damaged. Five
/// full-float channels of 1920x1080 (39 MB) took half a second on a busy machine of two cores, in a thread that may block;
/// the render took many times as long.
fn check_picture(path: &std::path::Path) -> Result<()> {
    images::verify(path, None).map_err(|error| match error.code {
        Code::BadInput => Error::bad_input("the result is cut short, damaged or no EXR file")
            .hint("render the frame again, or look at the slave's disk"),
        _ => error,
    })
}

/// The frame or tile, and the right to write its result; nothing if this very result is here already. A body that is not
/// wanted is read all the same, so that its sender hears why.
pub(super) async fn begin(
    app: &App,
    task: TaskRef,
    slave: SlaveId,
    file: ResultFile,
    body: Body,
) -> Result<Option<(Piece, Claim, Body)>> {
    match claim(app, task, slave, file).await {
        Ok(Some((piece, claim))) => Ok(Some((piece, claim, body))),
        unwanted => {
            drain(body).await;
            unwanted.map(|_| None)
        }
    }
}

async fn claim(app: &App, task: TaskRef, slave: SlaveId, file: ResultFile) -> Result<Option<(Piece, Claim)>> {
    let found = app.desk.look(move |state| expected(state, task, slave, Some(file))).await??;
    let Some(piece) = found else { return Ok(None) };
    let key = (task.job, task.task, task.attempt);
    let active = Arc::clone(&app.active_results);
    if !active.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
        return Err(Error::unreachable("this result is arriving already, over another connection").hint("try again in a moment"));
    }
    Ok(Some((piece, Claim { key, active })))
}

/// The frame or tile that a result is for, if one of this attempt is wanted; nothing if this very result is here already.
pub(super) fn expected(state: &Known, task: TaskRef, slave: SlaveId, file: Option<ResultFile>) -> Result<Option<Piece>> {
    let unwanted = || Err(convert::refused(&crate::farm::Refusal::Stale(task)));
    if !state.jobs.contains_key(&task.job) {
        return Err(no_job(task.job));
    }
    let unknown = || convert::refused(&crate::farm::Refusal::UnknownTask(task.job, task.task));
    let piece = state.farm.piece_of(task.job, task.task).ok_or_else(unknown)?;
    let record = state.farm.task(task.job, task.task).ok_or_else(unknown)?;
    if state.farm.slave(slave).is_none() {
        return Err(convert::no_slave(slave));
    }
    let held = state.farm.hold_of(task.job, task.task, slave);
    if held.is_some_and(|hold| hold.attempt == task.attempt) {
        return Ok(Some(piece));
    }
    if record.attempt != task.attempt {
        return unwanted();
    }
    match record.state {
        TaskState::Done { slave: by, result, .. } if by == slave && result == file => Ok(None),
        // Taken back from a slave that was thought to be gone: if nobody else has it, its result is welcome.
        TaskState::Queued => Ok(Some(piece)),
        TaskState::Done { .. } | TaskState::Leased { .. } | TaskState::Failed { .. } => unwanted(),
    }
}

/// The right to write the result of an attempt, given back when dropped.
pub(super) struct Claim {
    key: (JobId, TaskIndex, Attempt),
    active: Arc<Mutex<HashSet<(JobId, TaskIndex, Attempt)>>>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TileQuery {
    /// Which tile, from 0, of a frame that is cut into tiles.
    tile: Option<u32>,
}

/// A finished frame, or a tile of one, as multilayer EXR; parts of it by `Range`. A frame that is cut is put together for this,
/// unless a slave has done so to denoise it.
#[utoipa::path(get, path = "/jobs/{job}/frames/{frame}/result", operation_id = "download_result",
    params(("job" = String, Path), ("frame" = i32, Path), TileQuery),
    responses((status = 200, body = Vec<u8>, content_type = "image/x-exr"), (status = "default", body = FaultBody)))]
pub(super) async fn download(
    State(app): Shared,
    Path((job, frame)): Path<(String, String)>,
    Asked(TileQuery { tile }): Asked<TileQuery>,
    request: Request,
) -> Result<Response, Fault> {
    let job: JobId = parse(&job)?;
    let frame: i32 = number(&frame, "frame number")?;
    let folders = app.folders.clone();
    let whole = app.desk.look(move |state| match tile {
        None => WholeFrame::of(state, &folders, job, frame),
        Some(_) => Ok(None),
    });
    if let Some(whole) = whole.await?? {
        return whole.download(&app).await;
    }
    let found = app.desk.look(move |state| result_of(state, job, frame, tile)).await??;
    let (piece, attempt, file) = found;
    let path = app.folders.result(job, piece, attempt);
    let lost = || Error::storage(format!("the result of {piece} of job {job} has gone from the master's disk"));
    let mut response = serve_file(&path, "image/x-exr", file.hash, request, lost).await?;
    let name = format!("attachment; filename=\"{}.exr\"", piece.stem());
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// The result of a frame, or of a tile of one.
pub(super) fn result_of(state: &Known, job: JobId, frame: i32, tile: Option<u32>) -> Result<(Piece, Attempt, ResultFile)> {
    let (piece, record) = piece_of(state, job, frame, tile)?;
    match record.state {
        _ if state.farm.job(job).is_some_and(|view| !view.record.job.bakes.is_empty()) => {
            let error = Error::not_found(format!("job {job} bakes: it has no pictures"));
            Err(error.hint("what it baked is in its results.zip"))
        }
        TaskState::Done { result: Some(file), .. } => Ok((piece, record.attempt, file)),
        _ => Err(Error::not_found(format!("{piece} of job {job} has no result yet"))),
    }
}

/// What a call means by a frame and perhaps the number of a tile.
pub(super) fn piece_of(state: &Known, job: JobId, frame: i32, tile: Option<u32>) -> Result<(Piece, TaskRecord)> {
    let grid = state.farm.job(job).ok_or_else(|| no_job(job))?.record.layout.grid();
    let piece = match tile {
        None => Piece::from(frame),
        Some(number) => {
            let tile = grid.tile(number).filter(|_| !grid.is_whole());
            let none = || Error::not_found(format!("frame {frame} of job {job} has no tile {number}"));
            let tile = Some(tile.ok_or_else(none)?);
            Piece { frame, tile }
        }
    };
    let record = state.farm.task_of(job, piece).and_then(|task| state.farm.task(job, task));
    match record {
        Some(record) => Ok((piece, record)),
        None if state.farm.tasks_of(job, frame).is_some() => {
            let last = grid.count() - 1;
            Err(
                Error::not_found(format!("frame {frame} of job {job} is cut into tiles")).hint(format!(
                    "ask for one of them by tile=0 to tile={last}; netrender results puts them together"
                )),
            )
        }
        None => Err(Error::not_found(format!("the job {job} has no frame {frame}"))),
    }
}

/// A file that never changes under its name.
pub(super) async fn serve_file(
    path: &std::path::Path,
    media_type: &'static str,
    hash: ContentHash,
    request: Request,
    missing: impl FnOnce() -> Error,
) -> Result<Response, Fault> {
    let served = ServeFile::new(path).with_buf_chunk_size(READ_BYTES).try_call(request).await;
    let response = served.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => missing(),
        _ => Error::io("read", path, &error),
    })?;
    let mut response = response.map(Body::new);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{hash}\"")) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}
