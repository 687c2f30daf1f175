//! Tiles of a frame, put together to the picture that it would have been if it had not been cut.
//!
//! Every sample is copied as it is, of whatever type; layers, passes and attributes are those of the first tile, but for the
//! render times, which are added up. A tile does not say where it belongs: the grid does. Absences: nothing here knows where
//! tiles come from or whether their seams fit. Memory is that of the rows of tiles that are being read ([`super::bands`]), never
//! of the whole picture.
//!
//! The whole is written as it is: to pack it took six times as long as all the rest, to make a noisy picture a quarter smaller.

use super::bands::{Bands, Line, Piece};
use super::{check_claims, decode, headers, render_time, unwritten};
use crate::error::{Error, Result};
use crate::ids::{Rectangle, TileGrid};
use exr::block::chunk::Chunk;
use exr::block::reader::ChunksReader as _;
use exr::block::writer::ChunksWriter;
use exr::block::{BlockIndex, UncompressedBlock};
use exr::meta::header::Header;
use exr::meta::{BlockDescription, Headers, MetaData};
use exr::prelude::{Compression, IntegerBounds, LineOrder, Vec2};
use std::fs::File;
use std::io::{BufReader, BufWriter, Cursor};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// Blocks that a thread has read ahead of whoever writes them down.
const BLOCKS_AHEAD: usize = 4;
/// What is before the samples of a line: where it is, and how many bytes it has.
const LINE_HEAD_BYTES: usize = 8;
/// Before that, in a file of several parts: of which one it is.
const PART_BYTES: usize = 4;

/// Writes the picture of all tiles of a grid, given row by row from the top left. Refuses tiles that do not fit together. The
/// file is not whole before this returns: give it a temporary name.
pub fn assemble(grid: TileGrid, tiles: &[PathBuf], output: &Path) -> Result<()> {
    if tiles.len() != grid.count() as usize {
        let (count, given) = (grid.count(), tiles.len());
        return Err(Error::bad_input(format!("a grid of {grid} has {count} tiles, not {given}")));
    }
    let (whole, places) = arrange(grid, tiles)?;
    let bands = Bands::new(&whole, &places);
    let file = File::create(output).map_err(|error| Error::io("write", output, &error))?;
    // What goes wrong on the way is told as it is.
    let mut fault = None;
    let written = exr::block::write(BufWriter::new(file), whole, false, |meta, chunks| {
        let write = |line| write_line(&meta, chunks, line).map_err(|error| unwritten(output, error));
        put_together(tiles, bands, write).map_err(|why| {
            fault = Some(why);
            exr::error::Error::Aborted
        })
    });
    match fault {
        Some(fault) => Err(fault),
        None => written.map_err(|error| unwritten(output, error)),
    }
}

/// How long the file will be that [`assemble`] makes of these tiles; refuses those that it would refuse by their headers.
pub fn assembled_bytes(grid: TileGrid, tiles: &[PathBuf]) -> Result<u64> {
    let (whole, _) = arrange(grid, tiles)?;
    let line_head_bytes = if whole.len() > 1 {
        PART_BYTES + LINE_HEAD_BYTES
    } else {
        LINE_HEAD_BYTES
    };
    let lines = whole.iter().map(|header| {
        let Vec2(width, height) = header.layer_size;
        (height * (line_head_bytes + width * header.channels.bytes_per_pixel)) as u64
    });
    let lines_bytes: u64 = lines.sum();
    let mut beginning = Cursor::new(Vec::new());
    // Only what comes before the lines.
    match exr::block::write(&mut beginning, whole, false, |_, _| Err(exr::error::Error::Aborted)) {
        Ok(()) | Err(exr::error::Error::Aborted) => Ok(beginning.position() + lines_bytes),
        Err(error) => Err(Error::bad_input(format!(
            "the picture of all tiles cannot be written: {error}"
        ))),
    }
}

