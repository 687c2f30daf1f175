//! Slaves: they register, ask for work and for orders, and say goodbye.

use super::body::{Asked, JsonBody};
use super::page::Listed;
use super::{App, Shared, parse, validate};
use crate::farm::{Event, Explainer, SlaveView, Steering, TaskRef, TaskState};
use crate::ids::SlaveId;
use crate::master::actor::State as Known;
use crate::master::convert;
use crate::master::fault::Fault;
use crate::master::serve::Peer;
use crate::wire::{
    Explanation, FaultBody, FrameName, NextJob, Orders, OrdersWanted, Registered, Registration, SlaveInfo, SlaveTags, WorkAnswer,
    WorkWanted,
};
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::{Extension, Json};
use std::collections::BTreeSet;

/// Registers a slave, newly or again.
#[utoipa::path(post, path = "/slaves", request_body = Registration,
    responses((status = 200, body = Registered), (status = "default", body = FaultBody)))]
pub(super) async fn register(
    State(app): Shared,
    peer: Option<Extension<Peer>>,
    JsonBody(registration): JsonBody<Registration>,
) -> Result<Json<Registered>, Fault> {
    validate::registration(&registration)?;
    let fresh = SlaveId::from_bits(super::super::random_bits()?);
    let address = peer.map_or_else(String::new, |Extension(peer)| peer.address.ip().to_string());
    let id = app.desk.register(registration, fresh, address).await?;
    Ok(Json(Registered { id }))
}

/// Slaves that this master knows, by name.
#[utoipa::path(get, path = "/slaves", operation_id = "list_slaves", params(Listed),
    responses((status = 200, body = Vec<SlaveInfo>), (status = "default", body = FaultBody)))]
pub(super) async fn list(State(app): Shared, Asked(listed): Asked<Listed>) -> Result<Json<Vec<SlaveInfo>>, Fault> {
    let ids = listed.ids()?;
    Ok(Json(app.desk.look(move |state| infos(state, ids.as_ref(), &listed)).await?))
}

/// A part of the list of slaves.
pub(in crate::master) fn infos(state: &Known, ids: Option<&BTreeSet<SlaveId>>, listed: &Listed) -> Vec<SlaveInfo> {
    let explainer = state.farm.explainer();
    let mut slaves: Vec<_> = match ids {
        Some(ids) => ids.iter().filter_map(|id| state.farm.slave(*id)).collect(),
        None => state.farm.slaves().collect(),
    };
    slaves.sort_by_key(|view| (&view.record.machine.name, view.record.id));
    listed.cut(slaves.iter()).map(|view| shown(state, view, &explainer)).collect()
}

/// One slave.
#[utoipa::path(get, path = "/slaves/{slave}", operation_id = "show_slave", params(("slave" = String, Path)),
    responses((status = 200, body = SlaveInfo), (status = "default", body = FaultBody)))]
pub(super) async fn show(State(app): Shared, Path(slave): Path<String>) -> Result<Json<SlaveInfo>, Fault> {
    let slave: SlaveId = parse(&slave)?;
    let info = app.desk.look(move |state| {
        state
            .farm
            .slave(slave)
            .map(|view| shown(state, &view, &state.farm.explainer()))
    });
    Ok(Json(info.await?.ok_or_else(|| convert::no_slave(slave))?))
}

fn shown(state: &Known, view: &SlaveView<'_>, explainer: &Explainer<'_>) -> SlaveInfo {
    let info = convert::slave_info(view, state.slaves.get(&view.record.id), explainer);
    SlaveInfo {
        current: view.leased.first().and_then(|task| frame_name(state, *task)),
        latest: view
            .latest
            .and_then(|task| frame_name(state, task).filter(|_| has_picture(state, task))),
        ..info
    }
}

fn frame_name(state: &Known, task: TaskRef) -> Option<FrameName> {
    let TaskRef { job, task, attempt } = task;
    let piece = state.farm.piece_of(job, task)?;
    Some(FrameName {
        job,
        frame: piece.frame,
        tile: piece.tile,
        attempt: attempt.0,
    })
}

/// Frames of jobs without files have none, bakes neither, and those that were reset have none any more.
fn has_picture(state: &Known, TaskRef { job, task, .. }: TaskRef) -> bool {
    let is_done = || {
        matches!(
            state.farm.task(job, task).map(|task| task.state),
            Some(TaskState::Done { .. })
        )
    };
    let renders = || state.farm.job(job).is_some_and(|job| job.record.job.bakes.is_empty());
    state.jobs.get(&job).is_some_and(|notes| notes.has_files) && renders() && is_done()
}

/// What a slave does, or why it does nothing.
#[utoipa::path(get, path = "/slaves/{slave}/explain", operation_id = "explain_slave", params(("slave" = String, Path)),
    responses((status = 200, body = Explanation), (status = "default", body = FaultBody)))]
pub(super) async fn explain(State(app): Shared, Path(slave): Path<String>) -> Result<Json<Explanation>, Fault> {
    let slave: SlaveId = parse(&slave)?;
    let explanation = app.desk.look(move |state| state.farm.explain_slave(slave)).await?;
    if explanation.is_empty() {
        return Err(convert::no_slave(slave).into());
    }
    Ok(Json(Explanation { explanation }))
}

