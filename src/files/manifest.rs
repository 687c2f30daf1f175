//! From files on this disk to the manifest of a job: short paths inside the job, and the hash of each content.

use super::remembered::{FileKey, Remembered};
use super::shared::shared_name;
use crate::error::{Error, Result};
use crate::ids::{ContentHash, JobPath};
use crate::wire::{FileEntry, Manifest, RenderSettings};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// Read at once while hashing; also how often progress is told and a cancel is noticed.
const CHUNK_BYTES: usize = 1 << 20;

/// A file of a job, where it is and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where its content is on this disk.
    pub disk_path: PathBuf,
    /// Where it lies beside the others: a path with `/` between names, without a root.
    pub virtual_path: String,
    /// First and last frame that need it; none: all do.
    pub frames: Option<(i32, i32)>,
    /// Whether Blender looks for it only when it opens the scene.
    pub at_opening: bool,
}

/// A manifest, and where each of its contents is on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltManifest {
    /// What is announced to the master.
    pub manifest: Manifest,
    /// One file of each content.
    pub contents: BTreeMap<ContentHash, ContentFile>,
}

/// A file with a content that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFile {
    /// Where it is on this disk.
    pub path: PathBuf,
    /// How long it was when it was hashed.
    pub size_bytes: u64,
}

/// What hashing goes by.
#[derive(Debug)]
pub struct Hashing<'a> {
    /// What need not be read again.
    pub remembered: &'a mut Remembered,
    /// When the hashing began: what is changed from then on is not remembered.
    pub now: SystemTime,
    /// Set from outside, it ends.
    pub cancelled: &'a AtomicBool,
}

/// Hashes all files and gives each its path inside the job: what all virtual paths begin with is cut off, so no path of the
/// artist's folders above the project is made on other machines. `progress` hears the bytes hashed so far, and of how many.
pub fn build(
    main: &SourceFile,
    files: &[SourceFile],
    settings: RenderSettings,
    mut progress: impl FnMut(u64, u64),
    mut hashing: Hashing<'_>,
) -> Result<BuiltManifest> {
    let mut sources: BTreeMap<&str, &SourceFile> = BTreeMap::new();
    for file in std::iter::once(main).chain(files) {
        sources.entry(&file.virtual_path).or_insert(file);
    }
    let root = common_root(sources.keys().copied());
    let total_bytes = total_bytes(sources.values().map(|file| file.disk_path.as_path()))?;
    let mut hashed_bytes = 0;
    let mut entries = Vec::with_capacity(sources.len());
    let mut contents = BTreeMap::new();
    for (virtual_path, file) in &sources {
        let path: JobPath = virtual_path[root..].parse()?;
        let (hash, size_bytes) = hashing.hash(&file.disk_path, |bytes| {
            hashed_bytes += bytes;
            progress(hashed_bytes, total_bytes);
        })?;
        contents.entry(hash).or_insert_with(|| ContentFile {
            path: file.disk_path.clone(),
            size_bytes,
        });
        entries.push(FileEntry {
            path,
            size_bytes,
            hash,
            frames: file.frames,
            at_opening: file.at_opening,
        });
    }
    let manifest = Manifest {
        main: main.virtual_path[root..].parse()?,
        files: entries,
        source: None,
        artist_folder: artist_folder(sources.iter().map(|(path, file)| (&path[root..], file.disk_path.as_path()))),
        settings,
        bakes: Vec::new(),
        bakes_from: None,
        baked: Vec::new(),
    };
    Ok(BuiltManifest { manifest, contents })
}

/// Length of the folders, with their last `/`, that all paths share.
fn common_root<'a>(paths: impl Iterator<Item = &'a str>) -> usize {
    let folder = |path: &'a str| &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
    let shared = paths.map(folder).reduce(|shared, other| {
        let same = shared.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        // A slash is one byte, so the cut never splits a letter.
        &shared[..shared.as_bytes()[..same]
            .iter()
            .rposition(|byte| *byte == b'/')
            .map_or(0, |slash| slash + 1)]
    });
    shared.map_or(0, str::len)
}

/// The folder of this disk in which most of the files lie as they do in the job; copies, and files with other names, lie elsewhere.
fn artist_folder<'a>(files: impl Iterator<Item = (&'a str, &'a Path)>) -> Option<String> {
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    for (path, file) in files {
        let Ok(name) = shared_name(file) else { continue };
        let name = name.replace(std::path::MAIN_SEPARATOR, "/");
        if let Some(folder) = name.strip_suffix(path)
            && folder.ends_with('/')
        {
            *folders.entry(folder.to_owned()).or_default() += 1;
        }
    }
    let most = folders.into_iter().max_by_key(|(_, count)| *count)?;
    Some(most.0)
}

fn total_bytes<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<u64> {
    paths
        .map(|path| {
            std::fs::metadata(path)
                .map(|found| found.len())
                .map_err(|error| Error::io("read", path, &error))
        })
        .sum()
}

impl Hashing<'_> {
    /// Hash and length of a file, read only if it is not remembered.
    fn hash(&mut self, path: &Path, mut read: impl FnMut(u64)) -> Result<(ContentHash, u64)> {
        let failed = |error: std::io::Error| Error::io("read", path, &error);
        let facts = std::fs::metadata(path).map_err(failed)?;
        let key = FileKey::of(path, &facts, self.now);
        if let Some(hash) = key.and_then(|key| self.remembered.find(key)) {
            read(facts.len());
            return Ok((hash, facts.len()));
        }
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let (hash, size_bytes) = hash_all(&mut file, path, self.cancelled, read)?;
        // Remembered only if it was the same file before and after.
        let after = file.metadata().map_err(failed)?;
        if let Some(key) = key.filter(|key| FileKey::of(path, &after, self.now) == Some(*key)) {
            self.remembered.note(key, hash);
        }
        Ok((hash, size_bytes))
    }
}

