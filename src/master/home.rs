//! The master's path: whose it is, where things lie in it, and how it is cleared.
//!
//! `<path>/blender_master.data` is the state, `<path>/blender_master.lock` says who works here, `<path>/master_<pid>/` holds
//! `contents/`, `jobs/<job>/{results,logs,thumbnails}/`, `incoming/` and `trash/`; `<path>/kept/<job>/` holds the results of
//! jobs that were removed without them, and is nobody's to remove. A master that resumes takes its predecessor's folder over.

use super::disk::Disk;
use crate::error::{Error, Result};
use crate::files::content::Contents;
use crate::files::part;
use crate::ids::{Attempt, ContentHash, JobId, Piece};
use crate::store::{self, Store, Write};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime};

const LOCK_FILE: &str = "blender_master.lock";
const DIRECTORY_PREFIX: &str = "master_";
const TRASH: &str = "trash";
const KEPT: &str = "kept";
/// In a job's folder: its results are to stay when the job goes.
const KEEP_MARK: &str = "keep";
const INCOMING: &str = "incoming";
const CLEAR_NOTE: &str = "clear_on_exit";
const DIRECTORY_NOTE: &str = "directory";
/// An upload to which nothing was added for so long is not waited for any more; it can begin anew.
const UNFINISHED_KEPT_DAYS: u64 = 7;
/// How often such uploads are looked for.
const UNFINISHED_LOOK_S: u64 = 3_600;

/// Where things lie. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    directory: PathBuf,
    /// The content store.
    pub(super) contents: Contents,
    /// The room that is left for all of it.
    pub(super) disk: Arc<Disk>,
}

impl Folders {
    /// All of one job.
    pub(super) fn job(&self, job: JobId) -> PathBuf {
        self.directory.join("jobs").join(job.to_string())
    }

    /// The result of a frame, or of a tile. The attempt is part of the name: what a stale attempt leaves never takes the place
    /// of a good one.
    pub(super) fn result(&self, job: JobId, piece: Piece, attempt: Attempt) -> PathBuf {
        self.job(job).join("results").join(result_name(piece, attempt))
    }

    /// A small picture of a result.
    pub(super) fn thumbnail(&self, job: JobId, piece: Piece, attempt: Attempt, width: u32) -> PathBuf {
        let name = format!("{}_{attempt}_{width}.png", piece.stem());
        self.job(job).join("thumbnails").join(name)
    }

    /// What Blender printed, of a whole job.
    pub(super) fn logs(&self, job: JobId) -> PathBuf {
        self.job(job).join("logs")
    }

    /// Where an archive is unpacked, until its job is known.
    pub(super) fn incoming(&self, id: JobId) -> PathBuf {
        self.directory.join(INCOMING).join(id.to_string())
    }

    /// A frame's final files, if slaves make them: a zip beside its result.
    pub(super) fn finals(&self, job: JobId, piece: Piece, attempt: Attempt) -> PathBuf {
        self.result(job, piece, attempt).with_extension("zip")
    }

    /// What Blender printed in one attempt at a frame, or at a tile.
    pub(super) fn log(&self, job: JobId, piece: Piece, attempt: Attempt) -> PathBuf {
        self.logs(job).join(log_name(piece, attempt))
    }

    /// Notes that the results of a job shall stay when it goes, also if the master is killed while it goes.
    pub(super) fn mark_kept(&self, job: JobId) -> Result<()> {
        let folder = self.job(job);
        part::make_folder(&folder)?;
        let mark = folder.join(KEEP_MARK);
        File::create(&mark)
            .and_then(|mark| mark.sync_all())
            .and_then(|()| File::open(&folder)?.sync_all())
            .map_err(|error| Error::io("write", &mark, &error))
    }

    /// The folders of all jobs.
    pub(super) fn jobs(&self) -> PathBuf {
        self.directory.join("jobs")
    }

    fn trash(&self) -> PathBuf {
        self.directory.join(TRASH)
    }
}

/// The name of a result.
pub(super) fn result_name(piece: Piece, attempt: Attempt) -> String {
    format!("{}_{attempt}.exr", piece.stem())
}

/// The name of a log.
pub(super) fn log_name(piece: Piece, attempt: Attempt) -> String {
    format!("{}_{attempt}.log", piece.stem())
}

