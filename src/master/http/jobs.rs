//! Jobs: announced, shown, paused, resumed, cancelled, removed.

use super::body::{Asked, JsonBody};
use super::contents::blocking;
use super::offers;
use super::page::{Listed, Page};
use super::{Shared, number, parse, validate};
use crate::error::{Error, Result};
use crate::farm::{Event, RequestId};
use crate::ids::{JobId, Role};
use crate::master::actor::{State as Known, no_job};
use crate::master::convert;
use crate::master::fault::Fault;
use crate::wire::{Accepts, Explanation, FaultBody, FrameInfo, JobAnnounce, JobAnnounced, JobInfo, Manifest};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Announces a job; the answer names the contents that are still to be uploaded. The same once more is answered the same.
#[utoipa::path(post, path = "/jobs", request_body = JobAnnounce,
    responses((status = 200, body = JobAnnounced), (status = "default", body = FaultBody)))]
pub(super) async fn announce(
    State(app): Shared,
    Extension(sent_by): Extension<Role>,
    JsonBody(mut announce): JsonBody<JobAnnounce>,
) -> Result<Json<JobAnnounced>, Fault> {
    let paths = offers::accepts(&app).await?;
    if let Some(manifest) = announce.manifest.as_mut().filter(|_| !paths) {
        // Where every file must go over the wire, nobody need know where they lie.
        manifest.artist_folder = None;
    }
    let job = match announce.id {
        Some(chosen) => chosen,
        None => JobId::from_bits(super::super::random_bits()?),
    };
    let announced = validate::announced(job, sent_by, announce)?;
    let missing = app.desk.announce(announced).await?;
    let accepts = Accepts {
        bundles: true,
        packed: true,
        paths,
    };
    Ok(Json(JobAnnounced { job, missing, accepts }))
}

/// All jobs, newest first.
#[utoipa::path(get, path = "/jobs", operation_id = "list_jobs", params(Listed),
    responses((status = 200, body = Vec<JobInfo>), (status = "default", body = FaultBody)))]
pub(super) async fn list(State(app): Shared, Asked(listed): Asked<Listed>) -> Result<Json<Vec<JobInfo>>, Fault> {
    let ids = listed.ids()?;
    Ok(Json(app.desk.look(move |state| infos(state, ids.as_ref(), &listed)).await?))
}

/// A part of the list of jobs.
pub(in crate::master) fn infos(state: &Known, ids: Option<&BTreeSet<JobId>>, listed: &Listed) -> Vec<JobInfo> {
    let mut jobs: Vec<_> = match ids {
        Some(ids) => ids.iter().filter_map(|id| state.farm.job(*id)).collect(),
        None => state.farm.jobs().collect(),
    };
    jobs.sort_by_key(|job| std::cmp::Reverse((job.record.submitted, job.record.job.id)));
    convert::job_infos(listed.cut(jobs.iter()), &state.farm)
}

/// One job.
#[utoipa::path(get, path = "/jobs/{job}", operation_id = "show_job", params(("job" = String, Path)),
    responses((status = 200, body = JobInfo), (status = "default", body = FaultBody)))]
pub(super) async fn show(State(app): Shared, Path(job): Path<String>) -> Result<Json<JobInfo>, Fault> {
    let job: JobId = parse(&job)?;
    let info = app.desk.look(move |state| {
        let view = state.farm.job(job);
        view.map(|view| convert::job_info(&view, &state.farm))
    });
    Ok(Json(info.await?.ok_or_else(|| no_job(job))?))
}

/// Why a job does not go on, or what it is doing.
#[utoipa::path(get, path = "/jobs/{job}/explain", operation_id = "explain_job", params(("job" = String, Path)),
    responses((status = 200, body = Explanation), (status = "default", body = FaultBody)))]
