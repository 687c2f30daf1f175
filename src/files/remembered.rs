//! Hashes of files that were read before, so that a file that has not changed is not read again.
//!
//! A file is known by its path, length, inode and times; all of that goes into one key, so the list tells nobody which files
//! there are. It lies in one file of fixed records behind a checksum: a list that is damaged is an empty one.
//!
//! Absences: no clock of its own (the caller says what time it is), and no promise: what is not remembered is read again.

use super::whole::write_whole;
use crate::error::Result;
use crate::ids::ContentHash;
use std::collections::HashMap;
use std::fs::Metadata;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Most files that are remembered; the longest unused go first.
const FILES_MAX: usize = 100_000;
/// A file that was changed so shortly before it was read may be changed again without another time on it.
const SETTLED_S: u64 = 2;

const MAGIC: &[u8; 16] = b"netrender hash 1";
const HASH_BYTES: usize = 32;
const HEAD_BYTES: usize = MAGIC.len() + HASH_BYTES;
const RECORD_BYTES: usize = 2 * HASH_BYTES;

/// What a file is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileKey([u8; HASH_BYTES]);

impl FileKey {
    /// The key of a file as it is; none if it was changed so lately that it may change again under the same key.
    #[must_use]
    pub fn of(path: &Path, facts: &Metadata, now: SystemTime) -> Option<Self> {
        let (numbers, changed) = fingerprint(facts)?;
        if now.duration_since(changed).ok()? < Duration::from_secs(SETTLED_S) {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(path.as_os_str().as_encoded_bytes());
        Some(Self(*hasher.finalize().as_bytes()))
    }
}

/// What tells one state of a file from another, and when it was changed last. The time of the inode's change cannot be set by
/// programs, as that of the file's can.
#[cfg(unix)]
fn fingerprint(facts: &Metadata) -> Option<([i64; 7], SystemTime)> {
    use std::os::unix::fs::MetadataExt as _;
    let numbers = [
        facts.size().cast_signed(),
        facts.dev().cast_signed(),
        facts.ino().cast_signed(),
        facts.mtime(),
        facts.mtime_nsec(),
        facts.ctime(),
        facts.ctime_nsec(),
    ];
    let inode_changed =
        SystemTime::UNIX_EPOCH + Duration::new(u64::try_from(facts.ctime()).ok()?, u32::try_from(facts.ctime_nsec()).ok()?);
    Some((numbers, inode_changed.max(facts.modified().ok()?)))
}

#[cfg(not(unix))]
fn fingerprint(facts: &Metadata) -> Option<([i64; 3], SystemTime)> {
    let changed = facts.modified().ok()?;
    let nanoseconds = |time: SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok()
    };
    let made = facts.created().ok().and_then(nanoseconds).unwrap_or(0);
    Some(([facts.len().cast_signed(), nanoseconds(changed)?, made], changed))
}

/// The hashes that are remembered.
#[derive(Debug, Default)]
pub struct Remembered {
    /// With the place in the order of last use.
    hashes: HashMap<FileKey, (ContentHash, usize)>,
    uses: usize,
    is_changed: bool,
    path: Option<PathBuf>,
    files_max: usize,
}

impl Remembered {
    /// What is remembered in a file. One that is not there, or is damaged, remembers nothing.
    #[must_use]
    pub fn open(path: PathBuf) -> Self {
        let records = read(&path).unwrap_or_default();
        let hashes: HashMap<_, _> = records
            .chunks_exact(RECORD_BYTES)
            .enumerate()
            .filter_map(|(place, record)| {
                let (key, hash) = record.split_at(HASH_BYTES);
                Some((FileKey(key.try_into().ok()?), (ContentHash(hash.try_into().ok()?), place)))
            })
            .collect();
        Self {
            uses: hashes.len(),
            hashes,
            is_changed: false,
            path: Some(path),
            files_max: FILES_MAX,
        }
    }

    /// The hash of a file, which from then on counts as used just now.
    pub fn find(&mut self, key: FileKey) -> Option<ContentHash> {
        let (hash, place) = self.hashes.get_mut(&key)?;
        *place = self.uses;
        self.uses += 1;
        Some(*hash)
    }

    /// Remembers a hash.
    pub fn note(&mut self, key: FileKey, hash: ContentHash) {
        self.hashes.insert(key, (hash, self.uses));
        self.uses += 1;
        self.is_changed = true;
    }

