//! Blacklists: of a job, and of the farm.

use super::body::{Asked, JsonBody};
use super::page::Page;
use super::{App, Shared, parse, validate};
use crate::farm::Event;
use crate::ids::{JobId, SlaveId};
use crate::master::actor::no_job;
use crate::master::convert;
use crate::master::fault::Fault;
use crate::wire::{BanInfo, BanReason, FaultBody};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// Slaves that get nothing of a job: those that failed frame after frame of it, and those that people put there.
#[utoipa::path(get, path = "/jobs/{job}/blacklist", operation_id = "show_job_blacklist", params(("job" = String, Path), Page),
    responses((status = 200, body = Vec<BanInfo>), (status = "default", body = FaultBody)))]
pub(super) async fn of_job(
    State(app): Shared,
    Path(job): Path<String>,
    Asked(page): Asked<Page>,
) -> Result<Json<Vec<BanInfo>>, Fault> {
    list(&app, Some(parse(&job)?), page).await
}

/// Lets a slave get nothing more of a job; what it renders of it is stopped.
#[utoipa::path(put, path = "/jobs/{job}/blacklist/{slave}", params(("job" = String, Path), ("slave" = String, Path)),
    request_body = BanReason, responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn add_to_job(
    State(app): Shared,
    Path((job, slave)): Path<(String, String)>,
    JsonBody(reason): JsonBody<BanReason>,
) -> Result<StatusCode, Fault> {
    add(&app, Some(parse(&job)?), parse(&slave)?, reason).await
}

/// Takes a slave off the list of a job.
#[utoipa::path(delete, path = "/jobs/{job}/blacklist/{slave}", params(("job" = String, Path), ("slave" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn take_off_job(State(app): Shared, Path((job, slave)): Path<(String, String)>) -> Result<StatusCode, Fault> {
    lift(&app, Some(parse(&job)?), Some(parse(&slave)?)).await
}

/// Clears the list of a job.
#[utoipa::path(delete, path = "/jobs/{job}/blacklist", params(("job" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn clear_job(State(app): Shared, Path(job): Path<String>) -> Result<StatusCode, Fault> {
    lift(&app, Some(parse(&job)?), None).await
}

/// Slaves that get nothing of any job: those that failed frame after frame, and those that an administrator put there.
#[utoipa::path(get, path = "/blacklist", operation_id = "show_farm_blacklist", params(Page),
    responses((status = 200, body = Vec<BanInfo>), (status = "default", body = FaultBody)))]
pub(super) async fn of_farm(State(app): Shared, Asked(page): Asked<Page>) -> Result<Json<Vec<BanInfo>>, Fault> {
    list(&app, None, page).await
}

/// Lets a slave get nothing more of any job; what it renders is stopped.
#[utoipa::path(put, path = "/blacklist/{slave}", params(("slave" = String, Path)), request_body = BanReason,
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn add_to_farm(
    State(app): Shared,
    Path(slave): Path<String>,
    JsonBody(reason): JsonBody<BanReason>,
) -> Result<StatusCode, Fault> {
    add(&app, None, parse(&slave)?, reason).await
}

/// Takes a slave off the list of the farm.
#[utoipa::path(delete, path = "/blacklist/{slave}", params(("slave" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn take_off_farm(State(app): Shared, Path(slave): Path<String>) -> Result<StatusCode, Fault> {
    lift(&app, None, Some(parse(&slave)?)).await
}

/// Clears the list of the farm.
#[utoipa::path(delete, path = "/blacklist", responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn clear_farm(State(app): Shared) -> Result<StatusCode, Fault> {
    lift(&app, None, None).await
}

async fn list(app: &App, job: Option<JobId>, page: Page) -> Result<Json<Vec<BanInfo>>, Fault> {
    let bans = app.desk.look(move |state| {
        if let Some(job) = job.filter(|job| !state.jobs.contains_key(job)) {
            return Err(no_job(job));
        }
        let bans = state.farm.bans(job).skip(page.offset).take(page.limit());
        Ok(bans.map(|(slave, ban)| convert::ban(slave, ban, &state.farm)).collect())
    });
    Ok(Json(bans.await??))
}

async fn add(app: &App, job: Option<JobId>, slave: SlaveId, reason: BanReason) -> Result<StatusCode, Fault> {
    let reason = reason.reason;
    validate::reason(&reason)?;
    let event = |request| Event::SlaveBanned {
        request,
        job,
        slave,
        reason,
    };
    app.desk.ask(event).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn lift(app: &App, job: Option<JobId>, slave: Option<SlaveId>) -> Result<StatusCode, Fault> {
    app.desk.ask(|request| Event::BanLifted { request, job, slave }).await?;
    Ok(StatusCode::NO_CONTENT)
}
