//! A small picture of a frame that is cut into tiles, out of the small pictures of its tiles: no result is decoded for it.
//!
//! Absences: nothing is denoised, and tiles that are not there yet stay transparent. Memory is that of the picture and of one tile.

use super::png::{self, Pixels};
use super::thumbnail::small_size;
use crate::ids::{Tile, TileGrid};

/// Red, green, blue, alpha.
const CHANNELS: usize = 4;
/// A side that grids cut finely enough to tell how large a part of it a tile has.
const FINE_PX: u32 = 1 << 20;

/// A small picture that becomes complete tile by tile.
#[derive(Debug)]
pub struct Mosaic {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Mosaic {
    /// An empty one, `width` pixels wide or as wide as the frame if that is less, for tiles whose results have these sizes. Where
    /// some are missing, the frame's size follows from the others. None: there is not one tile.
    #[must_use]
    pub fn new(grid: TileGrid, tiles: &[(Tile, (u32, u32))], width: u32) -> Option<Self> {
        let (wide, high) = whole_size(grid, tiles)?;
        let (width, height) = small_size(wide as usize, high as usize, width);
        Some(Self {
            width,
            height,
            pixels: vec![0; width as usize * height as usize * CHANNELS],
        })
    }

    /// Puts the small picture of a tile in its place; false: it is none that can be read.
    #[must_use]
    pub fn add(&mut self, tile: Tile, picture: &[u8]) -> bool {
        let Some(picture) = png::decode(picture) else {
            return false;
        };
        let place = tile.of(self.width, self.height);
        let (wide, high) = place.size();
        for (y, row) in place.rows.enumerate() {
            let rows = covered(y, high, picture.height);
            for (x, column) in place.columns.clone().enumerate() {
                let pixel = mean(&picture, covered(x, wide, picture.width), rows.clone());
                let at = (row as usize * self.width as usize + column as usize) * CHANNELS;
                self.pixels[at..at + CHANNELS].copy_from_slice(&pixel);
            }
        }
        true
    }

    /// What is there, as PNG.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        png::encode(self.width, CHANNELS, &self.pixels)
    }
}

/// The size of the frame: what its columns and rows are together, or what one tile tells of it.
fn whole_size(grid: TileGrid, tiles: &[(Tile, (u32, u32))]) -> Option<(u32, u32)> {
    let (first, (wide, high)) = *tiles.first()?;
    let (wide_part, high_part) = first.of(FINE_PX, FINE_PX).size();
    let all = |part: u32, of: u32| u32::try_from(u64::from(part) * u64::from(FINE_PX) / u64::from(of.max(1))).unwrap_or(u32::MAX);
    let width_of = |column: u32| tiles.iter().find(|(tile, _)| tile.column() == column).map(|(_, size)| size.0);
    let height_of = |row: u32| tiles.iter().find(|(tile, _)| tile.row() == row).map(|(_, size)| size.1);
    let width: Option<u32> = (0..grid.columns().into()).map(width_of).sum();
    let height: Option<u32> = (0..grid.rows().into()).map(height_of).sum();
    Some((
        width.unwrap_or_else(|| all(wide, wide_part)),
        height.unwrap_or_else(|| all(high, high_part)),
    ))
}

/// Which of a side's pixels fall on one of fewer; the nearest one if they are more.
fn covered(place: usize, of: u32, from: u32) -> std::ops::Range<usize> {
    let (of, from) = (of.max(1) as usize, from as usize);
    let first = place * from / of;
    first..((place + 1) * from / of).max(first + 1)
}