/// The headers of the whole picture, and the place of each tile; refuses tiles whose sizes or channels do not fit together.
fn arrange(grid: TileGrid, tiles: &[PathBuf]) -> Result<(Headers, Vec<Rectangle>)> {
    let mut whole: Option<Headers> = None;
    let mut sizes = Vec::with_capacity(tiles.len());
    for path in tiles {
        let headers = headers(path)?;
        let size = size_of(&headers, path)?;
        sizes.push((pixels(size.width()), pixels(size.height())));
        let whole = whole.get_or_insert_with(|| without_times(&headers));
        if !fits(whole, &headers) {
            let first = tiles.first().unwrap_or(path);
            return Err(Error::bad_input(format!(
                "{} has other layers or passes than {}",
                path.display(),
                first.display()
            )));
        }
        for (whole, tile) in whole.iter_mut().zip(&headers) {
            render_time::add(&mut whole.shared_attributes.other, &tile.shared_attributes.other);
            render_time::add(&mut whole.own_attributes.other, &tile.own_attributes.other);
        }
    }
    let mut whole = whole.ok_or_else(|| Error::internal("a grid without tiles"))?;
    let columns = usize::from(grid.columns());
    let sum = |sum: u32, side: &u32| sum.saturating_add(*side);
    let width = sizes.iter().map(|size| &size.0).take(columns).fold(0, sum);
    let height = sizes.iter().map(|size| &size.1).step_by(columns).fold(0, sum);
    let channels = whole.iter().map(|header| header.channels.list.len()).sum();
    check_claims(channels, u64::from(width) * u64::from(height), "the picture of all tiles")?;
    let places: Vec<Rectangle> = grid.tiles().map(|tile| tile.of(width, height)).collect();
    for ((path, size), place) in tiles.iter().zip(&sizes).zip(&places) {
        let wanted = place.size();
        if *size != wanted {
            return Err(Error::bad_input(format!(
                "{} is {}x{} pixels, not the {}x{} of its place in a grid of {grid} over {width}x{height}",
                path.display(),
                size.0,
                size.1,
                wanted.0,
                wanted.1
            )));
        }
    }
    let size = Vec2(width as usize, height as usize);
    for header in &mut whole {
        header.layer_size = size;
        header.shared_attributes.display_window = IntegerBounds::from_dimensions(size);
        *header = header
            .clone()
            .with_encoding(Compression::Uncompressed, BlockDescription::ScanLines, LineOrder::Increasing);
    }
    Ok((whole, places))
}

fn pixels(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn size_of(headers: &Headers, path: &Path) -> Result<Vec2<usize>> {
    let refused = |why: &str| Error::bad_input(format!("{} holds {why}", path.display()));
    let mut sizes = headers.iter().map(|header| header.layer_size);
    let size = sizes.next().ok_or_else(|| refused("no picture"))?;
    if sizes.any(|other| other != size) {
        return Err(refused("pictures of several sizes"));
    }
    let mut channels = headers.iter().flat_map(|header| &header.channels.list);
    if headers.iter().any(|header| header.deep) || channels.any(|channel| channel.sampling != Vec2(1, 1)) {
        return Err(refused("pixels that are not one sample of each channel"));
    }
    Ok(size)
}

/// Headers like these of a picture that took no time.
fn without_times(tile: &Headers) -> Headers {
    let mut whole = tile.clone();
    for header in &mut whole {
        render_time::forget(&mut header.shared_attributes.other);
        render_time::forget(&mut header.own_attributes.other);
    }
    whole
}

/// Whether they tell of the same layers and passes.
fn fits(whole: &Headers, tile: &Headers) -> bool {
    let same = |(whole, tile): (&Header, &Header)| whole.channels == tile.channels;
    whole.len() == tile.len() && whole.iter().zip(tile).all(same)
}

/// Reads tiles in several threads, and hands the lines of the whole over from the top to the bottom.
fn put_together(tiles: &[PathBuf], mut bands: Bands<'_>, mut write: impl FnMut(Line) -> Result<()>) -> Result<()> {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from).min(tiles.len());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, pieces) = sync_channel(at_once * BLOCKS_AHEAD);
        for _ in 0..at_once {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || read_tiles(tiles, next, &sender));
        }
        drop(sender);
        for piece in pieces {
            let piece: Piece = piece?;
            if !bands.place(&piece) {
                let number = piece.tile;
                return Err(Error::bad_input(format!("tile {number} has pixels where none of it can be")));
            }
            for line in bands.take_complete() {
                write(line)?;
            }
        }
        if bands.is_over() {
            Ok(())
        } else {
            Err(Error::bad_input(
                "a tile is cut short or damaged: it does not tell all of its pixels",
            ))
        }
    })
}

/// Reads one tile after the other, for as long as there are more and somebody listens.
fn read_tiles(tiles: &[PathBuf], next: &AtomicUsize, pieces: &SyncSender<Result<Piece>>) {
    loop {
        let tile = next.fetch_add(1, Ordering::Relaxed);
        let Some(path) = tiles.get(tile) else { return };
        let read = decode(path, || {
            let file = BufReader::new(File::open(path)?);
            let blocks = exr::block::read(file, false)?
                .all_chunks(false)?
                .sequential_decompressor(false);
            for block in blocks {
                if pieces.send(Ok(Piece { tile, block: block? })).is_err() {
                    break;
                }
            }
            Ok(())
        });
        if let Err(error) = read {
            // Nobody listens any more: it was not the first failure.
            let _ = pieces.send(Err(error));
            return;
        }
    }
}

