//! The first call: which farm this is, and the proof of it.

use super::Shared;
use super::body::Asked;
use crate::ids::Role;
use crate::master::Access;
use crate::master::fault::Fault;
use crate::master::gate;
use crate::master::serve::Peer;
use crate::wire::{API_VERSION, FaultBody, Hello, PRODUCT};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde::Deserialize;

/// Longest nonce; what is longer is cut by nobody and proven by nobody.
const NONCE_BYTES_MAX: usize = 256;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HelloQuery {
    /// Random text; the answer proves the farm's key over it.
    #[serde(default)]
    nonce: String,
}

/// Which farm this is, and, for a nonce, the proof that the master has the farm's key. Needs no key.
#[utoipa::path(get, path = "/hello", params(HelloQuery),
    responses((status = 200, body = Hello), (status = "default", body = FaultBody)))]
pub(super) async fn hello(
    State(app): Shared,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Asked(query): Asked<HelloQuery>,
) -> Result<Json<Hello>, Fault> {
    if query.nonce.len() > NONCE_BYTES_MAX {
        return Err(crate::error::Error::bad_input(format!("the nonce is longer than {NONCE_BYTES_MAX} bytes")).into());
    }
    let host = gate::host(&headers)?;
    // Of this very connection: it may have begun before the certificate was renewed.
    let shown = peer.and_then(|Extension(peer)| peer.tls);
    let access = app.gate.lock().access();
    let kind = match &access {
        Access::Key(_) => "key",
        Access::Open => "open",
    };
    let proof = |role| match &access {
        Access::Key(key) if !query.nonce.is_empty() => {
            let key = key.for_role(role);
            key.map(|key| key.proof(&query.nonce, host.as_str(), shown))
        }
        _ => Ok(String::new()),
    };
    Ok(Json(Hello {
        product: PRODUCT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: API_VERSION,
        farm: access.farm(),
        name: app.name.clone(),
        access: kind.to_owned(),
        proof: proof(Role::Admin)?,
        submit_proof: proof(Role::Submit)?,
        render_proof: proof(Role::Render)?,
        disk_full: app.folders.disk.is_low(),
    }))
}
