//! Small bodies and queries, read with bounds, refused in our words.

use crate::error::Error;
use crate::master::fault::Fault;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Longest JSON; a manifest of 10,000 files fits well.
const JSON_BYTES_MAX: usize = 8 << 20;
/// How long a small body may take to arrive.
const BODY_TIMEOUT_S: u64 = 30;

/// A JSON body.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let bytes = collect(request.into_body(), JSON_BYTES_MAX).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Error::bad_input(format!("the request's JSON cannot be read: {error}")).into())
    }
}

/// The query of an address.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => Err(Error::bad_input(format!(
                "the address's query cannot be read: {}",
                error.body_text().trim_start_matches("Failed to deserialize query string: ")
            ))
            .into()),
        }
    }
}

/// A whole body, if it is not too long and comes in time.
pub(in crate::master) async fn collect(body: Body, bytes_max: usize) -> Result<Bytes, Fault> {
    let whole = tokio::time::timeout(Duration::from_secs(BODY_TIMEOUT_S), axum::body::to_bytes(body, bytes_max));
    match whole.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => Err(Fault::too_large(bytes_max)),
        // Its sender may still listen, where only one direction of the connection was cut: what it sent was not wrong.
        Ok(Err(_)) => Err(Error::unreachable("the request broke off before its body was complete").into()),
        Err(_) => Err(Error::timeout(format!("the request's body took longer than {BODY_TIMEOUT_S} s")).into()),
    }
}

/// axum wraps the reason; its own type for it is in a crate that is not ours to name.
fn is_too_long(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.to_string().contains("length limit"))
}
