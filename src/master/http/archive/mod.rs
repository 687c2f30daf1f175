//! A job as one zip, and back: what is kept of it, streamed down; checked from the first byte to the last on its way up.

mod pack;
mod unpack;

use super::contents::blocking;
use super::receive::receive;
use super::zips::send_zip;
use super::{App, Shared, parse};
use crate::error::{Error, Result};
use crate::files::part::Part;
use crate::ids::{ContentHash, JobId};
use crate::master::fault::Fault;
use crate::wire::{FaultBody, JobRestored};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use std::path::PathBuf;
use std::sync::Arc;
use unpack::Unpacked;

/// Longest archive.
const ARCHIVE_BYTES_MAX: u64 = 1 << 42;

/// A job with its files, its settings, its history, its logs and its pictures, as one zip that any master can restore it from.
#[utoipa::path(get, path = "/jobs/{job}/archive.zip", operation_id = "download_archive", params(("job" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"), (status = "default", body = FaultBody)))]
pub(super) async fn download(State(app): Shared, Path(job): Path<String>) -> Result<Response, Fault> {
    let job: JobId = parse(&job)?;
    let entries = pack::entries(&app, job).await?;
    Ok(send_zip(entries, &format!("{job}-archive.zip")))
}

/// Restores a job from such a zip, under its own id if that is free. All of it is checked first; if anything is wrong,
/// nothing is kept. A job that was not over is restored paused.
#[utoipa::path(post, path = "/archive",
    request_body(content = Vec<u8>, content_type = "application/zip"),
    responses((status = 200, body = JobRestored), (status = "default", body = FaultBody)))]
pub(super) async fn restore(State(app): Shared, body: Body) -> Result<Json<JobRestored>, Fault> {
    let Ok(_seat) = Arc::clone(&app.restoring).try_acquire_owned() else {
        super::receive::drain(body).await;
        return Err(Error::unreachable("another archive is being restored just now")
            .hint("try again when it is done")
            .into());
    };
    let fresh = JobId::from_bits(crate::master::random_bits()?);
    let staging = Staging(app.folders.incoming(fresh));
    let zip = staging.0.join("archive.zip");
    let target = zip.clone();
    receive(body, ARCHIVE_BYTES_MAX, move |incoming| {
        let mut part = Part::create(&target)?;
        incoming.for_each(|bytes| part.write(bytes))
    })
    .await?;
    let (contents, folder) = (app.folders.contents.clone(), staging.0.join("job"));
    let (placed, unpacked) = blocking(move || {
        let mut placed = Vec::new();
        let unpacked = unpack::unpack(&zip, &contents, &folder, fresh, &mut placed);
        Ok((placed, unpacked))
    })
    .await?;
    let restored = match unpacked {
        Ok(unpacked) => admit(&app, unpacked, fresh).await,
        Err(error) => Err(error),
    };
    if restored.is_err() {
        app.desk.release(placed)?;
    }
    let _ = blocking(move || {
        drop(staging);
        Ok(())
    })
    .await;
    Ok(Json(JobRestored { job: restored? }))
}

async fn admit(app: &App, unpacked: Unpacked, fresh: JobId) -> Result<JobId> {
    app.desk.restore(unpacked.into_restored(), fresh).await
}

/// A folder that is gone when the restoring ends; after a crash the next start removes it.
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "what was left of a restoring cannot be removed");
        }
    }
}

/// Contents that were put into the store for a job that may not come.
type Placed = Vec<ContentHash>;
