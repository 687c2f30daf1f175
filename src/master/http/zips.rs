//! All that a job has made, in one zip.

use super::sending::body;
use super::whole;
use super::{Shared, bakes, parse};
use crate::error::Result;
use crate::farm::{TaskRecord, TaskState};
use crate::files::{ZipEntry, ZipSource, write_zip, zip_length_bytes};
use crate::ids::{JobId, Piece};
use crate::master::actor::{Desk, no_job};
use crate::master::fault::Fault;
use crate::wire::FaultBody;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

/// Frames, or tiles, looked at in one question to the farm.
const TASKS_PER_LOOK: u32 = 4_096;

/// All finished frames in a zip, uncompressed; frames that are cut are whole as far as all their tiles are done, and denoised if
/// slaves do that for the job; of a job that bakes, the files of the caches by their paths in the job.
#[utoipa::path(get, path = "/jobs/{job}/results.zip", operation_id = "download_results", params(("job" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"), (status = "default", body = FaultBody)))]
pub(super) async fn zip(State(app): Shared, Path(job): Path<String>) -> Result<Response, Fault> {
    let job: JobId = parse(&job)?;
    if let Some(entries) = bakes::all_entries(&app, job).await? {
        return Ok(send_zip(entries, &format!("{job}.zip")));
    }
    let folders = app.folders.clone();
    let read = move |piece: Piece, record: TaskRecord| match record.state {
        TaskState::Done { result: Some(file), .. } => {
            let source = ZipSource::File {
                path: folders.result(job, piece, record.attempt),
                size_bytes: file.size_bytes,
            };
            let name = format!("{}.exr", piece.stem());
            Some((piece, ZipEntry { name, source }))
        }
        _ => None,
    };
    let pieces = each_piece(&app.desk, job, read).await?;
    let grid = app
        .desk
        .look(move |state| Some(state.farm.job(job)?.record.layout.grid()))
        .await?;
    let entries = match grid {
        Some(grid) if !grid.is_whole() => whole::entries(&app, job, grid, pieces).await?,
        _ => pieces.into_iter().map(|(_, entry)| entry).collect(),
    };
    Ok(send_zip(entries, &format!("{job}.zip")))
}

/// Reads all frames of a job, ascending, or all their tiles, a bounded number in one question: a long job does not hold the
/// farm up.
pub(super) async fn each_piece<T: Send + 'static>(
    desk: &Desk,
    job: JobId,
    read: impl Fn(Piece, TaskRecord) -> Option<T> + Clone + Send + 'static,
) -> Result<Vec<T>> {
    let (mut all, mut first) = (Vec::new(), 0_u32);
    loop {
        let read = read.clone();
        let page = desk.look(move |state| {
            let record = state.farm.job(job)?.record;
            let frames = &record.job.frames;
            let at_once = (TASKS_PER_LOOK / record.layout.grid().count()).max(1);
            let places = first..frames.len().min(first.saturating_add(at_once));
            let next = (places.end < frames.len()).then_some(places.end);
            let tasks = places
                .filter_map(|place| state.farm.tasks_of(job, frames.nth(place)?))
                .flatten();
            let shown = tasks.filter_map(|task| read(state.farm.piece_of(job, task)?, state.farm.task(job, task)?));
            Some((shown.collect::<Vec<_>>(), next))
        });
        let (page, next) = page.await?.ok_or_else(|| no_job(job))?;
        all.extend(page);
        match next {
            Some(next) => first = next,
            None => return Ok(all),
        }
    }
}

/// Streams a zip; its length is known before its first byte.
pub(super) fn send_zip(entries: Vec<ZipEntry>, name: &str) -> Response {
    let length_bytes = zip_length_bytes(&entries);
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_LENGTH, length_bytes.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    // If it fails, the download ends short of its length, which the other side notices.
    let zip = body(name.to_owned(), move |sink| write_zip(&entries, sink));
    (headers, zip).into_response()
}
