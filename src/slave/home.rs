//! The slave's own folder, `<path>/slave_<id>`: locked while it runs, so two slaves on one path never share one; kept from
//! run to run, so the same slave comes back under its id and delivers what it still had.

use super::outbox;
use crate::access;
use crate::error::{Error, Result};
use crate::files;
use crate::ids::{FarmId, SlaveId};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";
const FARM: &str = "farm";
const PREFIX: &str = "slave_";

/// A folder that is this slave's alone as long as this value lives.
#[derive(Debug)]
pub(super) struct Home {
    folder: PathBuf,
    id: SlaveId,
    // Closing the file gives the lock back.
    _lock: File,
}

/// The folder in which slaves keep their own, made if it is not there, and found writable.
pub(super) fn base(path: Option<&Path>) -> Result<PathBuf> {
    let base = match path {
        Some(path) => std::path::absolute(path).map_err(|error| Error::io("use the folder", path, &error))?,
        None => access::data_folder()?.join("slave"),
    };
    std::fs::create_dir_all(&base).map_err(|error| Error::io("make the folder", &base, &error))?;
    let probe = base.join(format!("writable.{}.part", std::process::id()));
    File::create(&probe)
        .and_then(|_| std::fs::remove_file(&probe))
        .map_err(|error| Error::io("write into", &base, &error))?;
    Ok(base)
}

impl Home {
    /// The folder of an earlier slave of this farm that does not run now; those with something to deliver come first.
    pub(super) fn earlier(base: &Path, farm: FarmId) -> Result<Option<Self>> {
        let entries = std::fs::read_dir(base).map_err(|error| Error::io("read", base, &error))?;
        let mut folders: Vec<(bool, PathBuf)> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|folder| id_of(folder).is_some())
            .map(|folder| (outbox::is_empty(&folder), folder))
            .collect();
        folders.sort();
        for (_, folder) in folders {
            let fits = std::fs::read_to_string(folder.join(FARM)).is_ok_and(|text| text.trim().parse() == Ok(farm));
            if let (true, Some(id)) = (fits, id_of(&folder))
                && let Some(home) = Self::take(folder, id)?
            {
                return Ok(Some(home));
            }
        }
        Ok(None)
    }

    /// A folder for a slave that is new to its farm.
    pub(super) fn new(base: &Path, farm: FarmId, id: SlaveId) -> Result<Self> {
        let folder = base.join(format!("{PREFIX}{id}"));
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("make the folder", &folder, &error))?;
        let home = Self::take(folder.clone(), id)?
            .ok_or_else(|| Error::conflict(format!("another slave works in {}", folder.display())))?;
        files::write_whole(&folder.join(FARM), farm.to_string().as_bytes())?;
        Ok(home)
    }

    fn take(folder: PathBuf, id: SlaveId) -> Result<Option<Self>> {
        let path = folder.join(LOCK);
        let lock = File::create(&path).map_err(|error| Error::io("write", &path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { folder, id, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", &path, &error)),
        }
    }

    pub(super) fn id(&self) -> SlaveId {
        self.id
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes what the slave left on this machine; what is not delivered yet stays, and the id with it.
    pub(super) fn clear(self) -> Result<()> {
        if outbox::is_empty(&self.folder) {
            return std::fs::remove_dir_all(&self.folder).map_err(|error| Error::io("remove", &self.folder, &error));
        }
        for name in ["cache", "jobs", "versions", "work"] {
            let folder = self.folder.join(name);
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &folder, &error));
                }
                _ => (),
            }
        }
        Ok(())
    }
}

fn id_of(folder: &Path) -> Option<SlaveId> {
    folder.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slave_comes_back_under_its_id_but_never_into_a_folder_in_use_or_of_another_farm() {
        let base = tempfile::tempdir().unwrap();
        let (farm, other) = (FarmId::from_bits(1), FarmId::from_bits(2));
        assert!(Home::earlier(base.path(), farm).unwrap().is_none());
        let home = Home::new(base.path(), farm, SlaveId::from_bits(7)).unwrap();
        assert!(
            Home::earlier(base.path(), farm).unwrap().is_none(),
            "a locked folder was taken"
        );
        assert!(Home::new(base.path(), farm, SlaveId::from_bits(7)).is_err());
        drop(home);
        assert!(Home::earlier(base.path(), other).unwrap().is_none());
        let again = Home::earlier(base.path(), farm).unwrap().unwrap();
        assert_eq!(again.id(), SlaveId::from_bits(7));
    }

    #[test]
    fn clearing_keeps_what_is_not_delivered() {
        let base = tempfile::tempdir().unwrap();
        let home = Home::new(base.path(), FarmId::from_bits(1), SlaveId::from_bits(7)).unwrap();
        let folder = home.folder().to_path_buf();
        std::fs::create_dir_all(folder.join("cache/ab")).unwrap();
        std::fs::create_dir_all(folder.join("outbox")).unwrap();
        std::fs::write(folder.join("outbox/a.json"), "{}").unwrap();
        home.clear().unwrap();
        assert!(folder.join("outbox/a.json").exists() && !folder.join("cache").exists());

        std::fs::remove_dir_all(folder.join("outbox")).unwrap();
        let home = Home::earlier(base.path(), FarmId::from_bits(1)).unwrap().unwrap();
        home.clear().unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_path_that_cannot_be_written_is_told_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = base(Some(&file.join("slave"))).unwrap_err().to_string();
        assert!(error.starts_with("cannot make the folder"), "{error}");
    }
}
