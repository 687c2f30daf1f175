//! A zip of results, written as a stream: nothing compressed (an EXR is already), its length known before the first byte.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{Read as _, Write};
use std::path::PathBuf;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// One file of the zip.
#[derive(Debug, Clone)]
pub struct ZipEntry {
    /// Its name in the zip.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// How long it is.
    pub size_bytes: u64,
}

/// Local header with its zip64 field (50), descriptor (24) and central record with its zip64 field (66) of one entry.
const ENTRY_BYTES: u64 = 140;
/// The record at the end.
const END_BYTES: u64 = 22;
/// The zip64 records at the end, once there are too many entries or bytes for the plain one.
const END64_BYTES: u64 = 76;

/// How long the zip of these files will be.
#[must_use]
pub fn length_bytes(entries: &[ZipEntry]) -> u64 {
    let name_bytes = |entry: &ZipEntry| entry.name.len() as u64;
    let files: u64 = entries.iter().map(|entry| entry.size_bytes + 74 + name_bytes(entry)).sum();
    let directory: u64 = entries.iter().map(|entry| ENTRY_BYTES - 74 + name_bytes(entry)).sum();
    let is_large = entries.len() >= usize::from(u16::MAX) || files.max(directory) >= u64::from(u32::MAX);
    files + directory + END_BYTES + if is_large { END64_BYTES } else { 0 }
}

/// Writes the zip. Fails if a file is not there or not as long as it should be; the zip then ends early.
pub fn write(entries: &[ZipEntry], sink: impl Write) -> Result<()> {
    let mut zip = ZipWriter::new_stream(sink);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(true);
    let failed = |error: zip::result::ZipError| Error::storage(format!("cannot write the zip: {error}"));
    for entry in entries {
        let io = |error: std::io::Error| Error::io("read", &entry.path, &error);
        let file = File::open(&entry.path).map_err(io)?;
        if file.metadata().map_err(io)?.len() != entry.size_bytes {
            return Err(Error::storage(format!(
                "{} is not {} bytes long any more",
                entry.path.display(),
                entry.size_bytes
            )));
        }
        zip.start_file(entry.name.as_str(), options).map_err(failed)?;
        std::io::copy(&mut file.take(entry.size_bytes), &mut zip).map_err(io)?;
    }
    zip.finish().map(drop).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(count: u32, names: impl Fn(u32) -> String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, b"picture").unwrap();
        let entries: Vec<ZipEntry> = (0..count)
            .map(|i| ZipEntry {
                name: names(i),
                path: path.clone(),
                size_bytes: 7,
            })
            .collect();
        let mut bytes = Vec::new();
        write(&entries, &mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, length_bytes(&entries), "{count} files");
        let archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len() as u64, u64::from(count));
    }

    #[test]
    fn a_zip_is_as_long_as_was_foretold() {
        check(0, |_| String::new());
        check(1, |_| "000001.exr".to_owned());
        check(300, |i| format!("{i:06}.exr"));
        check(2, |i| format!("größe {i}"));
    }

    #[test]
    fn a_zip_of_very_many_files_is_as_long_as_was_foretold() {
        check(65_534, |i| format!("{i:06}.exr"));
        check(65_535, |i| format!("{i:06}.exr"));
        check(65_536, |i| format!("{i:06}.exr"));
    }

    #[test]
    fn a_file_that_changed_ends_the_zip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, b"picture").unwrap();
        let entry = ZipEntry {
            name: "x".to_owned(),
            path,
            size_bytes: 8,
        };
        let error = write(&[entry], Vec::new()).unwrap_err();
        assert!(error.to_string().contains("is not 8 bytes long any more"), "{error}");
    }
}