pub(super) async fn explain(State(app): Shared, Path(job): Path<String>) -> Result<Json<Explanation>, Fault> {
    let job: JobId = parse(&job)?;
    let explanation = app.desk.look(move |state| state.farm.explain_job(job)).await?;
    if explanation.is_empty() {
        return Err(no_job(job).into());
    }
    Ok(Json(Explanation { explanation }))
}

/// The frames of a job, ascending.
#[utoipa::path(get, path = "/jobs/{job}/frames", params(("job" = String, Path), Page),
    responses((status = 200, body = Vec<FrameInfo>), (status = "default", body = FaultBody)))]
pub(super) async fn frames(
    State(app): Shared,
    Path(job): Path<String>,
    Asked(page): Asked<Page>,
) -> Result<Json<Vec<FrameInfo>>, Fault> {
    let job: JobId = parse(&job)?;
    let frames = app.desk.look(move |state| {
        let view = state.farm.job(job)?;
        let shown = &view.record.job.frames;
        let first = u32::try_from(page.offset).unwrap_or(u32::MAX);
        let places = (first..shown.len()).take(page.limit());
        Some(
            places
                .filter_map(|place| convert::frame(&state.farm, job, shown.nth(place)?))
                .collect(),
        )
    });
    Ok(Json(frames.await?.ok_or_else(|| no_job(job))?))
}

/// One frame of a job.
#[utoipa::path(get, path = "/jobs/{job}/frames/{frame}", operation_id = "frame",
    params(("job" = String, Path), ("frame" = i32, Path)),
    responses((status = 200, body = FrameInfo), (status = "default", body = FaultBody)))]
pub(super) async fn frame(State(app): Shared, Path((job, frame)): Path<(String, String)>) -> Result<Json<FrameInfo>, Fault> {
    let job: JobId = parse(&job)?;
    let frame: i32 = number(&frame, "frame number")?;
    let info = app.desk.look(move |state| match convert::frame(&state.farm, job, frame) {
        Some(info) => Ok(info),
        None if !state.jobs.contains_key(&job) => Err(no_job(job)),
        None => Err(Error::not_found(format!("the job {job} has no frame {frame}"))),
    });
    Ok(Json(info.await??))
}

/// The tiles of a frame, in the order of their numbers; of a job whose frames are not cut, the frame itself.
#[utoipa::path(get, path = "/jobs/{job}/frames/{frame}/tiles", operation_id = "tiles",
    params(("job" = String, Path), ("frame" = i32, Path)),
    responses((status = 200, body = Vec<FrameInfo>), (status = "default", body = FaultBody)))]
pub(super) async fn tiles(State(app): Shared, Path((job, frame)): Path<(String, String)>) -> Result<Json<Vec<FrameInfo>>, Fault> {
    let job: JobId = parse(&job)?;
    let frame: i32 = number(&frame, "frame number")?;
    let infos = app.desk.look(move |state| match convert::tiles(&state.farm, job, frame) {
        Some(infos) => Ok(infos),
        None if !state.jobs.contains_key(&job) => Err(no_job(job)),
        None => Err(Error::not_found(format!("the job {job} has no frame {frame}"))),
    });
    Ok(Json(infos.await??))
}

/// What Blender opens, and all files of the job; what is baked for it by now is among them.
///
/// Asked with the `ETag` of an earlier answer in `If-None-Match`, it answers 304 as long as nothing else is baked.
#[utoipa::path(get, path = "/jobs/{job}/manifest", params(("job" = String, Path)),
    responses((status = 200, body = Manifest), (status = "default", body = FaultBody)))]
