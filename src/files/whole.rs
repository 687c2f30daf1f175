//! Files that appear whole or not at all.

use super::part::{remove, sync_folder};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells apart the temporary names of one process.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Writes a small file, or replaces it, so that after a crash either the old or the new one is there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, File::sync_all)?;
    sync_folder(folder_of(path))
}

/// The same, much faster, for what can be made again: a power cut may leave an empty file, so whoever reads it checks it.
pub fn write_cached(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, |_| Ok(()))
}

fn write(path: &Path, bytes: &[u8], sync: impl FnOnce(&File) -> std::io::Result<()>) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let temporary = folder_of(path).join(format!("{name}.{}_{number}.part", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| sync(&file)))
        .and_then(|()| std::fs::rename(&temporary, path));
    written.or_else(|error| {
        remove(&temporary)?;
        Err(Error::io("write", path, &error))
    })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        write_cached(&path, b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_whole(&folder.path().join("none/file"), b"four").is_err());
    }
}
