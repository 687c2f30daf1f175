//! Ctrl-C and SIGTERM: the first asks to end in order, the second ends at once.

use crate::error::{Error, Result};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// What shells call a program that was ended by Ctrl-C.
pub(super) const STATUS_INTERRUPTED: u8 = 130;

/// Listens from its making on; the listening ends when it is dropped.
pub(super) struct Interrupt {
    heard: Arc<Heard>,
    _end: oneshot::Sender<()>,
}

#[derive(Default)]
struct Heard {
    once: Mutex<bool>,
    changed: Condvar,
}

impl Interrupt {
    pub(super) fn listen() -> Result<Self> {
        let failed = |error: std::io::Error| Error::internal(format!("cannot listen for Ctrl-C: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::new().map_err(failed)?
        };
        let heard = Arc::new(Heard::default());
        let (end, ended) = oneshot::channel::<()>();
        let telling = Arc::clone(&heard);
        let listen = async move {
            signals.next().await;
            *telling.once.lock().unwrap_or_else(PoisonError::into_inner) = true;
            telling.changed.notify_all();
            signals.next().await;
            // Whoever asks twice wants no order any more.
            std::process::exit(i32::from(STATUS_INTERRUPTED));
        };
        std::thread::Builder::new()
            .name("netrender-signals".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = ended => {}
                        () = listen => {}
                    }
                });
            })
            .map_err(failed)?;
        Ok(Self { heard, _end: end })
    }

    /// Waits up to `timeout`; whether it was interrupted by then.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let once = self.heard.once.lock().unwrap_or_else(PoisonError::into_inner);
        let (once, _) = self
            .heard
            .changed
            .wait_timeout_while(once, timeout, |once| !*once)
            .unwrap_or_else(PoisonError::into_inner);
        *once
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::windows::{ctrl_c, ctrl_close};
        Ok(Self {
            interrupt: ctrl_c()?,
            close: ctrl_close()?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.close.recv() => {}
        }
    }
}
