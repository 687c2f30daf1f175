//! Contents that arrive together: written beside each other, made safe on the disk by one call for all of them, then named.
//!
//! A file by itself costs a wait for the disk; ten thousand of them in a row would cost ten thousand.

use super::content::Contents;
use super::part::{set_read_only, sync_folder};
use crate::error::{Error, Result};
use crate::ids::ContentHash;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Copied at once.
const COPY_BYTES: usize = 1 << 20;

/// Contents under way. Dropped, nothing of them stays.
#[derive(Debug)]
pub struct Batch {
    contents: Contents,
    folder: PathBuf,
    arrived: Vec<ContentHash>,
    is_safe: bool,
}

impl Batch {
    /// A batch with a folder of its own.
    pub(super) fn begin(contents: Contents, folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("make the folder", &folder, &error))?;
        Ok(Self {
            contents,
            folder,
            arrived: Vec::new(),
            is_safe: false,
        })
    }

    /// Takes in a content whose hash was checked. One that is here already is not written again.
    pub fn add(&mut self, hash: ContentHash, bytes: &[u8]) -> Result<()> {
        if !self.contents.has(hash) {
            let path = self.folder.join(hash.to_string());
            std::fs::write(&path, bytes).map_err(|error| Error::io("write", &path, &error))?;
        }
        self.arrived.push(hash);
        self.is_safe = false;
        Ok(())
    }

    /// Takes in a content that `fill` hands over piece by piece; its hash. It comes under that name when it is whole.
    pub fn add_stream(&mut self, fill: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>) -> Result<ContentHash> {
        let path = self.folder.join("arriving");
        let io = |error: std::io::Error| Error::io("write", &path, &error);
        let mut arriving = File::create(&path).map_err(io)?;
        let mut hasher = blake3::Hasher::new();
        fill(&mut |bytes| {
            hasher.update(bytes);
            arriving.write_all(bytes).map_err(io)
        })?;
        let hash = ContentHash(*hasher.finalize().as_bytes());
        std::fs::rename(&path, self.folder.join(hash.to_string())).map_err(io)?;
        self.arrived.push(hash);
        self.is_safe = false;
        Ok(hash)
    }

    /// Takes in a copy of a file, if it is exactly this content; whether it is. Where the disk can, the copy shares the file's
    /// blocks.
    pub(super) fn add_copy(&mut self, hash: ContentHash, size_bytes: u64, source: &mut File) -> Result<bool> {
        let path = self.folder.join(hash.to_string());
        let mut copy = File::create(&path).map_err(|error| Error::io("write", &path, &error))?;
        // Hashed is the copy: nobody changes that meanwhile.
        let is_it = if clone_file(&copy, source) {
            super::hash_file(&path)? == hash
        } else {
            copy_hashed(source, size_bytes, &mut copy, &path)? == Some(hash)
        };
        if is_it {
            self.arrived.push(hash);
            self.is_safe = false;
        } else {
            super::part::remove(&path)?;
        }
        Ok(is_it)
    }

    /// What has arrived.
    #[must_use]
    pub fn arrived(&self) -> &[ContentHash] {
        &self.arrived
    }

    /// Makes the bytes of all of them survive a power cut.
    pub fn make_safe(&mut self) -> Result<()> {
        make_safe(&self.folder)?;
        self.is_safe = true;
        Ok(())
    }

    /// Gives those that are wanted their names, safe on the disk (in a cache, their bytes are); the others are dropped.
    pub fn place(mut self, is_wanted: impl Fn(ContentHash) -> bool) -> Result<Vec<ContentHash>> {
        if !self.is_safe {
            self.make_safe()?;
        }
        let mut placed = Vec::with_capacity(self.arrived.len());
        let mut folders = Vec::new();
        for hash in self.arrived.iter().copied().filter(|hash| is_wanted(*hash)) {
            let (source, target) = (self.folder.join(hash.to_string()), self.contents.path(hash));
            if source.exists() {
                let folder = target.parent().unwrap_or(&self.folder);
                std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
                if self.contents.is_cache() {
                    set_read_only(&source)?;
                }
                std::fs::rename(&source, &target).map_err(|error| Error::io("write", &target, &error))?;
                folders.push(folder.to_path_buf());
            }
            placed.push(hash);
        }
        if !self.contents.is_cache() {
            make_names_safe(&self.folder, folders)?;
        }
        Ok(placed)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // What stays is removed at the next start.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(target_os = "linux")]
fn clone_file(copy: &File, source: &File) -> bool {
    rustix::fs::ioctl_ficlone(copy, source).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn clone_file(_: &File, _: &File) -> bool {
    false
}

/// Copies so many bytes; their hash, or none if there are fewer or more, or they cannot be read.
fn copy_hashed(source: &mut File, size_bytes: u64, copy: &mut File, path: &Path) -> Result<Option<ContentHash>> {
    let (mut hasher, mut copied, mut piece) = (blake3::Hasher::new(), 0, vec![0; COPY_BYTES]);
    loop {
        let length = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return Ok(None),
        };
        copied += length as u64;
        if copied > size_bytes {
            return Ok(None);
        }
        hasher.update(&piece[..length]);
        copy.write_all(&piece[..length])
            .map_err(|error| Error::io("write", path, &error))?;
    }
    Ok((copied == size_bytes).then(|| ContentHash(*hasher.finalize().as_bytes())))
}

/// One call for the whole file system. It waits for what others write there too, and is still far quicker than a call for
/// each of many files.
#[cfg(target_os = "linux")]
fn make_safe(folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("write to", folder, &error);
    let opened = File::open(folder).map_err(failed)?;
    rustix::fs::syncfs(opened).map_err(|error| failed(error.into()))
}

#[cfg(not(target_os = "linux"))]
fn make_safe(folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("write to", folder, &error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.sync_all())
            .map_err(|error| Error::io("write", &path, &error))?;
    }
    Ok(())
}

