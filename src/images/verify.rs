//! Whether a file is whole: every block is there and can be decoded. While it is decoded, a small picture can be had of it.

use super::thumbnail::Painting;
use super::{decode, headers};
use crate::error::{Error, Result};
use exr::block::UncompressedBlock;
use exr::block::reader::ChunksReader as _;
use exr::error::UnitResult;
use exr::meta::Headers;
use std::collections::BTreeSet;
use std::path::Path;

/// Decodes a whole file and forgets the pixels; refuses one that is cut short, damaged, of another size, or no EXR.
/// Memory stays that of one block, whatever the size of the picture.
pub fn verify(path: &Path, expected_size: Option<(u32, u32)>) -> Result<()> {
    check_size(path, &headers(path)?, expected_size)?;
    each_block(path, |_| Ok(()))
}

/// The same, with a picture of it as PNG, `width` pixels wide or as wide as the file if that is less; none if it holds nothing
/// that could be shown. Each block is decoded once for both.
pub fn verify_and_show(path: &Path, expected_size: Option<(u32, u32)>, width: u32) -> Result<Option<Vec<u8>>> {
    let headers = headers(path)?;
    check_size(path, &headers, expected_size)?;
    let mut painting = Painting::begin(&headers, width);
    each_block(path, |block| {
        painting.as_mut().map_or(Ok(()), |painting| painting.add(&block))
    })?;
    Ok(painting.map(|painting| painting.png()))
}

fn check_size(path: &Path, headers: &Headers, expected_size: Option<(u32, u32)>) -> Result<()> {
    if let Some((width, height)) = expected_size {
        for header in headers {
            let (found_width, found_height) = (header.layer_size.width(), header.layer_size.height());
            if (found_width, found_height) != (width as usize, height as usize) {
                return Err(Error::bad_input(format!(
                    "{} is {found_width}x{found_height} pixels, not {width}x{height}",
                    path.display()
                )));
            }
        }
    }
    Ok(())
}

/// Decodes all blocks, one after the other; refuses a file that does not have all of them.
fn each_block(path: &Path, mut take: impl FnMut(UncompressedBlock) -> UnitResult) -> Result<()> {
    decode(path, || {
        let file = std::io::BufReader::new(std::fs::File::open(path)?);
        let reader = exr::block::read(file, false)?;
        let chunks = reader.all_chunks(false)?;
        let expected = chunks.expected_chunk_count();
        // A file that repeats one block in place of another has the right number of them.
        let mut seen = BTreeSet::new();
        for block in chunks.sequential_decompressor(false) {
            let block = block?;
            let place = block.index;
            seen.insert((
                place.layer,
                place.level.x(),
                place.level.y(),
                place.pixel_position.x(),
                place.pixel_position.y(),
            ));
            take(block)?;
        }
        if seen.len() == expected {
            Ok(())
        } else {
            Err(exr::error::Error::Invalid("some of its blocks are missing".into()))
        }
    })
}
