//! The rules of balancing, shown and changed.

use super::body::JsonBody;
use super::{Shared, validate};
use crate::farm::Event;
use crate::master::convert;
use crate::master::fault::Fault;
use crate::wire::{FaultBody, RulesInfo};
use axum::Json;
use axum::extract::State;

/// The rules of balancing.
#[utoipa::path(get, path = "/rules", operation_id = "show_rules",
    responses((status = 200, body = RulesInfo), (status = "default", body = FaultBody)))]
pub(super) async fn show(State(app): Shared) -> Result<Json<RulesInfo>, Fault> {
    let rules = app.desk.look(|state| state.farm.rules()).await?;
    Ok(Json(convert::rules_info(rules)))
}

/// Changes the rules of balancing; they hold from now on, and survive a restart.
#[utoipa::path(put, path = "/rules", operation_id = "change_rules", request_body = RulesInfo,
    responses((status = 200, body = RulesInfo), (status = "default", body = FaultBody)))]
pub(super) async fn change(State(app): Shared, JsonBody(wanted): JsonBody<RulesInfo>) -> Result<Json<RulesInfo>, Fault> {
    validate::rules(&wanted)?;
    let rules = convert::rules(wanted);
    app.desk.ask(|request| Event::RulesChanged { request, rules }).await?;
    Ok(Json(wanted))
}
