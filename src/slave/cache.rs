//! Contents fetched from the master, by hash, so that no file crosses the wire twice: `<home>/cache/ab/<hash>`.

use crate::error::{Error, Result};
use crate::files;
use crate::ids::ContentHash;
use crate::link::{Link, no_progress};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes of contents that are kept; the longest unused go first.
pub(super) const CACHE_BYTES_MAX: u64 = 20 << 30;

/// The contents on this slave's disk.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    bytes_max: u64,
}

impl Cache {
    pub(super) fn open(home: &Path, bytes_max: u64) -> Result<Self> {
        let folder = home.join("cache");
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("make the folder", &folder, &error))?;
        // A file that an interrupted fetch left.
        let _ = std::fs::remove_file(folder.join(PART));
        Ok(Self { folder, bytes_max })
    }

    /// The content if it is here; from then on it counts as used just now.
    pub(super) fn find(&self, hash: ContentHash, size_bytes: u64) -> Option<PathBuf> {
        let path = self.path(hash);
        let file = std::fs::File::open(&path).ok()?;
        (file.metadata().ok()?.len() == size_bytes).then(|| touch(&file))?;
        Some(path)
    }

    /// Brings the content here, checked and whole; makes room for it first.
    pub(super) async fn fetch(&self, link: &Link, hash: ContentHash, size_bytes: u64) -> Result<PathBuf> {
        self.make_room(size_bytes)?;
        let part = self.folder.join(PART);
        let fetched = async {
            link.download(&format!("contents/{hash}"), &part, size_bytes, no_progress())
                .await?;
            self.keep(&part, hash).await
        };
        let fetched = fetched.await;
        if fetched.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        fetched
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
    fn make_room(&self, size_bytes: u64) -> Result<()> {
        let mut contents = self.contents()?;
        let mut bytes: u64 = contents.iter().map(|(_, bytes, _)| bytes).sum();
        contents.sort();
        for (_, freed, path) in contents {
            if bytes + size_bytes <= self.bytes_max {
                break;
            }
            std::fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
            bytes -= freed;
        }
        Ok(())
    }

    fn contents(&self) -> Result<Vec<(SystemTime, u64, PathBuf)>> {
        let failed = |error: std::io::Error| Error::io("read", &self.folder, &error);
        let mut contents = Vec::new();
        for folder in std::fs::read_dir(&self.folder).map_err(failed)?.flatten() {
            for entry in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                let facts = entry.metadata().map_err(failed)?;
                contents.push((facts.modified().map_err(failed)?, facts.len(), entry.path()));
            }
        }
        Ok(contents)
    }

    fn path(&self, hash: ContentHash) -> PathBuf {
        let name = hash.to_string();
        self.folder.join(&name[..2]).join(name)
    }
}

const PART: &str = "content.part";

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

    #[test]
    fn the_longest_unused_contents_make_room() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open(home.path(), 100).unwrap();
        for (number, age_s) in [(1, 30), (2, 20), (3, 10)] {
            put(&cache, number, 30, age_s);
        }
        assert!(
            cache.find(ContentHash([1; 32]), 30).is_some(),
            "using it makes it the youngest"
        );
        cache.make_room(30).unwrap();
        let here = |number| cache.path(ContentHash([number; 32])).exists();
        assert_eq!([1, 2, 3].map(here), [true, false, true]);
        cache.make_room(1000).unwrap();
        assert_eq!([1, 2, 3].map(here), [false; 3]);
    }

    #[tokio::test]
    async fn a_content_is_kept_only_if_it_is_what_was_asked_for() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open(home.path(), 100).unwrap();
        let part = cache.folder.join(PART);
        std::fs::write(&part, b"abc").unwrap();
        let error = cache.keep(&part, ContentHash([1; 32])).await.unwrap_err();
        assert!(error.to_string().contains("arrived damaged"), "{error}");
        let hash = files::hash_file(&part).unwrap();
        let kept = cache.keep(&part, hash).await.unwrap();
        assert!(std::fs::metadata(kept).unwrap().permissions().readonly());
        assert!(cache.find(hash, 3).is_some() && cache.find(hash, 4).is_none() && !part.exists());
    }
}
