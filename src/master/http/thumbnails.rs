//! Small pictures of frames, kept beside the results: slaves send one with each, all others are made when somebody looks at
//! them, one at a time.

use super::body::Asked;
use super::contents::blocking;
use super::mosaics::{self, Tiled};
use super::receive::{drain, receive};
use super::results::{expected, result_of};
use super::{Shared, named_task, number, parse};
use crate::error::{Error, Result};
use crate::files::{part, write_cached};
use crate::ids::{JobId, SlaveId};
use crate::images::{self, THUMBNAIL_WIDTH, THUMBNAIL_WIDTH_RANGE};
use crate::master::fault::Fault;
use crate::wire::FaultBody;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::path::{self, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Widths that are made; others are rounded up, so that a frame has few pictures.
const WIDTHS: [u32; 4] = [THUMBNAIL_WIDTH, 480, 960, 1920];
/// For how long browsers keep them.
const KEPT_BY_BROWSERS: &str = "private, max-age=3600";
/// Who may wait for pictures. A page shows far fewer at once.
const WAITING_MAX: usize = 256;
/// Longest picture that is taken: four bytes for each pixel of the highest one, with room to spare.
const DELIVERED_BYTES_MAX: u64 = 8 << 20;

/// The one who paints, and those who wait for it.
#[derive(Debug)]
pub(in crate::master) struct Painter {
    waiting: Arc<Semaphore>,
    painting: Arc<Semaphore>,
}

impl Default for Painter {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            painting: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Painter {
    /// Makes a picture when its turn comes, and keeps it if it is to be kept.
    pub(super) async fn paint(
        &self,
        kept: Option<PathBuf>,
        make: impl FnOnce() -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<Vec<u8>> {
        let _waiting = self
            .waiting
            .try_acquire()
            .map_err(|_| Error::unreachable("too many pictures are being waited for").hint("try again in a moment"))?;
        let painting = Arc::clone(&self.painting).acquire_owned().await;
        blocking(move || {
            // Held until it is painted, even if nobody waits for it any more.
            let _painting = painting;
            // Somebody else may have had it painted meanwhile.
            if let Some(bytes) = kept.as_deref().and_then(kept_before) {
                return Ok(bytes);
            }
            let bytes = make()?;
            if let Some(kept) = &kept {
                keep(kept, &bytes);
            }
            Ok(bytes)
        })
        .await
    }
}

/// Keeps a picture. That it cannot be kept is no reason not to show it.
pub(super) fn keep(kept: &path::Path, bytes: &[u8]) {
    if let Err(error) = write(kept, bytes) {
        tracing::warn!(%error, "a small picture is not kept");
    }
}

fn write(kept: &path::Path, bytes: &[u8]) -> Result<()> {
    part::make_folder(kept.parent().unwrap_or(kept))?;
    write_cached(kept, bytes)
}

/// A picture that was kept, if it is whole: a power cut may have left an empty file of one.
pub(super) fn kept_before(kept: &path::Path) -> Option<Vec<u8>> {
    std::fs::read(kept).ok().filter(|bytes| images::png_size(bytes).is_some())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveryQuery {
    /// The slave that rendered the frame.
    slave: String,
}

/// Delivers a small picture of a frame, before its result: PNG, 240 pixels wide or as wide as the frame if that is less. Without
/// it the master makes one when somebody looks.
#[utoipa::path(put, path = "/jobs/{job}/tasks/{task}/attempts/{attempt}/thumbnail", operation_id = "deliver_thumbnail",
    params(("job" = String, Path), ("task" = u32, Path), ("attempt" = u32, Path), DeliveryQuery),
    request_body(content = Vec<u8>, content_type = "image/png"),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn upload(
    State(app): Shared,
    Path(names): Path<(String, String, String)>,
    Asked(query): Asked<DeliveryQuery>,
    body: Body,
) -> Result<StatusCode, Fault> {
    let task = named_task(&names)?;
    let slave: SlaveId = parse(&query.slave)?;
    let piece = match app.desk.look(move |state| expected(state, task, slave, None)).await? {
        Ok(Some(piece)) => piece,
        refused => {
            drain(body).await;
            return Ok(refused.map(|_| StatusCode::NO_CONTENT)?);
        }
    };
    let kept = app.folders.thumbnail(task.job, piece, task.attempt, THUMBNAIL_WIDTH);
    let disk = Arc::clone(&app.folders.disk);
    receive(body, DELIVERED_BYTES_MAX, move |incoming| {
        let mut bytes = Vec::new();
        incoming.for_each(|piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        let is_small = |(width, _)| (1..=THUMBNAIL_WIDTH).contains(&width);
        if !images::png_size(&bytes).is_some_and(is_small) {
            return Err(Error::bad_input(format!(
                "this is no PNG of at most {THUMBNAIL_WIDTH} pixels in width"
            )));
        }
        disk.admit(bytes.len() as u64)?;
        write(&kept, &bytes)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ThumbnailQuery {
    /// About how wide, 16 to 1920 pixels; 240 if not given. Never wider than the frame.
    #[serde(default = "narrowest")]
    width: u32,
    /// Which tile, from 0, of a frame that is cut into tiles; none: all that are done, in their places.
    tile: Option<u32>,
}

fn narrowest() -> u32 {
    WIDTHS[0]
}

/// The width in which a picture is made for those who want it so wide.
pub(super) fn fitting(width: u32) -> u32 {
    WIDTHS.into_iter().find(|made| *made >= width).unwrap_or(width)
}

/// A small picture of a finished frame as PNG: the Combined pass of the first view layer, from linear light to sRGB
/// (without Blender's view transform and compositing; of tiles that are to be denoised, noisy until that is done).
#[utoipa::path(get, path = "/jobs/{job}/frames/{frame}/thumbnail", operation_id = "thumbnail",
    params(("job" = String, Path), ("frame" = i32, Path), ThumbnailQuery),
    responses((status = 200, body = Vec<u8>, content_type = "image/png"), (status = "default", body = FaultBody)))]
pub(super) async fn show(
    State(app): Shared,
    Path((job, frame)): Path<(String, String)>,
    Asked(query): Asked<ThumbnailQuery>,
) -> Result<Response, Fault> {
    let job: JobId = parse(&job)?;
    let frame: i32 = number(&frame, "frame number")?;
    if !THUMBNAIL_WIDTH_RANGE.contains(&query.width) {
        return Err(
            Error::bad_input(format!("a picture {} pixels wide cannot be made", query.width))
                .hint("ask for 16 to 1920")
                .into(),
        );
    }
    let width = fitting(query.width);
    let tiled = match query.tile {
        None => app.desk.look(move |state| Tiled::of(state, job, frame)).await??,
        Some(_) => None,
    };
    if let Some(tiled) = tiled {
        // What is still to come is missing in it.
        let kept = if tiled.is_whole() { KEPT_BY_BROWSERS } else { "no-store" };
        return Ok(picture(mosaics::show(&app, job, frame, tiled, width).await?, kept));
    }
    let found = app.desk.look(move |state| result_of(state, job, frame, query.tile)).await??;
    let (piece, attempt, _) = found;
    let kept = app.folders.thumbnail(job, piece, attempt, width);
    let looked_for = kept.clone();
    let bytes = if let Some(bytes) = blocking(move || Ok(kept_before(&looked_for))).await? {
        bytes
    } else {
        let source = app.folders.result(job, piece, attempt);
        let make = move || images::thumbnail(&source, width);
        app.painter.paint(Some(kept), make).await?
    };
    Ok(picture(bytes, KEPT_BY_BROWSERS))
}

fn picture(bytes: Vec<u8>, kept: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, kept)];
    (headers, bytes).into_response()
}
