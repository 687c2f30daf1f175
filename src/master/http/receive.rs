//! Large bodies: from the network into a blocking thread that hashes and writes, a bounded number of pieces ahead.

use crate::error::{Error, Result};
use crate::files::unpack;
use axum::body::{Body, Bytes, HttpBody as _};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::mpsc;

/// Pieces that may be ahead of the disk. A piece is what came from the socket at once, at most some hundred kilobytes.
const PIECES_AHEAD: usize = 16;
/// Longest pause within a body.
const PAUSE_S: u64 = 60;
/// What is read of a body that is refused, so that its sender can hear why; a longer one is cut.
const DRAIN_BYTES_MAX: u64 = 64 << 20;

enum Piece {
    Bytes(Bytes),
    /// The body is complete. Without this the sender has gone.
    End,
}

/// A body on its way in, as the blocking side sees it.
pub(super) struct Incoming {
    pieces: mpsc::Receiver<Piece>,
    bytes_max: u64,
    length: u64,
    is_complete: bool,
}

impl Incoming {
    /// Hands each piece over until the body is complete. Fails if it is longer than it may be, or ends early.
    pub(super) fn for_each(&mut self, mut write: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while let Some(bytes) = self.next()? {
            write(&bytes)?;
        }
        Ok(())
    }

    /// The same, and if the body is packed, hands over what it is when unpacked: at most so many bytes.
    pub(super) fn for_each_plain(
        &mut self,
        is_packed: bool,
        plain_bytes_max: u64,
        write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if !is_packed {
            return self.for_each(write);
        }
        let mut packed = Packed {
            incoming: self,
            piece: Bytes::new(),
            failure: None,
        };
        let unpacked = unpack(&mut packed, plain_bytes_max, write);
        // Why the body broke off says more than that it cannot be unpacked.
        packed.failure.map_or(unpacked, Err)
    }

    /// The next piece; none once the body is complete, however often that is asked.
    fn next(&mut self) -> Result<Option<Bytes>> {
        if self.is_complete {
            return Ok(None);
        }
        match self.pieces.blocking_recv() {
            Some(Piece::Bytes(bytes)) => {
                self.length += bytes.len() as u64;
                if self.length > self.bytes_max {
                    return Err(Error::bad_input(format!(
                        "the upload is longer than the {} bytes that were announced",
                        self.bytes_max
                    )));
                }
                Ok(Some(bytes))
            }
            Some(Piece::End) => {
                self.is_complete = true;
                Ok(None)
            }
            None => Err(Error::unreachable("the sender went away before the upload was complete")),
        }
    }
}

/// A packed body as it is read.
struct Packed<'a> {
    incoming: &'a mut Incoming,
    piece: Bytes,
    failure: Option<Error>,
}

impl std::io::Read for Packed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.incoming.next() {
                Ok(Some(piece)) => self.piece = piece,
                Ok(None) => return Ok(0),
                Err(error) => {
                    let message = error.message.clone();
                    self.failure = Some(error);
                    return Err(std::io::Error::other(message));
                }
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// Lets `take` have the body in a thread that may block. Whatever happens to the caller, `take` runs to its end, so it can
/// clean up after itself.
pub(super) async fn receive<T: Send + 'static>(
    mut body: Body,
    bytes_max: u64,
    take: impl FnOnce(&mut Incoming) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
    let taking = tokio::task::spawn_blocking(move || {
        let mut incoming = Incoming {
            pieces,
            bytes_max,
            length: 0,
            is_complete: false,
        };
        take(&mut incoming)
    });
    let fed = feed(&mut body, &sender).await;
    drop(sender);
    let taken = taking
        .await
        .unwrap_or_else(|error| Err(Error::internal(format!("an upload was dropped: {error}"))));
    match (fed, taken) {
        // Why the body broke off says more than that it did.
        (Err(error), Err(_)) => Err(error),
        (_, taken) => {
            if taken.is_err() {
                drain(body).await;
            }
            taken
        }
    }
}

/// Reads a refused body to its end, within bounds.
pub(super) async fn drain(mut body: Body) {
    let mut length = 0;
    while let Ok(Some(bytes)) = next_piece(&mut body).await {
        length += bytes.len() as u64;
        if length > DRAIN_BYTES_MAX {
            return;
        }
    }
}

/// Ends without an error if the taker has had enough.
async fn feed(body: &mut Body, sender: &mpsc::Sender<Piece>) -> Result<()> {
    while let Some(bytes) = next_piece(body).await? {
        if sender.send(Piece::Bytes(bytes)).await.is_err() {
            return Ok(());
        }
    }
    // A taker that has gone meanwhile says why itself.
    let _ = sender.send(Piece::End).await;
    Ok(())
}

async fn next_piece(body: &mut Body) -> Result<Option<Bytes>> {
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context));
        match tokio::time::timeout(Duration::from_secs(PAUSE_S), frame).await {
            Ok(None) => return Ok(None),
            // Trailers carry nothing for us.
            Ok(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Ok(Some(Err(_))) => return Err(Error::unreachable("the sender went away before the upload was complete")),
            Err(_) => return Err(Error::timeout(format!("nothing of the upload came for {PAUSE_S} s"))),
        }
    }
}
