//! Contents on their way from the master: small ones together, a long one going on where it broke off, packed where that pays;
//! and results that are worked on further.
//!
//! What arrives is checked, unpacked and written by a thread that may wait for the disk, a bounded number of pieces behind the
//! network. Nothing of it shows in the cache before its length and its hash are what was asked for.

use super::cache::Wanted;
use crate::error::{Code, Error, Result};
use crate::files::part::Part;
use crate::files::{BUNDLE_HEAD_BYTES, Incoming, Unbundling, content::Contents, packed_bytes_max};
use crate::ids::ContentHash;
use crate::link::{Link, Pieces, hand_over};
use crate::wire::BundleWanted;
use std::collections::HashMap;
use std::path::Path;
use tokio_util::bytes::Bytes;

/// Brings these contents: one by itself, several together in a bundle. What has arrived before a failure stays, and need not
/// be brought again.
pub(super) async fn fetch(link: &Link, contents: &Contents, wanted: Vec<Wanted>) -> Result<()> {
    match &wanted[..] {
        [] => Ok(()),
        [one] => fetch_one(link, contents, one).await,
        _ => fetch_bundle(link, contents, wanted).await,
    }
}

async fn fetch_one(link: &Link, contents: &Contents, wanted: &Wanted) -> Result<()> {
    let (hash, size_bytes) = (wanted.hash, wanted.size_bytes);
    let present_bytes = contents.status(hash)?.present_bytes.min(size_bytes);
    // All of it may be here, but not checked: then it begins anew, for nobody sends nothing.
    let wanted_from = if present_bytes == size_bytes { 0 } else { present_bytes };
    let pieces = link.get_pieces(&format!("contents/{hash}?packed=true"), wanted_from).await?;
    let (is_packed, offset) = (pieces.is_packed(), pieces.offset());
    if offset != wanted_from && offset != 0 {
        return Err(Error::conflict(format!(
            "the master sends the content {hash} from byte {offset} where {wanted_from} was asked for"
        )));
    }
    let (contents, rest) = (contents.clone(), size_bytes - offset);
    receive(pieces, packed_bytes_max(rest), move |incoming| {
        let mut arrival = contents.receive(hash, offset)?;
        incoming.for_each_plain(is_packed, rest, |bytes| arrival.write(bytes))?;
        arrival.finish(size_bytes)
    })
    .await
    .map_err(|error| damaged(&format!("the content {hash}"), error))
}

async fn fetch_bundle(link: &Link, contents: &Contents, wanted: Vec<Wanted>) -> Result<()> {
    let hashes = wanted.iter().map(|it| it.hash).collect();
    let asked = BundleWanted { contents: hashes };
    let pieces = link.post_for_pieces("contents/bundle?packed=true", &asked).await?;
    let (is_packed, contents) = (pieces.is_packed(), contents.clone());
    let plain_bytes: u64 = wanted.iter().map(|it| BUNDLE_HEAD_BYTES + it.size_bytes).sum();
    receive(pieces, packed_bytes_max(plain_bytes), move |incoming| {
        let mut sizes: HashMap<_, _> = wanted.iter().map(|it| (it.hash, it.size_bytes)).collect();
        let (mut batch, mut unbundling) = (contents.begin_batch()?, Unbundling::default());
        let taken = incoming.for_each_plain(is_packed, plain_bytes, |piece| {
            unbundling.take(piece, |hash, content| {
                if sizes.remove(&hash) != Some(content.len() as u64) {
                    return Err(Error::conflict(format!(
                        "the master sends the content {hash}, which was not asked for"
                    )));
                }
                batch.add(hash, content)
            })
        });
        // What is whole is kept, however it ended.
        batch.place(|_| true)?;
        taken?;
        match sizes.len() {
            0 => Ok(()),
            missing => Err(Error::unreachable(format!("{missing} contents of a bundle did not arrive"))),
        }
    })
    .await
    .map_err(|error| damaged("a bundle of contents", error))
}

/// Brings a result, or a part of one, that is `what`.
pub(super) async fn result(link: &Link, url: &str, expected: (ContentHash, u64), path: &Path, what: &str) -> Result<()> {
    let (hash, size_bytes) = expected;
    let pieces = link.get_pieces(url, 0).await?;
    let target = path.to_path_buf();
    receive(pieces, size_bytes, move |incoming| {
        let mut part = Part::create(&target.with_extension("part"))?;
        incoming.for_each(|bytes| part.write(bytes))?;
        part.place(hash, size_bytes, &target)
    })
    .await
    .map_err(|error| damaged(what, error))
}

/// What cannot be taken in is not this machine's fault.
fn damaged(what: &str, error: Error) -> Error {
    match error.code {
        Code::BadInput => Error::conflict(format!("{what} arrived damaged: {}", error.message)),
        _ => error,
    }
}

/// Lets `take` have the pieces in a thread that may block. If whoever waits for it goes away, `take` hears that soon.
async fn receive<T: Send + 'static>(
    mut pieces: Pieces,
    bytes_max: u64,
    take: impl FnOnce(&mut Incoming<Bytes>) -> Result<T> + Send + 'static,
) -> Result<T> {
    hand_over(&mut pieces, move |next| take(&mut Incoming::new(next, bytes_max))).await
}
