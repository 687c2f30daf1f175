//! A question on its way to the master, whatever its answer is.

use super::client::{Client, Connected};
use super::error::away;
use super::own::{Own, span, wait};
use crate::client;
use crate::error::Result;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::sync::Arc;
use std::time::Duration;

/// A question on its way to the master.
#[pyclass(frozen, module = "netrender_core")]
pub(super) struct Pending {
    look: Box<Look>,
    stop: Box<Stop>,
}

/// Waits up to the given time and converts the answer, if it is here.
type Look = dyn Fn(Python<'_>, Duration) -> PyResult<Option<Py<PyAny>>> + Send + Sync;
type Stop = dyn Fn() -> Result<()> + Send + Sync;

impl Pending {
    /// A question through a client, whose threads must not end before.
    pub(super) fn new<T, U>(pending: client::Pending<T>, client: Arc<Connected>, convert: fn(T, &Arc<Connected>) -> U) -> Self
    where
        T: Clone + Send + Sync + 'static,
        U: for<'py> IntoPyObject<'py> + 'static,
    {
        let pending = Arc::new(pending);
        let (asked, through) = (Arc::clone(&pending), Arc::clone(&client));
        Self {
            look: Box::new(move |py, timeout| {
                let look = |slice: Duration| {
                    client.get()?;
                    pending.wait(slice)
                };
                let answer = wait(py, timeout, look, Option::is_some)?;
                answer.map(|answer| convert(answer, &client).into_py_any(py)).transpose()
            }),
            stop: Box::new(move || {
                through.get()?;
                asked.stop();
                Ok(())
            }),
        }
    }

    /// A question that belongs to no client.
    pub(super) fn alone<T, U>(question: client::Alone<T>, convert: fn(T) -> U) -> Self
    where
        T: Clone + Send + Sync + 'static,
        U: for<'py> IntoPyObject<'py> + 'static,
    {
        let question = Arc::new(Own::new(question));
        let asked = Arc::clone(&question);
        Self {
            look: Box::new(move |py, timeout| {
                let answer = wait(py, timeout, |slice| question.get()?.wait(slice), Option::is_some)?;
                answer.map(|answer| convert(answer).into_py_any(py)).transpose()
            }),
            stop: Box::new(move || {
                asked.get()?.stop();
                Ok(())
            }),
        }
    }

    /// A connection that is being made.
    pub(super) fn connecting(connecting: client::Connecting) -> Self {
        let connecting = Arc::new(Own::new(connecting));
        let asked = Arc::clone(&connecting);
        Self {
            look: Box::new(move |py, timeout| {
                let made = wait(py, timeout, |slice| connecting.get()?.wait(slice), Option::is_some)?;
                made.map(|made| Client::new(made).into_py_any(py)).transpose()
            }),
            stop: Box::new(move || {
                asked.get()?.stop();
                Ok(())
            }),
        }
    }
}

#[pymethods]
impl Pending {
    /// The answer, or None if it is not here after `timeout`. Raises what made it fail.
    fn wait(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<Py<PyAny>>> {
        (self.look)(py, span(timeout)?)
    }

    /// Gives the question up. A second call does nothing.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        away(py, || (self.stop)())
    }

    /// For annotations such as `Pending[Client]`.
    #[classmethod]
    #[pyo3(signature = (_answer, /), text_signature = "($cls, answer, /)")]
    fn __class_getitem__(class: &Bound<'_, PyType>, _answer: &Bound<'_, PyAny>) -> Py<PyType> {
        class.clone().unbind()
    }
}