/// A path that this master, and nobody else, works in.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    /// Where things lie.
    pub(super) folders: Folders,
    clear_on_exit: bool,
    sweeper: Sweeper,
    discarded: u64,
    /// Held as long as this lives.
    _lock: File,
}

impl Home {
    /// Takes possession of a path: alone, with its state opened and the predecessor's folder taken over.
    pub(super) fn open(path: &Path, clear_on_exit: bool) -> Result<(Self, Store)> {
        std::fs::create_dir_all(path).map_err(|error| Error::io("make the folder", path, &error))?;
        let path = std::fs::canonicalize(path).map_err(|error| Error::io("use the folder", path, &error))?;
        let lock = lock(&path)?;
        let mut store = Store::open(&path)?;
        if store.note(CLEAR_NOTE)?.is_some_and(|value| value == "yes") {
            // The one before should have cleared this, but was killed.
            drop(store);
            clear(&path)?;
            store = Store::open(&path)?;
        }
        let directory = take_over(&path, store.note(DIRECTORY_NOTE)?.as_deref())?;
        store.apply(&[
            Write::Note {
                name: DIRECTORY_NOTE,
                value: name_of(&directory),
            },
            Write::Note {
                name: CLEAR_NOTE,
                value: if clear_on_exit { "yes" } else { "no" }.to_owned(),
            },
        ])?;
        let folders = Folders {
            contents: Contents::new(directory.join("contents")),
            disk: Arc::new(Disk::new(path.clone())),
            directory,
        };
        if folders.directory.join(INCOMING).exists() {
            put_away(&folders.directory.join(INCOMING), &folders.trash())?;
        }
        let sweeper = start_sweeper(folders.clone())?;
        let home = Self {
            path,
            folders,
            clear_on_exit,
            sweeper,
            discarded: 0,
            _lock: lock,
        };
        Ok((home, store))
    }

    /// Deletes a folder or a file: out of the way at once, gone soon. That it is not there is as good.
    pub(super) fn discard(&mut self, folder: &Path) -> Result<()> {
        self.discarded += 1;
        let target = self.folders.trash().join(format!("{}_{}", self.discarded, name_of(folder)));
        match std::fs::rename(folder, target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", folder, &error)),
            _ => {
                // A full queue means that it is about to look anyway.
                let _ = self.sweeper.wake.try_send(());
                Ok(())
            }
        }
    }

    /// The same for a content, with what has arrived of it.
    pub(super) fn discard_content(&mut self, hash: ContentHash) -> Result<()> {
        self.folders.contents.remove_part(hash)?;
        let path = self.folders.contents.path(hash);
        self.discard(&path)
    }

    /// Moves the results of a job that goes to where nobody removes them: `<path>/kept/<job>`. A job without results has
    /// nothing to keep.
    pub(super) fn keep_results(&self, folder: &Path) -> Result<()> {
        let kept = self.path.join(KEPT);
        let target = kept.join(name_of(folder));
        std::fs::create_dir_all(&kept).map_err(|error| Error::io("make the folder", &kept, &error))?;
        match std::fs::rename(folder.join("results"), &target) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("keep the results in", &target, &error)),
            _ => Ok(()),
        }
    }

    /// The same for a job that was going when the master was killed, if its results were to stay.
    pub(super) fn keep_results_if_marked(&self, folder: &Path) -> Result<()> {
        if folder.join(KEEP_MARK).exists() {
            self.keep_results(folder)
        } else {
            Ok(())
        }
    }

    /// Leaves the path: with clear on exit nothing stays. The store must be closed already.
    pub(super) fn leave(self) -> Result<()> {
        if self.clear_on_exit {
            drop(self.sweeper.wake);
            // It cannot panic, and what it has not emptied is removed next.
            let _ = self.sweeper.thread.join();
            clear(&self.path)?;
            let _ = std::fs::remove_file(self.path.join(LOCK_FILE));
        }
        Ok(())
    }
}

/// The thread that empties the trash.
#[derive(Debug)]
struct Sweeper {
    wake: mpsc::SyncSender<()>,
    thread: std::thread::JoinHandle<()>,
}

