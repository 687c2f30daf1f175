//! Contents on their way to the master: several at once, long ones by themselves and going on where they broke off, small
//! ones together.

use super::board::Board;
use super::packed::{blocking, gets_smaller, packed, put_packed};
use crate::error::{Code, Error, Result};
use crate::files::{
    BUNDLE_BYTES_MAX, BUNDLE_CONTENTS_MAX, BUNDLE_HEAD_BYTES, BUNDLED_BYTES_MAX, append_to_bundle, packing_pays, shared_name,
};
use crate::ids::ContentHash;
use crate::link::{Backoff, Link};
use crate::wire::{Accepts, BundleTaken, ContentStatus, OfferInfo, Offers, OffersTaken};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// How many contents are sent at once.
const UPLOADS_AT_ONCE: usize = 4;
/// How many tries in a row may bring nothing across. With the waits of [`Backoff`] that is about five minutes: enough for
/// a master that is started again, or a cable that is plugged in again.
const FRUITLESS_TRIES_MAX: u32 = 64;

/// The slowest shared disk that the master is waited for.
const SHARED_BYTES_PER_SECOND_MIN: u64 = 10_000_000;

/// A file to send.
#[derive(Debug, Clone)]
pub(super) struct Content {
    /// What the master calls it.
    pub(super) hash: ContentHash,
    /// Where it lies here.
    pub(super) file: PathBuf,
    /// How long it was when it was hashed.
    pub(super) size_bytes: u64,
}

/// What one request brings across.
#[derive(Debug)]
enum Parcel {
    /// A content by itself, from where it broke off.
    One(Content),
    /// Small ones together.
    Bundle(Vec<Content>),
}

/// Sends all of these; the first failure ends it.
pub(super) async fn upload(link: &Link, contents: Vec<Content>, accepts: Accepts, board: &Arc<Board>) -> Result<()> {
    let mut under_way = JoinSet::new();
    let offers = accepts.paths;
    for parcel in parcels(contents, accepts) {
        if under_way.len() == UPLOADS_AT_ONCE {
            finish_one(&mut under_way).await?;
        }
        let (link, board) = (link.clone(), Arc::clone(board));
        under_way.spawn(async move {
            let parcel = if offers {
                offer(&link, parcel, &board).await
            } else {
                Some(parcel)
            };
            match parcel {
                Some(parcel) => upload_one(&link, parcel, accepts, &board).await,
                None => Ok(()),
            }
        });
    }
    while !under_way.is_empty() {
        finish_one(&mut under_way).await?;
    }
    Ok(())
}

/// Small contents go together, long ones by themselves; those first, for they take longest.
fn parcels(contents: Vec<Content>, accepts: Accepts) -> Vec<Parcel> {
    let is_small = |content: &Content| accepts.bundles && content.size_bytes <= BUNDLED_BYTES_MAX;
    let (small, long): (Vec<_>, Vec<_>) = contents.into_iter().partition(is_small);
    let mut parcels: Vec<Parcel> = long.into_iter().map(Parcel::One).collect();
    let (mut bundle, mut bundle_bytes) = (Vec::new(), 0);
    for content in small {
        let bytes = BUNDLE_HEAD_BYTES + content.size_bytes;
        if bundle_bytes + bytes > BUNDLE_BYTES_MAX || bundle.len() == BUNDLE_CONTENTS_MAX {
            parcels.push(Parcel::Bundle(std::mem::take(&mut bundle)));
            bundle_bytes = 0;
        }
        bundle_bytes += bytes;
        bundle.push(content);
    }
    if !bundle.is_empty() {
        parcels.push(Parcel::Bundle(bundle));
    }
    parcels
}

async fn finish_one(under_way: &mut JoinSet<Result<()>>) -> Result<()> {
    match under_way.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Error::internal(format!("an upload ended unexpectedly: {error}"))),
        None => Ok(()),
    }
}

