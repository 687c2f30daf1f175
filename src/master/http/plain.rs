//! What callers without TLS get to hear from a master that wants it: where to call instead.

use crate::error::Error;
use crate::master::fault::Fault;
use crate::master::gate::{self, Gate};
use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse as _, Redirect, Response};

/// Sends browsers on, and tells programs.
pub(super) fn answer(gate: &Gate, request: &Request) -> Response {
    let host = match gate::host(request.headers()).and_then(|host| gate.check_host(&host).map(|()| host)) {
        Ok(host) => host,
        Err(fault) => return fault.into_response(),
    };
    let (path, query) = (request.uri().path(), request.uri().query());
    if request.method() == Method::GET && !path.starts_with("/api/") {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        return Redirect::temporary(&format!("https://{host}{path}{query}")).into_response();
    }
    Fault::from(Error::bad_input("this master speaks https only").hint(format!("call https://{host}"))).into_response()
}
