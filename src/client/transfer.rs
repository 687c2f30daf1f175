//! Contents on their way to the master: several at once, each going on where it broke off.

use super::board::Board;
use crate::error::{Code, Error, Result};
use crate::ids::ContentHash;
use crate::link::{Backoff, Link};
use crate::wire::ContentStatus;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::JoinSet;

/// How many contents are sent at once.
const UPLOADS_AT_ONCE: usize = 4;
/// How many tries in a row may bring nothing across. With the waits of [`Backoff`] that is about five minutes: enough for
/// a master that is started again, or a cable that is plugged in again.
const FRUITLESS_TRIES_MAX: u32 = 64;

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
pub(super) async fn upload(link: &Link, contents: Vec<Content>, board: &Arc<Board>) -> Result<()> {
    let mut under_way = JoinSet::new();
    for content in contents {
        if under_way.len() == UPLOADS_AT_ONCE {
            finish_one(&mut under_way).await?;
        }
        let (link, board) = (link.clone(), Arc::clone(board));
        under_way.spawn(async move { upload_one(&link, &content, &board).await });
    }
    while !under_way.is_empty() {
        finish_one(&mut under_way).await?;
    }
    Ok(())
}

async fn finish_one(under_way: &mut JoinSet<Result<()>>) -> Result<()> {
    match under_way.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Error::internal(format!("an upload ended unexpectedly: {error}"))),
        None => Ok(()),
    }
}

async fn upload_one(link: &Link, content: &Content, board: &Arc<Board>) -> Result<()> {
    let mut tries = Tries::default();
    loop {
        // What this try adds to the board: it is taken back if the try fails, and counted anew by the next one.
        let counted = Arc::new(AtomicU64::new(0));
        let error = match try_once(link, content, board, &counted, &mut tries).await {
            Ok(status) if status.complete => return Ok(()),
            Ok(status) => {
                tries.found(status.present_bytes);
                Error::conflict(format!("the master has only a part of {}", content.file.display()))
            }
            Err(error) => error,
        };
        board.take_back(counted.load(Ordering::Relaxed));
        tries.fruitless += 1;
        if tries.fruitless > FRUITLESS_TRIES_MAX || !is_worth_another_try(error.code) {
            return Err(error);
        }
        tracing::debug!(file = %content.file.display(), %error, "an upload broke off");
        board.say(format!("{}; trying again", error.message));
        tokio::time::sleep(tries.backoff.next_wait()).await;
    }
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

async fn try_once(
    link: &Link,
    content: &Content,
    board: &Arc<Board>,
    counted: &Arc<AtomicU64>,
    tries: &mut Tries,
) -> Result<ContentStatus> {
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
        return Ok(status);
    }
    let length = tokio::fs::metadata(file)
        .await
        .map_err(|error| Error::io("read", file, &error))?
        .len();
    if length != *size_bytes {
        return Err(
            Error::bad_input(format!("{} was changed while it was being sent", file.display())).hint("send the job again"),
        );
    }
    let offset = status.present_bytes.min(*size_bytes);
    count(offset);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    board.say(format!("sending {name}"));
    let path = format!("contents/{hash}?offset={offset}&size={size_bytes}");
    link.put_file(&path, file, offset, *size_bytes, Arc::new(count)).await
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