/// Makes new names survive a power cut: those of files in these folders, and of the folders themselves.
fn make_names_safe(within: &Path, mut folders: Vec<PathBuf>) -> Result<()> {
    if cfg!(target_os = "linux") {
        return make_safe(within);
    }
    folders.extend(folders.first().and_then(|folder| folder.parent()).map(Path::to_path_buf));
    folders.sort();
    folders.dedup();
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8]) -> ContentHash {
        ContentHash(*blake3::hash(bytes).as_bytes())
    }

    #[test]
    fn what_is_wanted_of_a_batch_is_placed_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents::new(folder.path().join("contents"));
        let (wood, bark, moss) = (hash(b"wood"), hash(b"bark"), hash(b"moss"));
        let mut batch = contents.begin_batch().unwrap();
        for content in [b"wood", b"bark", b"wood"] {
            batch.add(hash(content), content).unwrap();
        }
        assert!(!contents.has(wood), "it shows before it is safe");
        assert_eq!(batch.place(|it| it == wood).unwrap(), [wood, wood]);
        assert_eq!(std::fs::read(contents.path(wood)).unwrap(), b"wood");
        assert!(!contents.has(bark));

        let mut broken_off = contents.begin_batch().unwrap();
        broken_off.add(moss, b"moss").unwrap();
        drop(broken_off);
        assert_eq!(contents.list().unwrap(), ([wood].into(), [].into()));
        assert_eq!(std::fs::read_dir(folder.path().join("contents/arriving")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_in_a_cache_is_read_only() {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents::cache(folder.path().to_path_buf());
        let mut batch = contents.begin_batch().unwrap();
        batch.add(hash(b"wood"), b"wood").unwrap();
        batch.place(|_| true).unwrap();
        let mut arrival = contents.receive(hash(b"bark"), 0).unwrap();
        arrival.write(b"bark").unwrap();
        arrival.finish(4).unwrap();
        for content in [b"wood", b"bark"] {
            let facts = std::fs::metadata(contents.path(hash(content))).unwrap();
            assert!(facts.permissions().readonly());
        }
    }

    #[test]
    fn what_a_kill_left_of_a_batch_is_removed_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents::new(folder.path().to_path_buf());
        let mut batch = contents.begin_batch().unwrap();
        batch.add(hash(b"wood"), b"wood").unwrap();
        std::mem::forget(batch);
        Contents::new(folder.path().to_path_buf()).remove_broken_off().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
