//! Contents fetched from the master, by hash, so that no file crosses the wire twice: `<home>/cache/ab/<hash>`.
//!
//! All slots share it. Two that want the same content wait for one download, and what a job's folder links to is never
//! thrown out: that would free nothing, and it would have to be fetched again.

use crate::error::{Error, Result};
use crate::files;
use crate::ids::ContentHash;
use crate::link::{Link, no_progress};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;
use tokio::sync::RwLock;

/// GiB of contents that are kept if nothing else was said.
pub const CACHE_GIB_DEFAULT: u64 = 20;
const PART: &str = "part";

/// The contents on this slave's disk.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Above it, the longest unused go.
    bytes_max: u64,
    /// Downloads at this moment: whoever wants one of them takes its turn after it.
    coming: Mutex<HashMap<ContentHash, Weak<tokio::sync::Mutex<()>>>>,
    /// Shared by those who take a content out, so that it does not go while they look.
    room: RwLock<()>,
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
        // What interrupted downloads left.
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|it| it == PART) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(Self {
            folder,
            bytes_max,
            coming: Mutex::default(),
            room: RwLock::default(),
        })
    }

    /// Puts a content where a scene wants it; fetches it first if it is not here.
    pub(super) async fn place(&self, link: &Link, hash: ContentHash, size_bytes: u64, target: &Path) -> Result<()> {
        loop {
            {
                let _stays = self.room.read().await;
                if let Some(content) = self.find(hash, size_bytes) {
                    return link_or_copy(&content, target);
                }
            }
            self.bring(link, hash, size_bytes, Want::Now).await?;
        }
    }

    /// Has a content here, checked and whole.
    pub(super) async fn bring(&self, link: &Link, hash: ContentHash, size_bytes: u64, want: Want) -> Result<()> {
        let turn = self.turn(hash);
        let _turn = turn.lock().await;
        // Somebody may have brought it meanwhile.
        if self.find(hash, size_bytes).is_some() {
            return Ok(());
        }
        self.make_room(size_bytes, want).await?;
        let part = self.folder.join(format!("{hash}.{PART}"));
        let fetched = async {
            link.download(&format!("contents/{hash}"), &part, size_bytes, no_progress())
                .await?;
            self.keep(&part, hash).await.map(drop)
        };
        let fetched = fetched.await;
        if fetched.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        fetched
    }

    /// The content if it is here; from then on it counts as used just now.
    fn find(&self, hash: ContentHash, size_bytes: u64) -> Option<PathBuf> {
        let path = self.path(hash);
        let file = std::fs::File::open(&path).ok()?;
        (file.metadata().ok()?.len() == size_bytes).then(|| touch(&file))?;
        Some(path)
    }

    fn turn(&self, hash: ContentHash) -> Arc<tokio::sync::Mutex<()>> {
        let mut coming = self.coming.lock().unwrap_or_else(PoisonError::into_inner);
        coming.retain(|_, turn| turn.strong_count() > 0);
        let turn = coming.get(&hash).and_then(Weak::upgrade).unwrap_or_default();
        coming.insert(hash, Arc::downgrade(&turn));
        turn
    }

    /// Moves a fetched file into place if its content is what was asked for.
    async fn keep(&self, part: &Path, hash: ContentHash) -> Result<PathBuf> {
        let hashed = part.to_path_buf();
        let found = tokio::task::spawn_blocking(move || files::hash_file(&hashed))
            .await
            .map_err(|error| Error::internal(error.to_string()))??;
        if found != hash {
            return Err(Error::storage(format!("the content {hash} arrived damaged")));
        }
        let path = self.path(hash);
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
        set_read_only(part)
            .and_then(|()| std::fs::rename(part, &path))
            .map_err(|error| Error::io("write", &path, &error))?;
        Ok(path)
    }

    /// Removes the longest unused contents until there is room for one more of this size.
    async fn make_room(&self, size_bytes: u64, want: Want) -> Result<()> {
        let _alone = self.room.write().await;
        let mut contents = self.contents()?;
        let mut bytes: u64 = contents.iter().map(|content| content.bytes).sum();
        contents.sort_by_key(|content| content.used);
        for content in contents.into_iter().filter(|content| !content.is_in_use) {
            if bytes.saturating_add(size_bytes) <= self.bytes_max {
                break;
            }
            std::fs::remove_file(&content.path).map_err(|error| Error::io("remove", &content.path, &error))?;
            bytes -= content.bytes;
        }
        if want == Want::Perhaps && bytes.saturating_add(size_bytes) > self.bytes_max {
            return Err(Error::storage("the cache has no room for files of jobs to come"));
        }
        Ok(())
    }

    fn contents(&self) -> Result<Vec<Content>> {
        let failed = |error: std::io::Error| Error::io("read", &self.folder, &error);
        let mut contents = Vec::new();
        for folder in std::fs::read_dir(&self.folder).map_err(failed)?.flatten() {
            for entry in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                let facts = entry.metadata().map_err(failed)?;
                contents.push(Content {
                    used: facts.modified().map_err(failed)?,
                    bytes: facts.len(),
                    is_in_use: is_linked(&facts),
                    path: entry.path(),
                });
            }
        }
        Ok(contents)
    }

    fn path(&self, hash: ContentHash) -> PathBuf {
        let name = hash.to_string();
        self.folder.join(&name[..2]).join(name)
    }
}

/// One file of the cache.
struct Content {
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

fn set_read_only(path: &Path) -> std::io::Result<()> {
    let mut permissions = std::fs::metadata(path)?.permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(path, permissions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn put(cache: &Cache, number: u8, bytes: usize, age_s: u64) {
        let path = cache.path(ContentHash([number; 32]));
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
        let here = |number| cache.path(ContentHash([number; 32])).exists();
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
        let path = |number| cache.path(ContentHash([number; 32]));
        std::fs::hard_link(path(1), home.path().join("in_use")).unwrap();
        cache.make_room(60, Want::Perhaps).await.unwrap();
        assert_eq!([1, 2].map(|number| path(number).exists()), [true, false]);
        cache.make_room(70, Want::Perhaps).await.unwrap_err();
        cache.make_room(70, Want::Now).await.unwrap();
        assert!(path(1).exists());
    }

    #[tokio::test]
    async fn a_content_is_kept_only_if_it_is_what_was_asked_for() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open(home.path(), 100).unwrap();
        let part = cache.folder.join("a.part");
        std::fs::write(&part, b"abc").unwrap();
        let error = cache.keep(&part, ContentHash([1; 32])).await.unwrap_err();
        assert!(error.to_string().contains("arrived damaged"), "{error}");
        let hash = files::hash_file(&part).unwrap();
        let kept = cache.keep(&part, hash).await.unwrap();
        assert!(std::fs::metadata(kept).unwrap().permissions().readonly());
        assert!(cache.find(hash, 3).is_some() && cache.find(hash, 4).is_none() && !part.exists());
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
