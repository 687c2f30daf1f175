//! What the master has acknowledged, as those outside of it wrote it down.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// One attempt at one task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    pub(crate) job: String,
    pub(crate) index: u64,
    pub(crate) attempt: u64,
}

/// What is known of a job.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) frames: u64,
    pub(crate) has_files: bool,
    pub(crate) fate: Fate,
}

/// What a client did to a job in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Lives,
    /// It was asked for something, and nobody knows whether it was heard.
    Unknown,
    Cancelled,
    Removed,
}

#[derive(Default)]
pub(crate) struct Ledger {
    book: Mutex<Book>,
    acknowledged: watch::Sender<u64>,
    ended: watch::Sender<bool>,
    audited: AtomicBool,
}

#[derive(Default)]
struct Book {
    jobs: BTreeMap<String, Job>,
    /// Tasks that are done, with the hash of their picture, and when that was heard.
    done: HashMap<(String, u64), (Option<String>, u64)>,
    /// Whether frames of a job are delivered with pictures, as the first slave that asked was told.
    pictures: HashMap<String, bool>,
    /// Who was told to render an attempt.
    leases: HashMap<Task, String>,
    faults: Vec<String>,
}

impl Ledger {
    /// The moment now, for [`Self::leased`].
    pub(crate) fn now(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Nothing new shall begin.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Whether somebody looks through all jobs just now.
    pub(crate) fn is_audited(&self) -> bool {
        self.audited.load(Ordering::Relaxed)
    }

    pub(crate) fn set_audited(&self, is_audited: bool) {
        self.audited.store(is_audited, Ordering::Relaxed);
    }

    pub(crate) async fn wait_for_more(&self, more: u64) {
        let target = self.now() + more;
        self.acknowledged.subscribe().wait_for(|now| *now >= target).await.unwrap();
    }

    pub(crate) fn announced(&self, id: &str, frames: u64, has_files: bool) {
        let job = Job {
            frames,
            has_files,
            fate: Fate::Lives,
        };
        if self.book().jobs.insert(id.to_owned(), job).is_some() {
            self.fault(format!("the job {id} was given to two clients"));
        }
        self.tick();
    }

    /// Before something is asked for: until it is acknowledged, nobody knows.
    pub(crate) fn set_fate(&self, id: &str, fate: Fate) {
        if let Some(job) = self.book().jobs.get_mut(id) {
            job.fate = fate;
        }
        self.tick();
    }

    /// A slave that asked at the moment `asked` was told to render this.
    pub(crate) fn leased(&self, task: Task, slave: &str, asked: u64) {
        let mut book = self.book();
        let mut faults = Vec::new();
        if let Some((_, when)) = book.done.get(&(task.job.clone(), task.index))
            && *when < asked
        {
            faults.push(format!("{task:?} was leased to {slave} although it was done"));
        }
        match book.leases.get(&task) {
            Some(other) if other != slave => faults.push(format!("{task:?} was leased to {other} and to {slave}")),
            _ => drop(book.leases.insert(task, slave.to_owned())),
        }
        book.faults.extend(faults);
    }

    pub(crate) fn done(&self, task: &Task, hash: Option<&str>) {
        self.tick();
        let now = self.now();
        let key = (task.job.clone(), task.index);
        let before = self.book().done.insert(key, (hash.map(str::to_owned), now));
        if before.is_some_and(|(before, _)| before.as_deref() != hash) {
            self.fault(format!("{task:?} was accepted with two pictures"));
        }
    }

    pub(crate) fn fault(&self, what: String) {
        self.book().faults.push(what);
    }

    #[track_caller]
    pub(crate) fn must_be_sound(&self) {
        let faults = self.book().faults.clone();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    pub(crate) fn job(&self, id: &str) -> Option<Job> {
        self.book().jobs.get(id).cloned()
    }

    /// Whether nobody need wonder that a job is not there.
    pub(crate) fn may_be_gone(&self, id: &str) -> bool {
        self.job(id)
            .is_none_or(|job| matches!(job.fate, Fate::Removed | Fate::Unknown))
    }

    /// Whether slaves deliver pictures of a job's frames. For ever the same: what a slave of the real kind delivers does not
    /// depend on what its job's client has heard by then.
    pub(crate) fn wants_pictures(&self, job: &str) -> bool {
        let mut book = self.book();
        let has_files = book.jobs.get(job).is_none_or(|job| job.has_files);
        *book.pictures.entry(job.to_owned()).or_insert(has_files)
    }

    pub(crate) fn jobs(&self) -> BTreeMap<String, Job> {
        self.book().jobs.clone()
    }

    /// The tasks of a job that are done.
    pub(crate) fn done_of(&self, id: &str) -> BTreeMap<u64, Option<String>> {
        let book = self.book();
        let of_job = book.done.iter().filter(|((job, _), _)| job == id);
        of_job.map(|((_, task), (hash, _))| (*task, hash.clone())).collect()
    }

    /// Frames that are still to be rendered, about.
    pub(crate) fn open_frames(&self) -> u64 {
        let book = self.book();
        let living = book.jobs.values().filter(|job| job.fate == Fate::Lives);
        living
            .map(|job| job.frames)
            .sum::<u64>()
            .saturating_sub(book.done.len() as u64)
    }

    fn tick(&self) {
        self.acknowledged.send_modify(|count| *count += 1);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Display for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let book = self.book();
        write!(
            f,
            "{} jobs, {} leases, {} frames done, {} acknowledgements",
            book.jobs.len(),
            book.leases.len(),
            book.done.len(),
            self.now()
        )
    }
}
