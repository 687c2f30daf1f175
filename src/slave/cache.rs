//! Contents fetched from the master, by hash, so that no file crosses the wire twice: `<home>/cache/ab/…`.
//!
//! All slots share it. Two that want the same content wait for one download, and what a job's folder links to is never
//! thrown out: that would free nothing, and it would have to be fetched again. A download that broke off goes on where it did.

use super::fetch::fetch;
use super::shared::SharedDisks;
use crate::error::{Error, Result};
use crate::files::content::Contents;
use crate::ids::ContentHash;
use crate::link::Link;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;
use tokio::sync::RwLock;

/// GiB of contents that are kept if nothing else was said.
pub const CACHE_GIB_DEFAULT: u64 = 20;

/// The contents on this slave's disk.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    contents: Contents,
    shared_disks: SharedDisks,
    /// Above it, the longest unused go.
    bytes_max: u64,
    /// Contents that come at this moment: whoever wants one of them takes its turn after it.
    coming: Mutex<HashMap<ContentHash, Weak<tokio::sync::Mutex<()>>>>,
    /// Shared by those who take a content out, so that it does not go while they look.
    room: RwLock<()>,
}

/// A content that a scene needs.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) hash: ContentHash,
    pub(super) size_bytes: u64,
    /// Where the artist has it: on a disk that may be this machine's too.
    pub(super) at_artist: Option<PathBuf>,
}

/// Who wants a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// A frame that is to be rendered: room is made whatever it takes.
    Now,
    /// One that may come: only if there is room.
    Perhaps,
}

impl Cache {
    pub(super) fn open(home: &Path, bytes_max: u64) -> Result<Self> {
        let folder = home.join("cache");
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("make the folder", &folder, &error))?;
        let contents = Contents::cache(folder.clone());
        contents.remove_broken_off()?;
        Ok(Self {
            folder,
            contents,
            shared_disks: SharedDisks::default(),
            bytes_max,
            coming: Mutex::default(),
            room: RwLock::default(),
        })
    }

    /// Puts a content where a scene wants it; brings it first if it is not here.
    pub(super) async fn place(&self, link: &Link, wanted: &Wanted, target: &Path) -> Result<()> {
        loop {
            {
                let _stays = self.room.read().await;
                if let Some(content) = self.find(wanted.hash, wanted.size_bytes) {
                    return link_or_copy(&content, target);
                }
            }
            self.bring(link, vec![wanted.clone()], Want::Now).await?;
        }
    }

    /// Has these contents here, checked and whole. Several are small enough to come together.
    pub(super) async fn bring(&self, link: &Link, wanted: Vec<Wanted>, want: Want) -> Result<()> {
        // Each once, and all in one order: so nobody waits in a circle for others who want some of them.
        let mut missing: BTreeMap<ContentHash, Wanted> = wanted.into_iter().map(|it| (it.hash, it)).collect();
        let mut turns = Vec::with_capacity(missing.len());
        for turn in self.turns(missing.keys()) {
            turns.push(turn.lock_owned().await);
        }
        // Somebody may have brought some meanwhile.
        missing.retain(|_, it| self.find(it.hash, it.size_bytes).is_none());
        if missing.is_empty() {
            return Ok(());
        }
        let bytes = missing.values().fold(0, |sum: u64, it| sum.saturating_add(it.size_bytes));
        self.make_room(bytes, want).await?;
        for taken in self.shared_disks.take(&self.contents, missing.values()).await? {
            missing.remove(&taken);
        }
        fetch(link, &self.contents, missing.into_values().collect()).await
    }

    /// The content if it is here; from then on it counts as used just now.
    fn find(&self, hash: ContentHash, size_bytes: u64) -> Option<PathBuf> {
        let path = self.contents.path(hash);
        let file = std::fs::File::open(&path).ok()?;
        (file.metadata().ok()?.len() == size_bytes).then(|| touch(&file))?;
        Some(path)
    }

    fn turns<'a>(&self, hashes: impl Iterator<Item = &'a ContentHash>) -> Vec<Arc<tokio::sync::Mutex<()>>> {
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        coming.retain(|_, turn| turn.strong_count() > 0);
        let turns = hashes.map(|hash| {
            let turn = coming.get(hash).and_then(Weak::upgrade).unwrap_or_default();
            coming.insert(*hash, Arc::downgrade(&turn));
            turn
        });
        turns.collect()
    }

    /// Removes the longest unused contents until there is room for more of this size.
    async fn make_room(&self, size_bytes: u64, want: Want) -> Result<()> {
        let _alone = self.room.write().await;
        let mut files = self.files()?;
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        files.sort_by_key(|file| file.used);
        for file in files.into_iter().filter(|file| !file.is_in_use) {
            if bytes.saturating_add(size_bytes) <= self.bytes_max {
                break;
            }
            std::fs::remove_file(&file.path).map_err(|error| Error::io("remove", &file.path, &error))?;
            bytes -= file.bytes;
        }
        if want == Want::Perhaps && bytes.saturating_add(size_bytes) > self.bytes_max {
            return Err(Error::storage("the cache has no room for files of jobs to come"));
        }
        Ok(())
    }

    /// What is in the cache, complete or not, but for what is arriving in bundles.
    fn files(&self) -> Result<Vec<CachedFile>> {
        let coming: HashSet<PathBuf> = {
            let coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
            let now = coming.iter().filter(|(_, turn)| turn.strong_count() > 0);
            now.map(|(hash, _)| self.contents.path(*hash)).collect()
        };
        let failed = |error: std::io::Error| Error::io("read", &self.folder, &error);
        let mut files = Vec::new();
        for folder in std::fs::read_dir(&self.folder).map_err(failed)?.flatten() {
            for entry in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                // What has just been given its name, or has gone.
                let Ok(facts) = entry.metadata() else { continue };
                if facts.is_file() {
                    files.push(CachedFile {
                        used: facts.modified().map_err(failed)?,
                        bytes: facts.len(),
                        is_in_use: is_linked(&facts) || coming.contains(&entry.path().with_extension("")),
                        path: entry.path(),
                    });
                }
            }
        }
        Ok(files)
    }
}

