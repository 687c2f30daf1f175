//! The outbox on disk: outcomes of tasks, from the moment Blender is done with them until the master has them.
//!
//! Each is up to five files in `<home>/outbox`: `<job>_<task>_<attempt>.exr` (the result), `.zip` (its final files), `.png` (a
//! small picture, which nothing depends on), `.log` (what Blender printed) and `.json` (what became of it). The last is written
//! last: an outcome without it is none, and is swept away at the next start.
//!
//! Absences: no network; [`super::delivery`] sends.

use crate::error::{Error, Result};
use crate::files;
use crate::ids::ContentHash;
use crate::wire::{TaskName, text};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FOLDER: &str = "outbox";

/// What became of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(super) enum Outcome {
    /// There is a picture.
    Rendered {
        #[serde(with = "text")]
        hash: ContentHash,
        size_bytes: u64,
        seconds: f64,
        /// Its final files, if the job wants them from slaves.
        #[serde(default)]
        finals: Option<Packed>,
    },
    /// There is none.
    Failed {
        reason: String,
        /// No failure of the frame: this machine lacks what the job takes.
        #[serde(default)]
        unfit: bool,
    },
}

/// The final files of a frame, in one zip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Packed {
    #[serde(with = "text")]
    pub(super) hash: ContentHash,
    pub(super) size_bytes: u64,
}

/// An outcome with its task, as it lies in the `.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Parcel {
    pub(super) task: TaskName,
    pub(super) outcome: Outcome,
}

impl Parcel {
    /// Bytes that it takes, about.
    pub(super) fn bytes(&self) -> u64 {
        match self.outcome {
            Outcome::Rendered { size_bytes, finals, .. } => size_bytes + finals.map_or(0, |it| it.size_bytes),
            Outcome::Failed { .. } => 0,
        }
    }
}

/// Whether nothing is left to deliver in a slave's folder.
pub(super) fn is_empty(home: &Path) -> bool {
    std::fs::read_dir(home.join(FOLDER)).map_or(true, |entries| {
        !entries
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|it| it == "json"))
    })
}

/// The outbox of one slave.
#[derive(Debug, Clone)]
pub(super) struct Outbox(PathBuf);

impl Outbox {
    /// Opens it, sweeps away what is not whole, and tells what an earlier run left.
    pub(super) fn open(home: &Path) -> Result<(Self, Vec<Parcel>)> {
        let folder = home.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("make the folder", &folder, &error))?;
        let outbox = Self(folder);
        let parcels = outbox.read()?;
        outbox.sweep(&parcels)?;
        Ok((outbox, parcels))
    }

    /// Takes a result in; the file must be on the same disk and whole. After this it survives everything.
    pub(super) fn put_result(&self, parcel: &Parcel, picture: &Path) -> Result<()> {
        let kept = self.picture(parcel.task);
        std::fs::File::open(picture)
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(picture, &kept))
            .map_err(|error| Error::io("keep the result", &kept, &error))?;
        self.put(parcel)
    }

    /// Takes in the final files of a result that follows.
    pub(super) fn put_finals(&self, task: TaskName, zip: &Path) -> Result<()> {
        let kept = self.finals(task);
        std::fs::File::open(zip)
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(zip, &kept))
            .map_err(|error| Error::io("keep the final files", &kept, &error))
    }

    /// Takes in a small picture of a result that follows. It is nothing to lose a result for, or to wait for the disk.
    pub(super) fn put_thumbnail(&self, task: TaskName, png: &[u8]) {
        let path = self.thumbnail(task);
        if std::fs::write(&path, png).is_err() {
            // What was cut short the master would refuse.
            let _ = std::fs::remove_file(&path);
        }
    }

    /// Takes in an outcome without a picture.
    pub(super) fn put(&self, parcel: &Parcel) -> Result<()> {
        let text = serde_json::to_vec(parcel).map_err(|error| Error::internal(error.to_string()))?;
        files::write_whole(&self.file(parcel.task, "json"), &text)
    }

    /// Reads an outcome again.
    pub(super) fn get(&self, task: TaskName) -> Result<Parcel> {
        read(&self.file(task, "json"))
    }

    /// Delivered, or not wanted any more.
    pub(super) fn remove(&self, task: TaskName) {
        // The .json first: without it the rest is swept away at the next start at the latest.
        for extension in ["json", "exr", "zip", "png", "log"] {
            let _ = std::fs::remove_file(self.file(task, extension));
        }
    }

    /// Where the picture of a task lies.
    pub(super) fn picture(&self, task: TaskName) -> PathBuf {
        self.file(task, "exr")
    }

    /// Where the final files of a task lie.
    pub(super) fn finals(&self, task: TaskName) -> PathBuf {
        self.file(task, "zip")
    }

    /// Where the small picture of a task lies, if there is one.
    pub(super) fn thumbnail(&self, task: TaskName) -> PathBuf {
        self.file(task, "png")
    }

    /// Where the log of a task lies.
    pub(super) fn log(&self, task: TaskName) -> PathBuf {
        self.file(task, "log")
    }

    fn file(&self, task: TaskName, extension: &str) -> PathBuf {
        self.0.join(format!("{}.{extension}", stem(task)))
    }

    fn entries(&self) -> Result<impl Iterator<Item = PathBuf>> {
        let entries = std::fs::read_dir(&self.0).map_err(|error| Error::io("read", &self.0, &error))?;
        Ok(entries.flatten().map(|entry| entry.path()))
    }

    fn read(&self) -> Result<Vec<Parcel>> {
        let is_there = |path: PathBuf, bytes| std::fs::metadata(path).is_ok_and(|it| it.len() == bytes);
        let whole = |parcel: &Parcel| match parcel.outcome {
            Outcome::Rendered { size_bytes, finals, .. } => {
                is_there(self.picture(parcel.task), size_bytes)
                    && finals.is_none_or(|it| is_there(self.finals(parcel.task), it.size_bytes))
            }
            Outcome::Failed { .. } => true,
        };
        Ok(self
            .entries()?
            .filter(|path| path.extension().is_some_and(|it| it == "json"))
            .filter_map(|path| read(&path).ok())
            .filter(whole)
            .collect())
    }

    fn sweep(&self, parcels: &[Parcel]) -> Result<()> {
        let kept: std::collections::HashSet<String> = parcels.iter().map(|parcel| stem(parcel.task)).collect();
        for path in self.entries()? {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if !kept.contains(&stem) {
                std::fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
            }
        }
        Ok(())
    }
}

