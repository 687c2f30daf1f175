//! Files on the wire, in constant memory.

use super::answer::{self, READ_TIMEOUT_S};
use super::connect::Link;
use crate::error::{Error, Result};
use reqwest::Method;
use serde::de::DeserializeOwned;
use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

/// How much is read from disk at once.
const PIECE_BYTES: usize = 256 << 10;
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
        let failed = |error: std::io::Error| Error::io("read", file, &error);
        let mut source = tokio::fs::File::open(file).await.map_err(failed)?;
        source.seek(SeekFrom::Start(offset)).await.map_err(failed)?;
        let length = size_bytes.saturating_sub(offset);
        let pieces = ReaderStream::with_capacity(
            Counted {
                inner: source.take(length),
                progress,
            },
            PIECE_BYTES,
        );
        let request = self
            .request(Method::PUT, path)
            .header("content-length", length)
            .header("content-type", "application/octet-stream")
            .timeout(transfer_timeout(length))
            .body(reqwest::Body::wrap_stream(pieces));
        answer::json(self.send(request).await?).await
    }

    /// `PUT /api/v1/<path>` with a few bytes.
    pub async fn put_bytes<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T> {
        let request = self
            .request(Method::PUT, path)
            .header("content-type", "application/octet-stream")
            .timeout(transfer_timeout(body.len() as u64))
            .body(body);
        answer::json(self.send(request).await?).await
    }

    /// `GET /api/v1/<path>` into a file, written anew. The caller checks the content and moves the file into place.
    /// Returns the number of bytes.
    pub async fn download(&self, path: &str, file: &Path, progress: Progress) -> Result<u64> {
        let mut response = self.send(self.request(Method::GET, path)).await?;
        let failed = |error: std::io::Error| Error::io("write", file, &error);
        let mut target = tokio::fs::File::create(file).await.map_err(failed)?;
        let mut written = 0;
        while let Some(piece) = response.chunk().await.map_err(|error| answer::broken(&error))? {
            target.write_all(&piece).await.map_err(failed)?;
            written += piece.len() as u64;
            progress(piece.len() as u64);
        }
        target.flush().await.map_err(failed)?;
        target.sync_all().await.map_err(failed)?;
        Ok(written)
    }
}

fn transfer_timeout(length: u64) -> Duration {
    Duration::from_secs(READ_TIMEOUT_S + length / BYTES_PER_SECOND_MIN)
}

/// A reader that tells how much was read.
struct Counted<R> {
    inner: R,
    progress: Progress,
}

impl<R: tokio::io::AsyncRead + Unpin> tokio::io::AsyncRead for Counted<R> {
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
        }
        polled
    }
}
