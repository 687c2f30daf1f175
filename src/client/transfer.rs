//! Contents on their way to the master: several at once, long ones by themselves and going on where they broke off, small
//! ones together.

use super::board::Board;
use super::packed::{blocking, gets_smaller, packed, put_packed};
use crate::error::{Code, Error, Result};
use crate::files::{append_to_bundle, packing_pays, parcels, shared_name};
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

/// Sends all of these; the first failure ends it.
pub(super) async fn upload(link: &Link, contents: Vec<Content>, accepts: Accepts, board: &Arc<Board>) -> Result<()> {
    let mut under_way = JoinSet::new();
    let offers = accepts.paths;
    for parcel in shared_out(contents, accepts) {
        if under_way.len() == UPLOADS_AT_ONCE {
            finish_one(&mut under_way).await?;
        }
        let (link, board) = (link.clone(), Arc::clone(board));
        under_way.spawn(async move {
            let parcel = if offers { offer(&link, parcel, &board).await } else { parcel };
            upload_together(&link, &parcel, accepts, &board).await
        });
    }
    while !under_way.is_empty() {
        finish_one(&mut under_way).await?;
    }
    Ok(())
}

/// The requests that bring them across.
fn shared_out(contents: Vec<Content>, accepts: Accepts) -> Vec<Vec<Content>> {
    if accepts.bundles {
        return parcels(contents, |content| content.size_bytes);
    }
    contents.into_iter().map(|content| vec![content]).collect()
}

async fn finish_one(under_way: &mut JoinSet<Result<()>>) -> Result<()> {
    match under_way.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Error::internal(format!("an upload ended unexpectedly: {error}"))),
        None => Ok(()),
    }
}

/// Tells the master where the files lie, for it may see the same disk; what it does not take is left to be sent.
async fn offer(link: &Link, mut contents: Vec<Content>, board: &Board) -> Vec<Content> {
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
        Err(_) => return contents,
    };
    let is_taken = |content: &Content| taken.contains(&content.hash);
    board.add(contents.iter().filter(|it| is_taken(it)).map(|it| it.size_bytes).sum());
    board.add_files(contents.iter().filter(|it| is_taken(it)).count() as u64);
    contents.retain(|content| !is_taken(content));
    contents
}

/// Sends what goes in one request.
async fn upload_together(link: &Link, contents: &[Content], accepts: Accepts, board: &Arc<Board>) -> Result<()> {
    let mut tries = Tries::default();
    loop {
        // What this try adds to the board: it is taken back if the try fails, and counted anew by the next one.
        let counted = Arc::new(AtomicU64::new(0));
        let outcome = match contents {
            [] => return Ok(()),
            [content] => send_one(link, content, accepts, (board, &counted), &mut tries)
                .await
                .map(|()| 1),
            _ => send_bundle(link, contents, accepts, board).await,
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
        tracing::debug!(?contents, %error, "an upload broke off");
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
}