/// Lets a slave finish what it renders and gives it nothing more.
#[utoipa::path(post, path = "/slaves/{slave}/pause", operation_id = "pause_slave", params(("slave" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn pause(state: Shared, slave: Path<String>) -> Result<StatusCode, Fault> {
    steer(state, slave, Steering::Pause).await
}

/// Gives work to a paused slave again.
#[utoipa::path(post, path = "/slaves/{slave}/resume", operation_id = "resume_slave", params(("slave" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn resume(state: Shared, slave: Path<String>) -> Result<StatusCode, Fault> {
    steer(state, slave, Steering::Resume).await
}

/// Lets a slave end after what it renders.
#[utoipa::path(post, path = "/slaves/{slave}/end", operation_id = "end_slave", params(("slave" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn end(state: Shared, slave: Path<String>) -> Result<StatusCode, Fault> {
    steer(state, slave, Steering::End).await
}

/// Forgets a slave, with the tags and bans that it was given; if it still runs, it registers anew.
#[utoipa::path(post, path = "/slaves/{slave}/forget", operation_id = "forget_slave", params(("slave" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn forget(state: Shared, slave: Path<String>) -> Result<StatusCode, Fault> {
    steer(state, slave, Steering::Forget).await
}

async fn steer(State(app): Shared, Path(slave): Path<String>, how: Steering) -> Result<StatusCode, Fault> {
    let slave: SlaveId = parse(&slave)?;
    app.desk.ask(|request| Event::SlaveSteered { request, slave, how }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a slave tags in the place of those that it says of itself, now and whenever it registers again.
#[utoipa::path(put, path = "/slaves/{slave}/tags", operation_id = "tag_slave", params(("slave" = String, Path)),
    request_body = SlaveTags, responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn give_tags(
    state: Shared,
    slave: Path<String>,
    JsonBody(SlaveTags { tags }): JsonBody<SlaveTags>,
) -> Result<StatusCode, Fault> {
    validate::tags(&tags)?;
    tag(state, slave, Some(tags)).await
}

/// Lets a slave have the tags again that it says of itself.
#[utoipa::path(delete, path = "/slaves/{slave}/tags", operation_id = "untag_slave", params(("slave" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn take_tags(state: Shared, slave: Path<String>) -> Result<StatusCode, Fault> {
    tag(state, slave, None).await
}

async fn tag(State(app): Shared, Path(slave): Path<String>, tags: Option<Vec<String>>) -> Result<StatusCode, Fault> {
    let slave: SlaveId = parse(&slave)?;
    app.desk.ask(|request| Event::SlaveTagged { request, slave, tags }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A slave says goodbye; what it held is free again.
#[utoipa::path(delete, path = "/slaves/{slave}", params(("slave" = String, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn leave(State(app): Shared, Path(slave): Path<String>) -> Result<StatusCode, Fault> {
    let slave: SlaveId = parse(&slave)?;
    app.desk.tell(Event::SlaveLeft { slave }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reports, and the wish for the next chunk, in one request; answered as soon as there is work.
#[utoipa::path(post, path = "/slaves/{slave}/work", operation_id = "work", params(("slave" = String, Path)), request_body = WorkWanted,
    responses((status = 200, body = WorkAnswer), (status = "default", body = FaultBody)))]
pub(super) async fn work_wanted(
    State(app): Shared,
    Path(slave): Path<String>,
    request: Request,
) -> Result<Json<WorkAnswer>, Fault> {
    work(&app, parse(&slave)?, request).await
}

/// The slave that asks for work, if that is what the request is.
pub(super) fn asks_for_work(request: &Request) -> Option<SlaveId> {
    let slave = request.uri().path().strip_prefix("/api/v1/slaves/")?.strip_suffix("/work")?;
    (request.method() == Method::POST).then(|| slave.parse().ok()).flatten()
}

/// The answer to a slave that asks for work.
pub(super) async fn work(app: &App, slave: SlaveId, request: Request) -> Result<Json<WorkAnswer>, Fault> {
    let JsonBody(wanted) = JsonBody::<WorkWanted>::from_request(request, &()).await?;
    validate::work(&wanted)?;
    Ok(Json(app.desk.work(slave, wanted).await?))
}

/// The job that a slave would get something of if it asked now. The question changes nothing.
#[utoipa::path(get, path = "/slaves/{slave}/next", operation_id = "next_job", params(("slave" = String, Path)),
    responses((status = 200, body = NextJob), (status = "default", body = FaultBody)))]
pub(super) async fn next(State(app): Shared, Path(slave): Path<String>) -> Result<Json<NextJob>, Fault> {
    let slave: SlaveId = parse(&slave)?;
    let job = app.desk.look(move |state| state.farm.likely_next(slave)).await?;
    Ok(Json(NextJob { job }))
}

/// A sign of life; answered as soon as there is something to be done, such as to stop a frame.
#[utoipa::path(post, path = "/slaves/{slave}/orders", params(("slave" = String, Path)), request_body = OrdersWanted,
    responses((status = 200, body = Orders), (status = "default", body = FaultBody)))]
pub(super) async fn orders(
    State(app): Shared,
    Path(slave): Path<String>,
    JsonBody(wanted): JsonBody<OrdersWanted>,
) -> Result<Json<Orders>, Fault> {
    let slave: SlaveId = parse(&slave)?;
    wanted.machine.as_ref().map(validate::machine).transpose()?;
    wanted.resting.as_deref().map(validate::reason).transpose()?;
    Ok(Json(app.desk.orders(slave, wanted).await?))
}
