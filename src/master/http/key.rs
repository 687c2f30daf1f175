//! The farm's key: replaced on demand, never told.

use super::Shared;
use crate::error::Error;
use crate::master::fault::Fault;
use crate::wire::{FaultBody, KeyRenewed};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

/// Puts a new key in the place of the farm's. The new one lies in the key file of the master's user; the old one opens nothing
/// any more, and all connections are ended.
#[utoipa::path(post, path = "/key/renew", operation_id = "renew_key",
    responses((status = 200, body = KeyRenewed), (status = "default", body = FaultBody)))]
pub(super) async fn renew(State(app): Shared) -> Result<Json<KeyRenewed>, Fault> {
    let lock = Arc::clone(app.gate.lock());
    let farm = tokio::task::spawn_blocking(move || lock.renew())
        .await
        .map_err(|error| Error::internal(format!("the renewal ended: {error}")))??;
    Ok(Json(KeyRenewed { farm }))
}
