//! The zip that comes of a bake: `bake.json` ([`Baked`]), then the files that it names, nothing compressed.

use super::content::Contents;
use super::zip_reader::ZipReader;
use crate::error::{Error, Result};
use crate::ids::JobPath;
use crate::wire::{BAKES_FOLDER, Baked, FileEntry};
use std::collections::HashSet;
use std::path::Path;

/// The entry that tells of the others.
const INDEX: &str = "bake.json";
/// Longest index.
const INDEX_BYTES_MAX: u64 = 32 << 20;
/// Most files of one bake.
const FILES_MAX: usize = 50_000;

/// The result of a bake, checked.
#[derive(Debug)]
pub struct BakedZip {
    /// What it says of itself.
    pub index: Baked,
    sizes_bytes: Vec<u64>,
    zip: ZipReader,
}

impl BakedZip {
    /// Opens a zip and reads its index. Its files lie where those of a job with this .blend may lie, are all there, and are not
    /// packed: together no longer than the zip.
    pub fn open(path: &Path, main: &JobPath) -> Result<Self> {
        let zip_bytes = std::fs::metadata(path)
            .map_err(|error| Error::io("read", path, &error))?
            .len();
        let mut zip = ZipReader::open(path)?;
        let index: Baked = serde_json::from_slice(&zip.read(INDEX, INDEX_BYTES_MAX)?)
            .map_err(|error| Error::bad_input(format!("what a bake says of itself cannot be read: {error}")))?;
        let mut sizes_bytes = Vec::with_capacity(index.files.len());
        let mut paths = HashSet::new();
        let folder = bakes_folder(main);
        for file in &index.files {
            let path = file.path.as_str();
            let fits = file.path == *main || path.starts_with(&folder);
            if !fits || !paths.insert(path) || file.frames.is_some_and(|(first, last)| first > last) {
                return Err(Error::bad_input(format!(
                    "the bake holds {path:?}, which is no file of a bake of its job"
                )));
            }
            sizes_bytes.push(zip.size_bytes(path)?);
        }
        let files_bytes = sizes_bytes.iter().fold(0, |sum: u64, size| sum.saturating_add(*size));
        if index.files.is_empty() || index.files.len() > FILES_MAX || files_bytes > zip_bytes {
            return Err(Error::bad_input(format!(
                "a bake has 1 to {FILES_MAX} files, none of them packed, not {} of {files_bytes} bytes",
                index.files.len()
            )));
        }
        Ok(Self { index, sizes_bytes, zip })
    }

    /// Puts its files into a content store.
    pub fn put_into(&mut self, contents: &Contents) -> Result<Vec<FileEntry>> {
        let mut batch = contents.begin_batch()?;
        let mut entries = Vec::with_capacity(self.index.files.len());
        for (file, size_bytes) in self.index.files.iter().zip(&self.sizes_bytes) {
            let zip = &mut self.zip;
            let hash = batch.add_stream(|write| zip.stream(file.path.as_str(), *size_bytes, write))?;
            entries.push(FileEntry {
                path: file.path.clone(),
                size_bytes: *size_bytes,
                hash,
                frames: file.frames,
                // Caches are found when a scene is opened.
                at_opening: true,
            });
        }
        batch.place(|_| true)?;
        Ok(entries)
    }
}

/// Where the bakes of a job with this .blend lie, with a slash at the end.
fn bakes_folder(main: &JobPath) -> String {
    match main.as_str().rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{BAKES_FOLDER}/"),
        None => format!("{BAKES_FOLDER}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{ZipEntry, ZipSource, write_zip};

    fn zip(folder: &Path, index: &str, names: &[&str]) -> std::path::PathBuf {
        let entry = |name: &str, text: &str| ZipEntry {
            name: name.to_owned(),
            source: ZipSource::Bytes(text.as_bytes().to_vec()),
        };
        let files = names.iter().map(|name| entry(name, name));
        let entries: Vec<_> = std::iter::once(entry(INDEX, index)).chain(files).collect();
        let path = folder.join("bake.zip");
        write_zip(&entries, std::fs::File::create(&path).unwrap()).unwrap();
        path
    }

    fn index(files: &str) -> String {
        format!(
            r#"{{"number": 1, "name": "cloth of Flag", "kind": "cloth", "object": "Flag", "item": "Cloth", "scene": "Scene",
                 "first": 1, "last": 9, "blender": "3.4.1", "files": [{files}]}}"#
        )
    }

    #[test]
    fn files_of_a_bake_become_contents_with_their_frames() {
        let folder = tempfile::tempdir().unwrap();
        let main: JobPath = "shots/a.blend".parse().unwrap();
        let cache = "shots/netrender_bakes/1_cloth/x_000001.bphys";
        let text = index(&format!(
            r#"{{"path": "{cache}", "frames": [1, 2]}}, {{"path": "shots/a.blend"}}"#
        ));
        let path = zip(folder.path(), &text, &[cache, "shots/a.blend"]);
        let contents = Contents::new(folder.path().join("contents"));
        let entries = BakedZip::open(&path, &main).unwrap().put_into(&contents).unwrap();
        assert_eq!((entries[0].frames, entries[1].frames), (Some((1, 2)), None));
        for entry in &entries {
            assert_eq!(
                std::fs::read_to_string(contents.path(entry.hash)).unwrap(),
                entry.path.as_str(),
                "{}",
                entry.size_bytes
            );
        }
    }

    #[test]
    fn what_is_no_file_of_a_bake_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let main: JobPath = "a.blend".parse().unwrap();
        let cache = "netrender_bakes/1/x";
        let file = |path: &str, more: &str| format!(r#"{{"path": "{path}"{more}}}"#);
        for (files, names) in [
            (file("other.blend", ""), vec!["other.blend"]),
            (file("../a.blend", ""), vec!["../a.blend"]),
            (file(cache, r#", "frames": [2, 1]"#), vec![cache]),
            (format!("{0}, {0}", file(cache, "")), vec![cache]),
            (file(cache, ""), vec![]),
            (String::new(), vec![]),
        ] {
            let path = zip(folder.path(), &index(&files), &names);
            assert!(BakedZip::open(&path, &main).is_err(), "{files}");
        }
        assert!(BakedZip::open(&zip(folder.path(), "{}", &[]), &main).is_err());
    }
}
