//! Multilayer EXR files: what is in them, whether they are whole, whether two hold the same picture.
//!
//! Files come from other machines: whatever they claim is checked before memory is taken for it, and a decoder that panics
//! is an answer like any other.

mod compare;
mod inspect;
mod verify;

pub use compare::{Comparison, compare};
pub use inspect::{ExrInfo, inspect};
pub use verify::verify;

use crate::error::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Largest picture that is looked at: 64k by 16k pixels.
const PIXELS_MAX: u64 = 1 << 30;
/// Most channels over all parts: far beyond what any scene of a hundred passes and layers has.
const CHANNELS_MAX: usize = 16_384;

/// Runs a decoder; its errors and panics become one sentence about the file.
fn decode<T>(path: &Path, decoder: impl FnOnce() -> exr::error::Result<T>) -> Result<T> {
    let damaged = |why: &str| Error::bad_input(format!("{} is cut short, damaged or no EXR file: {why}", path.display()));
    match catch_unwind(AssertUnwindSafe(decoder)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(exr::error::Error::Io(error))) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Error::io("read", path, &error))
        }
        Ok(Err(error)) => Err(damaged(&error.to_string())),
        Err(_) => Err(damaged("it cannot be decoded")),
    }
}

/// Reads the headers of all parts and refuses claims beyond the limits.
fn headers(path: &Path) -> Result<exr::meta::Headers> {
    let headers = decode(path, || Ok(exr::meta::MetaData::read_from_file(path, false)?.headers))?;
    let channels: usize = headers.iter().map(|header| header.channels.list.len()).sum();
    let pixels = headers
        .iter()
        .map(|header| header.layer_size.area() as u64)
        .max()
        .unwrap_or(0);
    if channels > CHANNELS_MAX || pixels > PIXELS_MAX {
        return Err(Error::bad_input(format!(
            "{} claims {channels} channels of {pixels} pixels, more than any render has",
            path.display()
        )));
    }
    Ok(headers)
}
