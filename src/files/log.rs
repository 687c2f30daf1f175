//! Logs on the disk: they grow while Blender prints, and are compressed once nothing more is expected.
//!
//! A log is `<name>.log` while it grows and `<name>.log.z` afterwards (its length, then zlib), never both for long: whoever
//! finds both trusts the first. A late part makes a compressed log grow again.

use super::part;
use super::write_whole;
use crate::error::{Error, Result};
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Longest log of one attempt; what comes after is dropped.
pub const LOG_BYTES_MAX: u64 = 16 << 20;
/// What a log ends with if more came than is kept.
const CUT_NOTE: &[u8] = b"\n[netrender: the log is longer than 16 MiB; the rest was dropped]\n";
/// The same with that.
pub const LOG_KEPT_BYTES_MAX: u64 = LOG_BYTES_MAX + CUT_NOTE.len() as u64;
/// What comes before the compressed log: its length, the lowest byte first.
const LENGTH_BYTES: usize = 8;
/// Effort of the compression, 1 to 10.
const LEVEL: u8 = 6;

/// The logs of a master. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Logs {
    /// Held for reading by who appends, for writing by who puts one form of a log in place of the other.
    forms: Arc<RwLock<()>>,
    /// Held by who unpacks: one log in memory at a time.
    unpacking: Arc<Mutex<()>>,
}

/// A part of a log.
#[derive(Debug)]
pub enum LogPart {
    /// To be read from here on, this many bytes.
    File(File, u64),
    /// In memory.
    Bytes(Vec<u8>),
}

impl Logs {
    /// Appends what is new; a part that begins beyond the end is not kept. Returns where to go on.
    pub fn append(&self, path: &Path, offset: u64, bytes: &[u8]) -> Result<u64> {
        if packed(path).exists() {
            self.unpack(path)?;
        }
        let _forms = self.forms.read().unwrap_or_else(PoisonError::into_inner);
        append_to(path, offset, bytes)
    }

    /// What a log holds from `offset` on, at most `limit` bytes; none if there is no such log.
    pub fn read(&self, path: &Path, offset: u64, limit: u64) -> Result<Option<LogPart>> {
        let io = |error: std::io::Error| Error::io("read", path, &error);
        match File::open(path) {
            Ok(mut file) => {
                let length = file.metadata().map_err(io)?.len();
                file.seek(SeekFrom::Start(offset.min(length))).map_err(io)?;
                return Ok(Some(LogPart::File(file, length.saturating_sub(offset).min(limit))));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
        let _one = self.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(whole) = read_packed(path)? else { return Ok(None) };
        let place = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(whole.len());
        let (begin, end) = (place(offset), place(offset.saturating_add(limit)));
        Ok(Some(LogPart::Bytes(whole[begin..end].to_vec())))
    }

    /// How long a log is by now; none if there is no such log.
    pub fn length_bytes(&self, path: &Path) -> Result<Option<u64>> {
        let _forms = self.forms.read().unwrap_or_else(PoisonError::into_inner);
        let mut length = [0; LENGTH_BYTES];
        let packed = packed(path);
        let found = match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                File::open(&packed).and_then(|mut file| file.read_exact(&mut length).map(|()| u64::from_le_bytes(length)))
            }
            found => found.map(|facts| facts.len()),
        };
        match found {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            found => found.map(Some).map_err(|error| Error::io("read", path, &error)),
        }
    }

    /// The beginning of a log, which never changes, whatever becomes of its end.
    pub fn write_beginning(&self, path: &Path, length_bytes: u64, mut sink: impl Write) -> Result<()> {
        let io = |error: std::io::Error| Error::io("read", path, &error);
        let written = match self.read(path, 0, length_bytes)? {
            Some(LogPart::File(file, length_bytes)) => std::io::copy(&mut file.take(length_bytes), &mut sink).map_err(io)?,
            Some(LogPart::Bytes(bytes)) => sink.write_all(&bytes).map(|()| bytes.len() as u64).map_err(io)?,
            None => 0,
        };
        if written == length_bytes {
            return Ok(());
        }
        Err(Error::storage(format!("{} is not as long as it was", path.display())))
    }

    /// Compresses all logs in a folder, one after the other, as long as that is wanted.
    pub fn compress_all(&self, folder: &Path, is_wanted: impl Fn() -> bool) -> Result<()> {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| Error::io("read", folder, &error))?,
        };
        for entry in entries.flatten().take_while(|_| is_wanted()) {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                self.compress(&path)?;
            }
        }
        Ok(())
    }

    fn compress(&self, path: &Path) -> Result<()> {
        let whole = std::fs::read(path).map_err(|error| Error::io("read", path, &error))?;
        let mut bytes = (whole.len() as u64).to_le_bytes().to_vec();
        bytes.extend(compress_to_vec_zlib(&whole, LEVEL));
        write_whole(&packed(path), &bytes)?;
        let _forms = self.forms.write().unwrap_or_else(PoisonError::into_inner);
        // It may have grown meanwhile: then it stays as it is.
        let has_grown = part::present_bytes(path)? != whole.len() as u64;
        part::remove(&if has_grown { packed(path) } else { path.to_path_buf() })
    }

    fn unpack(&self, path: &Path) -> Result<()> {
        let _one = self.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
        let _forms = self.forms.write().unwrap_or_else(PoisonError::into_inner);
        if !path.exists()
            && let Some(whole) = read_packed(path)?
        {
            write_whole(path, &whole)?;
        }
        part::remove(&packed(path))
    }
}

