//! Contents that get smaller on their way: packed while they are sent, never written packed.

use crate::error::{Error, Result};
use crate::files::{SAMPLE_BYTES, pack, packing_pays};
use crate::link::Link;
use crate::wire::ContentStatus;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use tokio_util::io::SyncIoBridge;

/// How far packing may be ahead of the wire.
const PACKED_BYTES_AHEAD: usize = 512 << 10;

/// A bundle, packed.
pub(super) fn packed(body: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    pack(body, &mut packed, |_| ()).map_err(|error| Error::internal(format!("a bundle cannot be packed: {error}")))?;
    Ok(packed)
}

/// Whether what is still to be sent of a file gets smaller when packed, judged by its beginning.
pub(super) async fn gets_smaller(file: &Path, offset: u64) -> Result<bool> {
    let file = file.to_path_buf();
    blocking(move || {
        let mut sample = Vec::with_capacity(SAMPLE_BYTES);
        File::open(&file)
            .and_then(|mut opened| opened.seek(SeekFrom::Start(offset)).map(|_| opened))
            .and_then(|opened| opened.take(SAMPLE_BYTES as u64).read_to_end(&mut sample))
            .map_err(|error| Error::io("read", &file, &error))?;
        Ok(packing_pays(&sample))
    })
    .await
}

/// Sends the rest of a file, packed on the way.
pub(super) async fn put_packed(
    link: &Link,
    path: &str,
    file: &Path,
    (offset, size_bytes): (u64, u64),
    count: impl Fn(u64) + Send + 'static,
) -> Result<ContentStatus> {
    let (read, write) = tokio::io::duplex(PACKED_BYTES_AHEAD);
    let (runtime, source, rest) = (tokio::runtime::Handle::current(), file.to_path_buf(), size_bytes - offset);
    let packing = tokio::task::spawn_blocking(move || {
        let mut opened = File::open(&source)?;
        opened.seek(SeekFrom::Start(offset))?;
        // If it ends early, so does the body, and the master refuses it.
        pack(opened.take(rest), SyncIoBridge::new_with_handle(write, runtime), count)
    });
    let sent = link.put_reader(&format!("{path}&packed=true"), read, rest).await;
    match packing.await {
        // The other end of the pipe has gone: why says the master, or the wire.
        Ok(Err(error)) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::io("read", file, &error)),
        _ => sent,
    }
}

/// Runs something that waits for the disk where it may wait.
pub(super) async fn blocking<T: Send + 'static>(run: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(run)
        .await
        .map_err(|error| Error::internal(format!("reading ended unexpectedly: {error}")))?
}
