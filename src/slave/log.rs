//! What Blender printed, per attempt: a file in the outbox that is sent in pieces while it grows.
//!
//! The file outlives the slave, so the log of a frame that is delivered after a restart arrives too. Pieces name their
//! offset, and the master says how much it has: repeats are harmless.

use super::outbox::Outbox;
use crate::error::{Code, Error, Result};
use crate::ids::SlaveId;
use crate::link::Link;
use crate::wire::{LogAppended, TaskName};
use std::collections::HashMap;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Longest log of an attempt, a little less than a master keeps; what comes after is left out, and the log says so.
const LOG_BYTES_MAX: u64 = (16 << 20) - 1024;
/// Most that is sent at once.
const PIECE_BYTES_MAX: u64 = 256 << 10;
/// Pieces that one sending takes at most: all of the longest log, and as many that the master had already.
const PIECES_MAX: u64 = 2 * LOG_BYTES_MAX / PIECE_BYTES_MAX;
/// The log of one attempt.
#[derive(Debug)]
pub(super) struct AttemptLog {
    task: TaskName,
    path: PathBuf,
    writing: Mutex<Writing>,
    sending: tokio::sync::Mutex<Sending>,
}

#[derive(Debug, Default)]
struct Writing {
    file: Option<std::fs::File>,
    bytes: u64,
    /// How much of the task is done, if Blender tells.
    percent: Option<u32>,
}

#[derive(Debug, Default)]
struct Sending {
    offset: u64,
    /// The master wants no more of it.
    refused: bool,
}

impl Writing {
    fn append(&mut self, mut text: String) {
        let Some(file) = &mut self.file else { return };
        let room = LOG_BYTES_MAX.saturating_sub(self.bytes);
        let is_full = text.len() as u64 > room;
        if is_full {
            let end = text.floor_char_boundary(usize::try_from(room).unwrap_or(usize::MAX));
            text.truncate(end);
            text.push_str("\n[the log is longer than 16 MiB: the rest is left out]\n");
        }
        self.bytes += text.len() as u64;
        if file.write_all(text.as_bytes()).is_err() || is_full {
            self.file = None;
        }
    }
}

impl AttemptLog {
    /// Appends lines. A disk that takes no more must not stop the frame: its log then ends here.
    pub(super) fn write_lines<'a>(&self, lines: impl Iterator<Item = &'a str>) {
        let text = lines.fold(String::new(), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        });
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).append(text);
    }

    /// Notes how much of the task is done: told with what is sent next.
    pub(super) fn set_percent(&self, percent: u32) {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner).percent = Some(percent);
    }

    /// Sends what the master does not have yet. Fails if the master cannot be reached, or does not know what it is about.
    pub(super) async fn send(&self, link: &Link, slave: SlaveId) -> Result<()> {
        let mut sending = self.sending.lock().await;
        for _ in 0..PIECES_MAX {
            let piece = self.read(sending.offset).unwrap_or_default();
            if sending.refused || piece.is_empty() {
                break;
            }
            let TaskName { job, task, attempt } = self.task;
            let percent = self.writing.lock().unwrap_or_else(PoisonError::into_inner).percent;
            let percent = percent.map_or_else(String::new, |percent| format!("&percent={percent}"));
            let path = format!(
                "jobs/{job}/tasks/{task}/attempts/{attempt}/log?slave={slave}&offset={}{percent}",
                sending.offset
            );
            match link.put_bytes::<LogAppended>(&path, piece).await {
                // The master says where to go on, also if that is further back.
                Ok(appended) => {
                    sending.refused = appended.size_bytes == sending.offset;
                    sending.offset = appended.size_bytes;
                }
                Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout | Code::NotFound) => return Err(error),
                Err(_) => sending.refused = true,
            }
        }
        Ok(())
    }

    fn read(&self, offset: u64) -> std::io::Result<Vec<u8>> {
        let mut piece = Vec::new();
        let mut file = std::fs::File::open(&self.path)?;
        file.seek(std::io::SeekFrom::Start(offset))?;
        file.take(PIECE_BYTES_MAX).read_to_end(&mut piece)?;
        Ok(piece)
    }
}

/// The logs of all attempts that are held.
#[derive(Debug)]
pub(super) struct Logs {
    outbox: Outbox,
    logs: Mutex<HashMap<TaskName, Arc<AttemptLog>>>,
}

impl Logs {
    pub(super) fn new(outbox: Outbox) -> Self {
        Self {
            outbox,
            logs: Mutex::default(),
        }
    }

    /// A log that begins now.
    pub(super) fn begin(&self, task: TaskName) -> Result<Arc<AttemptLog>> {
        let path = self.outbox.log(task);
        let file = std::fs::File::create(&path).map_err(|error| Error::io("write", &path, &error))?;
        let log = Arc::new(self.log(task, Some(file)));
        self.lock().insert(task, Arc::clone(&log));
        Ok(log)
    }

    /// The log of an attempt, perhaps of an earlier run.
    pub(super) fn get(&self, task: TaskName) -> Arc<AttemptLog> {
        let mut logs = self.lock();
        Arc::clone(logs.entry(task).or_insert_with(|| Arc::new(self.log(task, None))))
    }

    /// Nobody will ask for it any more. The file goes with its parcel.
    pub(super) fn forget(&self, task: TaskName) {
        self.lock().remove(&task);
    }

    fn log(&self, task: TaskName, file: Option<std::fs::File>) -> AttemptLog {
        AttemptLog {
            task,
            path: self.outbox.log(task),
            writing: Mutex::new(Writing {
                file,
                ..Writing::default()
            }),
            sending: tokio::sync::Mutex::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TaskName, Arc<AttemptLog>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::JobId;

    #[test]
    fn a_log_without_end_is_cut_and_says_so() {
        let home = tempfile::tempdir().unwrap();
        let (outbox, _) = Outbox::open(home.path()).unwrap();
        let task = TaskName {
            job: JobId::from_bits(1),
            task: 0,
            attempt: 1,
        };
        let log = Logs::new(outbox.clone()).begin(task).unwrap();
        let line = "x".repeat(1 << 20);
        for _ in 0..20 {
            log.write_lines([line.as_str()].into_iter());
        }
        log.write_lines(["the last line"].into_iter());
        let text = std::fs::read_to_string(outbox.log(task)).unwrap();
        assert!(text.len() as u64 <= LOG_BYTES_MAX + 100);
        assert!(text.ends_with("the rest is left out]\n"));
    }
}
