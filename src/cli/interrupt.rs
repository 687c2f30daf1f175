//! Ctrl-C and SIGTERM: the first asks to end in order, the second ends at once. And SIGHUP, for who wants to hear it.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
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
    hung_up: AtomicBool,
}

impl Interrupt {
    pub(super) fn listen() -> Result<Self> {
        Self::listen_for(Signals::new)
    }

    /// The same, and a hangup (SIGHUP, where there is one) does not end the program but is told by [`Self::hung_up`].
    pub(super) fn listen_beside_hangups() -> Result<Self> {
        Self::listen_for(Signals::with_hangup)
    }

    fn listen_for(signals: impl FnOnce() -> std::io::Result<Signals>) -> Result<Self> {
        let failed = |error: std::io::Error| Error::internal(format!("cannot listen for Ctrl-C: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let mut signals = {
            let _inside = runtime.enter();
            signals().map_err(failed)?
        };
        let heard = Arc::new(Heard::default());
        let (end, ended) = oneshot::channel::<()>();
        let telling = Arc::clone(&heard);
        let listen = async move {
            signals.next(&telling.hung_up).await;
            *telling.once.lock().unwrap_or_else(PoisonError::into_inner) = true;
            telling.changed.notify_all();
            signals.next(&telling.hung_up).await;
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

    /// Whether there was a hangup since the last look.
    pub(super) fn hung_up(&self) -> bool {
        self.heard.hung_up.swap(false, Ordering::Relaxed)
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
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: None,
        })
    }

    fn with_hangup() -> std::io::Result<Self> {
        let hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
        Ok(Self {
            hangup: Some(hangup),
            ..Self::new()?
        })
    }

    async fn next(&mut self, hung_up: &AtomicBool) {
        let hangups = async {
            match &mut self.hangup {
                Some(hangup) => {
                    while hangup.recv().await.is_some() {
                        hung_up.store(true, Ordering::Relaxed);
                    }
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hangups => {}
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

    fn with_hangup() -> std::io::Result<Self> {
        Self::new()
    }

    async fn next(&mut self, _: &AtomicBool) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.close.recv() => {}
        }
    }
}