fn write_line(meta: &MetaData, chunks: &mut impl ChunksWriter, line: Line) -> exr::error::UnitResult {
    let width = meta.headers.get(line.part).map_or(0, |header| header.layer_size.width());
    let index = BlockIndex {
        layer: line.part,
        pixel_position: Vec2(0, line.row),
        pixel_size: Vec2(width, 1),
        level: Vec2(0, 0),
    };
    let block = UncompressedBlock { index, data: line.bytes };
    let chunk: Chunk = block.compress_to_chunk(&meta.headers)?;
    chunks.write_chunk(line.row, chunk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{Picture, compare, inspect, verify, write};
    use exr::prelude::{AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, LayerAttributes, Text};
    use exr::prelude::{attribute::AttributeValue, f16};

    const MANIFEST: &str = r#"{"Würfel":"3f80a1b2"}"#;

    /// Part of a picture of all sample types; every sample tells its place, and some are NaN.
    fn picture(part: &Rectangle, channels: u32, time: &str) -> Picture {
        let (width, height) = part.size();
        let places = part
            .rows
            .clone()
            .flat_map(|row| part.columns.clone().map(move |column| (row, column)));
        let bits: Vec<u32> = places.map(|(row, column)| 0x7fbf_f000 + row * 977 + column).collect();
        let list = (0..channels).map(|number| {
            let samples = match number % 3 {
                0 => FlatSamples::F32(bits.iter().map(|it| f32::from_bits(it ^ number)).collect()),
                1 => FlatSamples::F16(
                    bits.iter()
                        .map(|it| f16::from_bits(u16::try_from(it & 0xffff).unwrap()))
                        .collect(),
                ),
                _ => FlatSamples::U32(bits.clone()),
            };
            AnyChannel::new(format!("Ansicht.Pass{number:03}.Z").as_str(), samples)
        });
        let mut attributes = LayerAttributes::default();
        for (name, value) in [("cryptomatte/1234567/manifest", MANIFEST), ("RenderTime", time)] {
            let value = AttributeValue::Text(Text::from_bytes_unchecked(value.bytes().collect()));
            attributes.other.insert(Text::from(name), value);
        }
        let layer = Layer::new(
            (width as usize, height as usize),
            attributes,
            Encoding::SMALL_LOSSLESS,
            AnyChannels::sort(list.collect()),
        );
        Image {
            attributes: exr::prelude::ImageAttributes::with_size((width as usize, height as usize)),
            layer_data: [layer].into_iter().collect(),
        }
    }

    /// The whole picture, and its tiles.
    fn cut(folder: &Path, (width, height): (u32, u32), grid: TileGrid, channels: u32) -> (PathBuf, Vec<PathBuf>) {
        let whole = folder.join("whole.exr");
        let all = TileGrid::WHOLE.tile(0).unwrap().of(width, height);
        write(&picture(&all, channels, "00:10.00"), &whole).unwrap();
        let tiles = grid.tiles().map(|tile| {
            let path = folder.join(format!("{}.exr", tile.number()));
            write(&picture(&tile.of(width, height), channels, "00:01.25"), &path).unwrap();
            path
        });
        (whole, tiles.collect())
    }

    #[test]
    fn tiles_become_the_whole_picture_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        for (size, grid) in [((53, 37), "4x3"), ((16, 64), "1x4"), ((7, 5), "7x5"), ((64, 33), "1x1")] {
            let grid: TileGrid = grid.parse().unwrap();
            let (whole, tiles) = cut(folder.path(), size, grid, 5);
            let assembled = folder.path().join("assembled.exr");
            let bytes = assembled_bytes(grid, &tiles).unwrap();
            assemble(grid, &tiles, &assembled).unwrap();
            assert_eq!(assembled.metadata().unwrap().len(), bytes);
            verify(&assembled, Some(size)).unwrap();
            let comparison = compare(&whole, &assembled).unwrap();
            assert!(
                comparison.is_identical() && comparison.channels == 5,
                "{grid}: {comparison:?}"
            );
            let told = inspect(&assembled).unwrap().metadata;
            assert_eq!(told["cryptomatte/1234567/manifest"], MANIFEST);
            let seconds = f64::from(grid.count()) * 1.25;
            assert_eq!(told["RenderTime"], format!("00:{seconds:05.2}"));
        }
    }

    #[test]
    fn tiles_that_do_not_fit_together_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let grid: TileGrid = "2x2".parse().unwrap();
        let (whole, tiles) = cut(folder.path(), (21, 13), grid, 3);
        let refusal = |tiles: &[PathBuf]| {
            let output = folder.path().join("never.exr");
            let error = assemble(grid, tiles, &output).unwrap_err().message;
            assert!(!output.exists());
            error
        };
        assert!(refusal(&tiles[..3]).contains("has 4 tiles, not 3"));
        let swapped = [&tiles[1], &tiles[0], &tiles[2], &tiles[3]].map(Clone::clone);
        assert!(refusal(&swapped).contains("not the 10x6 of its place in a grid of 2x2 over 21x13"));
        let repeated = [&tiles[0], &tiles[1], &whole, &tiles[3]].map(Clone::clone);
        assert!(refusal(&repeated).contains("of its place"));
        let other = folder.path().join("other.exr");
        write(&picture(&grid.tile(3).unwrap().of(21, 13), 4, "00:01.00"), &other).unwrap();
        let with_other = [&tiles[0], &tiles[1], &tiles[2], &other].map(Clone::clone);
        assert!(refusal(&with_other).contains("other.exr has other layers or passes than"));
        std::fs::write(&other, b"no picture").unwrap();
        assert!(refusal(&with_other).contains("cut short, damaged or no EXR file"));
    }
}
