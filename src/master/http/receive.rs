//! Large bodies: from the network into a blocking thread that hashes and writes, a bounded number of pieces ahead.

use crate::error::{Error, Result};
use crate::farm::ResultFile;
use crate::files::part::{self, Part};
use crate::files::{Gathered, Incoming};
use axum::body::{Body, Bytes, HttpBody as _};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::mpsc;

/// Handfuls of pieces that may be ahead of the disk, each of some hundred kilobytes.
const AHEAD_MAX: usize = 8;
/// Longest pause within a body.
const PAUSE_S: u64 = 60;
/// What is read of a body that is refused, so that its sender can hear why; a longer one is cut.
const DRAIN_BYTES_MAX: u64 = 64 << 20;

enum Fed {
    Pieces(Vec<Bytes>),
    /// The body is complete. Without this the sender has gone.
    End,
}

/// Lets `take` have the body in a thread that may block. Whatever happens to the caller, `take` runs to its end, so it can
/// clean up after itself.
pub(super) async fn receive<T: Send + 'static>(
    mut body: Body,
    bytes_max: u64,
    take: impl FnOnce(&mut Incoming<Bytes>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (sender, mut fed) = mpsc::channel(AHEAD_MAX);
    let taking = tokio::task::spawn_blocking(move || {
        let next = move || match fed.blocking_recv() {
            Some(Fed::Pieces(pieces)) => Ok(Some(pieces)),
            Some(Fed::End) => Ok(None),
            None => Err(Error::unreachable("the sender went away before the upload was complete")),
        };
        take(&mut Incoming::new(next, bytes_max))
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

/// Ends without an error if the taker has had enough.
async fn feed(body: &mut Body, sender: &mpsc::Sender<Fed>) -> Result<()> {
    let mut gathered = Gathered::default();
    let ended = loop {
        match next_piece(body).await {
            Ok(Some(bytes)) => {
                if let Some(pieces) = gathered.add(bytes)
                    && sender.send(Fed::Pieces(pieces)).await.is_err()
                {
                    return Ok(());
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    // What came before an upload broke off counts. A taker that has gone meanwhile says why itself.
    let _ = sender.send(Fed::Pieces(gathered.take())).await;
    if ended.is_ok() {
        let _ = sender.send(Fed::End).await;
    }
    ended
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
