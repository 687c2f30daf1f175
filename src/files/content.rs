//! The content store: files by the hash of what is in them, each kept once however many jobs need it.
//!
//! `<folder>/ab/cdef…` is a complete content, `<folder>/ab/cdef….part` one that is still arriving; many small ones that arrive
//! together are in `<folder>/arriving/<number>/` until they are complete.

use super::batch::Batch;
use super::part::{self, Part};
use crate::error::{Error, Result};
use crate::ids::ContentHash;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Where batches lie: no hash begins so.
const ARRIVING: &str = "arriving";

/// How much of a content is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Bytes that need not be sent again.
    pub present_bytes: u64,
    /// Whether it is complete.
    pub complete: bool,
}

/// A folder of contents. Clones share it.
#[derive(Debug, Clone)]
pub struct Contents {
    folder: PathBuf,
    /// Contents that arrive just now: one writer each.
    arriving: Arc<Mutex<HashSet<ContentHash>>>,
    batches: Arc<AtomicU64>,
    is_cache: bool,
}

impl Contents {
    /// The contents in a folder, which need not be there yet.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            arriving: Arc::default(),
            batches: Arc::default(),
            is_cache: false,
        }
    }

    /// The same for contents that can be had again. They are read-only, for others make links to them, and what comes in a
    /// batch may be gone after a power cut, though never damaged.
    #[must_use]
    pub fn cache(folder: PathBuf) -> Self {
        Self {
            is_cache: true,
            ..Self::new(folder)
        }
    }

    /// Whether these can be had again.
    pub(super) fn is_cache(&self) -> bool {
        self.is_cache
    }

    /// Where a complete content lies.
    #[must_use]
    pub fn path(&self, hash: ContentHash) -> PathBuf {
        let text = hash.to_string();
        let (first, rest) = text.split_at(2);
        self.folder.join(first).join(rest)
    }

    /// Whether it is here, complete.
    #[must_use]
    pub fn has(&self, hash: ContentHash) -> bool {
        self.path(hash).exists()
    }

    /// How much of it is here.
    pub fn status(&self, hash: ContentHash) -> Result<Presence> {
        let complete = self.path(hash);
        if complete.exists() {
            return Ok(Presence {
                present_bytes: part::present_bytes(&complete)?,
                complete: true,
            });
        }
        Ok(Presence {
            present_bytes: part::present_bytes(&part_of(&complete))?,
            complete: false,
        })
    }

    /// Begins to take a content in, or goes on at `offset`. Refused while somebody else sends the same content.
    pub fn receive(&self, hash: ContentHash, offset: u64) -> Result<Arrival> {
        let claim = self.claim(hash)?;
        let target = self.path(hash);
        let part = Part::resume(&part_of(&target), offset)?;
        Ok(Arrival {
            part,
            target,
            claim,
            is_cache: self.is_cache,
        })
    }

    /// Begins to take in many small contents together.
    pub fn begin_batch(&self) -> Result<Batch> {
        let number = self.batches.fetch_add(1, Ordering::Relaxed);
        Batch::begin(self.clone(), self.folder.join(ARRIVING).join(number.to_string()))
    }

    /// Removes what a kill left of batches. Nobody may be at one.
    pub fn remove_broken_off(&self) -> Result<()> {
        let folder = self.folder.join(ARRIVING);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &folder, &error)),
            _ => Ok(()),
        }
    }

    /// Removes parts to which nothing was added since `then`, unless somebody is about to go on with them. Returns how many.
    pub fn remove_parts_before(&self, then: SystemTime) -> Result<usize> {
        let mut removed = 0;
        for hash in self.list()?.1 {
            // Whoever goes on with it now holds the claim; whoever comes later is told how much is here: nothing.
            let Ok(_claim) = self.claim(hash) else { continue };
            let part = part_of(&self.path(hash));
            if std::fs::metadata(&part)
                .and_then(|facts| facts.modified())
                .is_ok_and(|at| at < then)
            {
                part::remove(&part)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Removes what has arrived of a content, as long as it is not complete.
    pub fn remove_part(&self, hash: ContentHash) -> Result<()> {
        part::remove(&part_of(&self.path(hash)))
    }

    /// Removes a content and what has arrived of it.
    pub fn remove(&self, hash: ContentHash) -> Result<()> {
        self.remove_part(hash)?;
        part::remove(&self.path(hash))
    }

    /// All complete contents, and apart those of which there is only a part.
    pub fn list(&self) -> Result<(HashSet<ContentHash>, HashSet<ContentHash>)> {
        let (mut complete, mut parts) = (HashSet::new(), HashSet::new());
        for folder in entries(&self.folder)? {
            let first = name(&folder);
            for path in entries(&folder)? {
                let name = format!("{first}{}", name(&path));
                match name.strip_suffix(".part") {
                    Some(name) => parts.extend(name.parse::<ContentHash>()),
                    None => complete.extend(name.parse::<ContentHash>()),
                }
            }
        }
        Ok((complete, parts))
    }

    fn claim(&self, hash: ContentHash) -> Result<Claim> {
        let mut arriving = self.arriving.lock().unwrap_or_else(PoisonError::into_inner);
        if !arriving.insert(hash) {
            return Err(
                Error::unreachable(format!("somebody else is sending the content {hash} just now"))
                    .hint("ask for its status in a moment"),
            );
        }
        Ok(Claim {
            hash,
            arriving: Arc::clone(&self.arriving),
        })
    }
}

/// A content on its way in. Dropped, it can be taken up again where it ended.
#[derive(Debug)]
pub struct Arrival {
    part: Part,
    target: PathBuf,
    claim: Claim,
    is_cache: bool,
}

impl Arrival {
    /// How much of it is here.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.part.size_bytes()
    }

    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.part.write(bytes)
    }

    /// Removes what has arrived: on a full disk it would be in the way of everything else.
    pub fn discard(self) -> Result<()> {
        part::remove(&part_of(&self.target))
    }

    /// Checks it and puts it in place, safe on the disk.
    pub fn finish(self, size_bytes: u64) -> Result<()> {
        self.part.place(self.claim.hash, size_bytes, &self.target)?;
        if self.is_cache {
            part::set_read_only(&self.target)?;
        }
        Ok(())
    }
}

