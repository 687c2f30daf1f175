//! The listening socket and its connections.

use super::http::Service;
use crate::error::{Error, Result};
use axum::body::Body;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Protocol, Socket, Type};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Connections that may wait to be accepted: a farm that comes back all at once.
const BACKLOG: i32 = 1_024;
/// Connections served at once; more wait in the backlog.
const CONNECTIONS_MAX: usize = 4_096;
/// File handles that are asked for: connections, and files being read and written.
const FILES_WANTED: u64 = 16_384;
/// A connection on which no request comes for so long is closed; clients give up theirs earlier.
const IDLE_S: u64 = 120;
/// Pause after a failed accept (no handles left), so that the loop does not spin.
const ACCEPT_PAUSE_MS: u64 = 50;
/// Threads that serve connections. Files and hashes are worked on in others.
const SERVING_THREADS: usize = 2;
/// How long connections may end by themselves when the master stops.
const GRACE_MS: u64 = 500;

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Opens the listening socket. Errors name the address.
pub(super) fn listen(address: &str, port: u16) -> Result<TcpListener> {
    raise_file_limit();
    let host = match address.trim() {
        "" | "[default]" => "0.0.0.0",
        other => other.trim_matches(['[', ']']),
    };
    let target = (host, port)
        .to_socket_addrs()
        .ok()
        .and_then(|mut found| found.next())
        .ok_or_else(|| {
            Error::bad_input(format!("{host:?} is no address of this machine")).hint("leave the address at [default]")
        })?;
    bind(target).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Error::storage(format!("the port {port} at {host} is taken"))
            .hint("another program, perhaps another master, listens there: stop it, or choose another port"),
        std::io::ErrorKind::AddrNotAvailable => {
            Error::bad_input(format!("{host} is no address of this machine")).hint("leave the address at [default]")
        }
        std::io::ErrorKind::PermissionDenied => {
            Error::storage(format!("this user may not listen on port {port}")).hint("choose a port above 1023")
        }
        _ => Error::storage(format!("cannot listen on {target}: {error}")),
    })
}

fn bind(target: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this option would let two masters share a port.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&target.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Asks for as many file handles as the system lets this user have. Less is no failure: then connections wait.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.map_or(FILES_WANTED, |most| most.min(FILES_WANTED));
        if limit.current.is_some_and(|current| current < wanted) {
            limit.current = Some(wanted);
            if let Err(error) = setrlimit(Resource::Nofile, limit) {
                tracing::warn!(%error, "the limit of open files stays as it is");
            }
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
    pub(super) fn start(listener: TcpListener, service: Service) -> Result<Self> {
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
            if let Err(error) = runtime.block_on(serve(listener, service, stopped)) {
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

async fn serve(listener: TcpListener, service: Service, mut stopped: watch::Receiver<bool>) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = tokio_util::task::TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let (place, stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                continue;
            }
        };
        let (service, stopped) = (service.clone(), stopped.clone());
        connections.spawn(async move {
            serve_connection(stream, peer, service, stopped).await;
            drop(place);
        });
    }
    connections.close();
    // Those that do not end in time are cut with the runtime.
    let _ = tokio::time::timeout(Duration::from_millis(GRACE_MS), connections.wait()).await;
    Ok(())
}

async fn accept(
    listener: &tokio::net::TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(tokio::sync::OwnedSemaphorePermit, tokio::net::TcpStream, SocketAddr)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((place, stream, peer))
}

async fn serve_connection(stream: tokio::net::TcpStream, peer: SocketAddr, service: Service, mut stopped: watch::Receiver<bool>) {
    // Answers are short and wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let service = tower::service_fn(move |request: Request<_>| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.answer(request.map(Body::new), Peer(peer)).await) }
    });
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(IDLE_S));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        // The guard inside must not live across the next wait.
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
