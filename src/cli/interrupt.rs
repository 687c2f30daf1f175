//! Ctrl-C and SIGTERM: the first asks to end in order, the second ends at once. And SIGHUP, for who wants to hear it.
//!
//! Who can also end slowly hears a first Ctrl-C as that wish; SIGTERM, and a second Ctrl-C, as the one to end in order.

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

/// What whoever interrupts wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    /// That it goes on.
    #[default]
    GoOn,
    /// That it ends, when what it is at is done.
    EndSoon,
    /// That it ends now, in order.
    EndNow,
}

#[derive(Default)]
struct Heard {
    wish: Mutex<Wish>,
    changed: Condvar,
    hung_up: AtomicBool,
}

impl Heard {
    fn note(&self, wish: Wish) {
        let mut noted = self.wish.lock().unwrap_or_else(PoisonError::into_inner);
        *noted = wish.max(*noted);
        self.changed.notify_all();
    }
}

impl Interrupt {
    pub(super) fn listen() -> Result<Self> {
        Self::listen_for(Signals::new, false)
    }

    /// The same for who can also end slowly: a first Ctrl-C wishes for that, a third one ends at once.
    pub(super) fn listen_patiently() -> Result<Self> {
        Self::listen_for(Signals::new, true)
    }

    /// The same, and a hangup (SIGHUP, where there is one) does not end the program but is told by [`Self::hung_up`].
    pub(super) fn listen_beside_hangups() -> Result<Self> {
        Self::listen_for(Signals::with_hangup, false)
    }

    fn listen_for(signals: impl FnOnce() -> std::io::Result<Signals>, patiently: bool) -> Result<Self> {
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
            let is_mild = signals.next(&telling.hung_up).await;
            if patiently && is_mild {
                telling.note(Wish::EndSoon);
                signals.next(&telling.hung_up).await;
            }
            telling.note(Wish::EndNow);
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
        self.wait_for_more(Wish::GoOn, timeout) > Wish::GoOn
    }

    /// Waits up to `timeout` for a stronger wish than this; tells the strongest by then.
    pub(super) fn wait_for_more(&self, known: Wish, timeout: Duration) -> Wish {
        let wish = self.heard.wish.lock().unwrap_or_else(PoisonError::into_inner);
        let (wish, _) = self
            .heard
            .changed
            .wait_timeout_while(wish, timeout, |wish| *wish <= known)
            .unwrap_or_else(PoisonError::into_inner);
        *wish
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

    /// Waits for the next one; whether it is one that a person at a keyboard makes.
    async fn next(&mut self, hung_up: &AtomicBool) -> bool {
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
            _ = self.interrupt.recv() => true,
            _ = self.terminate.recv() => false,
            () = hangups => false,
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

    async fn next(&mut self, _: &AtomicBool) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => true,
            _ = self.close.recv() => false,
        }
    }
}
