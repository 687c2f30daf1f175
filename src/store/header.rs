//! A look at the first bytes of a data file, before `SQLite` may touch it.

use crate::error::{Error, Result};
use std::io::Read as _;
use std::path::Path;

/// "nrms", in the place that `SQLite` keeps for the program a file belongs to.
pub(super) const APPLICATION_ID: u32 = 0x6e72_6d73;
/// Raised with each step of the schema.
#[expect(clippy::cast_possible_truncation, reason = "a handful")]
pub(super) const SCHEMA_VERSION: u32 = super::schema::STEPS.len() as u32;

const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, or an empty file.
    Absent,
    /// A file of ours that this release understands.
    Ours,
}

/// Tells what lies at `path`, and refuses what is not ours to open.
pub(super) fn look(path: &Path) -> Result<Kind> {
    let io = |error: &std::io::Error| Error::io("read", path, error);
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Kind::Absent),
        other => other.map_err(|error| io(&error))?,
    };
    let length = file.metadata().map_err(|error| io(&error))?.len();
    if length == 0 {
        return Ok(Kind::Absent);
    }
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| io(&error))?;
    if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) || number(&bytes, 68) != APPLICATION_ID {
        return Err(
            Error::storage(format!("{} is no data file of a netrender master", path.display()))
                .hint("it was left as it is; choose another path, or move the file away"),
        );
    }
    let version = number(&bytes, 60);
    if version > SCHEMA_VERSION {
        return Err(Error::storage(format!("{} was written by a newer netrender", path.display()))
            .hint("it was left as it is; update netrender, or choose another path"));
    }
    if is_cut(path, &bytes, length) {
        return Err(damaged(path));
    }
    Ok(Kind::Ours)
}

/// The sentence about a damaged file.
pub(super) fn damaged(path: &Path) -> Error {
    Error::storage(format!("{} is damaged", path.display()))
        .hint("it was left as it is; restore a copy of it, or choose another path")
}

/// Whether the file is shorter than it says. With a write-ahead log beside it, the log may hold the rest.
fn is_cut(path: &Path, bytes: &[u8], length: u64) -> bool {
    let log = path.with_file_name(format!("{}-wal", super::DATA_FILE));
    let has_log = std::fs::metadata(log).is_ok_and(|log| log.len() > 0);
    let page_bytes = match u64::from(number(bytes, 14) & 0xffff) {
        1 => 65_536,
        other => other,
    };
    // The count is only valid if it was written together with the change counter.
    let counted = number(bytes, 24) == number(bytes, 92);
    !has_log && counted && u64::from(number(bytes, 28)) * page_bytes > length
}

/// The big-endian number at a place.
fn number(bytes: &[u8], place: usize) -> u32 {
    bytes[place..place + 4]
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}
