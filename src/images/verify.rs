//! Whether a file is whole: every block is there and can be decoded.

use super::{decode, headers};
use crate::error::{Error, Result};
use exr::block::reader::ChunksReader as _;
use std::collections::BTreeSet;
use std::path::Path;

/// Decodes a whole file and forgets the pixels; refuses one that is cut short, damaged, of another size, or no EXR.
/// Memory stays that of one block, whatever the size of the picture.
pub fn verify(path: &Path, expected_size: Option<(u32, u32)>) -> Result<()> {
    let headers = headers(path)?;
    if let Some((width, height)) = expected_size {
        for header in &headers {
            let (found_width, found_height) = (header.layer_size.width(), header.layer_size.height());
            if (found_width, found_height) != (width as usize, height as usize) {
                return Err(Error::bad_input(format!(
                    "{} is {found_width}x{found_height} pixels, not {width}x{height}",
                    path.display()
                )));
            }
        }
    }
    decode(path, || {
        let file = std::io::BufReader::new(std::fs::File::open(path)?);
        let reader = exr::block::read(file, false)?;
        let chunks = reader.all_chunks(false)?;
        let expected = chunks.expected_chunk_count();
        // A file that repeats one block in place of another has the right number of them.
        let mut seen = BTreeSet::new();
        for block in chunks.sequential_decompressor(false) {
            let place = block?.index;
            seen.insert((
                place.layer,
                place.level.x(),
                place.level.y(),
                place.pixel_position.x(),
                place.pixel_position.y(),
            ));
        }
        if seen.len() == expected {
            Ok(())
        } else {
            Err(exr::error::Error::Invalid("some of its blocks are missing".into()))
        }
    })
}