pub(super) async fn manifest(State(app): Shared, Path(job): Path<String>, headers: HeaderMap) -> Result<Response, Fault> {
    let job: JobId = parse(&job)?;
    let tells_paths = offers::accepts(&app).await?;
    let had = headers.get(header::IF_NONE_MATCH).cloned();
    let look = move |state: &Known| -> Result<_> {
        let mark = format!(
            "\"{}{}\"",
            state.mark_of_manifest(job)?,
            if tells_paths { "-paths" } else { "" }
        );
        // What the caller has need not be read, which takes long where many files were baked.
        let is_known = state.jobs.contains_key(&job);
        let document = if is_known && had.is_some_and(|had| had == mark) {
            None
        } else {
            Some(state.announced(job)?)
        };
        Ok((is_known, mark, document))
    };
    let (is_known, mark, document) = app.desk.look(look).await??;
    let Some(document) = document else {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, mark)]).into_response());
    };
    let announced = document.ok_or_else(|| {
        if is_known {
            Error::not_found(format!("the job {job} has no files"))
        } else {
            no_job(job)
        }
    })?;
    let document = announced.text()?;
    let document = if tells_paths {
        document
    } else {
        without_artist_folder(document)?
    };
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::ETAG, mark)];
    Ok((headers, document).into_response())
}

/// The same for a job that was announced before that was so.
fn without_artist_folder(document: String) -> Result<String> {
    let failed = |error: serde_json::Error| Error::internal(format!("a manifest cannot be read: {error}"));
    let mut manifest: Manifest = serde_json::from_str(&document).map_err(failed)?;
    if manifest.artist_folder.take().is_none() {
        return Ok(document);
    }
    serde_json::to_string(&manifest).map_err(failed)
}

/// Starts no more frames of the job; those being rendered are finished.
#[utoipa::path(post, path = "/jobs/{job}/pause", params(("job" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn pause(state: Shared, job: Path<String>) -> Result<StatusCode, Fault> {
    change(state, job, |request, job| Event::JobPaused { request, job }).await
}

/// Lets a paused job go on.
#[utoipa::path(post, path = "/jobs/{job}/resume", params(("job" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn resume(state: Shared, job: Path<String>) -> Result<StatusCode, Fault> {
    change(state, job, |request, job| Event::JobResumed { request, job }).await
}

/// Ends the job now; finished frames stay.
#[utoipa::path(post, path = "/jobs/{job}/cancel", params(("job" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn cancel(state: Shared, job: Path<String>) -> Result<StatusCode, Fault> {
    change(state, job, |request, job| Event::JobCancelled { request, job }).await
}

/// What is to stay of a job.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RemoveQuery {
    /// Whether its results stay on the master's disk, in the folder `kept/{job}` of the master's path.
    #[serde(default)]
    keep_results: bool,
}

/// Cancels the job and deletes all that is known of it.
#[utoipa::path(delete, path = "/jobs/{job}", params(("job" = String, Path), RemoveQuery),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn remove(state: Shared, job: Path<String>, Asked(query): Asked<RemoveQuery>) -> Result<StatusCode, Fault> {
    let keep_results = query.keep_results;
    if keep_results {
        let (job, folders): (JobId, _) = (parse(&job)?, state.folders.clone());
        let bakes = move |known: &Known| known.farm.job(job).map(|view| !view.record.job.bakes.is_empty());
        match state.desk.look(bakes).await? {
            None => return Err(no_job(job).into()),
            // Its results are files of other jobs, too, not pictures in a folder.
            Some(true) => {
                let why = format!("what job {job} has baked cannot be kept on the master's disk without the job");
                return Err(Error::bad_input(why)
                    .hint(format!(
                        "bring it first, by netrender results {job} DIR --bake, and remove the job then"
                    ))
                    .into());
            }
            Some(false) => {}
        }
        blocking(move || folders.mark_kept(job)).await?;
    }
    change(state, job, |request, job| Event::JobRemoved {
        request,
        job,
        keep_results,
    })
    .await
}

pub(super) async fn change(
    State(app): Shared,
    Path(job): Path<String>,
    event: impl FnOnce(RequestId, JobId) -> Event,
) -> Result<StatusCode, Fault> {
    let job: JobId = parse(&job)?;
    app.desk.ask(|request| event(request, job)).await?;
    Ok(StatusCode::NO_CONTENT)
}
