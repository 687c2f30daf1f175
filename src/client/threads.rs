//! A client's own threads.

use super::pending::{Answer, Answering, Pending};
use crate::error::{Error, Result};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::AbortHandle;

/// One moves bytes while the other answers.
const THREADS: usize = 2;
/// How long a client that is dropped may take to end.
const DROP_TIMEOUT_S: u64 = 2;

/// Two threads with an end: nothing global, so that nothing outlives whoever owns it.
#[derive(Debug)]
pub(super) struct Threads {
    handle: Handle,
    runtime: Mutex<Option<Runtime>>,
    /// Threads do not survive a fork: the child must neither wait for them nor end them.
    process: u32,
}

impl Threads {
    pub(super) fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("netrender-client")
            .enable_all()
            .build()
            .map_err(|error| Error::internal(format!("cannot start threads: {error}")))?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            process: std::process::id(),
        })
    }

    /// Carries something out in these threads and waits for its result. Stopping the threads ends the wait.
    pub(super) fn ask<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        self.begin(work)?.answer()
    }

    /// Lets a question go on in these threads, to be looked at whenever one likes.
    pub(super) fn begin<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<Pending<T>> {
        let answer = Arc::new(Answer::new());
        let answering = Answering(Arc::clone(&answer));
        let work = self.spawn(async move { answering.give(work.await) })?;
        Ok(Pending::new(answer, work))
    }

    /// Lets something go on in these threads.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<AbortHandle> {
        if self.process != std::process::id() {
            return Err(
                Error::stopped("this connection belongs to the process that this one was forked from").hint("connect again"),
            );
        }
        if self.runtime.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return Err(stopped());
        }
        Ok(self.handle.spawn(work).abort_handle())
    }

    pub(super) fn stop(&self, timeout: Duration) {
        let Some(runtime) = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        if self.process == std::process::id() {
            runtime.shutdown_timeout(timeout);
        } else {
            std::mem::forget(runtime);
        }
    }
}

/// Threads of something that may be given up half-way: if nobody else has them then, nobody waits for their end.
#[derive(Debug)]
pub(super) struct Lent(pub(super) Arc<Threads>);

impl Drop for Lent {
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) == 1 {
            self.0.stop(Duration::ZERO);
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(DROP_TIMEOUT_S));
    }
}

pub(super) fn stopped() -> Error {
    Error::stopped("the connection was closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_answered_until_the_threads_are_stopped() {
        let threads = Threads::start().unwrap();
        assert_eq!(threads.ask(async { Ok(7) }), Ok(7));
        threads.stop(Duration::from_secs(5));
        threads.stop(Duration::from_secs(5));
        assert_eq!(threads.ask(async { Ok(7) }), Err(stopped()));
    }

    #[test]
    fn a_question_is_looked_at_without_waiting_for_its_answer() {
        let threads = Threads::start().unwrap();
        let (open, opened) = tokio::sync::oneshot::channel();
        let pending = threads.begin(async move { opened.await.map_err(|_| stopped()) }).unwrap();
        assert_eq!(pending.wait(Duration::ZERO), Ok(None));
        open.send(7).unwrap();
        assert_eq!(pending.wait(Duration::from_secs(5)), Ok(Some(7)));
        pending.stop();
        assert_eq!(pending.wait(Duration::ZERO), Ok(Some(7)), "an answer that is here stays");
    }

    #[test]
    fn a_question_that_is_given_up_says_so_and_not_that_the_connection_was_closed() {
        let threads = Threads::start().unwrap();
        // The work ends on another thread at the same time: only many tries meet a wrong order.
        for _ in 0..500 {
            let pending = threads.begin(std::future::pending::<Result<()>>()).unwrap();
            pending.stop();
            pending.stop();
            assert_eq!(pending.wait(Duration::ZERO).unwrap_err().message, "the question was given up");
        }
    }

    #[test]
    fn stopping_ends_a_wait() {
        let threads = Threads::start().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| threads.ask(std::future::pending::<Result<()>>()));
            // It may be stopped before or after the wait has begun: either way the wait ends.
            threads.stop(Duration::from_secs(5));
            assert_eq!(waiting.join().unwrap(), Err(stopped()));
        });
    }
}
