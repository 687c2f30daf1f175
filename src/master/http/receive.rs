//! Large bodies: from the network into a blocking thread that hashes and writes, a bounded number of pieces ahead.

use super::parse;
use crate::error::{Error, Result};
use crate::farm::ResultFile;
use crate::files::Incoming;
use crate::files::part::{self, Part};
use crate::link::{self, hand_over};
use crate::master::fault::Fault;
use axum::body::{Body, Bytes, HttpBody as _};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

/// Longest pause within a body.
const PAUSE_S: u64 = 60;
/// What is read of a body that is refused, so that its sender can hear why; a longer one is cut.
const DRAIN_BYTES_MAX: u64 = 64 << 20;

/// What a slave says that it will send.
pub(super) fn announced(hash: &str, size_bytes: u64, bytes_max: u64) -> Result<ResultFile, Fault> {
    at_most(size_bytes, bytes_max)?;
    let hash = parse(hash)?;
    Ok(ResultFile { hash, size_bytes })
}

/// Refuses what is longer.
pub(super) fn at_most(size_bytes: u64, bytes_max: u64) -> Result<(), Fault> {
    if size_bytes > bytes_max {
        return Err(Fault::too_large(usize::try_from(bytes_max).unwrap_or(usize::MAX)));
    }
    Ok(())
}

/// Lets `take` have the body in a thread that may block. Whatever happens to the caller, `take` runs to its end, so it can
/// clean up after itself.
pub(super) async fn receive<T: Send + 'static>(
    body: Body,
    bytes_max: u64,
    take: impl FnOnce(&mut Incoming<Bytes>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let mut sent = Sent { body, is_broken: false };
    let taken = hand_over(&mut sent, move |next| take(&mut Incoming::new(next, bytes_max))).await;
    if taken.is_err() && !sent.is_broken {
        drain(sent.body).await;
    }
    taken
}

/// Writes what arrives beside its place, and moves it there if it is whole, is what was announced, and is found good.
pub(super) fn place(
    incoming: &mut Incoming<Bytes>,
    file: ResultFile,
    target: &Path,
    check: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let temporary = target.with_added_extension("part");
    let mut part = Part::create(&temporary)?;
    if let Err(error) = incoming.for_each(|bytes| part.write(bytes)) {
        part::remove(&temporary)?;
        return Err(error);
    }
    part.place_if(file.hash, file.size_bytes, target, check)
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

/// What a caller sends.
struct Sent {
    body: Body,
    /// Nothing more will come.
    is_broken: bool,
}

impl link::Body for Sent {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = next_piece(&mut self.body).await;
        self.is_broken = piece.is_err();
        piece
    }
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
