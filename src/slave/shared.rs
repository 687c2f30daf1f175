//! Contents that this machine may read where the artist has them, on a disk that both see.
//!
//! What is found there is taken only if it is exactly the content whose hash the job names (`files/shared.rs`), as a copy: the
//! artist may go on working. A disk that does not answer costs one wait, and then only the few threads that hang in it.

use super::cache::Wanted;
use crate::error::{Error, Result};
use crate::files::content::Contents;
use crate::files::take_shared;
use crate::ids::ContentHash;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many read from shared disks at once. One that hangs keeps its place until its disk answers.
const READERS_MAX: usize = 4;
/// How long a disk may take to begin with.
const PATIENCE: Duration = Duration::from_secs(10);
/// The slowest disk that is waited for.
const BYTES_PER_SECOND_MIN: u64 = 10_000_000;

/// The disks that others see too.
#[derive(Debug)]
pub(super) struct SharedDisks {
    readers: Arc<Semaphore>,
}

impl Default for SharedDisks {
    fn default() -> Self {
        Self {
            readers: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }
}

impl SharedDisks {
    /// Takes what is there; the others are to be fetched. An error is one of this machine's own disk.
    pub(super) async fn take(&self, contents: &Contents, wanted: impl Iterator<Item = &Wanted>) -> Result<Vec<ContentHash>> {
        let named = wanted.filter_map(|it| Some((it.hash, it.size_bytes, it.at_artist.clone()?)));
        let named: Vec<(ContentHash, u64, PathBuf)> = named.collect();
        let Ok(permit) = Arc::clone(&self.readers).try_acquire_owned() else {
            return Ok(Vec::new());
        };
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let bytes: u64 = named.iter().map(|(_, size_bytes, _)| size_bytes).sum();
        let patience = PATIENCE + Duration::from_secs(bytes / BYTES_PER_SECOND_MIN);
        let contents = contents.clone();
        let taking = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut batch = contents.begin_batch()?;
            for (hash, size_bytes, path) in &named {
                take_shared(&mut batch, *hash, *size_bytes, path)?;
            }
            if batch.arrived().is_empty() {
                return Ok(Vec::new());
            }
            batch.place(|_| true)
        });
        match tokio::time::timeout(patience, taking).await {
            Ok(Ok(taken)) => taken,
            Ok(Err(error)) => Err(Error::internal(format!("reading from a shared disk ended: {error}"))),
            Err(_) => {
                tracing::warn!("a shared disk does not answer: its files are fetched from the master");
                Ok(Vec::new())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::hash_file;
    use std::path::Path;

    fn wanted(content: &[u8], at_artist: Option<&Path>) -> Wanted {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        Wanted {
            hash: hash_file(file.path()).unwrap(),
            size_bytes: content.len() as u64,
            at_artist: at_artist.map(Path::to_path_buf),
        }
    }

    #[tokio::test]
    async fn what_lies_at_the_artists_is_taken_if_it_is_still_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (wood, bark) = (folder.path().join("wood.png"), folder.path().join("bark.png"));
        std::fs::write(&wood, b"wood").unwrap();
        std::fs::write(&bark, b"BARK").unwrap();
        let contents = Contents::cache(folder.path().join("cache"));
        let disks = SharedDisks::default();
        let all = [
            wanted(b"wood", Some(&wood)),
            wanted(b"bark", Some(&bark)),
            wanted(b"moss", Some(&folder.path().join("none"))),
            wanted(b"lichen", None),
        ];
        assert_eq!(disks.take(&contents, all.iter()).await.unwrap(), [all[0].hash]);
        std::fs::write(&wood, b"new wood").unwrap();
        assert_eq!(std::fs::read(contents.path(all[0].hash)).unwrap(), b"wood", "it is a copy");
        assert!(!contents.has(all[1].hash));

        let _hanging = disks.readers.acquire_many(4).await.unwrap();
        assert!(
            disks.take(&contents, all.iter()).await.unwrap().is_empty(),
            "disks that hang are left alone"
        );
    }
}