fn packed(path: &Path) -> PathBuf {
    path.with_extension("log.z")
}

fn read_packed(path: &Path) -> Result<Option<Vec<u8>>> {
    let path = packed(path);
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| Error::io("read", &path, &error))?,
    };
    let longest = usize::try_from(LOG_KEPT_BYTES_MAX).unwrap_or(usize::MAX);
    decompress_to_vec_zlib_with_limit(bytes.get(LENGTH_BYTES..).unwrap_or_default(), longest)
        .map(Some)
        .map_err(|error| Error::storage(format!("{} is damaged: {error}", path.display())))
}

fn append_to(path: &Path, offset: u64, bytes: &[u8]) -> Result<u64> {
    let io = |error: std::io::Error| Error::io("write", path, &error);
    let taken = offset
        .checked_add(bytes.len() as u64)
        .ok_or_else(|| Error::bad_input(format!("no log goes on at byte {offset}")))?;
    // The folder of a job's logs is made together with the job's own, which its results need too.
    part::make_folder(path.parent().unwrap_or(path))?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(io)?;
    // Parts of one log may come over two connections at once.
    file.lock().map_err(io)?;
    let present = file.metadata().map_err(io)?.len();
    if present > LOG_BYTES_MAX {
        // Cut already. All of it counts as taken: the slave need not send it again.
        return Ok(taken);
    }
    // What is there already is skipped; of a part from further on nothing is kept, and the answer says where to begin.
    let known = present.checked_sub(offset).and_then(|known| usize::try_from(known).ok());
    let fresh = known.and_then(|known| bytes.get(known..)).unwrap_or_default();
    if fresh.is_empty() {
        return Ok(present);
    }
    let room = usize::try_from(LOG_BYTES_MAX.saturating_sub(present)).unwrap_or(0);
    file.seek(SeekFrom::End(0)).map_err(io)?;
    if fresh.len() <= room {
        file.write_all(fresh).map_err(io)?;
        return Ok(present + fresh.len() as u64);
    }
    file.write_all(&fresh[..room]).map_err(io)?;
    file.write_all(CUT_NOTE).map_err(io)?;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(logs: &Logs, path: &Path, offset: u64, limit: u64) -> Option<String> {
        let bytes = match logs.read(path, offset, limit).unwrap()? {
            LogPart::File(file, length) => {
                let mut bytes = Vec::new();
                file.take(length).read_to_end(&mut bytes).unwrap();
                bytes
            }
            LogPart::Bytes(bytes) => bytes,
        };
        Some(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_log_reads_the_same_while_it_grows_compressed_and_grown_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/000001_1.log");
        let logs = Logs::default();
        assert_eq!(text(&logs, &path, 0, 9), None);
        assert_eq!(logs.append(&path, 0, b"Fra:1\n").unwrap(), 6);
        assert_eq!(logs.append(&path, 3, b":1\nSaved\n").unwrap(), 12, "what is there is skipped");
        assert_eq!(logs.append(&path, 99, b"x").unwrap(), 12, "a gap is not kept");
        for (offset, limit, expected) in [(0, 99, "Fra:1\nSaved\n"), (6, 5, "Saved"), (12, 9, ""), (99, 9, "")] {
            assert_eq!(text(&logs, &path, offset, limit).as_deref(), Some(expected));
        }
        logs.compress_all(path.parent().unwrap(), || true).unwrap();
        assert!(!path.exists() && packed(&path).exists());
        assert_eq!(logs.length_bytes(&path).unwrap(), Some(12));
        let mut beginning = Vec::new();
        logs.write_beginning(&path, 6, &mut beginning).unwrap();
        assert_eq!(beginning, b"Fra:1\n");
        assert!(logs.write_beginning(&path, 13, &mut beginning).is_err());
        for (offset, limit, expected) in [(0, 99, "Fra:1\nSaved\n"), (6, 5, "Saved"), (12, 9, ""), (99, 9, "")] {
            assert_eq!(text(&logs, &path, offset, limit).as_deref(), Some(expected));
        }
        assert_eq!(logs.append(&path, 12, b"late\n").unwrap(), 17);
        assert!(path.exists() && !packed(&path).exists());
        assert_eq!(text(&logs, &path, 6, 99).as_deref(), Some("Saved\nlate\n"));
        assert_eq!(logs.length_bytes(&path).unwrap(), Some(17));
        assert_eq!(logs.length_bytes(&path.with_file_name("none.log")).unwrap(), None);
    }

    #[test]
    fn a_log_is_cut_at_its_bound_and_says_so_compressed_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000001_1.log");
        let logs = Logs::default();
        let long = vec![b'x'; usize::try_from(LOG_BYTES_MAX).unwrap() + 1];
        assert_eq!(logs.append(&path, 0, &long).unwrap(), LOG_BYTES_MAX + 1);
        assert_eq!(logs.append(&path, LOG_BYTES_MAX + 1, b"more").unwrap(), LOG_BYTES_MAX + 5);
        logs.compress_all(folder.path(), || true).unwrap();
        assert!(packed(&path).metadata().unwrap().len() < 1 << 20);
        let end = text(&logs, &path, LOG_BYTES_MAX, 999).unwrap();
        assert!(end.contains("the rest was dropped"), "{end}");
        std::fs::write(packed(&path), b"its length, no zlib").unwrap();
        assert!(logs.read(&path, 0, 9).unwrap_err().message.contains("is damaged"));
    }
}
