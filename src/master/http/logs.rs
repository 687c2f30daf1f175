//! Logs of Blender: appended by slaves while it renders, read by everybody.

use super::body::{Asked, collect};
use super::contents::blocking;
use super::results::piece_of;
use super::{Shared, named_task, number, parse};
use crate::error::{Error, Result};
use crate::farm::{Event, TaskRef};
use crate::files::LogPart;
use crate::ids::{Attempt, JobId, SlaveId};
use crate::master::actor::no_job;
use crate::master::convert;
use crate::master::fault::Fault;
use crate::wire::{FaultBody, LogAppended};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::path::PathBuf;
use tokio_util::io::ReaderStream;

/// Longest part that is sent at once.
const PART_BYTES_MAX: usize = 4 << 20;
/// All of a task.
const PERCENT_MAX: u32 = 100;
/// Attempts that are looked through for the latest log.
const ATTEMPTS_SEARCHED_MAX: u32 = 100;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AppendQuery {
    /// The slave that renders it.
    slave: String,
    /// Where in the log this belongs; what is there already is skipped, so repeats are harmless.
    offset: u64,
    /// How much of the task is done, in percent, if the slave can tell.
    #[param(maximum = 100)]
    percent: Option<u32>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadQuery {
    /// Which attempt; the latest that has a log, if none is given.
    attempt: Option<u32>,
    /// From which byte on; what is beyond the end is empty.
    #[serde(default)]
    offset: u64,
    /// How many bytes at most; all, if not given.
    #[serde(default = "all")]
    limit: u64,
    /// Which tile, from 0, of a frame that is cut into tiles.
    tile: Option<u32>,
}

fn all() -> u64 {
    u64::MAX
}

/// Appends to the log of an attempt. The answer says where to go on.
#[utoipa::path(put, path = "/jobs/{job}/tasks/{task}/attempts/{attempt}/log", operation_id = "append_log",
    params(("job" = String, Path), ("task" = u32, Path), ("attempt" = u32, Path), AppendQuery),
    request_body(content = Vec<u8>, content_type = "text/plain"),
    responses((status = 200, body = LogAppended), (status = "default", body = FaultBody)))]
pub(super) async fn append(
    State(app): Shared,
    Path(names): Path<(String, String, String)>,
    Asked(query): Asked<AppendQuery>,
    body: Body,
) -> Result<Json<LogAppended>, Fault> {
    let whole = named_task(&names)?;
    let TaskRef { job, task, attempt } = whole;
    let slave: SlaveId = parse(&query.slave)?;
    let bytes = collect(body, PART_BYTES_MAX).await?;
    let (piece, latest) = app
        .desk
        .look(move |state| {
            if !state.jobs.contains_key(&job) {
                return Err(no_job(job));
            }
            let unknown = || Error::not_found(format!("job {job} has no task {task}"));
            let piece = state.farm.piece_of(job, task).ok_or_else(unknown)?;
            let record = state.farm.task(job, task).ok_or_else(unknown)?;
            if state.farm.slave(slave).is_none() {
                return Err(convert::no_slave(slave));
            }
            Ok::<_, Error>((piece, Attempt(record.attempts)))
        })
        .await??;
    // The end of a failed attempt's log may well come after the failure itself.
    if attempt.0 == 0 || attempt > latest {
        return Err(Error::conflict(format!("there was no attempt {attempt} at {piece} of job {job}")).into());
    }
    let percent = query.percent.map(|percent| percent.min(PERCENT_MAX));
    app.desk.mention(Event::Progressed {
        slave,
        task: whole,
        percent,
    });
    let path = app.folders.log(job, piece, attempt);
    let logs = app.logs.clone();
    let size_bytes = blocking(move || logs.append(&path, query.offset, &bytes)).await?;
    Ok(Json(LogAppended { size_bytes }))
}

/// What Blender printed in an attempt at a frame, as far as it has come. Who follows it asks again from where it ended.
#[utoipa::path(get, path = "/jobs/{job}/frames/{frame}/log", operation_id = "read_log",
    params(("job" = String, Path), ("frame" = i32, Path), ReadQuery),
    responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = FaultBody)))]
pub(super) async fn read(
    State(app): Shared,
    Path((job, frame)): Path<(String, String)>,
    Asked(query): Asked<ReadQuery>,
) -> Result<Response, Fault> {
    let job: JobId = parse(&job)?;
    let frame: i32 = number(&frame, "frame number")?;
    let found = app.desk.look(move |state| piece_of(state, job, frame, query.tile));
    let (piece, record) = found.await??;
    let latest = record.attempt.0;
    let attempts = match query.attempt {
        Some(attempt) => vec![attempt],
        None => (1..=latest).rev().take(ATTEMPTS_SEARCHED_MAX as usize).collect(),
    };
    let paths: Vec<PathBuf> = attempts
        .into_iter()
        .map(|attempt| app.folders.log(job, piece, Attempt(attempt)))
        .collect();
    let logs = app.logs.clone();
    let part = blocking(move || {
        let mut parts = paths.iter().map(|path| logs.read(path, query.offset, query.limit));
        parts.find_map(Result::transpose).transpose()
    });
    let part = part
        .await?
        .ok_or_else(|| Error::not_found(format!("{piece} of job {job} has no log yet")))?;
    let content_type = (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned());
    Ok(match part {
        LogPart::Bytes(bytes) => ([content_type], bytes).into_response(),
        LogPart::File(file, length_bytes) => {
            let headers = [content_type, (header::CONTENT_LENGTH, length_bytes.to_string())];
            // It may grow meanwhile; what was there at first is what is sent.
            let file = tokio::io::AsyncReadExt::take(tokio::fs::File::from_std(file), length_bytes);
            (headers, Body::from_stream(ReaderStream::new(file))).into_response()
        }
    })
}
