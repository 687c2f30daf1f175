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

/// Local header with its zip64 field, and data descriptor, without the name.
const LOCAL_BYTES: u64 = 74;
/// Central record with its zip64 field, without the name.
const CENTRAL_BYTES: u64 = 66;
/// What a central record has more once its file begins beyond 4 GiB.
const FAR_BYTES: u64 = 8;
/// The record at the end.
const END_BYTES: u64 = 22;
/// The zip64 records at the end, once there are too many entries or bytes for the plain one.
const END64_BYTES: u64 = 76;

/// How long the zip of these files will be.
#[must_use]
pub fn zip_length_bytes(entries: &[ZipEntry]) -> u64 {
    let far = u64::from(u32::MAX);
    let (mut files, mut directory) = (0, 0);
    for entry in entries {
        let name_bytes = entry.name.len() as u64;
        directory += CENTRAL_BYTES + name_bytes + if files >= far { FAR_BYTES } else { 0 };
        files += LOCAL_BYTES + name_bytes + entry.size_bytes;
    }
    let is_large = entries.len() > usize::from(u16::MAX) || files.max(directory) > far;
    files + directory + END_BYTES + if is_large { END64_BYTES } else { 0 }
}

/// Writes the zip. Fails if a file is not there or not as long as it should be; the zip then ends early.
pub fn write_zip(entries: &[ZipEntry], sink: impl Write) -> Result<()> {
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
        write_zip(&entries, &mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, zip_length_bytes(&entries), "{count} files");
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
    #[ignore = "reads 5 GiB; run it after a change here or of the zip library"]
    fn a_zip_beyond_four_gigabytes_is_as_long_as_was_foretold() {
        struct Count(u64);
        impl Write for Count {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0 += bytes.len() as u64;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        let entries: Vec<ZipEntry> = (0..5)
            .map(|i| ZipEntry {
                name: format!("{i:06}.exr"),
                path: path.clone(),
                size_bytes: 1 << 30,
            })
            .collect();
        let mut count = Count(0);
        write_zip(&entries, &mut count).unwrap();
        assert_eq!(count.0, zip_length_bytes(&entries));
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
        let error = write_zip(&[entry], Vec::new()).unwrap_err();
        assert!(error.to_string().contains("is not 8 bytes long any more"), "{error}");
    }
}