/// How the files of a task are called.
pub(super) fn stem(task: TaskName) -> String {
    format!("{}_{}_{}", task.job, task.task, task.attempt)
}

fn read(path: &Path) -> Result<Parcel> {
    let text = std::fs::read(path).map_err(|error| Error::io("read", path, &error))?;
    serde_json::from_slice(&text).map_err(|error| Error::storage(format!("{} is damaged: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::JobId;

    fn task(task: u32) -> TaskName {
        TaskName {
            job: JobId::from_bits(1),
            task,
            attempt: 2,
        }
    }

    fn rendered(number: u32, size_bytes: u64) -> Parcel {
        let outcome = Outcome::Rendered {
            hash: ContentHash([7; 32]),
            size_bytes,
            seconds: 0.5,
            finals: None,
        };
        Parcel {
            task: task(number),
            outcome,
        }
    }

    #[test]
    fn what_was_put_in_is_there_after_a_restart_and_gone_after_delivery() {
        let home = tempfile::tempdir().unwrap();
        let (outbox, left) = Outbox::open(home.path()).unwrap();
        assert!(left.is_empty() && is_empty(home.path()));
        let picture = home.path().join("picture");
        std::fs::write(&picture, b"12345").unwrap();
        outbox.put_result(&rendered(0, 5), &picture).unwrap();
        let failed = Parcel {
            task: task(1),
            outcome: Outcome::Failed {
                reason: "no".to_owned(),
                unfit: false,
            },
        };
        outbox.put(&failed).unwrap();
        assert!(!picture.exists() && !is_empty(home.path()));

        let (again, mut left) = Outbox::open(home.path()).unwrap();
        left.sort_by_key(|parcel| parcel.task.task);
        assert_eq!(left, [rendered(0, 5), failed]);
        assert_eq!(again.get(task(0)).unwrap().bytes(), 5);
        again.remove(task(0));
        again.remove(task(1));
        assert_eq!(std::fs::read_dir(home.path().join(FOLDER)).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_whole_is_swept_away_at_the_next_start() {
        let home = tempfile::tempdir().unwrap();
        let (outbox, _) = Outbox::open(home.path()).unwrap();
        std::fs::write(outbox.picture(task(0)), b"a result whose description was not written").unwrap();
        std::fs::write(outbox.log(task(1)), b"a log of a frame that was not finished").unwrap();
        std::fs::write(outbox.file(task(2), "json"), b"{ torn").unwrap();
        outbox.put(&rendered(3, 5)).unwrap();
        let (_, left) = Outbox::open(home.path()).unwrap();
        assert!(left.is_empty());
        assert_eq!(std::fs::read_dir(home.path().join(FOLDER)).unwrap().count(), 0);
    }
}