/// Tells the master where the files lie, for it may see the same disk; what it does not take is left to be sent.
async fn offer(link: &Link, parcel: Parcel, board: &Board) -> Option<Parcel> {
    let contents = match &parcel {
        Parcel::One(content) => std::slice::from_ref(content),
        Parcel::Bundle(contents) => contents,
    };
    let bytes: u64 = contents.iter().map(|it| it.size_bytes).sum();
    let named = contents.iter().filter_map(|content| {
        Some(OfferInfo {
            hash: content.hash,
            size_bytes: content.size_bytes,
            path: shared_name(&content.file).ok()?,
        })
    });
    let offers = Offers { offers: named.collect() };
    let wait = Duration::from_secs(bytes / SHARED_BYTES_PER_SECOND_MIN);
    let taken = match link.post::<_, OffersTaken>("contents/offers", &offers, wait).await {
        Ok(taken) => taken.contents.into_iter().collect::<HashSet<_>>(),
        // Then they are sent, which tells better what is wrong.
        Err(_) => return Some(parcel),
    };
    let is_taken = |content: &Content| taken.contains(&content.hash);
    board.add(contents.iter().filter(|it| is_taken(it)).map(|it| it.size_bytes).sum());
    board.add_files(contents.iter().filter(|it| is_taken(it)).count() as u64);
    match parcel {
        Parcel::One(content) => (!is_taken(&content)).then_some(Parcel::One(content)),
        Parcel::Bundle(mut contents) => {
            contents.retain(|content| !is_taken(content));
            (!contents.is_empty()).then_some(Parcel::Bundle(contents))
        }
    }
}

async fn upload_one(link: &Link, parcel: Parcel, accepts: Accepts, board: &Arc<Board>) -> Result<()> {
    let mut tries = Tries::default();
    loop {
        // What this try adds to the board: it is taken back if the try fails, and counted anew by the next one.
        let counted = Arc::new(AtomicU64::new(0));
        let outcome = match &parcel {
            Parcel::One(content) => send_one(link, content, accepts, (board, &counted), &mut tries)
                .await
                .map(|()| 1),
            Parcel::Bundle(contents) => send_bundle(link, contents, accepts, board).await,
        };
        let error = match outcome {
            Ok(files) => {
                board.add_files(files);
                return Ok(());
            }
            Err(error) => error,
        };
        board.take_back(counted.load(Ordering::Relaxed));
        tries.fruitless += 1;
        if tries.fruitless > FRUITLESS_TRIES_MAX || !is_worth_another_try(error.code) {
            return Err(error);
        }
        tracing::debug!(?parcel, %error, "an upload broke off");
        board.say(format!("{}; trying again", error.message));
        tokio::time::sleep(tries.backoff.next_wait()).await;
    }
}

/// Sends small contents together: all of them are with the master, or the whole is sent again.
async fn send_bundle(link: &Link, contents: &[Content], accepts: Accepts, board: &Board) -> Result<u64> {
    let (contents, bytes) = (contents.to_vec(), contents.iter().map(|it| it.size_bytes).sum());
    let count = contents.len();
    let bundling = move || {
        let body = bundle(&contents)?;
        Ok(if accepts.packed && packing_pays(&body) {
            (packed(&body)?, "contents?packed=true")
        } else {
            (body, "contents")
        })
    };
    let (body, path) = blocking(bundling).await?;
    let taken: BundleTaken = link.post_bytes(path, body).await?;
    if taken.contents != count {
        return Err(Error::conflict(format!(
            "the master has only {} of the {count} files of a bundle",
            taken.contents
        )));
    }
    board.add(bytes);
    Ok(count as u64)
}

fn bundle(contents: &[Content]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for Content { hash, file, size_bytes } in contents {
        let content = std::fs::read(file).map_err(|error| Error::io("read", file, &error))?;
        if content.len() as u64 != *size_bytes {
            return Err(changed(file));
        }
        append_to_bundle(&mut body, *hash, &content);
    }
    Ok(body)
}

