//! Files on the wire, in constant memory.

use super::answer::{self, READ_TIMEOUT_S};
use super::connect::Link;
use crate::error::{Error, Result};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::SeekFrom;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _};
use tokio::sync::Notify;
use tokio_util::bytes::Bytes;
use tokio_util::io::ReaderStream;

/// How much is read from the disk at once.
const PIECE_BYTES: usize = 256 << 10;
/// How long a master may work on a file before it answers: it reads all of an archive.
const PROCESSING_TIMEOUT_S: u64 = 3_600;
/// Slowest transfer that is waited for.
const BYTES_PER_SECOND_MIN: u64 = 10_000;

/// Called with the bytes that have just gone over the wire.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// For those who do not want to know.
#[must_use]
pub fn no_progress() -> Progress {
    Arc::new(|_| ())
}

impl Link {
    /// `PUT /api/v1/<path>` with the bytes of a file from `offset` to `size_bytes`; the caller knows the size, because a
    /// file that grows or shrinks meanwhile must not become a different content.
    pub async fn put_file<T: DeserializeOwned>(
        &self,
        path: &str,
        file: &Path,
        offset: u64,
        size_bytes: u64,
        progress: Progress,
    ) -> Result<T> {
        self.send_file(
            self.upload(Method::PUT, path),
            file,
            offset..size_bytes,
            progress,
            self.stall_timeout(),
        )
        .await
    }

    /// `POST /api/v1/<path>` with a whole file, of which the answer may take long.
    pub async fn post_file<T: DeserializeOwned>(&self, path: &str, file: &Path, progress: Progress) -> Result<T> {
        let size_bytes = tokio::fs::metadata(file)
            .await
            .map_err(|error| Error::io("read", file, &error))?
            .len();
        let patience = Duration::from_secs(PROCESSING_TIMEOUT_S);
        self.send_file(self.upload(Method::POST, path), file, 0..size_bytes, progress, patience)
            .await
    }

    async fn send_file<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        file: &Path,
        bytes: Range<u64>,
        progress: Progress,
        patience: Duration,
    ) -> Result<T> {
        let Range {
            start: offset,
            end: size_bytes,
        } = bytes;
        let failed = |error: std::io::Error| Error::io("read", file, &error);
        let mut source = tokio::fs::File::open(file).await.map_err(failed)?;
        source.seek(SeekFrom::Start(offset)).await.map_err(failed)?;
        let length = size_bytes.saturating_sub(offset);
        let request = request
            .header("content-length", length)
            .timeout(transfer_timeout(length) + patience);
        self.send_body(request, source.take(length), progress, patience).await
    }

    /// `PUT /api/v1/<path>` with what comes out of a reader, which is not known to be longer or shorter than `about_bytes`.
    pub async fn put_reader<T: DeserializeOwned>(
        &self,
        path: &str,
        source: impl AsyncRead + Unpin + Send + 'static,
        about_bytes: u64,
    ) -> Result<T> {
        let request = self.upload(Method::PUT, path).timeout(transfer_timeout(about_bytes));
        self.send_body(request, source, no_progress(), self.stall_timeout()).await
    }

    async fn send_body<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        source: impl AsyncRead + Unpin + Send + 'static,
        progress: Progress,
        patience: Duration,
    ) -> Result<T> {
        let moved = Arc::new(Notify::new());
        let counted = Counted {
            inner: source,
            progress,
            moved: Arc::clone(&moved),
        };
        let pieces = ReaderStream::with_capacity(counted, PIECE_BYTES);
        let request = request.body(reqwest::Body::wrap_stream(pieces));
        answer::json(self.send_while_moving(request, &moved, patience).await?).await
    }

    /// Sends a request for as long as bytes of its body move, and gives it up after a pause.
    async fn send_while_moving(&self, request: RequestBuilder, moved: &Notify, patience: Duration) -> Result<Response> {
        let sending = self.send(request);
        tokio::pin!(sending);
        loop {
            tokio::select! {
                answered = &mut sending => return answered,
                () = moved.notified() => {}
                () = tokio::time::sleep(patience) => {
                    return Err(Error::unreachable(format!(
                        "the master at {} took nothing of an upload for {} s",
                        self.address(),
                        patience.as_secs()
                    )));
                }
            }
        }
    }

    /// `PUT /api/v1/<path>` with a few bytes.
    pub async fn put_bytes<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T> {
        let request = self
            .upload(Method::PUT, path)
            .timeout(transfer_timeout(body.len() as u64))
            .body(body);
        answer::json(self.send(request).await?).await
    }

    /// `POST /api/v1/<path>` with a few bytes.
    pub async fn post_bytes<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T> {
        let length = body.len() as u64;
        let request = self.upload(Method::POST, path).timeout(transfer_timeout(length)).body(body);
        answer::json(self.send(request).await?).await
    }

    /// `POST /api/v1/<path>` for an answer that comes piece by piece.
    pub async fn post_for_pieces<B: Serialize + Sync>(&self, path: &str, body: &B) -> Result<Pieces> {
        let response = self.send(self.request(Method::POST, path).json(body)).await?;
        Ok(Pieces { response })
    }

    /// `GET /api/v1/<path>`, without the first `offset` bytes if the master can leave them out, piece by piece.
    pub async fn get_pieces(&self, path: &str, offset: u64) -> Result<Pieces> {
        let mut request = self.request(Method::GET, path);
        if offset > 0 {
            request = request.header("range", format!("bytes={offset}-"));
        }
        let response = self.send(request).await?;
        Ok(Pieces { response })
    }
}

