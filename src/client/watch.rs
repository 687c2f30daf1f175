//! Waiting for a job: the master tells when it changes, and is asked for it then.

use super::threads::Threads;
use crate::error::{Code, Error, Result};
use crate::ids::JobId;
use crate::link::{Backoff, Link};
use crate::wire::JobInfo;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Shortest pause between two looks at the job.
const PAUSE_MS: u64 = 100;
/// Longest pause: usage and explanations change without an event.
const LOOK_MS: u64 = 2_000;

/// A job that is being watched, until this is dropped.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    token: CancellationToken,
}

/// What was seen.
#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Seen {
    /// What nobody took is overwritten.
    latest: Option<Result<JobInfo>>,
    /// Whether nothing more will be seen.
    ended: bool,
}

/// Watches a job for as long as the answer lives.
pub(super) fn start(threads: &Threads, link: &Link, job: JobId) -> Result<Watch> {
    let watch = Watch {
        shared: Arc::default(),
        token: CancellationToken::new(),
    };
    let (link, token, ending) = (link.clone(), watch.token.clone(), Ending(Arc::clone(&watch.shared)));
    threads.spawn(async move {
        tokio::select! {
            () = token.cancelled() => {}
            () = run(&link, job, &ending.0) => {}
        }
    })?;
    Ok(watch)
}

impl Watch {
    /// The job as it is now, if it has changed since the last call, waiting up to `timeout` for that. That the master does
    /// not answer is told too, and is no end.
    #[must_use]
    pub fn next(&self, timeout: Duration) -> Option<Result<JobInfo>> {
        let seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_quiet = |seen: &mut Seen| seen.latest.is_none() && !seen.ended;
        let waited = self.shared.changed.wait_timeout_while(seen, timeout, is_quiet);
        let mut seen = waited.unwrap_or_else(PoisonError::into_inner).0;
        let stopped = || Err(Error::stopped("the connection was closed"));
        seen.latest.take().or_else(|| seen.ended.then(stopped))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

impl Shared {
    fn show(&self, told: Result<JobInfo>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).latest = Some(told);
        self.changed.notify_all();
    }
}

/// Dropped with the watching, however that ends: whoever waits is told.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.0.changed.notify_all();
    }
}

/// Looks at the job whenever something happened, until it is over or gone.
async fn run(link: &Link, job: JobId, shared: &Shared) {
    let mut backoff = Backoff::default();
    loop {
        let Err(error) = follow(link, job, shared, &mut backoff).await else {
            return;
        };
        let is_away = matches!(error.code, Code::Unreachable | Code::Timeout | Code::Stopped);
        shared.show(Err(error));
        if !is_away {
            return;
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

async fn follow(link: &Link, job: JobId, shared: &Shared, backoff: &mut Backoff) -> Result<()> {
    let mut events = link.follow(Some(job), Duration::from_millis(PAUSE_MS)).await?;
    loop {
        // The first event comes at once.
        if let Ok(told) = tokio::time::timeout(Duration::from_millis(LOOK_MS), events.next()).await {
            told?;
        }
        let seen: JobInfo = link.get(&format!("jobs/{job}")).await?;
        backoff.reset();
        let is_over = seen.state.is_over();
        shared.show(Ok(seen));
        if is_over {
            return Ok(());
        }
    }
}
