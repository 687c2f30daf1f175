//! The handle of a running slave, which owns its threads.

use super::actor::Actor;
use super::board::{Board, SlaveStatus};
use super::copies;
use super::home;
use super::shop::SlaveOptions;
use crate::blender;
use crate::error::{Error, Result};
use crate::happening::{Happening, HappeningKind};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Threads that keep connections, and never do heavy work.
const THREADS: usize = 2;
/// What still runs then (a file being hashed) is left behind.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a dropped slave may take to end.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running slave. Dropping it stops it.
#[derive(Debug)]
pub struct Slave {
    board: Arc<Board>,
    stop: CancellationToken,
    drain: CancellationToken,
    ended: Arc<Ended>,
}

/// Whether the slave's threads are gone.
#[derive(Debug, Default)]
struct Ended {
    is: Mutex<bool>,
    changed: Condvar,
}

impl Slave {
    /// Starts a slave; returns as soon as its folder and its Blenders are found good. The master is looked for in the
    /// background, for ever.
    pub fn start(options: SlaveOptions) -> Result<Self> {
        let (slave, ready) = Self::spawn(options)?;
        ready
            .recv()
            .unwrap_or_else(|_| Err(Error::internal("the slave ended at its start")))?;
        Ok(slave)
    }

    /// The same without waiting for that: what is wrong with its folder or its Blenders is told as its last happening.
    pub fn begin(options: SlaveOptions) -> Result<Self> {
        Self::spawn(options).map(|(slave, _)| slave)
    }

    fn spawn(mut options: SlaveOptions) -> Result<(Self, mpsc::Receiver<Result<()>>)> {
        options.check()?;
        options.keys = options.keys.to_render();
        let slave = Self {
            board: Arc::default(),
            stop: CancellationToken::new(),
            drain: CancellationToken::new(),
            ended: Arc::default(),
        };
        let (board, ended) = (Arc::clone(&slave.board), Arc::clone(&slave.ended));
        let ends = (slave.stop.clone(), slave.drain.clone());
        let (tell_ready, ready) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("netrender-slave".to_owned())
            .spawn(move || {
                // Told also if what follows panics.
                let _guard = EndGuard {
                    board: Arc::clone(&board),
                    ended,
                };
                run(options, &board, ends, &tell_ready);
            })
            .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        Ok((slave, ready))
    }

    /// What it does now, from memory: never blocks.
    #[must_use]
    pub fn status(&self) -> SlaveStatus {
        self.board.status()
    }

    /// What happened since the last call, oldest first; bounded, never blocks.
    #[must_use]
    pub fn events(&self) -> Vec<Happening> {
        self.board.drain()
    }

    /// False once it was stopped.
    #[must_use]
    pub fn running(&self) -> bool {
        !self.board.is_stopped()
    }

    /// Waits until it has ended, at most this long; tells whether it has.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        let is = self.ended.is.lock().unwrap_or_else(PoisonError::into_inner);
        let (is, _) = self
            .ended
            .changed
            .wait_timeout_while(is, timeout, |is| !*is)
            .unwrap_or_else(PoisonError::into_inner);
        *is
    }

    /// Lets it end by itself: what is being rendered is finished and delivered, what waits is given back. Returns at once.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Whether it ends by itself, or has, because it was asked to or had nothing to do for long enough.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Ends it and its Blender: what it has not rendered is given back, what it has not delivered is kept for the next
    /// start. A second call does nothing.
    pub fn stop(&self, timeout: Duration) -> Result<()> {
        self.stop.cancel();
        if self.wait(timeout) {
            Ok(())
        } else {
            Err(
                Error::timeout(format!("the slave did not end within {:.1} s", timeout.as_secs_f64()))
                    .hint("it goes on to end by itself"),
            )
        }
    }
}

impl Drop for Slave {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.stop(DROP_TIMEOUT);
    }
}

fn run(
    options: SlaveOptions,
    board: &Arc<Board>,
    (stop, drain): (CancellationToken, CancellationToken),
    tell_ready: &mpsc::SyncSender<Result<()>>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("netrender-slave")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = tell_ready.send(Err(Error::internal(format!("cannot start threads: {error}"))));
            return;
        }
    };
    runtime.block_on(async {
        let found = async {
            let base = home::base(options.path.as_deref())?;
            if let Some(folder) = &options.copy_to {
                copies::check(folder)?;
            }
            if options.adopt_orphans {
                blender::adopt_orphans();
            }
            Ok((base, blender::find_installations(&options.blenders).await?))
        };
        let found: Result<_> = tokio::select! {
            found = found => found,
            () = stop.cancelled() => return,
        };
        // Whoever starts a slave waits for this word, or reads it on the board.
        match found {
            Ok((base, blenders)) => {
                board.tell(HappeningKind::Started, format!("the slave works in {}", base.display()));
                let _ = tell_ready.send(Ok(()));
                let board = Arc::clone(board);
                let actor = Actor {
                    options,
                    blenders,
                    base,
                    board,
                    stop,
                    drain,
                };
                Box::pin(actor.run()).await;
            }
            Err(error) => {
                board.tell(HappeningKind::Error, error.to_string());
                let _ = tell_ready.send(Err(error));
            }
        }
    });
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
}

/// Tells that the slave's threads are gone, however that came about.
struct EndGuard {
    board: Arc<Board>,
    ended: Arc<Ended>,
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.board.stopped("the slave has stopped");
        *self.ended.is.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.changed.notify_all();
    }
}
