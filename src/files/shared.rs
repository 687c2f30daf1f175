//! Files that two machines see under one path (a shared disk): taken from there instead of over the wire.
//!
//! A path that somebody else names is not to be trusted: nothing but a regular file is opened, nothing waits on a pipe or a
//! device, and what is read stays here unless it is exactly the content whose hash the other side knew before. Nobody is told
//! why a file was not taken.

use super::batch::Batch;
use crate::error::{Error, Result};
use crate::ids::ContentHash;
use std::fs::{File, OpenOptions};
use std::path::{Component, Path};

/// Longest path that is looked at.
const PATH_BYTES_MAX: usize = 4_096;
/// Folders whose files are no files.
const NOT_DISKS: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Takes a content from a file of this disk into a batch. Whether it was there; an error is one of the batch's own disk.
pub fn take_shared(batch: &mut Batch, hash: ContentHash, size_bytes: u64, path: &Path) -> Result<bool> {
    match open_shared(path, size_bytes) {
        Some(mut file) => batch.add_copy(hash, size_bytes, &mut file),
        None => Ok(false),
    }
}

/// The file, if it is one that may hold the content.
fn open_shared(path: &Path, size_bytes: u64) -> Option<File> {
    let is_plain = path.is_absolute()
        && path.as_os_str().len() <= PATH_BYTES_MAX
        && !path.components().any(|part| part == Component::ParentDir);
    if !is_plain {
        return None;
    }
    // Opening a device may do something, so that is looked at before. Artists' folders may be links.
    let real = std::fs::canonicalize(path).ok()?;
    if NOT_DISKS.iter().any(|folder| real.starts_with(folder)) || !std::fs::metadata(&real).ok()?.is_file() {
        return None;
    }
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        // What was looked at may have been replaced since: a pipe must not make this wait, nor a link lead elsewhere.
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    let file = options.open(&real).ok()?;
    let facts = file.metadata().ok()?;
    (facts.is_file() && facts.len() == size_bytes).then_some(file)
}

/// A path as other machines may know it.
pub fn shared_name(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).map_err(|error| Error::io("name", path, &error))?;
    absolute
        .into_os_string()
        .into_string()
        .map_err(|_| Error::bad_input(format!("{} is no name that other machines understand", path.display())))
}

#[cfg(test)]
mod tests {
    use super::super::content::Contents;
    use super::*;

    fn hash(bytes: &[u8]) -> ContentHash {
        ContentHash(*blake3::hash(bytes).as_bytes())
    }

    /// Whether this path gives the content `wood`.
    fn gives_wood(path: &Path) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents::new(folder.path().to_path_buf());
        let mut batch = contents.begin_batch().unwrap();
        let taken = take_shared(&mut batch, hash(b"wood"), 4, path).unwrap();
        let placed = batch.place(|_| true).unwrap();
        assert_eq!(placed.len(), usize::from(taken));
        assert_eq!(contents.has(hash(b"wood")), taken);
        assert_eq!(contents.list().unwrap().0.len(), placed.len(), "something else was taken");
        taken
    }

    #[test]
    fn a_shared_file_is_taken_if_it_is_exactly_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wood.png");
        assert!(!gives_wood(&path));
        for (content, is_taken) in [(&b"wood"[..], true), (b"bark", false), (b"woods", false), (b"", false)] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(gives_wood(&path), is_taken, "{content:?}");
        }
        assert!(!gives_wood(folder.path()));
    }

    #[cfg(unix)]
    #[test]
    fn links_in_folders_are_followed_and_pipes_and_devices_are_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("wood.png"), b"wood").unwrap();
        std::os::unix::fs::symlink(&real, folder.path().join("project")).unwrap();
        assert!(gives_wood(&folder.path().join("project/wood.png")));
        assert!(!gives_wood(&folder.path().join("project/../real/wood.png")));
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(!gives_wood(&pipe));
        for odd in ["/dev/zero", "/proc/self/environ", "/sys/kernel/notes", "relative.png"] {
            assert!(!gives_wood(Path::new(odd)), "{odd}");
        }
    }
}
