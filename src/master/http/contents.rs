//! Contents by hash: up from clients, down to slaves.

use super::body::Asked;
use super::receive::{drain, receive};
use super::{App, Shared, parse};
use crate::error::{Code, Error, Result};
use crate::files::packed_bytes_max;
use crate::ids::ContentHash;
use crate::master::fault::Fault;
use crate::master::http::results::serve_file;
use crate::wire::{ContentStatus, FaultBody};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde::Deserialize;

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
#[utoipa::path(get, path = "/contents/{hash}", operation_id = "download_content", params(("hash" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = "default", body = FaultBody)))]
pub(super) async fn download(State(app): Shared, Path(hash): Path<String>, request: Request) -> Result<Response, Fault> {
    let hash: ContentHash = parse(&hash)?;
    let path = app.folders.contents.path(hash);
    serve_file(&path, "application/octet-stream", hash, request, || {
        Error::not_found(format!("the content {hash} is not on this master"))
    })
    .await
}

/// Runs something that waits for the disk where it may wait.
pub(super) async fn blocking<T: Send + 'static>(run: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(run)
        .await
        .unwrap_or_else(|error| Err(Error::internal(format!("a file operation was dropped: {error}"))))
}
