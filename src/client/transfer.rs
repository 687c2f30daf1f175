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
    let mut backoff = Backoff::default();
    let mut fruitless_tries = 0;
    let mut present_bytes_before = 0;
    loop {
        // What this try adds to the board: it is taken back if the try fails, and counted anew by the next one.
        let counted = Arc::new(AtomicU64::new(0));
        let error = match try_once(link, content, board, &counted).await {
            Ok(status) if status.complete => return Ok(()),
            Ok(status) => {
                if status.present_bytes > present_bytes_before {
                    present_bytes_before = status.present_bytes;
                    fruitless_tries = 0;
                    backoff.reset();
                }
                Error::conflict(format!("the master has only a part of {}", content.file.display()))
            }
            Err(error) => error,
        };
        board.take_back(counted.load(Ordering::Relaxed));
        fruitless_tries += 1;
        if fruitless_tries > FRUITLESS_TRIES_MAX || !is_worth_another_try(error.code) {
            return Err(error);
        }
        tracing::debug!(file = %content.file.display(), %error, "an upload broke off");
        board.say(format!("{}; trying again", error.message));
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

/// Another client may send the same content at the same time: that conflict ends by itself.
fn is_worth_another_try(code: Code) -> bool {
    matches!(code, Code::Unreachable | Code::Timeout | Code::Conflict)
}

async fn try_once(link: &Link, content: &Content, board: &Arc<Board>, counted: &Arc<AtomicU64>) -> Result<ContentStatus> {
    let Content { hash, file, size_bytes } = content;
    let status: ContentStatus = link.get(&format!("contents/{hash}/status")).await?;
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
