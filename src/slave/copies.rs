//! Copies of results for a folder of the slave's owner, such as a share that everybody sees.
//!
//! The master's result is what counts. A copy that cannot be made is told and costs nothing else: neither the frame nor
//! time of the slot, for copies are made one after the other in a thread of their own.

use super::board::Board;
use crate::error::{Error, Result};
use crate::happening::HappeningKind;
use crate::ids::{JobId, Piece};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tokio::sync::watch;

/// Copies that may wait; what comes on top is left out, and told.
const COPIES_MAX: usize = 256;
/// Letters of a job's name that its folder bears.
const NAME_CHARS_MAX: usize = 64;

/// Where copies are handed in. The thread ends with it.
#[derive(Debug)]
pub(super) struct Copies {
    staging: PathBuf,
    waiting: SyncSender<Order>,
    /// How many are not made yet.
    pending: Arc<watch::Sender<usize>>,
}

/// What a picture is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) job: JobId,
    pub(super) job_name: &'a str,
    pub(super) piece: Piece,
}

#[derive(Debug)]
struct Order {
    /// A second name of the result, gone once it is copied.
    staged: PathBuf,
    target: PathBuf,
}

/// Makes the folder and tries whether it can be written.
pub(super) fn check(folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("write copies into", folder, &error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let probe = folder.join(format!(".writable.{}.part", std::process::id()));
    std::fs::write(&probe, b"")
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(failed)
}

impl Copies {
    /// Begins; `staging` is a folder of the slave's own on the disk where results are rendered.
    pub(super) fn start(folder: PathBuf, staging: PathBuf, board: Arc<Board>) -> Result<Self> {
        std::fs::create_dir_all(&staging).map_err(|error| Error::io("make the folder", &staging, &error))?;
        let (waiting, orders) = sync_channel(COPIES_MAX);
        let pending = Arc::new(watch::Sender::new(0));
        let left = Arc::clone(&pending);
        std::thread::Builder::new()
            .name("netrender-copies".to_owned())
            .spawn(move || work(&folder, &orders, &left, &board))
            .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            staging,
            waiting,
            pending,
        })
    }

    /// Takes over a picture that is whole; it may be moved away at once.
    pub(super) fn take(&self, picture: &Path, label: Label<'_>) -> Result<()> {
        let staged = self.staging.join(picture.file_name().unwrap_or_default());
        let _ = std::fs::remove_file(&staged);
        std::fs::hard_link(picture, &staged)
            .or_else(|_| std::fs::copy(picture, &staged).map(drop))
            .map_err(|error| Error::io("write", &staged, &error))?;
        let target = place(label);
        self.pending.send_modify(|count| *count += 1);
        self.waiting.try_send(Order { staged, target }).map_err(|_| {
            self.pending.send_modify(|count| *count -= 1);
            Error::storage(format!("more than {COPIES_MAX} results wait to be copied"))
        })
    }

    /// Waits until all are made.
    pub(super) async fn made(&self) {
        // The sender lives in `self`.
        let _ = self.pending.subscribe().wait_for(|count| *count == 0).await;
    }
}

fn work(folder: &Path, orders: &Receiver<Order>, left: &watch::Sender<usize>, board: &Board) {
    while let Ok(Order { staged, target }) = orders.recv() {
        let target = folder.join(target);
        if let Err(error) = copy_whole(&staged, &target) {
            let text = format!("no copy of a result: {}; the master gets it all the same", error.message);
            board.tell(HappeningKind::Warning, text);
        }
        // What stays is swept away at the next start.
        let _ = std::fs::remove_file(&staged);
        left.send_modify(|count| *count -= 1);
    }
}

/// `<job's name>_<id>/<frame>.exr`.
fn place(label: Label<'_>) -> PathBuf {
    let safe = |letter: char| {
        if letter.is_alphanumeric() || "-_.".contains(letter) {
            letter
        } else {
            '_'
        }
    };
    let name: String = label.job_name.chars().take(NAME_CHARS_MAX).map(safe).collect();
    let folder = format!("{}_{}", name.trim_start_matches('.'), label.job);
    Path::new(&folder).join(format!("{}.exr", label.piece.stem()))
}

/// Copies under a temporary name beside the target, so that nobody ever sees half of it.
fn copy_whole(source: &Path, target: &Path) -> Result<()> {
    let part = target.with_extension(format!("{}.part", std::process::id()));
    let copy = || -> std::io::Result<()> {
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(source, &part)?;
        std::fs::File::options().write(true).open(&part)?.sync_all()?;
        std::fs::rename(&part, target)
    };
    copy().map_err(|error| {
        let _ = std::fs::remove_file(&part);
        Error::io("write", target, &error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(job_name: &str, frame: i32) -> Label<'_> {
        let job = JobId::from_bits(1);
        Label {
            job,
            job_name,
            piece: frame.into(),
        }
    }

    #[test]
    fn a_jobs_folder_is_named_after_it_and_stays_below() {
        let shown = |name: &str, frame| place(label(name, frame)).display().to_string();
        let id = JobId::from_bits(1);
        assert_eq!(shown("Flug 3", 12), format!("Flug_3_{id}/000012.exr"));
        assert_eq!(shown("../../etc/passwd", -5), format!("_.._etc_passwd_{id}/-00005.exr"));
    }

    #[tokio::test]
    async fn copies_are_made_beside_the_result_and_a_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (picture, share) = (folder.path().join("1_1_1.exr"), folder.path().join("share"));
        std::fs::write(&picture, b"pixels").unwrap();
        check(&share).unwrap();
        let board = Arc::new(Board::default());
        let copies = Copies::start(share.clone(), folder.path().join("staging"), Arc::clone(&board)).unwrap();
        copies.take(&picture, label("shot", 1)).unwrap();
        copies.made().await;
        let there = share.join(place(label("shot", 1)));
        assert_eq!(std::fs::read(there).unwrap(), b"pixels");
        assert!(board.drain().is_empty() && picture.exists());

        std::fs::remove_dir_all(&share).unwrap();
        std::fs::write(&share, b"not a folder any more").unwrap();
        copies.take(&picture, label("shot", 2)).unwrap();
        copies.made().await;
        let told = board.drain();
        assert!(told[0].text.contains("the master gets it all the same"), "{told:?}");
        check(&share).unwrap_err();
    }
}
