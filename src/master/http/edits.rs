//! Changes of what is known already: jobs edited and reset, all of them cancelled, the farm's settings.

use super::body::JsonBody;
use super::jobs::change;
use super::{Shared, parse, validate};
use crate::farm::{Event, Reset};
use crate::ids::JobId;
use crate::master::convert;
use crate::master::fault::Fault;
use crate::wire::{FaultBody, JobEdit, JobInfo, JobReset, Settings, SettingsEdit};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// Changes a job: its name, category, tags, priority, chunks, frames, limits, and what it waits for.
#[utoipa::path(patch, path = "/jobs/{job}", params(("job" = String, Path)), request_body = JobEdit,
    responses((status = 200, body = JobInfo), (status = "default", body = FaultBody)))]
pub(super) async fn edit(
    State(app): Shared,
    Path(job): Path<String>,
    JsonBody(wanted): JsonBody<JobEdit>,
) -> Result<Json<JobInfo>, Fault> {
    let id: JobId = parse(&job)?;
    let edit = Box::new(validate::edit(wanted)?);
    app.desk.ask(|request| Event::JobEdited { request, job: id, edit }).await?;
    super::jobs::show(State(app), Path(job)).await
}

/// Lets frames of a job be rendered anew. A job that is over goes on; results so far of these frames count for nothing.
#[utoipa::path(post, path = "/jobs/{job}/reset", params(("job" = String, Path)), request_body = JobReset,
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn reset(state: Shared, job: Path<String>, JsonBody(which): JsonBody<JobReset>) -> Result<StatusCode, Fault> {
    let which = match which {
        JobReset::Failed => Reset::Failed,
        JobReset::All => Reset::All,
        JobReset::Frames { frames, tiles } if tiles.is_empty() => Reset::Frames(frames),
        JobReset::Frames { frames, tiles } => Reset::Tiles(frames, tiles.into_iter().collect()),
    };
    change(state, job, |request, job| Event::JobReset { request, job, which }).await
}

/// Ends every job that is not over.
#[utoipa::path(post, path = "/jobs/cancel", responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn cancel_all(State(app): Shared) -> Result<StatusCode, Fault> {
    app.desk.ask(|request| Event::AllCancelled { request }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The settings of the farm.
#[utoipa::path(get, path = "/settings", responses((status = 200, body = Settings), (status = "default", body = FaultBody)))]
pub(super) async fn settings(State(app): Shared) -> Result<Json<Settings>, Fault> {
    let settings = app.desk.look(|state| convert::settings(state.farm.settings()));
    Ok(Json(settings.await?))
}

/// Changes settings of the farm; what is absent stays as it is. The answer says all of them.
#[utoipa::path(put, path = "/settings", request_body = SettingsEdit,
    responses((status = 200, body = Settings), (status = "default", body = FaultBody)))]
pub(super) async fn set_settings(State(app): Shared, JsonBody(edit): JsonBody<SettingsEdit>) -> Result<Json<Settings>, Fault> {
    let settings = app
        .desk
        .look(move |state| convert::edited(state.farm.settings(), &edit))
        .await?;
    validate::settings(&settings)?;
    let settings = Box::new(settings);
    app.desk.ask(|request| Event::SettingsChanged { request, settings }).await?;
    self::settings(State(app)).await
}