/// Hash and length of what was read; the length on disk may change meanwhile.
fn hash_all(
    file: &mut std::fs::File,
    path: &Path,
    cancelled: &AtomicBool,
    mut read: impl FnMut(u64),
) -> Result<(ContentHash, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut size_bytes = 0;
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Err(Error::cancelled("the sending was cancelled"));
        }
        let length = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io("read", path, &error)),
        };
        hasher.update(&chunk[..length]);
        size_bytes += length as u64;
        read(length as u64);
    }
    Ok((ContentHash(*hasher.finalize().as_bytes()), size_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Builds with what is remembered, long after the files were changed.
    fn build_with(
        remembered: &mut Remembered,
        main: &SourceFile,
        files: &[SourceFile],
        progress: impl FnMut(u64, u64),
        cancelled: bool,
    ) -> Result<BuiltManifest> {
        let hashing = Hashing {
            remembered,
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40),
            cancelled: &AtomicBool::new(cancelled),
        };
        build(main, files, RenderSettings::default(), progress, hashing)
    }

    fn source(folder: &Path, virtual_path: &str, content: &str) -> SourceFile {
        let disk_path = folder.join(virtual_path.replace('/', "+"));
        std::fs::write(&disk_path, content).unwrap();
        SourceFile {
            disk_path,
            virtual_path: virtual_path.to_owned(),
            frames: None,
            at_opening: false,
        }
    }

    #[test]
    fn paths_lose_what_they_share_and_keep_their_places_beside_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let main = source(folder.path(), "home/ä/shot/main.blend", "scene");
        let files = [
            source(folder.path(), "home/ä/shop/wood.png", "pixels"),
            SourceFile {
                frames: Some((1, 5)),
                at_opening: true,
                ..source(folder.path(), "home/ä/shot/copy of wood.png", "pixels")
            },
            main.clone(),
        ];
        let mut told = Vec::new();
        let mut remembered = Remembered::default();
        let built = build_with(&mut remembered, &main, &files, |done, total| told.push((done, total)), false).unwrap();
        let paths: Vec<_> = built.manifest.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["shop/wood.png", "shot/copy of wood.png", "shot/main.blend"]);
        assert_eq!(built.manifest.main.as_str(), "shot/main.blend");
        let windows = built.manifest.files.iter().map(|file| (file.frames, file.at_opening));
        assert_eq!(
            windows.collect::<Vec<_>>(),
            [(None, false), (Some((1, 5)), true), (None, false)]
        );
        assert_eq!(built.contents.len(), 2, "same content is one content");
        assert_eq!(told.last(), Some(&(17, 17)));
    }

    #[test]
    fn a_single_file_is_known_by_its_name_alone() {
        let folder = tempfile::tempdir().unwrap();
        let main = source(folder.path(), "deep/down/main.blend", "scene");
        let built = build_with(&mut Remembered::default(), &main, &[], |_, _| (), false).unwrap();
        assert_eq!(built.manifest.main.as_str(), "main.blend");
        assert_eq!(built.manifest.artist_folder, None, "it has another name here");
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_in_which_most_files_lie_is_told() {
        let of = |files: &[(&str, &str)]| artist_folder(files.iter().map(|(path, file)| (*path, Path::new(*file))));
        let files = [
            ("shot/a.blend", "/cache/copies/a.blend"),
            ("shot/b.png", "/home/ä/shot/b.png"),
            ("c.png", "/home/ä/c.png"),
        ];
        assert_eq!(of(&files).as_deref(), Some("/home/ä/"));
        assert_eq!(of(&[("a.png", "/b.png"), ("b.png", "/cab.png")]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_cancel_and_a_vanished_file_end_it_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let main = source(folder.path(), "main.blend", "scene");
        let build_it = |cancelled| build_with(&mut Remembered::default(), &main, &[], |_, _| (), cancelled);
        assert_eq!(build_it(true).unwrap_err().code, crate::error::Code::Cancelled);
        std::fs::remove_file(&main.disk_path).unwrap();
        assert!(build_it(false).unwrap_err().message.starts_with("cannot read"));
    }

    #[test]
    fn what_is_remembered_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let main = source(folder.path(), "main.blend", "scene");
        let mut remembered = Remembered::default();
        let first = build_with(&mut remembered, &main, &[], |_, _| (), false).unwrap();
        // A cancel is noticed by whoever reads: nobody does.
        let again = build_with(&mut remembered, &main, &[], |_, _| (), true).unwrap();
        assert_eq!(again, first);
        std::fs::write(&main.disk_path, "another").unwrap();
        let changed = build_with(&mut remembered, &main, &[], |_, _| (), false).unwrap();
        assert_ne!(changed.contents, first.contents);
    }

    #[test]
    fn roots_end_at_a_folder() {
        assert_eq!(common_root(["a/bc/d", "a/bd/e"].into_iter()), 2);
        assert_eq!(common_root(["a/b", "c/d"].into_iter()), 0);
        assert_eq!(common_root(["x"].into_iter()), 0);
    }
}
