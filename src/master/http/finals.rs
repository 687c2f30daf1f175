//! Final files that slaves made of their results: up with the result, down as one zip for each frame.

use super::body::Asked;
use super::receive::{announced, place, receive};
use super::results::{RESULT_BYTES_MAX, begin, result_of, serve_file};
use super::{Shared, named_task, number, parse};
use crate::error::Error;
use crate::files;
use crate::ids::{JobId, SlaveId};
use crate::master::fault::Fault;
use crate::wire::FaultBody;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FinalQuery {
    /// The slave that rendered the frame.
    slave: String,
    /// BLAKE3 of the zip.
    hash: String,
    /// Its length in bytes.
    size: u64,
}

/// Delivers the final files of a frame, before its result. They are kept with the result of the same attempt only; the same
/// delivery twice does no harm.
#[utoipa::path(put, path = "/jobs/{job}/tasks/{task}/attempts/{attempt}/final", operation_id = "deliver_final",
    params(("job" = String, Path), ("task" = u32, Path), ("attempt" = u32, Path), FinalQuery),
    request_body(content = Vec<u8>, content_type = "application/zip"),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn upload(
    State(app): Shared,
    Path(names): Path<(String, String, String)>,
    Asked(query): Asked<FinalQuery>,
    body: Body,
) -> Result<StatusCode, Fault> {
    let task = named_task(&names)?;
    let slave: SlaveId = parse(&query.slave)?;
    let file = announced(&query.hash, query.size, RESULT_BYTES_MAX)?;
    let Some((piece, claim, body)) = begin(&app, task, slave, file, body).await? else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let (target, disk) = (
        app.folders.finals(task.job, piece, task.attempt),
        Arc::clone(&app.folders.disk),
    );
    // The claim goes with the writer, which may outlive this call.
    receive(body, file.size_bytes, move |incoming| {
        let _claim = claim;
        disk.admit(file.size_bytes)?;
        place(incoming, file, &target, |path| files::zip_names(path).map(drop))
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The final files of a finished frame in a zip, if slaves made them.
#[utoipa::path(get, path = "/jobs/{job}/frames/{frame}/final", operation_id = "download_final", params(("job" = String, Path), ("frame" = i32, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"), (status = "default", body = FaultBody)))]
pub(super) async fn download(
    State(app): Shared,
    Path((job, frame)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Fault> {
    let job: JobId = parse(&job)?;
    let frame: i32 = number(&frame, "frame number")?;
    let found = app.desk.look(move |state| result_of(state, job, frame, None)).await??;
    let (piece, attempt, file) = found;
    let path = app.folders.finals(job, piece, attempt);
    let none = || {
        Error::not_found(format!("no slave made final files of frame {frame} of job {job}"))
            .hint("netrender results --final makes them from its layers")
    };
    // Named after the result, whose attempt it belongs to: it changes when that does.
    let mut response = serve_file(&path, "application/zip", file.hash, request, none).await?;
    let name = format!("attachment; filename=\"{frame:06}.zip\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
