//! Errors as answers: the one place where a code becomes a status.

use crate::error::{Code, Error};
use crate::wire::FaultBody;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// What a handler fails with.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    error: Error,
}

impl Fault {
    /// A body beyond its bound.
    pub(super) fn too_large(bytes_max: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            error: Error::bad_input(format!("the request is longer than {bytes_max} bytes")),
        }
    }

    /// What axum itself refused with this status.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let error = match status {
            StatusCode::NOT_FOUND => Error::not_found("there is no such page or call on this master"),
            StatusCode::METHOD_NOT_ALLOWED => Error::bad_input("this address does not know that method"),
            StatusCode::RANGE_NOT_SATISFIABLE => Error::bad_input("the file has no such range"),
            status if status.is_client_error() => Error::bad_input("the request cannot be understood"),
            _ => Error::internal("the master failed to answer"),
        };
        Self { status, error }
    }

    /// The status that it is answered with.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What it says.
    pub(super) fn error(&self) -> &Error {
        &self.error
    }
}

impl<E: Into<Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        let error = error.into();
        Self {
            status: status_of(error.code),
            error,
        }
    }
}

/// Marks an answer that is in our words already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told;

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        // That the disk is full is told once, where it is watched, and to whoever asks; not with each request.
        if self.status.is_server_error() && self.error.code != Code::Storage {
            tracing::warn!(code = self.error.code.as_str(), "{}", self.error);
        }
        let body = FaultBody {
            code: self.error.code.as_str().to_owned(),
            message: self.error.message,
            hint: self.error.hint,
        };
        let mut response = (self.status, Json(body)).into_response();
        response.extensions_mut().insert(Told);
        response
    }
}

fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadInput => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::Conflict | Code::Cancelled => StatusCode::CONFLICT,
        Code::VersionMismatch => StatusCode::UPGRADE_REQUIRED,
        Code::Unreachable | Code::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        Code::Timeout => StatusCode::REQUEST_TIMEOUT,
        Code::Storage => StatusCode::INSUFFICIENT_STORAGE,
        Code::Blender | Code::Unfit | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