/// One file of the cache.
struct CachedFile {
    used: SystemTime,
    bytes: u64,
    is_in_use: bool,
    path: PathBuf,
}

/// Whether a job's folder has the file too.
#[cfg(unix)]
fn is_linked(facts: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(facts) > 1
}

/// Whether a job's folder has the file too: unknown here. What goes is then fetched again when it is wanted again.
#[cfg(not(unix))]
fn is_linked(_: &std::fs::Metadata) -> bool {
    false
}

/// Gives a file a second name, or makes a copy where that cannot be.
fn link_or_copy(content: &Path, target: &Path) -> Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    match std::fs::hard_link(content, target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::storage(format!(
            "{} is there twice: this disk does not tell apart names that differ in case only",
            target.display()
        ))),
        // Another disk, or a file system without hard links.
        Err(_) => std::fs::copy(content, target)
            .map(drop)
            .map_err(|error| Error::io("write", target, &error)),
    }
}

fn touch(file: &std::fs::File) {
    #[expect(clippy::disallowed_methods, reason = "the file system's clock says what was used last")]
    let now = SystemTime::now();
    // Then it is only thrown out earlier than it should be.
    let _ = file.set_modified(now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn put(cache: &Cache, number: u8, bytes: usize, age_s: u64) {
        let path = cache.contents.path(ContentHash([number; 32]));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, vec![0; bytes]).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age_s);
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(then)
            .unwrap();
    }

    #[tokio::test]
    async fn the_longest_unused_contents_make_room() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open(home.path(), 100).unwrap();
        for (number, age_s) in [(1, 30), (2, 20), (3, 10)] {
            put(&cache, number, 30, age_s);
        }
        assert!(
            cache.find(ContentHash([1; 32]), 30).is_some(),
            "using it makes it the youngest"
        );
        cache.make_room(30, Want::Now).await.unwrap();
        let here = |number| cache.contents.path(ContentHash([number; 32])).exists();
        assert_eq!([1, 2, 3].map(here), [true, false, true]);
        cache.make_room(1000, Want::Now).await.unwrap();
        assert_eq!([1, 2, 3].map(here), [false; 3]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_a_job_uses_stays_and_what_may_come_waits_for_room() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open(home.path(), 100).unwrap();
        for (number, age_s) in [(1, 30), (2, 20)] {
            put(&cache, number, 40, age_s);
        }
        let path = |number| cache.contents.path(ContentHash([number; 32]));
        std::fs::hard_link(path(1), home.path().join("in_use")).unwrap();
        cache.make_room(60, Want::Perhaps).await.unwrap();
        assert_eq!([1, 2].map(|number| path(number).exists()), [true, false]);
        cache.make_room(70, Want::Perhaps).await.unwrap_err();
        cache.make_room(70, Want::Now).await.unwrap();
        assert!(path(1).exists());
    }

    #[tokio::test]
    async fn what_broke_off_makes_room_too_unless_somebody_goes_on_with_it() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open(home.path(), 100).unwrap();
        for (number, bytes) in [(1, 60), (2, 40)] {
            let mut arrival = cache.contents.receive(ContentHash([number; 32]), 0).unwrap();
            arrival.write(&vec![0; bytes]).unwrap();
        }
        let turns = cache.turns([ContentHash([1; 32])].iter());
        cache.make_room(40, Want::Now).await.unwrap();
        assert_eq!(cache.files().unwrap().len(), 1);
        assert_eq!(cache.contents.status(ContentHash([1; 32])).unwrap().present_bytes, 60);
        drop(turns);
        cache.make_room(100, Want::Perhaps).await.unwrap();
        assert!(cache.files().unwrap().is_empty());
    }

    #[test]
    fn a_file_is_put_where_the_scene_wants_it_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let content = folder.path().join("content");
        std::fs::write(&content, b"abc").unwrap();
        let target = folder.path().join("deep/er/file");
        link_or_copy(&content, &target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"abc");
        let error = link_or_copy(&content, &target).unwrap_err().to_string();
        assert!(error.contains("is there twice"), "{error}");
    }
}