    /// Keeps what is new. Two who do so at the same time do not mix: one of them is remembered.
    pub fn save(&mut self) -> Result<()> {
        let Some(path) = self.path.as_ref().filter(|_| self.is_changed) else {
            return Ok(());
        };
        let mut records: Vec<_> = self.hashes.iter().map(|(key, (hash, place))| (*place, key, hash)).collect();
        records.sort_unstable_by_key(|(place, ..)| *place);
        let excess = records.len().saturating_sub(self.files_max);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + (records.len() - excess) * RECORD_BYTES);
        bytes.extend([0; HEAD_BYTES]);
        for (_, key, hash) in &records[excess..] {
            bytes.extend(key.0);
            bytes.extend(hash.0);
        }
        let checksum = blake3::hash(&bytes[HEAD_BYTES..]);
        bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        bytes[MAGIC.len()..HEAD_BYTES].copy_from_slice(checksum.as_bytes());
        if let Some(folder) = path.parent() {
            super::part::make_folder(folder)?;
        }
        write_whole(path, &bytes)?;
        self.is_changed = false;
        Ok(())
    }
}

/// The records of a file that is whole.
fn read(path: &Path) -> Option<Vec<u8>> {
    let longest = HEAD_BYTES + FILES_MAX * RECORD_BYTES;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(longest as u64 + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    if bytes.len() < HEAD_BYTES || bytes.len() > longest || !bytes.starts_with(MAGIC) {
        return None;
    }
    let records = bytes.split_off(HEAD_BYTES);
    (blake3::hash(&records).as_bytes() == &bytes[MAGIC.len()..]).then_some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WOOD: ContentHash = ContentHash([7; 32]);

    fn key(path: &Path, later: u64) -> Option<FileKey> {
        let facts = std::fs::metadata(path).unwrap();
        FileKey::of(path, &facts, facts.modified().unwrap() + Duration::from_secs(later))
    }

    #[test]
    fn a_file_is_known_again_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (file, list) = (folder.path().join("wood.png"), folder.path().join("cache/hashes"));
        std::fs::write(&file, b"wood").unwrap();
        let mut remembered = Remembered::open(list.clone());
        remembered.note(key(&file, 60).unwrap(), WOOD);
        remembered.save().unwrap();
        let mut remembered = Remembered::open(list.clone());
        assert_eq!(remembered.find(key(&file, 90).unwrap()), Some(WOOD));
        let other = folder.path().join("other.png");
        std::fs::rename(&file, &other).unwrap();
        assert_eq!(remembered.find(key(&other, 90).unwrap()), None, "another path");
        std::fs::rename(&other, &file).unwrap();
        std::fs::write(&file, b"bark").unwrap();
        let later = std::fs::metadata(&file).unwrap().modified().unwrap() + Duration::from_secs(1);
        std::fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(later)
            .unwrap();
        assert_eq!(
            remembered.find(key(&file, 90).unwrap()),
            None,
            "another content of the same length"
        );
    }

    #[test]
    fn a_file_that_has_just_been_changed_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wood.png");
        std::fs::write(&file, b"wood").unwrap();
        assert_eq!(key(&file, 1), None);
        assert!(key(&file, 60).is_some());
        let facts = std::fs::metadata(&file).unwrap();
        assert_eq!(
            FileKey::of(&file, &facts, SystemTime::UNIX_EPOCH),
            None,
            "changed in the future"
        );
    }

    #[test]
    fn a_damaged_list_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("hashes");
        let mut remembered = Remembered::open(list.clone());
        remembered.note(FileKey([1; 32]), WOOD);
        remembered.save().unwrap();
        let whole = std::fs::read(&list).unwrap();
        let mut flipped = whole.clone();
        flipped[HEAD_BYTES + 40] ^= 1;
        for damaged in [
            &flipped[..],
            &whole[..whole.len() - 1],
            &whole[..20],
            b"",
            b"something else of somebody",
        ] {
            std::fs::write(&list, damaged).unwrap();
            assert_eq!(Remembered::open(list.clone()).find(FileKey([1; 32])), None);
        }
        std::fs::write(&list, &whole).unwrap();
        assert_eq!(Remembered::open(list).find(FileKey([1; 32])), Some(WOOD));
    }

    #[test]
    fn the_longest_unused_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("hashes");
        let key = |number: u8| FileKey([number; 32]);
        let mut remembered = Remembered::open(list.clone());
        remembered.files_max = 2;
        for number in 0..3 {
            remembered.note(key(number), WOOD);
        }
        assert!(remembered.find(key(0)).is_some());
        remembered.save().unwrap();
        let mut remembered = Remembered::open(list);
        assert_eq!(
            [0, 1, 2].map(|number| remembered.find(key(number)).is_some()),
            [true, false, true]
        );
    }
}