/// The mean of a part of a picture; what is transparent has no say about colours.
fn mean(picture: &Pixels, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> [u8; CHANNELS] {
    let (mut sums, mut alphas, mut count) = ([0_u64; 3], 0_u64, 0_u64);
    for row in rows {
        for column in columns.clone() {
            let [red, green, blue, alpha] = picture.pixel(column, row).map(u64::from);
            for (sum, colour) in sums.iter_mut().zip([red, green, blue]) {
                *sum += colour * alpha;
            }
            alphas += alpha;
            count += 1;
        }
    }
    let rounded = |sum: u64, of: u64| u8::try_from((sum + of / 2) / of.max(1)).unwrap_or(u8::MAX);
    let [red, green, blue] = sums.map(|sum| rounded(sum, alphas));
    [red, green, blue, rounded(alphas, count)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{assemble, thumbnail};
    use exr::prelude::{AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, LayerAttributes, WritableImage as _};
    use std::path::{Path, PathBuf};

    const FRAME: (u32, u32) = (67, 41);

    /// The results of all tiles of a frame whose colours tell the place of each pixel.
    fn tiles(folder: &Path, grid: TileGrid) -> Vec<(Tile, PathBuf, (u32, u32))> {
        let make = |tile: Tile| {
            let place = tile.of(FRAME.0, FRAME.1);
            let (wide, high) = place.size();
            let samples = |value: &dyn Fn(u32, u32) -> f32| {
                let rows = place.rows.clone();
                let all = rows.flat_map(|y| place.columns.clone().map(move |x| (x, y)));
                FlatSamples::F32(all.map(|(x, y)| value(x, y)).collect())
            };
            let list = [
                AnyChannel::new("L.Combined.R", samples(&|x, _| x as f32 / FRAME.0 as f32)),
                AnyChannel::new("L.Combined.G", samples(&|_, y| y as f32 / FRAME.1 as f32)),
                AnyChannel::new("L.Combined.B", samples(&|x, y| ((x + y) % 3) as f32 / 2.0)),
                AnyChannel::new("L.Combined.A", samples(&|_, _| 1.0)),
            ];
            let channels = AnyChannels::sort(list.into_iter().collect());
            let size = (wide as usize, high as usize);
            let layer = Layer::new(size, LayerAttributes::default(), Encoding::SMALL_LOSSLESS, channels);
            let path = folder.join(format!("{}.exr", tile.number()));
            Image::from_layer(layer).write().to_file(&path).unwrap();
            (tile, path, (wide, high))
        };
        grid.tiles().map(make).collect()
    }

    fn sizes(tiles: &[(Tile, PathBuf, (u32, u32))]) -> Vec<(Tile, (u32, u32))> {
        tiles.iter().map(|(tile, _, size)| (*tile, *size)).collect()
    }

    #[test]
    fn all_tiles_make_the_picture_that_the_whole_frame_has() {
        for grid in ["4x3", "1x5t", "3x2t"] {
            let folder = tempfile::tempdir().unwrap();
            let grid: TileGrid = grid.parse().unwrap();
            let tiles = tiles(folder.path(), grid);
            let mut mosaic = Mosaic::new(grid, &sizes(&tiles), 240).unwrap();
            for (tile, path, _) in &tiles {
                assert!(mosaic.add(*tile, &thumbnail(path, 240).unwrap()));
            }
            let whole = folder.path().join("whole.exr");
            let paths: Vec<_> = tiles.iter().map(|(_, path, _)| path.clone()).collect();
            assemble(grid, &paths, &whole).unwrap();
            assert_eq!(mosaic.png(), thumbnail(&whole, 240).unwrap(), "{grid}");
        }
    }

    #[test]
    fn the_size_follows_from_any_one_tile_and_what_is_missing_is_transparent() {
        let folder = tempfile::tempdir().unwrap();
        for grid in ["4x3", "2x4t"] {
            let grid: TileGrid = grid.parse().unwrap();
            for (tile, path, size) in tiles(folder.path(), grid) {
                let mut mosaic = Mosaic::new(grid, &[(tile, size)], 32).unwrap();
                // The lowest rows of such a small frame are two pixels high: they tell little.
                let tells = if tile.row() < 2 { 4 } else { 8 };
                let height = mosaic.height;
                assert!(height.abs_diff(32 * FRAME.1 / FRAME.0) <= tells, "{tile}: {height}");
                assert!(mosaic.add(tile, &thumbnail(&path, 240).unwrap()));
                let picture = png::decode(&mosaic.png()).unwrap();
                let place = tile.of(picture.width, picture.height);
                for y in 0..picture.height {
                    for x in 0..picture.width {
                        let is_there = place.rows.contains(&y) && place.columns.contains(&x);
                        let alpha = picture.pixel(x as usize, y as usize)[3];
                        assert_eq!(alpha, if is_there { 255 } else { 0 }, "{tile} at {x}, {y}");
                    }
                }
            }
        }
        assert!(Mosaic::new(TileGrid::WHOLE, &[], 240).is_none());
    }

    #[test]
    fn what_is_no_picture_of_ours_is_said() {
        let grid: TileGrid = "2x1".parse().unwrap();
        let tile = grid.tile(1).unwrap();
        let mut mosaic = Mosaic::new(grid, &[(tile, (8, 8))], 16).unwrap();
        let before = mosaic.png();
        let good = png::encode(8, 3, &[200; 8 * 8 * 3]);
        for length in 0..good.len() {
            assert!(!mosaic.add(tile, &good[..length]));
        }
        for place in 0..good.len() {
            let mut damaged = good.clone();
            damaged[place] ^= 0xff;
            // Either answer will do, but for a panic: a changed pixel is no damage that shows.
            let _ = mosaic.add(tile, &damaged);
        }
        assert_eq!(Mosaic::new(grid, &[(tile, (8, 8))], 16).unwrap().png(), before);
        assert!(mosaic.add(tile, &good));
    }
}
