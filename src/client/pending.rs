//! A question on its way to the master: it goes on in the client's threads, and its answer is looked at whenever one likes.

use super::threads::{Lent, Threads};
use crate::error::{Error, Result};
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// A question under way. Dropped, it is given up.
pub struct Pending<T> {
    answer: Arc<Answer<T>>,
    work: AbortHandle,
}

impl<T> Pending<T> {
    pub(super) fn new(answer: Arc<Answer<T>>, work: AbortHandle) -> Self {
        Self { answer, work }
    }

    /// Waits until the answer is here and takes it. Stopping the client ends the wait.
    pub fn answer(self) -> Result<T> {
        let here = self.answer.here.wait_while(self.answer.lock(), |answer| answer.is_none());
        let mut answer = here.unwrap_or_else(PoisonError::into_inner);
        answer.take().unwrap_or_else(|| Err(given_up()))
    }

    /// Gives the question up. What the master has done by then stays done; a second call does nothing.
    pub fn stop(&self) {
        // First the answer: the work that is aborted leaves one of its own behind, on another thread, at any moment.
        self.answer.settle(Err(given_up()));
        self.work.abort();
    }
}

impl<T: Clone> Pending<T> {
    /// The answer, or none if it is not here after `timeout`; 0 never blocks. Once here, it is the same at every call.
    pub fn wait(&self, timeout: Duration) -> Result<Option<T>> {
        let (answer, _) = self
            .answer
            .here
            .wait_timeout_while(self.answer.lock(), timeout, |answer| answer.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        answer.clone().transpose()
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// A question that belongs to no connection: it goes on in threads of its own. Dropped, it is given up.
#[derive(Debug)]
pub struct Alone<T> {
    question: Pending<T>,
    _threads: Lent,
}

impl<T: Send + 'static> Alone<T> {
    pub(super) fn begin(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<Self> {
        let threads = Lent(Arc::new(Threads::start()?));
        Ok(Self {
            question: threads.0.begin(work)?,
            _threads: threads,
        })
    }

    /// Waits until the answer is here and takes it.
    pub fn answer(self) -> Result<T> {
        self.question.answer()
    }
}

impl<T> Deref for Alone<T> {
    type Target = Pending<T>;

    fn deref(&self) -> &Pending<T> {
        &self.question
    }
}

/// Where an answer lies until somebody looks.
pub(super) struct Answer<T> {
    answer: Mutex<Option<Result<T>>>,
    here: Condvar,
}

impl<T> Answer<T> {
    pub(super) fn new() -> Self {
        Self {
            answer: Mutex::new(None),
            here: Condvar::new(),
        }
    }

    fn settle(&self, answer: Result<T>) {
        self.lock().get_or_insert(answer);
        self.here.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Result<T>>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held by the work. Dropped without an answer, it tells whoever waits that there will be none.
pub(super) struct Answering<T>(pub(super) Arc<Answer<T>>);

impl<T> Answering<T> {
    pub(super) fn give(self, answer: Result<T>) {
        self.0.settle(answer);
    }
}

impl<T> Drop for Answering<T> {
    fn drop(&mut self) {
        self.0.settle(Err(super::threads::stopped()));
    }
}

fn given_up() -> Error {
    Error::stopped("the question was given up")
}
