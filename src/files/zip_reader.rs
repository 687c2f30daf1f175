//! Reading a zip that somebody else made: by the names that are expected, never by those that it holds. One with a name that
//! could lead out of a folder was made to do harm, and is not read at all.

use crate::error::{Error, Result};
use crate::ids::JobPath;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use zip::ZipArchive;
use zip::result::ZipError;

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;

/// An open zip.
#[derive(Debug)]
pub struct ZipReader(ZipArchive<BufReader<File>>);

impl ZipReader {
    /// Opens a zip and reads its list of entries.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io("read", path, &error))?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(&error))?;
        for name in zip.file_names() {
            let name = name.map_err(|error| damaged(&error))?;
            if !stays_below(&name) {
                return Err(Error::bad_input(format!(
                    "the archive holds {name:?}, which is no path below a folder"
                )));
            }
        }
        Ok(Self(zip))
    }

    /// Whether it has an entry of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.index_for_name(name).is_some()
    }

    /// How long an entry is, as the zip says.
    pub fn size_bytes(&mut self, name: &str) -> Result<u64> {
        let entry = self.0.by_name(name).map_err(|error| unreadable(name, &error))?;
        Ok(entry.size())
    }

    /// A small entry, whole.
    pub fn read(&mut self, name: &str, bytes_max: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.for_each(name, None, bytes_max, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Hands over an entry that must be this long, piece by piece.
    pub fn stream(&mut self, name: &str, size_bytes: u64, write: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.for_each(name, Some(size_bytes), size_bytes, write)
    }

    fn for_each(
        &mut self,
        name: &str,
        size_bytes: Option<u64>,
        bytes_max: u64,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut entry = self.0.by_name(name).map_err(|error| unreadable(name, &error))?;
        if size_bytes.is_some_and(|size_bytes| size_bytes != entry.size()) || entry.size() > bytes_max {
            return Err(Error::bad_input(format!(
                "{name} in the archive is not as long as it should be"
            )));
        }
        let mut buffer = vec![0; READ_BYTES];
        let mut left = bytes_max;
        loop {
            // The library finds out at the end whether the checksum is the right one.
            let count = entry.read(&mut buffer).map_err(|error| {
                Error::bad_input(format!("{name} in the archive is damaged: {error}")).hint("send it again from a copy")
            })?;
            if count == 0 {
                return Ok(());
            }
            left = left
                .checked_sub(count as u64)
                .ok_or_else(|| Error::bad_input(format!("{name} in the archive is longer than it claims")))?;
            write(&buffer[..count])?;
        }
    }
}

fn unreadable(name: &str, error: &ZipError) -> Error {
    match error {
        ZipError::FileNotFound => Error::bad_input(format!("the archive holds no {name}")),
        error => damaged(error),
    }
}

/// Whether what has this name, a file or a folder that a packer noted by itself, would stay below the folder it is unpacked in.
fn stays_below(name: &str) -> bool {
    let is_path = |text: &str| text.parse::<JobPath>().is_ok();
    let name = name.strip_suffix('/').unwrap_or(name);
    // What lies in a folder of the archive may have the longest of paths by itself.
    name.split_once('/')
        .map_or_else(|| is_path(name), |(folder, path)| is_path(folder) && is_path(path))
}

fn damaged(error: &ZipError) -> Error {
    Error::bad_input(format!("the archive is cut short, damaged or no zip of netrender: {error}"))
        .hint("send it again from a copy")
}

#[cfg(test)]
mod tests {
    use super::super::{ZipEntry, ZipSource, write_zip};
    use super::*;

    fn zip(folder: &Path) -> std::path::PathBuf {
        zip_of(folder, &[("job.json", "{}"), ("files/größe.blend", "blend")])
    }

    fn zip_of(folder: &Path, entries: &[(&str, &str)]) -> std::path::PathBuf {
        let entry = |(name, text): &(&str, &str)| ZipEntry {
            name: (*name).to_owned(),
            source: ZipSource::Bytes(text.as_bytes().to_vec()),
        };
        let path = folder.join("x.zip");
        let entries: Vec<ZipEntry> = entries.iter().map(entry).collect();
        write_zip(&entries, File::create(&path).unwrap()).unwrap();
        path
    }

    #[test]
    fn a_zip_with_a_name_that_leads_out_of_its_folder_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "../evil",
            "files/../../evil",
            "/etc/evil",
            "files//etc/evil",
            "C:/evil",
            "files\\..\\evil",
            "files/nul",
        ] {
            let error = ZipReader::open(&zip_of(folder.path(), &[("job.json", "{}"), (name, "x")])).unwrap_err();
            assert!(error.message.contains("no path below a folder"), "{name}: {error}");
        }
        let longest = format!("files/{}x", "long/".repeat(crate::ids::JOB_PATH_BYTES_MAX / 5 - 1));
        ZipReader::open(&zip_of(folder.path(), &[("files/", ""), (&longest, "x")])).unwrap();
    }

    #[test]
    fn entries_are_read_by_their_names_and_lengths() {
        let folder = tempfile::tempdir().unwrap();
        let mut unzip = ZipReader::open(&zip(folder.path())).unwrap();
        assert!(unzip.has("job.json") && !unzip.has("none"));
        assert_eq!(unzip.read("job.json", 2).unwrap(), b"{}");
        let mut bytes = Vec::new();
        unzip
            .stream("files/größe.blend", 5, |piece| {
                bytes.extend_from_slice(piece);
                Ok(())
            })
            .unwrap();
        assert_eq!(bytes, b"blend");
        for (outcome, sentence) in [
            (unzip.read("none", 9).map(drop), "holds no none"),
            (unzip.read("job.json", 1).map(drop), "not as long as"),
            (unzip.stream("files/größe.blend", 4, |_| Ok(())), "not as long as"),
        ] {
            assert!(outcome.unwrap_err().message.contains(sentence));
        }
    }

    #[test]
    fn damage_anywhere_is_an_answer_and_never_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = zip(folder.path());
        let whole = std::fs::read(&path).unwrap();
        // What was handed over counts only if there was no error: the checksum comes last.
        let read = || -> Result<(Vec<u8>, Vec<u8>)> {
            let mut unzip = ZipReader::open(&path)?;
            let job = unzip.read("job.json", 2)?;
            let mut blend = Vec::new();
            unzip.stream("files/größe.blend", 5, |piece| {
                blend.extend_from_slice(piece);
                Ok(())
            })?;
            Ok((job, blend))
        };
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read().is_err(), "cut to {length} of {} bytes", whole.len());
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x55;
            std::fs::write(&path, damaged).unwrap();
            // Some bytes mean nothing. What is read in spite of damage is right as far as a checksum can tell.
            if let Ok((job, _)) = read() {
                assert_eq!(job, b"{}", "byte {place}");
            }
        }
    }
}
