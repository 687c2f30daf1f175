//! The hidden folder beside the files of an artist in which they are made, so that they need only be renamed. It goes with its
//! owner; what a killed owner left goes with the next one that works beside it.
//!
//! Whoever works in one holds a lock inside of it, on this machine or on another one: that tells it from what was left.

use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = ".netrender-";
const LOCK: &str = "lock";

/// Dropped, it is removed.
#[derive(Debug)]
pub(super) struct WorkFolder {
    path: PathBuf,
    _lock: File,
}

impl WorkFolder {
    /// Makes one in `folder` for this `purpose`, an empty one; before that, removes those in which nobody works any more.
    pub(super) fn make(folder: &Path, purpose: &str) -> Result<Self> {
        sweep(folder);
        let name = format!("{PREFIX}{purpose}-{}", std::process::id());
        (0..)
            .find_map(|number: u64| take(folder.join(format!("{name}-{number}"))).transpose())
            .unwrap_or_else(|| Err(Error::internal("there is no name left for a folder")))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // What cannot be removed is hidden, and swept away by the next one.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// None if it is another's, or was swept away before it was locked.
fn take(path: PathBuf) -> Result<Option<WorkFolder>> {
    match std::fs::create_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        made => made.map_err(|error| Error::io("make the folder", &path, &error))?,
    }
    let file = path.join(LOCK);
    let lock = File::create_new(&file).map_err(|error| Error::io("write", &file, &error))?;
    match lock.lock() {
        Ok(()) if file.exists() => {}
        Ok(()) => return Ok(None),
        // A disk without locks: without the file nobody takes it for left behind.
        Err(_) => drop(std::fs::remove_file(&file)),
    }
    Ok(Some(WorkFolder { path, _lock: lock }))
}

/// Removes what is left of those that were killed; what cannot be removed stays, hidden.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // Not through a link: what that leads to is not ours.
        if is_one && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = remove_if_left(&entry.path());
        }
    }
}

fn remove_if_left(path: &Path) -> io::Result<()> {
    let lock = OpenOptions::new().write(true).open(path.join(LOCK))?;
    lock.try_lock()?;
    // Held until it is gone: an owner who is about to lock it sees that.
    std::fs::remove_dir_all(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_owner_and_what_a_killed_one_left_with_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let mine = WorkFolder::make(folder.path(), "final-7k").unwrap();
        std::fs::write(mine.path().join("0001.exr"), b"half").unwrap();
        let left = folder.path().join(format!("{PREFIX}bakes-7k-1-0"));
        std::fs::create_dir_all(left.join("frames")).unwrap();
        std::fs::write(left.join(LOCK), b"").unwrap();
        let strange = folder.path().join(format!("{PREFIX}without-a-lock"));
        std::fs::create_dir(&strange).unwrap();
        let other = WorkFolder::make(folder.path(), "final-7k").unwrap();
        assert_ne!(other.path(), mine.path());
        assert!(mine.path().join("0001.exr").exists() && strange.exists() && !left.exists());
        let paths = [mine.path().to_path_buf(), other.path().to_path_buf()];
        drop((mine, other));
        assert!(paths.iter().all(|path| !path.exists()));
    }
}