fn lock(path: &Path) -> Result<File> {
    let name = path.join(LOCK_FILE);
    let io = |error: std::io::Error| Error::io("write", &name, &error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&name)
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // On some systems a locked file cannot be read; the sentence is good without the number too.
            let _ = file.read_to_string(&mut pid);
            let who = if pid.trim().is_empty() {
                "another master".to_owned()
            } else {
                format!("another master (process {})", pid.trim())
            };
            return Err(Error::conflict(format!("{who} works in {} already", path.display()))
                .hint("stop that one, or choose another path"));
        }
        Err(TryLockError::Error(error)) => return Err(io(error)),
    }
    file.set_len(0).map_err(io)?;
    file.rewind().map_err(io)?;
    writeln!(file, "{}", std::process::id()).map_err(io)?;
    Ok(file)
}

/// The folder of the master before becomes ours; if there was none, it is made.
fn take_over(path: &Path, noted: Option<&str>) -> Result<PathBuf> {
    let own = path.join(format!("{DIRECTORY_PREFIX}{}", std::process::id()));
    let candidates = directories(path)?;
    let old = candidates
        .iter()
        .find(|candidate| Some(name_of(candidate).as_str()) == noted)
        .or_else(|| candidates.first());
    match old {
        Some(old) if *old != own => {
            // In a container every master may have the same number: what an earlier one left belongs to nothing.
            if own.exists() {
                put_away(&own, &old.join(TRASH))?;
            }
            std::fs::rename(old, &own).map_err(|error| Error::io("take over the folder", old, &error))?;
        }
        _ => part::make_folder(&own)?,
    }
    Ok(own)
}

/// Moves a folder into the trash, under a name that is free there.
fn put_away(folder: &Path, trash: &Path) -> Result<()> {
    part::make_folder(trash)?;
    let name = name_of(folder);
    let mut targets = (0_u64..).map(|number| trash.join(format!("{number}_{name}")));
    let target = targets.find(|target| !target.exists()).unwrap_or_else(|| trash.join(&name));
    std::fs::rename(folder, target).map_err(|error| Error::io("remove", folder, &error))
}

fn directories(path: &Path) -> Result<Vec<PathBuf>> {
    let io = |error: std::io::Error| Error::io("read", path, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?.path();
        let is_one = name_of(&entry)
            .strip_prefix(DIRECTORY_PREFIX)
            .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()));
        if is_one && entry.is_dir() {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
}

/// Removes the state first: a kill in between then leaves files that belong to nothing, never state without its files.
fn clear(path: &Path) -> Result<()> {
    store::remove(path)?;
    directories(path)?
        .iter()
        .try_for_each(|directory| std::fs::remove_dir_all(directory).map_err(|error| Error::io("remove", directory, &error)))
}

/// One thread that empties the trash, now and whenever it is told to, and from time to time removes uploads that nobody goes
/// on with; it ends with its [`Home`].
fn start_sweeper(folders: Folders) -> Result<Sweeper> {
    let trash = folders.trash();
    std::fs::create_dir_all(&trash).map_err(|error| Error::io("make the folder", &trash, &error))?;
    let (wake, woken) = mpsc::sync_channel(1);
    let sweep = move || {
        loop {
            empty(&trash);
            remove_unfinished(&folders.contents);
            // Until somebody wakes it, or for a while.
            loop {
                match woken.recv_timeout(Duration::from_secs(UNFINISHED_LOOK_S)) {
                    Ok(()) => empty(&trash),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    };
    let thread = std::thread::Builder::new()
        .name("netrender-trash".to_owned())
        .spawn(sweep)
        .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
    Ok(Sweeper { wake, thread })
}

fn empty(trash: &Path) {
    let entries = std::fs::read_dir(trash).into_iter().flatten().flatten();
    for entry in entries.map(|entry| entry.path()) {
        let removed = if entry.is_dir() {
            std::fs::remove_dir_all(&entry)
        } else {
            std::fs::remove_file(&entry)
        };
        if let Err(error) = removed {
            tracing::warn!(path = %entry.display(), %error, "the trash cannot be emptied");
        }
    }
}

fn remove_unfinished(contents: &Contents) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the file system's clock says since when nothing has come"
    )]
    let now = SystemTime::now();
    let then = now.checked_sub(Duration::from_hours(24 * UNFINISHED_KEPT_DAYS));
    match then.map_or(Ok(0), |then| contents.remove_parts_before(then)) {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "uploads that nobody went on with are removed"),
        Err(error) => tracing::warn!(%error, "unfinished uploads cannot be removed"),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
