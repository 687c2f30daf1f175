//! The working copies that a slave keeps from job to job: `<home>/versions/<number>/files`, and beside it a note of what it is.
//!
//! A copy belongs to one job at a time, so no job sees what another one left, and none is moved under a Blender that has it
//! open; several slots of one slave share a copy for one job, and take different ones for different jobs. A copy that is
//! damaged is thrown away and made anew.

use super::program::Watch;
use super::{git, svn};
use crate::error::{Code, Error, Result};
use crate::ids::{JobId, JobPath, Revision, VersionSystem};
use crate::wire::Source;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Copies that are kept; the one that was used longest ago makes room.
const COPIES_MAX: usize = 16;
/// Lines of progress that wait to be told.
const LINES_MAX: usize = 64;
const NOTE: &str = "note.json";
const FILES: &str = "files";

/// All working copies of a slave; clones share them.
#[derive(Debug, Clone)]
pub struct Copies(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    /// Whether repositories in folders of this machine are read.
    allow_local: bool,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    copies: BTreeMap<u32, Entry>,
    /// Counts uses, to tell which is the oldest.
    uses: u64,
}

/// One working copy.
#[derive(Debug)]
struct Entry {
    origin: (String, String),
    /// The job that has it, and in how many slots.
    job: Option<JobId>,
    users: u32,
    revision: Option<Revision>,
    used: u64,
    /// Held by whoever runs a program in it.
    work: Arc<tokio::sync::Mutex<()>>,
}

/// What is in a copy. Without a revision it may be anything between two.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    system: String,
    remote: String,
    revision: Option<String>,
    /// Folders that are here whole; empty text: all.
    folders: Vec<String>,
}

/// A working copy that stays at its revision as long as this value lives.
#[derive(Debug)]
pub struct WorkingCopy {
    copies: Copies,
    number: u32,
}

impl Copies {
    /// The copies that earlier runs left below `folder` are used again. Nobody else may use the folder.
    pub fn open(folder: &Path, allow_local: bool) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
        let mut table = Table::default();
        let entries = std::fs::read_dir(folder).map_err(|error| Error::io("read", folder, &error))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
            match number {
                Some(number) if path.join(NOTE).is_file() => {
                    let note = Note::read(&path);
                    let revision = note.revision.and_then(|text| text.parse().ok());
                    table.copies.insert(number, Entry::new((note.system, note.remote), revision));
                }
                _ => wipe(&path)?,
            }
        }
        Ok(Self(Arc::new(Shared {
            folder: folder.to_path_buf(),
            allow_local,
            table: Mutex::new(table),
        })))
    }

    /// Has a working copy at the revision, for this job. Given up, what runs for it is killed, and the copy is free once
    /// that is dead. `tell` hears what the programs say.
    pub async fn check_out(&self, job: JobId, source: &Source, tell: &(dyn Fn(&str) + Sync)) -> Result<WorkingCopy> {
        self.check(source)?;
        let stop = CancellationToken::new();
        let _given_up = stop.clone().drop_guard();
        let (lines, mut told) = mpsc::channel(LINES_MAX);
        let (copies, source) = (self.clone(), source.clone());
        let watch = Watch::new(stop, Some(lines));
        let work = tokio::spawn(async move {
            let copy = copies.take(job, &source);
            let entry = copies.table().copies.get(&copy.number).map(|entry| Arc::clone(&entry.work));
            let entry = entry.ok_or_else(|| Error::internal("the working copy that was just taken is not there"))?;
            let _turn = entry.lock().await;
            bring(&copy.place(), &source, &watch).await.map(|()| copy)
        });
        while let Some(line) = told.recv().await {
            tell(&line);
        }
        work.await.map_err(|error| Error::internal(error.to_string()))?
    }

    fn check(&self, source: &Source) -> Result<()> {
        let Source {
            system,
            remote,
            revision,
            ..
        } = source;
        if !remote.fits(*system) || !revision.fits(*system) {
            return Err(Error::bad_input(format!(
                "revision {revision} at {remote} is nothing that {} knows",
                system.title()
            )));
        }
        if remote.is_local() && !self.0.allow_local {
            return Err(Error::unfit(format!(
                "this slave does not read repositories of its own disk, such as {remote}"
            ))
            .hint("its owner may allow it: netrender slave --allow-local-repositories"));
        }
        Ok(())
    }

    /// The copy that the job has already, else a free one of the same repository, else a new one.
    fn take(&self, job: JobId, source: &Source) -> WorkingCopy {
        let mut table = self.table();
        let number = table.choose(job, source);
        table.uses += 1;
        let used = table.uses;
        if let Some(entry) = table.copies.get_mut(&number) {
            entry.users += 1;
            entry.used = used;
            entry.job = Some(job);
            entry.revision = Some(source.revision.clone());
        }
        let oldest = table.too_many();
        drop(table);
        for number in oldest {
            // What cannot be removed now is in nobody's way, and goes at the next start.
            let _ = wipe(&self.place(number));
        }
        WorkingCopy {
            copies: self.clone(),
            number,
        }
    }

    fn place(&self, number: u32) -> PathBuf {
        self.0.folder.join(number.to_string())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn choose(&mut self, job: JobId, source: &Source) -> u32 {
        let origin = (source.system.to_string(), source.remote.to_string());
        let of_job =
            |entry: &Entry| entry.users > 0 && entry.job == Some(job) && entry.revision.as_ref() == Some(&source.revision);
        let is_free = |entry: &Entry| entry.users == 0;
        let is_there = |entry: &Entry| is_free(entry) && entry.revision.as_ref() == Some(&source.revision);
        let same = || self.copies.iter().filter(|(_, entry)| entry.origin == origin);
        let found = same()
            .find(|(_, entry)| of_job(entry))
            .or_else(|| same().find(|(_, entry)| is_there(entry)))
            .or_else(|| same().find(|(_, entry)| is_free(entry)));
        if let Some((number, _)) = found {
            return *number;
        }
        let number = self.copies.keys().next_back().map_or(1, |last| last + 1);
        self.copies.insert(number, Entry::new(origin, None));
        number
    }

    /// Takes out the copies that make room.
    fn too_many(&mut self) -> Vec<u32> {
        let mut free: Vec<(u64, u32)> = self
            .copies
            .iter()
            .filter(|(_, entry)| entry.users == 0)
            .map(|(n, it)| (it.used, *n))
            .collect();
        free.sort_unstable();
        let excess = self.copies.len().saturating_sub(COPIES_MAX);
        let oldest: Vec<u32> = free.into_iter().take(excess).map(|(_, number)| number).collect();
        for number in &oldest {
            self.copies.remove(number);
        }
        oldest
    }
}

