//! Logs of Blender: appended by slaves while it renders, read by everybody.

use super::body::{Asked, collect};
use super::contents::blocking;
use super::{Shared, number, parse};
use crate::error::{Error, Result};
use crate::farm::{Event, TaskRef};
use crate::files::part;
use crate::ids::{Attempt, JobId, SlaveId, TaskIndex};
use crate::master::actor::no_job;
use crate::master::convert;
use crate::master::fault::Fault;
use crate::wire::{FaultBody, LogAppended};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use tokio_util::io::ReaderStream;

/// Longest log of one attempt; what comes after is dropped.
const LOG_BYTES_MAX: u64 = 16 << 20;
/// Longest part that is sent at once.
const PART_BYTES_MAX: usize = 4 << 20;
/// What a log ends with if more came than is kept.
const CUT_NOTE: &[u8] = b"\n[netrender: the log is longer than 16 MiB; the rest was dropped]\n";
/// Attempts that are looked through for the latest log.
const ATTEMPTS_SEARCHED_MAX: u32 = 100;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AppendQuery {
    /// The slave that renders it.
    slave: String,
    /// Where in the log this belongs; what is there already is skipped, so repeats are harmless.
    offset: u64,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadQuery {
    /// Which attempt; the latest that has a log, if none is given.
    attempt: Option<u32>,
}

/// Appends to the log of an attempt. The answer says where to go on.
#[utoipa::path(put, path = "/jobs/{job}/tasks/{task}/attempts/{attempt}/log",
    params(("job" = String, Path), ("task" = u32, Path), ("attempt" = u32, Path), AppendQuery),
    request_body(content = Vec<u8>, content_type = "text/plain"),
    responses((status = 200, body = LogAppended), (status = "default", body = FaultBody)))]
pub(super) async fn append(
    State(app): Shared,
    Path((job, task, attempt)): Path<(String, String, String)>,
    Asked(query): Asked<AppendQuery>,
    body: Body,
) -> Result<Json<LogAppended>, Fault> {
    let job: JobId = parse(&job)?;
    let task = TaskIndex(number(&task, "task number")?);
    let attempt = Attempt(number(&attempt, "attempt number")?);
    let slave: SlaveId = parse(&query.slave)?;
    let bytes = collect(body, PART_BYTES_MAX).await?;
    let (frame, latest) = app
        .desk
        .look(move |state| {
            if !state.jobs.contains_key(&job) {
                return Err(no_job(job));
            }
            let unknown = || Error::not_found(format!("job {job} has no task {task}"));
            let frame = state.farm.frame_of(job, task).ok_or_else(unknown)?;
            let record = state.farm.task(job, task).ok_or_else(unknown)?;
            if state.farm.slave(slave).is_none() {
                return Err(convert::no_slave(slave));
            }
            Ok::<_, Error>((frame, Attempt(record.attempts)))
        })
        .await??;
    // The end of a failed attempt's log may well come after the failure itself.
    if attempt.0 == 0 || attempt > latest {
        return Err(Error::conflict(format!("there was no attempt {attempt} at frame {frame} of job {job}")).into());
    }
    let task = TaskRef { job, task, attempt };
    app.desk.mention(Event::Progressed { slave, task });
    let path = app.folders.log(job, frame, attempt);
    let size_bytes = blocking(move || append_to(&path, query.offset, &bytes)).await?;
    Ok(Json(LogAppended { size_bytes }))
}

/// What Blender printed in an attempt at a frame, as far as it has come.
#[utoipa::path(get, path = "/jobs/{job}/frames/{frame}/log",
    params(("job" = String, Path), ("frame" = i32, Path), ReadQuery),
    responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = FaultBody)))]
pub(super) async fn read(
    State(app): Shared,
    Path((job, frame)): Path<(String, String)>,
    Asked(query): Asked<ReadQuery>,
) -> Result<Response, Fault> {
    let job: JobId = parse(&job)?;
    let frame: i32 = number(&frame, "frame number")?;
    let latest = app.desk.look(move |state| {
        if !state.jobs.contains_key(&job) {
            return Err(no_job(job));
        }
        let task = state.farm.task_of(job, frame);
        let record = task.and_then(|task| state.farm.task(job, task));
        record
            .map(|record| record.attempt.0)
            .ok_or_else(|| Error::not_found(format!("the job {job} has no frame {frame}")))
    });
    let latest = latest.await??;
    let attempts = match query.attempt {
        Some(attempt) => vec![attempt],
        None => (1..=latest).rev().take(ATTEMPTS_SEARCHED_MAX as usize).collect(),
    };
    let paths: Vec<PathBuf> = attempts
        .into_iter()
        .map(|attempt| app.folders.log(job, frame, Attempt(attempt)))
        .collect();
    let (file, length_bytes) = blocking(move || open_first(&paths))
        .await?
        .ok_or_else(|| Error::not_found(format!("frame {frame} of job {job} has no log yet")))?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_LENGTH, length_bytes.to_string()),
    ];
    // It may grow meanwhile; what was there at first is what is sent.
    let file = tokio::io::AsyncReadExt::take(tokio::fs::File::from_std(file), length_bytes);
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

fn append_to(path: &std::path::Path, offset: u64, bytes: &Bytes) -> Result<u64> {
    let io = |error: std::io::Error| Error::io("write", path, &error);
    let taken = offset
        .checked_add(bytes.len() as u64)
        .ok_or_else(|| Error::bad_input(format!("no log goes on at byte {offset}")))?;
    // The folder of a job's logs is made together with the job's own, which its results need too.
    part::make_folder(path.parent().unwrap_or(path))?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(io)?;
    // Parts of one log may come over two connections at once.
    file.lock().map_err(io)?;
    let present = file.metadata().map_err(io)?.len();
    if present > LOG_BYTES_MAX {
        // Cut already. All of it counts as taken: the slave need not send it again.
        return Ok(taken);
    }
    // What is there already is skipped; of a part from further on nothing is kept, and the answer says where to begin.
    let known = present.checked_sub(offset).and_then(|known| usize::try_from(known).ok());
    let fresh = known.and_then(|known| bytes.get(known..)).unwrap_or_default();
    if fresh.is_empty() {
        return Ok(present);
    }
    let room = usize::try_from(LOG_BYTES_MAX.saturating_sub(present)).unwrap_or(0);
    file.seek(SeekFrom::End(0)).map_err(io)?;
    if fresh.len() <= room {
        file.write_all(fresh).map_err(io)?;
        return Ok(present + fresh.len() as u64);
    }
    file.write_all(&fresh[..room]).map_err(io)?;
    file.write_all(CUT_NOTE).map_err(io)?;
    Ok(taken)
}

fn open_first(paths: &[PathBuf]) -> Result<Option<(File, u64)>> {
    for path in paths {
        let io = |error: std::io::Error| Error::io("read", path, &error);
        match File::open(path) {
            Ok(file) => {
                let length = file.metadata().map_err(io)?.len();
                return Ok(Some((file, length)));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
    }
    Ok(None)
}
