//! The exceptions, and which failure becomes which.

use crate::error::{Code, Error, Result};
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyOSError};
use pyo3::prelude::*;

/// The attribute for programs.
const CODE: &str = "code";

create_exception!(netrender_core, NetrenderError, PyException, "Something failed.");
create_exception!(netrender_core, Unreachable, NetrenderError, "Nobody answers at that address.");
create_exception!(netrender_core, Refused, NetrenderError, "The other side said no.");
create_exception!(
    netrender_core,
    VersionMismatch,
    Refused,
    "The two sides speak different versions."
);
create_exception!(
    netrender_core,
    NotFound,
    NetrenderError,
    "There is no such job, frame or slave."
);
create_exception!(netrender_core, InvalidJob, NetrenderError, "It cannot be rendered as it is.");
create_exception!(
    netrender_core,
    Stopped,
    NetrenderError,
    "The handle was stopped, or the user interrupted it."
);
create_exception!(netrender_core, Timeout, NetrenderError, "It took longer than allowed.");

/// Does something that may block without the interpreter, and raises what fails.
pub(super) fn away<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    py.detach(work).map_err(|error| raise(py, &error))
}

/// The one place where kinds of failures become exceptions.
pub(super) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let text = error.to_string();
    let exception = match error.code {
        Code::BadInput | Code::Blender | Code::Unfit => InvalidJob::new_err(text),
        Code::NotFound => NotFound::new_err(text),
        Code::Unauthorized | Code::Forbidden | Code::Conflict => Refused::new_err(text),
        Code::VersionMismatch => VersionMismatch::new_err(text),
        Code::Unreachable => Unreachable::new_err(text),
        Code::Timeout => Timeout::new_err(text),
        Code::Stopped | Code::Cancelled => Stopped::new_err(text),
        Code::Internal => NetrenderError::new_err(text),
        Code::Storage => PyOSError::new_err(text),
    };
    match exception.value(py).setattr(CODE, error.code.as_str()) {
        Ok(()) => exception,
        Err(fault) => fault,
    }
}

/// Gives the base class the attribute that every raised exception has.
pub(super) fn set_default_code(py: Python<'_>) -> PyResult<()> {
    py.get_type::<NetrenderError>().setattr(CODE, Code::Internal.as_str())
}
