//! One connection, from its first byte: TLS if the master shows a certificate, then HTTP.

use super::{Ends, Hangup, Peer, Service};
use crate::master::traffic::Counted;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// A connection on which no request comes for so long is closed; clients give up theirs earlier.
const IDLE_S: u64 = 120;
/// How long a connection that has to end may finish what it does.
const GRACE_MS: u64 = 500;
/// The first byte of TLS; no HTTP request begins with it.
const TLS_FIRST_BYTE: u8 = 0x16;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, address: SocketAddr, service: Service) {
    // Answers are short and wanted at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let Service {
        pages,
        certificates,
        ends,
    } = service;
    let answer = |tls| {
        let (pages, peer) = (pages.clone(), Peer { address, tls });
        move |request| {
            let pages = pages.clone();
            async move { pages.answer(request, peer).await }
        }
    };
    let traffic = pages.traffic();
    let Some(certificates) = certificates else {
        return serve_http(Counted::new(stream, traffic), address, ends, answer(None)).await;
    };
    let mut byte = [0];
    match timeout(ends.patience, stream.peek(&mut byte)).await {
        Ok(Ok(1)) if byte[0] == TLS_FIRST_BYTE => {}
        Ok(Ok(1)) => {
            let send_on = move |request| std::future::ready(pages.send_on(&request));
            return serve_http(stream, address, ends, send_on).await;
        }
        _ => return,
    }
    let (config, fingerprint) = certificates.current();
    match timeout(ends.patience, TlsAcceptor::from(config).accept(Counted::new(stream, traffic))).await {
        Ok(Ok(stream)) => serve_http(stream, address, ends, answer(Some(fingerprint))).await,
        Ok(Err(error)) => tracing::debug!(%address, %error, "a connection did not agree on TLS"),
        Err(_) => tracing::debug!(%address, "a connection took too long to agree on TLS"),
    }
}

async fn serve_http<A, F>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: SocketAddr,
    ends: Ends,
    answer: A,
) where
    A: Fn(Request) -> F + Clone + Send + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let has_asked = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&has_asked);
    let hangup = Hangup::default();
    let told = hangup.clone();
    let answering = tower::service_fn(move |request: axum::http::Request<_>| {
        asked.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(told.clone());
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(IDLE_S));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(answering)));
    let silence = async {
        sleep(ends.patience).await;
        if has_asked.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    };
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = hangup.happened() => return tracing::debug!(%address, "a connection read nothing"),
        () = silence => return tracing::debug!(%address, "a connection asked nothing"),
        () = ends.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        // Whoever was let in by a key that is none any more is cut off, whatever it waits for.
        () = ends.cut_off() => {
            connection.as_mut().graceful_shutdown();
            timeout(Duration::from_millis(GRACE_MS), connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%address, %error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio::sync::watch;

    struct Held {
        caller: DuplexStream,
        cut_off: watch::Sender<()>,
        _stop: watch::Sender<bool>,
    }

    /// A connection with so much patience; `/wait` is never answered.
    fn connect(patience: Duration) -> Held {
        let (caller, ours) = tokio::io::duplex(1 << 16);
        let (stop, stopped) = watch::channel(false);
        let (cut_off, cut) = watch::channel(());
        let ends = Ends {
            stopped,
            cut_off: cut,
            patience,
        };
        let answer = async |request: Request| match request.uri().path() {
            "/wait" => pending().await,
            _ => "hello".into_response(),
        };
        let address = ([127, 0, 0, 1], 1).into();
        tokio::spawn(serve_http(ours, address, ends, answer));
        Held {
            caller,
            cut_off,
            _stop: stop,
        }
    }

    #[tokio::test]
    async fn a_caller_who_never_finishes_the_head_of_a_request_is_sent_away() {
        let mut held = connect(Duration::from_millis(50));
        held.caller.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await.unwrap();
        let mut answer = Vec::new();
        held.caller.read_to_end(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), "");
    }

    #[tokio::test]
    async fn a_caller_who_has_asked_may_wait() {
        let mut held = connect(Duration::from_millis(50));
        let ask = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for _ in 0..2 {
            held.caller.write_all(ask).await.unwrap();
            let mut answer = [0; 12];
            held.caller.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
            while !answer.ends_with(b"hello") {
                answer.rotate_left(1);
                held.caller.read_exact(&mut answer[11..]).await.unwrap();
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test]
    async fn whoever_is_cut_off_does_not_get_to_the_end_of_a_wait() {
        let mut held = connect(Duration::from_mins(1));
        held.caller.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        held.cut_off.send_replace(());
        let mut answer = Vec::new();
        held.caller.read_to_end(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), "");
    }
}