impl Entry {
    fn new(origin: (String, String), revision: Option<Revision>) -> Self {
        Self {
            origin,
            job: None,
            users: 0,
            revision,
            used: 0,
            work: Arc::default(),
        }
    }
}

impl WorkingCopy {
    /// The folder that the repository's files lie in.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.place().join(FILES)
    }

    fn place(&self) -> PathBuf {
        self.copies.place(self.number)
    }
}

impl Drop for WorkingCopy {
    fn drop(&mut self) {
        if let Some(entry) = self.copies.table().copies.get_mut(&self.number) {
            entry.users = entry.users.saturating_sub(1);
        }
    }
}

/// Has the copy at the revision, clean; one that is damaged is made anew, once.
async fn bring(place: &Path, source: &Source, watch: &Watch) -> Result<()> {
    let files = place.join(FILES);
    let is_copy = match source.system {
        VersionSystem::Git => git::is_copy(&files),
        VersionSystem::Subversion => svn::is_copy(&files),
    };
    if is_copy {
        match update(place, source, watch).await {
            // Nothing is wrong with the copy, …
            Err(error) if is_elsewhere(&error) => return Err(error),
            // … or perhaps there is.
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
    }
    make(place, source, watch).await
}

/// Whether a failure is not the copy's.
fn is_elsewhere(error: &Error) -> bool {
    match error.code {
        Code::Unauthorized
        | Code::Forbidden
        | Code::Unreachable
        | Code::NotFound
        | Code::Timeout
        | Code::Cancelled
        | Code::BadInput => true,
        Code::Conflict | Code::VersionMismatch | Code::Storage | Code::Blender | Code::Unfit | Code::Stopped | Code::Internal => {
            false
        }
    }
}

async fn make(place: &Path, source: &Source, watch: &Watch) -> Result<()> {
    let (again, files) = (place.to_path_buf(), place.join(FILES));
    // A large copy takes its time.
    tokio::task::spawn_blocking(move || wipe(&again))
        .await
        .map_err(|error| Error::internal(error.to_string()))??;
    std::fs::create_dir_all(&files).map_err(|error| Error::io("make the folder", &files, &error))?;
    let note = Note {
        system: source.system.to_string(),
        remote: source.remote.to_string(),
        ..Note::default()
    };
    note.write(place)?;
    match source.system {
        VersionSystem::Git => git::make(&files, source, watch).await?,
        VersionSystem::Subversion => svn::make(&files, source, watch).await?,
    }
    update(place, source, watch).await
}

/// Moves the copy if it is not at the revision, and has it clean in any case.
async fn update(place: &Path, source: &Source, watch: &Watch) -> Result<()> {
    let files = place.join(FILES);
    let mut note = Note::read(place);
    let is_there = note.revision.as_deref() == Some(source.revision.as_str());
    let is_whole = is_there && note.has(source.folder.as_ref());
    if !is_whole {
        // Until it is done, nobody knows what is here.
        note.revision = None;
        note.write(place)?;
        if !is_there {
            note.folders.clear();
        }
        note.folders
            .push(source.folder.as_ref().map(ToString::to_string).unwrap_or_default());
    }
    match source.system {
        VersionSystem::Git => {
            if !is_whole {
                git::bring(&files, source, watch).await?;
                git::narrow(&files, &note.folders)?;
            }
            git::clean(&files, source, watch).await?;
            if !is_whole {
                git::refuse_pointers(&files, source, watch).await?;
            }
        }
        VersionSystem::Subversion => {
            if is_there {
                svn::clean(&files, source, watch).await?;
            } else {
                svn::switch(&files, source, watch).await?;
            }
            if !is_whole {
                svn::widen(&files, source, watch).await?;
            }
        }
    }
    if !is_whole {
        note.revision = Some(source.revision.to_string());
        note.write(place)?;
    }
    Ok(())
}

impl Note {
    /// Whether this folder is here.
    fn has(&self, folder: Option<&JobPath>) -> bool {
        self.folders.iter().any(|here| {
            let wanted = folder.map_or("", JobPath::as_str);
            here.is_empty() || wanted == here || wanted.strip_prefix(here.as_str()).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// One that cannot be read tells nothing.
    fn read(place: &Path) -> Self {
        let text = std::fs::read(place.join(NOTE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn write(&self, place: &Path) -> Result<()> {
        let (path, part) = (place.join(NOTE), place.join("note.part"));
        let failed = |error: std::io::Error| Error::io("write", &path, &error);
        let text = serde_json::to_vec(self).map_err(|error| Error::internal(error.to_string()))?;
        std::fs::write(&part, text)
            .and_then(|()| std::fs::rename(&part, &path))
            .map_err(failed)
    }
}

fn wipe(path: &Path) -> Result<()> {
    let removed = if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, &error)),
        _ => Ok(()),
    }
}