/// An answer that comes piece by piece.
#[derive(Debug)]
pub struct Pieces {
    response: Response,
}

impl Pieces {
    /// Whether it is packed, as an LZ4 frame.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        self.header("content-encoding") == Some("lz4")
    }

    /// At which byte of the whole it begins.
    #[must_use]
    pub fn offset(&self) -> u64 {
        let range = self.header("content-range").and_then(|range| range.strip_prefix("bytes "));
        let first = range.and_then(|range| range.split_once('-')?.0.parse().ok());
        first.unwrap_or(0)
    }

    /// The next piece; none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        self.response.chunk().await.map_err(|error| answer::broken(&error))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }
}

fn transfer_timeout(length: u64) -> Duration {
    Duration::from_secs(READ_TIMEOUT_S + length / BYTES_PER_SECOND_MIN)
}

/// A reader that tells how much was read.
struct Counted<R> {
    inner: R,
    progress: Progress,
    moved: Arc<Notify>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = std::pin::Pin::new(&mut self.inner).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        if read > 0 {
            (self.progress)(read as u64);
            self.moved.notify_one();
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::super::connect::link_to;
    use super::*;
    use crate::error::Code;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, channel};

    /// More than what the system keeps of a connection on its own.
    const BODY_BYTES: usize = 32 << 20;
    const READ_TIMEOUT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_mins(1);

    /// Sends a long file to a master that does this with the connection.
    fn put(stall_timeout: Duration, serve: impl FnOnce(TcpStream, Receiver<()>) + Send + 'static) -> Result<serde_json::Value> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let (end, ended) = channel();
        let server = std::thread::spawn(move || serve(listener.accept().unwrap().0, ended));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("body");
        std::fs::write(&file, vec![7; BODY_BYTES]).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let link = link_to(address, READ_TIMEOUT, stall_timeout).unwrap();
        let sent = runtime.block_on(link.put_file("x", &file, 0, BODY_BYTES as u64, no_progress()));
        drop((link, runtime));
        end.send(()).unwrap();
        server.join().unwrap();
        sent
    }

    #[test]
    fn an_upload_may_take_longer_than_any_pause() {
        let sent = put(LONG, |mut connection, ended| {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                connection.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let mut buffer = vec![0; 1 << 20];
            for _ in 0..BODY_BYTES / buffer.len() {
                connection.read_exact(&mut buffer).unwrap();
                // A slow disk: the whole takes several times as long as a pause may.
                std::thread::sleep(READ_TIMEOUT / 5);
            }
            connection
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue")
                .unwrap();
            ended.recv().unwrap();
        });
        assert_eq!(sent.unwrap(), true);
    }

    #[test]
    fn an_upload_of_which_nothing_moves_is_given_up() {
        let sent = put(READ_TIMEOUT, |mut connection, ended| {
            connection.read_exact(&mut [0; 16]).unwrap();
            ended.recv().unwrap();
        });
        assert_eq!(sent.unwrap_err().code, Code::Unreachable);
    }
}
