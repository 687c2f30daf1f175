//! A file that appears whole or not at all: written under a temporary name, hashed on the way, put in place at the end.

use crate::error::{Error, Result};
use crate::ids::ContentHash;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Bytes hashed at once when a part is taken up again.
const READ_BYTES: usize = 1 << 18;
/// After so many bytes the disk begins with them: else all of a long file would wait for its end.
const WRITE_OUT_BYTES: u64 = 16 << 20;

/// A file under way. Dropped without [`Part::place`], it stays under its temporary name, to be taken up again.
#[derive(Debug)]
pub struct Part {
    file: File,
    path: PathBuf,
    hasher: blake3::Hasher,
    size_bytes: u64,
    /// As far as that the disk has begun.
    begun_bytes: u64,
}

impl Part {
    /// A new part, in place of an older one of that name.
    pub fn create(path: &Path) -> Result<Self> {
        make_folder(folder_of(path))?;
        let file = File::create(path).map_err(|error| Error::io("write", path, &error))?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
            hasher: blake3::Hasher::new(),
            size_bytes: 0,
            begun_bytes: 0,
        })
    }

    /// A part that is to go on after `offset` bytes; what it has beyond them is dropped. Refused with the number of bytes
    /// that are here if there are fewer.
    pub fn resume(path: &Path, offset: u64) -> Result<Self> {
        if offset == 0 {
            return Self::create(path);
        }
        let io = |error: std::io::Error| Error::io("read", path, &error);
        let present = present_bytes(path)?;
        if present < offset {
            return Err(Error::conflict(format!(
                "the upload cannot go on at byte {offset}: only {present} bytes are here"
            ))
            .hint("ask for the content's status, then go on from there"));
        }
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(io)?;
        file.set_len(offset).map_err(io)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = file.read(&mut buffer).map_err(io)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
        }
        Ok(Self {
            file,
            path: path.to_path_buf(),
            hasher,
            size_bytes: offset,
            begun_bytes: offset,
        })
    }

    /// How long it is so far.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|error| Error::io("write", &self.path, &error))?;
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        let waiting_bytes = self.size_bytes - self.begun_bytes;
        if waiting_bytes >= WRITE_OUT_BYTES {
            begin_to_write_out(&self.file, self.begun_bytes, waiting_bytes);
            self.begun_bytes = self.size_bytes;
        }
        Ok(())
    }

    /// Makes it safe on the disk under its temporary name; returns how long it is, and its hash.
    pub fn finish(self) -> Result<(u64, ContentHash)> {
        self.file.sync_all().map_err(|error| Error::io("write", &self.path, &error))?;
        Ok((self.size_bytes, ContentHash(*self.hasher.finalize().as_bytes())))
    }

    /// Checks that it is what it should be, and gives it its name, safe on the disk. What is wrong or could not be kept is
    /// removed.
    pub fn place(self, hash: ContentHash, size_bytes: u64, target: &Path) -> Result<()> {
        self.place_if(hash, size_bytes, target, |_| Ok(()))
    }

    /// The same for a file that must be more than the right bytes: `check` looks at them before they get their name.
    pub fn place_if(
        self,
        hash: ContentHash,
        size_bytes: u64,
        target: &Path,
        check: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        let path = self.path.clone();
        let placed = self.try_place(hash, size_bytes, target, check);
        if placed.is_err() {
            remove(&path)?;
        }
        placed
    }

    fn try_place(self, hash: ContentHash, size_bytes: u64, target: &Path, check: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        if self.size_bytes != size_bytes {
            return Err(
                Error::bad_input(format!("{} bytes arrived where {size_bytes} were announced", self.size_bytes))
                    .hint("send it again"),
            );
        }
        let found = ContentHash(*self.hasher.finalize().as_bytes());
        if found != hash {
            return Err(
                Error::bad_input(format!("what arrived has the hash {found} where {hash} was announced"))
                    .hint("the file may have been changed while it was sent; send it again"),
            );
        }
        check(&self.path)?;
        self.file.sync_all().map_err(|error| Error::io("write", &self.path, &error))?;
        drop(self.file);
        make_folder(folder_of(target))?;
        std::fs::rename(&self.path, target).map_err(|error| Error::io("write", target, &error))?;
        sync_folder(folder_of(target))
    }
}