fn changed(file: &Path) -> Error {
    Error::bad_input(format!("{} was changed while it was being sent", file.display())).hint("send the job again")
}

/// The tries at one content. One that broke off after it had brought something across was not in vain.
#[derive(Default)]
struct Tries {
    backoff: Backoff,
    fruitless: u32,
    present_bytes_before: u64,
}

impl Tries {
    /// Notes how much the master has.
    fn found(&mut self, present_bytes: u64) {
        if present_bytes > self.present_bytes_before {
            self.present_bytes_before = present_bytes;
            self.fruitless = 0;
            self.backoff.reset();
        }
    }
}

/// Another client may send the same content at the same time: that conflict ends by itself.
fn is_worth_another_try(code: Code) -> bool {
    matches!(code, Code::Unreachable | Code::Timeout | Code::Conflict)
}

async fn send_one(
    link: &Link,
    content: &Content,
    accepts: Accepts,
    (board, counted): (&Arc<Board>, &Arc<AtomicU64>),
    tries: &mut Tries,
) -> Result<()> {
    let Content { hash, file, size_bytes } = content;
    let status: ContentStatus = link.get(&format!("contents/{hash}/status")).await?;
    tries.found(status.present_bytes);
    let count = {
        let (board, counted) = (Arc::clone(board), Arc::clone(counted));
        move |bytes: u64| {
            counted.fetch_add(bytes, Ordering::Relaxed);
            board.add(bytes);
        }
    };
    if status.complete {
        count(*size_bytes);
        return Ok(());
    }
    let length = tokio::fs::metadata(file)
        .await
        .map_err(|error| Error::io("read", file, &error))?
        .len();
    if length != *size_bytes {
        return Err(changed(file));
    }
    let offset = status.present_bytes.min(*size_bytes);
    count(offset);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    board.say(format!("sending {name}"));
    let path = format!("contents/{hash}?offset={offset}&size={size_bytes}");
    let status: ContentStatus = if accepts.packed && gets_smaller(file, offset).await? {
        put_packed(link, &path, file, (offset, *size_bytes), count).await?
    } else {
        link.put_file(&path, file, offset, *size_bytes, Arc::new(count)).await?
    };
    if status.complete {
        return Ok(());
    }
    tries.found(status.present_bytes);
    Err(Error::conflict(format!("the master has only a part of {}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tries_that_bring_nothing_across_are_counted() {
        let mut tries = Tries {
            fruitless: 3,
            ..Tries::default()
        };
        tries.found(0);
        assert_eq!(tries.fruitless, 3);
        tries.found(10);
        assert_eq!(tries.fruitless, 0);
        tries.fruitless = 2;
        tries.found(10);
        assert_eq!(tries.fruitless, 2);
    }

    #[test]
    fn small_contents_go_together_within_the_bounds_of_a_bundle() {
        let content = |size_bytes| Content {
            hash: ContentHash([0; 32]),
            file: PathBuf::new(),
            size_bytes,
        };
        let shapes = |sizes: Vec<u64>, bundles| -> Vec<usize> {
            let parcels = parcels(
                sizes.into_iter().map(content).collect(),
                Accepts {
                    bundles,
                    ..Accepts::default()
                },
            );
            let shape = |parcel: &Parcel| match parcel {
                Parcel::One(_) => 0,
                Parcel::Bundle(contents) => contents.len(),
            };
            parcels.iter().map(shape).collect()
        };
        let long = BUNDLED_BYTES_MAX + 1;
        assert_eq!(shapes(vec![1, long, 0, 5], true), [0, 3]);
        assert_eq!(shapes(vec![1, long, 0], false), [0, 0, 0], "an older master");
        assert_eq!(shapes(vec![1; 2 * BUNDLE_CONTENTS_MAX + 1], true), [2048, 2048, 1]);
        assert_eq!(shapes(vec![BUNDLED_BYTES_MAX; 33], true), [31, 2]);
        assert!(shapes(Vec::new(), true).is_empty());
    }
}
