//! Contents by hash: up from clients, down to slaves.

use super::body::Asked;
use super::receive::{drain, receive};
use super::sending::{PACKED, packed_body};
use super::{App, Shared, parse};
use crate::error::{Code, Error, Result};
use crate::files::{SAMPLE_BYTES, packed_bytes_max, packing_pays};
use crate::ids::ContentHash;
use crate::master::fault::Fault;
use crate::master::http::results::serve_file;
use crate::wire::{ContentStatus, FaultBody};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadQuery {
    /// From which byte on this is: as many must be here already.
    #[serde(default)]
    offset: u64,
    /// How long the whole content is.
    size: u64,
    /// Whether the body is packed, as an LZ4 frame. Offset, size and hash are those of the plain content.
    #[serde(default)]
    packed: bool,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PackedQuery {
    /// Whether the body may be packed, as an LZ4 frame. It is if that pays, and then says so: `Content-Encoding: lz4`. A range is
    /// one of the plain content.
    #[serde(default)]
    pub(super) packed: bool,
}

/// How much of a content is here.
#[utoipa::path(get, path = "/contents/{hash}/status", operation_id = "content_status", params(("hash" = String, Path)),
    responses((status = 200, body = ContentStatus), (status = "default", body = FaultBody)))]
pub(super) async fn status(State(app): Shared, Path(hash): Path<String>) -> Result<Json<ContentStatus>, Fault> {
    let hash: ContentHash = parse(&hash)?;
    let contents = app.folders.contents.clone();
    let presence = blocking(move || contents.status(hash)).await?;
    Ok(Json(ContentStatus {
        present_bytes: presence.present_bytes,
        complete: presence.complete,
    }))
}

/// Uploads a content, or the rest of one. The jobs that waited for it start by themselves.
#[utoipa::path(put, path = "/contents/{hash}", operation_id = "upload_content", params(("hash" = String, Path), UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = ContentStatus), (status = "default", body = FaultBody)))]
pub(super) async fn upload(
    State(app): Shared,
    Path(hash): Path<String>,
    Asked(query): Asked<UploadQuery>,
    body: Body,
) -> Result<Json<ContentStatus>, Fault> {
    let hash: ContentHash = parse(&hash)?;
    let size = query.size;
    let contents = app.folders.contents.clone();
    let is_complete = blocking(move || Ok(contents.status(hash)?.complete)).await?;
    let is_needed = app.desk.look(move |state| state.store.needs(hash)).await??;
    if !is_needed {
        drain(body).await;
        return Err(Error::not_found(format!("no job on this master needs the content {hash}"))
            .hint("announce the job first")
            .into());
    }
    if is_complete {
        drain(body).await;
    } else {
        take_in(&app, body, hash, query).await?;
    }
    app.desk.arrived(vec![hash])?;
    Ok(Json(ContentStatus {
        present_bytes: size,
        complete: true,
    }))
}

async fn take_in(app: &App, body: Body, hash: ContentHash, query: UploadQuery) -> Result<()> {
    let UploadQuery { offset, size, packed } = query;
    let rest = size
        .checked_sub(offset)
        .ok_or_else(|| Error::bad_input(format!("the upload would begin at byte {offset} of {size}")))?;
    let folders = app.folders.clone();
    let body_bytes_max = if packed { packed_bytes_max(rest) } else { rest };
    receive(body, body_bytes_max, move |incoming| {
        folders.disk.admit(rest)?;
        let mut arrival = folders.contents.receive(hash, offset)?;
        if let Err(error) = incoming.for_each_plain(packed, rest, |bytes| arrival.write(bytes)) {
            if error.code == Code::Storage {
                arrival.discard()?;
            }
            return Err(error);
        }
        let present = arrival.size_bytes();
        if present < size {
            return Err(Error::bad_input(format!("only {present} of {size} bytes have arrived")).hint("go on with the rest"));
        }
        arrival.finish(size)
    })
    .await
}

/// Downloads a content; parts of it by `Range`.
#[utoipa::path(get, path = "/contents/{hash}", operation_id = "download_content", params(("hash" = String, Path), PackedQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = "default", body = FaultBody)))]
pub(super) async fn download(
    State(app): Shared,
    Path(hash): Path<String>,
    Asked(query): Asked<PackedQuery>,
    request: Request,
) -> Result<Response, Fault> {
    let hash: ContentHash = parse(&hash)?;
    let path = app.folders.contents.path(hash);
    if query.packed
        && let Some(packed) = packed(path.clone(), request.headers().get(header::RANGE)).await?
    {
        return Ok(packed);
    }
    serve_file(&path, "application/octet-stream", hash, request, || {
        Error::not_found(format!("the content {hash} is not on this master"))
    })
    .await
}

/// A content packed, from where it is wanted to its end; none if that does not pay, or another part is wanted.
async fn packed(path: PathBuf, range: Option<&HeaderValue>) -> Result<Option<Response>> {
    let from = range.map_or(Some(0), |range| {
        range.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    });
    let Some(from) = from else { return Ok(None) };
    let Some((file, size_bytes)) = blocking(move || Ok(worth_packing(&path, from))).await? else {
        return Ok(None);
    };
    let mut response = Response::new(packed_body(file));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(PACKED));
    if range.is_some()
        && let Ok(part) = HeaderValue::from_str(&format!("bytes {from}-{}/{size_bytes}", size_bytes - 1))
    {
        headers.insert(header::CONTENT_RANGE, part);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(Some(response))
}

/// A file from there on, and how long all of it is, if it gets smaller when packed.
fn worth_packing(path: &std::path::Path, from: u64) -> Option<(File, u64)> {
    let mut file = File::open(path).ok()?;
    let size_bytes = file.metadata().ok()?.len();
    let mut sample = Vec::with_capacity(SAMPLE_BYTES);
    file.seek(SeekFrom::Start(from)).ok()?;
    (&mut file).take(SAMPLE_BYTES as u64).read_to_end(&mut sample).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    packing_pays(&sample).then_some((file, size_bytes))
}

/// Runs something that waits for the disk where it may wait.
pub(super) async fn blocking<T: Send + 'static>(run: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(run)
        .await
        .unwrap_or_else(|error| Err(Error::internal(format!("a file operation was dropped: {error}"))))
}
