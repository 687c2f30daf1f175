//! The listening socket, its connections, and how they end.

mod connection;
mod listen;
mod places;

pub(super) use listen::listen;

use super::http;
use super::renewal::Renewal;
use crate::error::{Error, Result};
use crate::ids::Fingerprint;
use crate::tls::Certificates;
use places::{Place, Places};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Pause after a failed accept (no handles left), so that the loop does not spin.
const ACCEPT_PAUSE_MS: u64 = 50;
/// Threads that serve connections. Files and hashes are worked on in others.
const SERVING_THREADS: usize = 2;
/// How long connections may end by themselves when the master stops.
const GRACE_MS: u64 = 500;
/// How often the files of the certificate are looked at.
const LOOK_S: u64 = 2;

/// How long a new connection may take until its first request is there: whoever only holds a place is sent away.
const FIRST_REQUEST_S: u64 = 15;

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// The other end.
    pub(super) address: SocketAddr,
    /// The certificate that this connection was shown; none without TLS.
    pub(super) tls: Option<Fingerprint>,
}

/// Closes the connection that a request came over.
#[derive(Debug, Clone, Default)]
pub(super) struct Hangup(CancellationToken);

impl Hangup {
    /// Now, whatever is still to be sent.
    pub(super) fn now(&self) {
        self.0.cancel();
    }

    /// Waits until somebody does.
    async fn happened(&self) {
        self.0.cancelled().await;
    }
}

/// What is served.
pub(super) struct Open {
    /// All pages and calls.
    pub(super) pages: http::Service,
    /// The certificate and its renewal; none without TLS.
    pub(super) renewal: Option<Arc<Renewal>>,
    /// Changes when everybody who is connected has to come back and show the key.
    pub(super) cut_off: watch::Receiver<()>,
}

/// What one connection needs.
#[derive(Clone)]
struct Service {
    pages: http::Service,
    certificates: Option<Arc<Certificates>>,
    ends: Ends,
}

/// What ends a connection.
#[derive(Debug, Clone)]
struct Ends {
    stopped: watch::Receiver<bool>,
    cut_off: watch::Receiver<()>,
    /// How long a new connection may take until its first request is there.
    patience: Duration,
}

impl Service {
    fn new(open: &Open, stopped: watch::Receiver<bool>) -> Self {
        Self {
            pages: open.pages.clone(),
            certificates: open.renewal.as_ref().map(|renewal| renewal.certificates()),
            ends: Ends {
                stopped,
                cut_off: open.cut_off.clone(),
                patience: Duration::from_secs(FIRST_REQUEST_S),
            },
        }
    }
}

impl Ends {
    /// Waits until the master stops.
    async fn stopped(&self) {
        // The guard inside must not live across the next wait.
        drop(self.stopped.clone().wait_for(|stopped| *stopped).await);
    }

    /// Waits until everybody is cut off; for ever if nobody can do that any more.
    async fn cut_off(&self) {
        if self.cut_off.clone().changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The threads that serve connections.
#[derive(Debug)]
pub(super) struct Server {
    stop: watch::Sender<bool>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Server {
    /// Serves until it is stopped. Its runtime lives in a thread of its own, so that it may be started, stopped and dropped
    /// anywhere, also inside another runtime.
    pub(super) fn start(listener: TcpListener, open: Open) -> Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (end, ended) = mpsc::sync_channel(1);
        let failed = |error: std::io::Error| Error::internal(format!("cannot start a thread: {error}"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(SERVING_THREADS)
            .thread_name("netrender-http")
            .enable_all()
            .build()
            .map_err(failed)?;
        let run = move || {
            if let Err(error) = runtime.block_on(serve(listener, &open, stopped)) {
                tracing::error!(%error, "the master cannot accept connections");
            }
            runtime.shutdown_timeout(Duration::from_millis(GRACE_MS));
            // Nobody need be waiting.
            let _ = end.send(());
        };
        std::thread::Builder::new()
            .name("netrender-serve".to_owned())
            .spawn(run)
            .map_err(failed)?;
        Ok(Self {
            stop,
            ended: Mutex::new(ended),
        })
    }

    /// Ends it; connections may finish what they do for a moment.
    pub(super) fn stop(&self, timeout: Duration) {
        self.stop.send_replace(true);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // An end that has been waited for before counts as one.
        let _ = ended.recv_timeout(timeout);
    }
}

async fn serve(listener: TcpListener, open: &Open, stopped: watch::Receiver<bool>) -> std::io::Result<()> {
    let service = Service::new(open, stopped);
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Places::default();
    let connections = tokio_util::task::TaskTracker::new();
    let renewing = tokio::spawn(look_after(open.renewal.clone()));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = service.ends.stopped() => break,
        };
        let (place, stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                continue;
            }
        };
        let Some(taken) = places.take(place, address.ip()) else {
            tracing::debug!(%address, "one connection too many of this address");
            continue;
        };
        let mut service = service.clone();
        // What was cut off before it came does not concern it.
        service.ends.cut_off.mark_unchanged();
        connections.spawn(async move {
            connection::serve(stream, address, service).await;
            drop(taken);
        });
    }
    renewing.abort();
    connections.close();
    // Those that do not end in time are cut with the runtime.
    let _ = tokio::time::timeout(Duration::from_millis(GRACE_MS), connections.wait()).await;
    Ok(())
}

async fn accept(
    listener: &tokio::net::TcpListener,
    places: &Places,
) -> std::io::Result<(Place, tokio::net::TcpStream, SocketAddr)> {
    let place = places.free().await?;
    let (stream, address) = listener.accept().await?;
    Ok((place, stream, address))
}

/// Takes up a renewed certificate soon after its files have changed.
async fn look_after(renewal: Option<Arc<Renewal>>) {
    let Some(renewal) = renewal else { return };
    loop {
        tokio::time::sleep(Duration::from_secs(LOOK_S)).await;
        let renewal = Arc::clone(&renewal);
        // It reads files, which may lie far away.
        let _ = tokio::task::spawn_blocking(move || renewal.look()).await;
    }
}