/// The right to write a content, given back when dropped.
#[derive(Debug)]
struct Claim {
    hash: ContentHash,
    arriving: Arc<Mutex<HashSet<ContentHash>>>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.arriving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.hash);
    }
}

fn part_of(path: &Path) -> PathBuf {
    path.with_extension("part")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What is in a folder; nothing if there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |error: std::io::Error| Error::io("read", folder, &error);
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(io)?.path())).collect(),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn hash(bytes: &[u8]) -> ContentHash {
        ContentHash(*blake3::hash(bytes).as_bytes())
    }

    #[test]
    fn a_content_is_complete_only_when_all_of_it_has_arrived() {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents::new(folder.path().join("contents"));
        let wood = hash(b"wood grain");
        assert_eq!(
            contents.status(wood).unwrap(),
            Presence {
                present_bytes: 0,
                complete: false
            }
        );
        let mut arrival = contents.receive(wood, 0).unwrap();
        arrival.write(b"wood ").unwrap();
        let error = contents.receive(wood, 0).unwrap_err();
        assert!(error.to_string().contains("somebody else is sending"), "{error}");
        drop(arrival);
        assert_eq!(contents.list().unwrap(), (HashSet::new(), HashSet::from([wood])));

        let mut arrival = contents.receive(wood, contents.status(wood).unwrap().present_bytes).unwrap();
        arrival.write(b"grain").unwrap();
        arrival.finish(10).unwrap();
        assert_eq!(
            contents.status(wood).unwrap(),
            Presence {
                present_bytes: 10,
                complete: true
            }
        );
        assert_eq!(contents.list().unwrap(), (HashSet::from([wood]), HashSet::new()));
        contents.remove(wood).unwrap();
        contents.remove(wood).unwrap();
        assert_eq!(contents.list().unwrap(), (HashSet::new(), HashSet::new()));
    }

    #[test]
    fn a_part_that_nobody_goes_on_with_is_removed_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents::new(folder.path().to_path_buf());
        let (old, young, busy) = (hash(b"old"), hash(b"young"), hash(b"busy"));
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let mut held = None;
        for (content, age) in [(old, 1), (young, 0), (busy, 1)] {
            let mut arrival = contents.receive(content, 0).unwrap();
            arrival.write(b"x").unwrap();
            let part = std::fs::File::options().write(true).open(part_of(&contents.path(content)));
            part.unwrap().set_modified(then - Duration::from_secs(age)).unwrap();
            if content == busy {
                held = Some(arrival);
            }
        }
        assert_eq!(contents.remove_parts_before(then).unwrap(), 1);
        assert_eq!(contents.list().unwrap().1, HashSet::from([young, busy]));
        drop(held);
        assert_eq!(contents.remove_parts_before(then).unwrap(), 1);
    }
}
