//! How far a submission is: written by the thread that sends, read by whoever likes.

use crate::blender::MissingFile;
use crate::error::{Error, Result};
use crate::ids::JobId;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a submission is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A Blender lists what the scene depends on.
    Collecting,
    /// The files are read to know their content.
    Hashing,
    /// What the master does not have yet goes over the wire.
    Sending,
    /// The master has everything.
    Sent,
    /// It could not be sent.
    Failed,
    /// Somebody took it back.
    Cancelled,
}

impl Stage {
    /// The stage in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::Hashing => "hashing",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Sent | Self::Failed | Self::Cancelled)
    }
}

/// How far a submission is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// One line for people.
    pub text: String,
    /// Bytes done in this stage.
    pub done: u64,
    /// Bytes of this stage in all; 0 if not known yet.
    pub total: u64,
    /// Files sent,
    pub files_done: u64,
    /// … of how many; 0 as long as none is being sent.
    pub files_total: u64,
    /// The job, once the master knows it, or may know it.
    pub job: Option<JobId>,
    /// The job that bakes before it, once the master knows that, or may know it.
    pub bake_job: Option<JobId>,
    /// Simulations that are not baked and are not being baked either, which could be: their names.
    pub unbaked: Vec<String>,
    /// What the collecting found worth saying.
    pub warnings: Vec<String>,
    /// Files that the scene needs and that are not there, all of them.
    pub missing: Vec<MissingFile>,
    /// Why it failed.
    pub error: Option<Error>,
}

/// A [`Progress`] that can be waited for.
#[derive(Debug)]
pub(super) struct Board {
    progress: Mutex<Progress>,
    ended: Condvar,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            progress: Mutex::new(Progress {
                stage: Stage::Collecting,
                text: "looking for Blender".to_owned(),
                done: 0,
                total: 0,
                files_done: 0,
                files_total: 0,
                job: None,
                bake_job: None,
                unbaked: Vec::new(),
                warnings: Vec::new(),
                missing: Vec::new(),
                error: None,
            }),
            ended: Condvar::new(),
        }
    }

    pub(super) fn read(&self) -> Progress {
        self.lock().clone()
    }

    /// Begins a stage. What has ended stays ended.
    pub(super) fn begin(&self, stage: Stage, text: impl Into<String>, total: u64) {
        let mut progress = self.lock();
        if !progress.stage.is_over() {
            progress.stage = stage;
            progress.text = text.into();
            progress.done = 0;
            progress.total = total;
        }
        self.tell(&progress);
    }

    /// Begins to send so many files.
    pub(super) fn begin_sending(&self, files: u64, bytes: u64) {
        let what = if files == 1 { "file" } else { "files" };
        self.begin(Stage::Sending, format!("sending {files} {what}"), bytes);
        self.lock().files_total = files;
    }

    /// So many files are with the master.
    pub(super) fn add_files(&self, files: u64) {
        let mut progress = self.lock();
        progress.files_done += files;
        if !progress.stage.is_over() && progress.files_total > 1 {
            progress.text = format!("{} of {} files sent", progress.files_done, progress.files_total);
        }
    }

    /// The master has everything; the bytes stay as they were counted.
    pub(super) fn sent(&self, text: impl Into<String>) {
        let mut progress = self.lock();
        progress.stage = Stage::Sent;
        progress.text = text.into();
        self.tell(&progress);
    }

    /// Changes the line for people.
    pub(super) fn say(&self, text: impl Into<String>) {
        let mut progress = self.lock();
        if !progress.stage.is_over() {
            progress.text = text.into();
        }
    }

    /// So many bytes of this stage are done.
    pub(super) fn set(&self, done: u64, total: u64) {
        let mut progress = self.lock();
        (progress.done, progress.total) = (done, total);
    }

    /// So many bytes more are done.
    pub(super) fn add(&self, bytes: u64) {
        let mut progress = self.lock();
        progress.done = progress.done.saturating_add(bytes);
    }

    /// So many bytes have to be done again.
    pub(super) fn take_back(&self, bytes: u64) {
        let mut progress = self.lock();
        progress.done = progress.done.saturating_sub(bytes);
    }

    pub(super) fn warn(&self, warnings: Vec<String>) {
        self.lock().warnings.extend(warnings);
    }

    pub(super) fn missing(&self, missing: &[MissingFile]) {
        self.lock().missing = missing.to_vec();
    }

    pub(super) fn unbaked(&self, names: Vec<String>) {
        self.lock().unbaked = names;
    }

    pub(super) fn announced(&self, job: JobId) {
        self.lock().job = Some(job);
    }

    /// The job that was announced bakes for another one, which is announced next.
    pub(super) fn is_for_another(&self) {
        let mut progress = self.lock();
        progress.bake_job = progress.job.take();
    }

    pub(super) fn fail(&self, error: Error) {
        let mut progress = self.lock();
        if !progress.stage.is_over() {
            progress.stage = Stage::Failed;
            progress.text.clone_from(&error.message);
            progress.error = Some(error);
        }
        self.tell(&progress);
    }

    /// Taken back, at whatever stage.
    pub(super) fn cancelled(&self) {
        let mut progress = self.lock();
        progress.stage = Stage::Cancelled;
        "cancelled".clone_into(&mut progress.text);
        self.tell(&progress);
    }

    /// Waits until it has ended, at most for `timeout`.
    pub(super) fn wait(&self, timeout: Duration) -> Result<Option<JobId>> {
        let (progress, _) = self
            .ended
            .wait_timeout_while(self.lock(), timeout, |progress| !progress.stage.is_over())
            .unwrap_or_else(PoisonError::into_inner);
        match (progress.stage, &progress.error) {
            (Stage::Sent, _) => Ok(progress.job),
            (Stage::Cancelled, _) => Err(Error::cancelled("the submission was cancelled")),
            (Stage::Failed, Some(error)) => Err(error.clone()),
            _ => Ok(None),
        }
    }

    fn tell(&self, progress: &Progress) {
        if progress.stage.is_over() {
            self.ended.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_ends_it_and_is_what_the_wait_raises() {
        let board = Board::new();
        board.begin(Stage::Sending, "sending", 10);
        board.add(4);
        board.take_back(3);
        assert_eq!((board.read().done, board.read().total), (1, 10));
        assert_eq!(board.wait(Duration::ZERO), Ok(None));
        board.fail(Error::blender("no camera"));
        board.begin(Stage::Sent, "sent", 0);
        assert_eq!(board.wait(Duration::ZERO), Err(Error::blender("no camera")));
    }

    #[test]
    fn a_job_that_was_sent_can_still_be_taken_back() {
        let board = Board::new();
        board.announced(JobId::from_bits(1));
        board.begin(Stage::Sent, "sent", 0);
        assert_eq!(board.wait(Duration::ZERO), Ok(Some(JobId::from_bits(1))));
        board.cancelled();
        assert_eq!(board.wait(Duration::ZERO).unwrap_err().code, crate::error::Code::Cancelled);
    }
}
