//! Bodies that are made while they are sent: a thread that may wait for the disk is a bounded number of bytes ahead.

use crate::error::{Error, Result};
use crate::files::pack;
use axum::body::Body;
use std::io::{BufWriter, Read, Write as _};
use tokio::io::DuplexStream;
use tokio_util::io::{ReaderStream, SyncIoBridge};

/// How far the disk may be ahead of the network, and how much is handed over at once: what makes bodies writes a few kilobytes at
/// a time, and to wake the other side for each of them costs more than to send them.
const BYTES_AHEAD: usize = 256 << 10;

/// What contents are called that are packed on their way: an LZ4 frame.
pub(super) const PACKED: &str = "lz4";

/// Where a body goes.
type Sink = BufWriter<SyncIoBridge<DuplexStream>>;

/// The body that `write` makes. If it fails, the body ends early, which the other side notices.
pub(super) fn body(what: String, write: impl FnOnce(&mut Sink) -> Result<()> + Send + 'static) -> Body {
    let (read, sink) = tokio::io::duplex(BYTES_AHEAD);
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut sink = BufWriter::with_capacity(BYTES_AHEAD, SyncIoBridge::new_with_handle(sink, runtime));
        let written = write(&mut sink).and_then(|()| sink.flush().map_err(|error| gone(&error)));
        if let Err(error) = written {
            tracing::warn!(what, %error, "a download was not completed");
        }
        // What it could not send is of no use to anybody.
        let (_, _) = sink.into_parts();
    });
    Body::from_stream(ReaderStream::with_capacity(read, BYTES_AHEAD))
}

/// What comes out of a reader.
pub(super) fn plain_body(mut source: impl Read + Send + 'static) -> Body {
    body("contents".to_owned(), move |sink| {
        std::io::copy(&mut source, sink).map(drop).map_err(|error| gone(&error))
    })
}

/// The same, packed.
pub(super) fn packed_body(source: impl Read + Send + 'static) -> Body {
    body("contents".to_owned(), move |sink| {
        pack(source, sink, |_| ()).map_err(|error| gone(&error))
    })
}

fn gone(error: &std::io::Error) -> Error {
    Error::unreachable(format!("whoever asked has gone, or a file cannot be read: {error}"))
}