/// Has the disk begin with a part of a file, while more of it arrives.
#[cfg(target_os = "linux")]
fn begin_to_write_out(file: &File, offset: u64, bytes: u64) {
    // Linux begins to write what this names. From memory it takes only what is on the disk already, which is little of it.
    let advice = rustix::fs::Advice::DontNeed;
    // Where it is not heeded, the end takes longer.
    let _ = rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(bytes), advice);
}

/// Has the disk begin with a part of a file: here it begins when it likes.
#[cfg(not(target_os = "linux"))]
fn begin_to_write_out(_: &File, _: u64, _: u64) {}

/// How many bytes a part has; 0 if there is none.
pub fn present_bytes(path: &Path) -> Result<u64> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// Removes a file; that there is none is as good.
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Takes away the right to write a file.
pub(super) fn set_read_only(path: &Path) -> Result<()> {
    std::fs::metadata(path)
        .and_then(|facts| {
            let mut permissions = facts.permissions();
            permissions.set_readonly(true);
            std::fs::set_permissions(path, permissions)
        })
        .map_err(|error| Error::io("write", path, &error))
}

/// Makes a folder, and those above it that are missing. Their names survive a power cut too: what is in a folder that is
/// gone is gone with it, however safely it was written.
pub fn make_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    make_folder(above)?;
    match std::fs::create_dir(folder) {
        // Somebody else was faster, but may not have come to the rest yet.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && folder.is_dir() => sync_folder(above),
        Err(error) => Err(Error::io("make the folder", folder, &error)),
        Ok(()) => sync_folder(above),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a new name in a folder survive a power cut.
pub fn sync_folder(folder: &Path) -> Result<()> {
    // Windows has no such call, and needs none: its file systems keep names in their journal.
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Error::io("write to", folder, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8]) -> ContentHash {
        ContentHash(*blake3::hash(bytes).as_bytes())
    }

    #[test]
    fn a_part_becomes_a_file_only_if_it_is_what_was_announced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("x.part"), folder.path().join("deep/x"));
        for (size_bytes, hash, sentence) in [
            (9, hash(b"contents"), "8 bytes arrived where 9 were announced"),
            (8, hash(b"others"), "has the hash"),
        ] {
            let mut part = Part::create(&path).unwrap();
            part.write(b"cont").unwrap();
            part.write(b"ents").unwrap();
            let error = part.place(hash, size_bytes, &target).unwrap_err();
            assert!(error.to_string().contains(sentence), "{error}");
            assert!(!target.exists() && !path.exists());
        }
        let mut part = Part::create(&path).unwrap();
        part.write(b"contents").unwrap();
        part.place(hash(b"contents"), 8, &target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"contents");
        assert!(!path.exists());
    }

    #[test]
    fn what_a_check_refuses_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("x.part"), folder.path().join("x"));
        let mut part = Part::create(&path).unwrap();
        part.write(b"contents").unwrap();
        let check = |seen: &Path| {
            assert_eq!(std::fs::read(seen).unwrap(), b"contents");
            Err(Error::bad_input("not these"))
        };
        let error = part.place_if(hash(b"contents"), 8, &target, check).unwrap_err();
        assert_eq!(error.message, "not these");
        assert!(!target.exists() && !path.exists());
    }

    #[test]
    fn folders_are_made_with_all_above_them_or_it_is_told_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        make_folder(&deep).unwrap();
        make_folder(&deep).unwrap();
        assert!(deep.is_dir());
        std::fs::write(folder.path().join("file"), b"").unwrap();
        let error = make_folder(&folder.path().join("file/below")).unwrap_err();
        assert!(error.to_string().contains("cannot make the folder"), "{error}");
    }

    #[test]
    fn a_part_goes_on_where_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let (path, target) = (folder.path().join("x.part"), folder.path().join("x"));
        Part::create(&path).unwrap().write(b"contXX").unwrap();
        let error = Part::resume(&path, 7).unwrap_err();
        assert!(error.to_string().contains("only 6 bytes are here"), "{error}");
        let mut part = Part::resume(&path, 4).unwrap();
        assert_eq!(part.size_bytes(), 4);
        part.write(b"ents").unwrap();
        part.place(hash(b"contents"), 8, &target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"contents");
    }
}
