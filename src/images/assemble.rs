//! Tiles of a frame, put together to the picture that it would have been if it had not been cut.
//!
//! Every sample is copied as it is, of whatever type; layers, passes and attributes are those of the first tile, but for the
//! render times, which are added up. A tile does not say where it belongs: the grid does. Absences: nothing here knows where
//! tiles come from or whether their seams fit. Memory is that of the whole picture and of a tile for each core.
//!
//! The whole is written as it is: to pack it took six times as long as all the rest, to make a noisy picture a quarter smaller.

use super::{Picture, check_claims, headers, read, render_time, write};
use crate::error::{Error, Result};
use crate::ids::{Rectangle, TileGrid};
use exr::prelude::{AnyChannel, AnyChannels, Encoding, FlatSamples, Image, IntegerBounds, Layer};
use std::path::{Path, PathBuf};

/// Writes the picture of all tiles of a grid, given row by row from the top left. Refuses tiles that do not fit together. The
/// file is not whole before this returns: give it a temporary name.
pub fn assemble(grid: TileGrid, tiles: &[PathBuf], output: &Path) -> Result<()> {
    if tiles.len() != grid.count() as usize {
        let (count, given) = (grid.count(), tiles.len());
        return Err(Error::bad_input(format!("a grid of {grid} has {count} tiles, not {given}")));
    }
    let (size, places) = arrange(grid, tiles)?;
    let mut whole: Option<Picture> = None;
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    for batch in tiles.chunks(at_once).zip(places.chunks(at_once)) {
        for (path, place, tile) in read_all(batch.0, batch.1) {
            let tile = tile?;
            let whole = whole.get_or_insert_with(|| blank(&tile, size));
            if !paste(whole, &tile, size.0, place) {
                let first = tiles.first().unwrap_or(path);
                return Err(Error::bad_input(format!(
                    "{} has other layers or passes than {}",
                    path.display(),
                    first.display()
                )));
            }
        }
    }
    let whole = whole.ok_or_else(|| Error::internal("a grid without tiles"))?;
    write(&whole, output)
}

/// The size of the whole picture, and the place of each tile; refuses tiles whose sizes do not fit together.
fn arrange(grid: TileGrid, tiles: &[PathBuf]) -> Result<((u32, u32), Vec<Rectangle>)> {
    let (mut sizes, mut channels) = (Vec::with_capacity(tiles.len()), 0);
    for path in tiles {
        let headers = headers(path)?;
        channels = channels.max(headers.iter().map(|header| header.channels.list.len()).sum());
        let mut found = headers.iter().map(|header| header.layer_size);
        let size = found
            .next()
            .ok_or_else(|| Error::bad_input(format!("{} holds no picture", path.display())))?;
        if found.any(|other| other != size) {
            return Err(Error::bad_input(format!(
                "{} holds pictures of several sizes",
                path.display()
            )));
        }
        let pixels = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        sizes.push((pixels(size.width()), pixels(size.height())));
    }
    let columns = usize::from(grid.columns());
    let width = sizes.iter().take(columns).fold(0_u32, |sum, size| sum.saturating_add(size.0));
    let height = sizes
        .iter()
        .step_by(columns)
        .fold(0_u32, |sum, size| sum.saturating_add(size.1));
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
    Ok(((width, height), places))
}

/// Reads several tiles, each in a thread of its own.
fn read_all<'a>(paths: &'a [PathBuf], places: &'a [Rectangle]) -> Vec<(&'a PathBuf, &'a Rectangle, Result<Picture>)> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = paths.iter().map(|path| scope.spawn(|| read(path))).collect();
        let tiles = threads.into_iter().map(|thread| {
            let panicked = |_| Err(Error::internal("the thread that reads a tile panicked"));
            thread.join().unwrap_or_else(panicked)
        });
        let tiles: Vec<_> = tiles.collect();
        let named = paths.iter().zip(places).zip(tiles);
        named.map(|((path, place), tile)| (path, place, tile)).collect()
    })
}

/// A picture like a tile, of another size, that shows nothing yet and took no time.
fn blank(tile: &Picture, (width, height): (u32, u32)) -> Picture {
    let size = exr::prelude::Vec2(width as usize, height as usize);
    let layers = tile.layer_data.iter().map(|layer| {
        let channels = layer.channel_data.list.iter().map(|channel| AnyChannel {
            name: channel.name.clone(),
            sample_data: zeros(&channel.sample_data, size.area()),
            quantize_linearly: channel.quantize_linearly,
            sampling: channel.sampling,
        });
        let channel_data = AnyChannels {
            list: channels.collect(),
        };
        let mut attributes = layer.attributes.clone();
        render_time::forget(&mut attributes.other);
        Layer {
            channel_data,
            attributes,
            size,
            encoding: Encoding::UNCOMPRESSED,
        }
    });
    let layer_data = layers.collect();
    let mut attributes = tile.attributes.clone();
    attributes.display_window = IntegerBounds::from_dimensions(size);
    render_time::forget(&mut attributes.other);
    Image { attributes, layer_data }
}

fn zeros(like: &FlatSamples, count: usize) -> FlatSamples {
    match like {
        FlatSamples::F16(_) => FlatSamples::F16(vec![exr::prelude::f16::ZERO; count]),
        FlatSamples::F32(_) => FlatSamples::F32(vec![0.0; count]),
        FlatSamples::U32(_) => FlatSamples::U32(vec![0; count]),
    }
}

/// Puts a tile in its place; whether it has the same layers and passes.
fn paste(whole: &mut Picture, tile: &Picture, width: u32, place: &Rectangle) -> bool {
    if whole.layer_data.len() != tile.layer_data.len() {
        return false;
    }
    render_time::add(&mut whole.attributes.other, &tile.attributes.other);
    whole.layer_data.iter_mut().zip(&tile.layer_data).all(|(whole, tile)| {
        render_time::add(&mut whole.attributes.other, &tile.attributes.other);
        let (into, from) = (&mut whole.channel_data.list, &tile.channel_data.list);
        into.len() == from.len()
            && into.iter_mut().zip(from).all(|(into, from)| {
                into.name == from.name
                    && into.sampling == from.sampling
                    && paste_samples(&mut into.sample_data, &from.sample_data, width, place)
            })
    })
}

fn paste_samples(whole: &mut FlatSamples, tile: &FlatSamples, width: u32, place: &Rectangle) -> bool {
    match (whole, tile) {
        (FlatSamples::F16(whole), FlatSamples::F16(tile)) => paste_rows(whole, tile, width, place),
        (FlatSamples::F32(whole), FlatSamples::F32(tile)) => paste_rows(whole, tile, width, place),
        (FlatSamples::U32(whole), FlatSamples::U32(tile)) => paste_rows(whole, tile, width, place),
        _ => return false,
    }
    true
}

fn paste_rows<T: Copy>(whole: &mut [T], tile: &[T], width: u32, place: &Rectangle) {
    let columns = place.columns.start as usize..place.columns.end as usize;
    let into = whole.chunks_exact_mut(width as usize).skip(place.rows.start as usize);
    for (into, from) in into.zip(tile.chunks_exact(columns.len())) {
        into[columns.clone()].copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{compare, inspect, verify};
    use exr::prelude::{LayerAttributes, Text, attribute::AttributeValue, f16};

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
            assemble(grid, &tiles, &assembled).unwrap();
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
