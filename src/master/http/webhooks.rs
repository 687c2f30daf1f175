//! Webhooks: shown, added, tried, removed.

use super::body::JsonBody;
use super::{Shared, number, parse};
use crate::link::HookAddress;
use crate::master::fault::Fault;
use crate::master::feed::Changed;
use crate::master::webhooks::NOTE;
use crate::wire::{FaultBody, WebhookInfo, WebhookWanted};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

/// The webhooks of the farm, and how they did.
#[utoipa::path(get, path = "/webhooks", operation_id = "list_webhooks",
    responses((status = 200, body = Vec<WebhookInfo>), (status = "default", body = FaultBody)))]
pub(super) async fn list(State(app): Shared) -> Result<Json<Vec<WebhookInfo>>, Fault> {
    Ok(Json(app.webhooks.infos()))
}

/// Adds an address that is told, by a POST of JSON, when a job is over or a slave is lost. The whole address is never shown again.
#[utoipa::path(post, path = "/webhooks", operation_id = "add_webhook", request_body = WebhookWanted,
    responses((status = 200, body = WebhookInfo), (status = "default", body = FaultBody)))]
pub(super) async fn add(State(app): Shared, JsonBody(wanted): JsonBody<WebhookWanted>) -> Result<Json<WebhookInfo>, Fault> {
    let address: HookAddress = parse(&wanted.url)?;
    let info = {
        let _changing = app.webhooks.changing.lock().await;
        let (id, kept) = app.webhooks.with(address.clone())?;
        app.desk.note(NOTE, kept.clone()).await?;
        app.webhooks.set(&kept);
        WebhookInfo {
            id,
            address: address.to_string(),
            told: 0,
            failed: 0,
            failure: None,
        }
    };
    app.feed.add([Changed::Settings]);
    Ok(Json(info))
}

/// Sends a message to a webhook, once and now. If it did not take it, `failure` says why.
#[utoipa::path(post, path = "/webhooks/{webhook}/try", operation_id = "try_webhook", params(("webhook" = u32, Path)),
    responses((status = 200, body = WebhookInfo), (status = "default", body = FaultBody)))]
pub(super) async fn try_out(State(app): Shared, Path(webhook): Path<String>) -> Result<Json<WebhookInfo>, Fault> {
    let info = app.webhooks.try_out(number(&webhook, "webhook")?).await?;
    app.feed.add([Changed::Settings]);
    Ok(Json(info))
}

/// Removes a webhook.
#[utoipa::path(delete, path = "/webhooks/{webhook}", operation_id = "remove_webhook", params(("webhook" = u32, Path)),
    responses((status = 204), (status = "default", body = FaultBody)))]
pub(super) async fn remove(State(app): Shared, Path(webhook): Path<String>) -> Result<StatusCode, Fault> {
    let webhook = number(&webhook, "webhook")?;
    {
        let _changing = app.webhooks.changing.lock().await;
        let kept = app.webhooks.without(webhook)?;
        app.desk.note(NOTE, kept.clone()).await?;
        app.webhooks.set(&kept);
    }
    app.feed.add([Changed::Settings]);
    Ok(StatusCode::NO_CONTENT)
}
