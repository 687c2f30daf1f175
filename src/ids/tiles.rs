//! How a frame is cut into tiles.

use super::ParseError;
use std::ops::Range;

/// Most tiles of one frame.
pub const TILES_PER_FRAME_MAX: u32 = 1_024;

/// Rows of a grid that is chosen by itself, at most …
const AUTO_ROWS_MAX: u32 = 8;
/// … and tiles for each slot.
const AUTO_TILES_PER_SLOT: u32 = 16;
/// Lower or narrower, and what a tile costs beside its pixels would count.
const ROW_PIXELS_MIN: u32 = 16;
const COLUMN_PIXELS_MIN: u32 = 32;
/// The same of what is rendered around it.
const OVERLAPS_PER_SIDE_MIN: u32 = 16;

/// Columns and rows that a frame is cut into, written as `4x3`. [`TileGrid::WHOLE`] is one tile: the frame itself.
///
/// Those of a tapered grid, `4x3t`, become lower from row to row: whoever is late with one of the last tiles is not late by
/// much, however uneven slaves are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileGrid {
    columns: u16,
    rows: u16,
    is_tapered: bool,
}

/// One tile of a grid, written as `5/4x3`. Tiles are counted from 0, row by row, from the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    number: u32,
    grid: TileGrid,
}

/// What one task renders: a frame, or a tile of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Piece {
    /// The frame.
    pub frame: i32,
    /// Which tile of it; none: all of it.
    pub tile: Option<Tile>,
}

/// A part of a picture, in pixels from its top left.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rectangle {
    /// From the left.
    pub columns: Range<u32>,
    /// From the top.
    pub rows: Range<u32>,
}

impl TileGrid {
    /// A frame that is not cut.
    pub const WHOLE: Self = Self {
        columns: 1,
        rows: 1,
        is_tapered: false,
    };

    /// A grid; refuses one without a tile, and one of more than [`TILES_PER_FRAME_MAX`].
    pub fn new(columns: u16, rows: u16) -> Result<Self, ParseError> {
        match u32::from(columns) * u32::from(rows) {
            0 => Err(ParseError("a frame is cut into one column and one row at least".to_owned())),
            count if count > TILES_PER_FRAME_MAX => Err(ParseError(format!(
                "{columns}x{rows} are more than {TILES_PER_FRAME_MAX} tiles of a frame"
            ))),
            _ => Ok(Self {
                columns,
                rows,
                is_tapered: false,
            }),
        }
    }

    /// The same with rows that become lower; of one row it is the same grid.
    #[must_use]
    pub fn tapered(self) -> Self {
        Self {
            is_tapered: self.rows > 1,
            ..self
        }
    }

    /// Whether its rows become lower.
    #[must_use]
    pub fn is_tapered(self) -> bool {
        self.is_tapered
    }

    /// A grid for a picture of this size and so many slots: large tiles first, which cost least, and small ones at the end,
    /// after which no slot waits long for another. Tiles that overlap by so many pixels are not small beside that.
    #[must_use]
    pub fn fitting(width: u32, height: u32, slots: u32, overlap: u32) -> Self {
        let side_min = overlap.saturating_mul(OVERLAPS_PER_SIDE_MIN);
        // The last row has a `rows²`th of the height.
        let lowest = (height / ROW_PIXELS_MIN.max(side_min)).isqrt();
        let rows = lowest.clamp(1, AUTO_ROWS_MAX);
        let columns = slots.saturating_mul(AUTO_TILES_PER_SLOT).div_ceil(rows);
        let columns = columns
            .min(width / COLUMN_PIXELS_MIN.max(side_min))
            .min(TILES_PER_FRAME_MAX / rows)
            .max(1);
        let side = |count: u32| u16::try_from(count).unwrap_or(1);
        Self::new(side(columns), side(rows)).unwrap_or(Self::WHOLE).tapered()
    }

    /// How many tiles a frame has; one at least.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::from(self.columns) * u32::from(self.rows)
    }

    /// Whether a frame is one tile.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self == Self::WHOLE
    }

    /// Columns.
    #[must_use]
    pub fn columns(self) -> u16 {
        self.columns
    }

    /// Rows.
    #[must_use]
    pub fn rows(self) -> u16 {
        self.rows
    }

    /// The tile of a number.
    #[must_use]
    pub fn tile(self, number: u32) -> Option<Tile> {
        (number < self.count()).then_some(Tile { number, grid: self })
    }

    /// All tiles, in the order of their numbers.
    pub fn tiles(self) -> impl Iterator<Item = Tile> {
        (0..self.count()).map(move |number| Tile { number, grid: self })
    }
}

impl Default for TileGrid {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl Tile {
    /// Its number in the grid, from 0.
    #[must_use]
    pub fn number(self) -> u32 {
        self.number
    }

    /// The grid.
    #[must_use]
    pub fn grid(self) -> TileGrid {
        self.grid
    }

    /// Its column, from the left.
    #[must_use]
    pub fn column(self) -> u32 {
        self.number % u32::from(self.grid.columns)
    }

    /// Its row, from the top.
    #[must_use]
    pub fn row(self) -> u32 {
        self.number / u32::from(self.grid.columns)
    }

    /// How many tiles of average size are as large.
    #[must_use]
    pub fn average_tiles(self) -> f64 {
        let rows = f64::from(self.grid.rows);
        if self.grid.is_tapered {
            (2.0 * (rows - f64::from(self.row())) - 1.0) / rows
        } else {
            1.0
        }
    }

    /// Its pixels of a picture of this size. Cut where `blender/tiles.py` cuts; empty if the picture has fewer pixels than tiles.
    #[must_use]
    pub fn of(self, width: u32, height: u32) -> Rectangle {
        let (column, columns) = (self.column(), self.grid.columns.into());
        let (row, rows) = (self.row(), self.grid.rows.into());
        Rectangle {
            columns: edge(width, column, columns)..edge(width, column + 1, columns),
            rows: if self.grid.is_tapered {
                tapered_edge(height, row, rows)..tapered_edge(height, row + 1, rows)
            } else {
                edge(height, row, rows)..edge(height, row + 1, rows)
            },
        }
    }
}

/// Where one of several parts of a side begins, which differ by one pixel at most.
fn edge(side: u32, part: u32, parts: u32) -> u32 {
    u32::try_from(u64::from(side) * u64::from(part) / u64::from(parts)).unwrap_or(side)
}

/// The same of parts each of which is smaller than the one before by the same: the last one has a `parts²`th of the side.
fn tapered_edge(side: u32, part: u32, parts: u32) -> u32 {
    let (part, parts) = (u64::from(part), u64::from(parts));
    u32::try_from(u64::from(side) * part * (2 * parts - part) / (parts * parts)).unwrap_or(side)
}

impl Piece {
    /// The beginning of the names of its files, such as `000012` or `000012t0003`.
    #[must_use]
    pub fn stem(self) -> String {
        match self.tile {
            None => format!("{:06}", self.frame),
            Some(tile) => format!("{:06}t{:04}", self.frame, tile.number),
        }
    }
}

impl From<i32> for Piece {
    fn from(frame: i32) -> Self {
        Self { frame, tile: None }
    }
}

impl Rectangle {
    /// Width and height.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.columns.end - self.columns.start, self.rows.end - self.rows.start)
    }

    /// Whether it has no pixel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty() || self.rows.is_empty()
    }
}

impl std::fmt::Display for TileGrid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)?;
        if self.is_tapered { f.write_str("t") } else { Ok(()) }
    }
}

impl std::str::FromStr for TileGrid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let even = text.strip_suffix('t');
        let sides = even.unwrap_or(text).split_once('x');
        match sides.map(|(columns, rows)| (columns.parse(), rows.parse())) {
            Some((Ok(columns), Ok(rows))) => {
                let grid = Self::new(columns, rows)?;
                Ok(if even.is_some() { grid.tapered() } else { grid })
            }
            _ => Err(ParseError(format!("{text:?} are no columns and rows such as 4x3"))),
        }
    }
}

impl std::fmt::Display for Tile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.grid)
    }
}

/// For people, who count from 1.
impl std::fmt::Display for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(Tile { number, grid }) = self.tile {
            write!(f, "tile {} of {grid} of ", number + 1)?;
        }
        write!(f, "frame {}", self.frame)
    }
}

impl std::str::FromStr for Tile {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parts = text
            .split_once('/')
            .and_then(|(number, grid)| Some((number.parse().ok()?, grid)));
        let (number, grid) = parts.ok_or_else(|| ParseError(format!("{text:?} is no tile such as 5/4x3")))?;
        let grid: TileGrid = grid.parse()?;
        grid.tile(number)
            .ok_or_else(|| ParseError(format!("a grid of {grid} has no tile {number}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_pixel_once_and_are_alike() {
        for (width, height, grid) in [
            (161, 123, "4x3"),
            (1920, 1080, "7x5"),
            (5, 3, "5x3"),
            (64, 64, "1x1"),
            (161, 123, "3x5t"),
        ] {
            let grid: TileGrid = grid.parse().unwrap();
            let mut covered = vec![0_u8; (width * height) as usize];
            for tile in grid.tiles() {
                let place = tile.of(width, height);
                let (wide, high) = place.size();
                assert!(wide.abs_diff(width / u32::from(grid.columns())) <= 1);
                assert!(grid.is_tapered() || high.abs_diff(height / u32::from(grid.rows())) <= 1);
                for row in place.rows {
                    for column in place.columns.clone() {
                        covered[(row * width + column) as usize] += 1;
                    }
                }
            }
            assert!(covered.iter().all(|times| *times == 1), "{grid} of {width}x{height}");
        }
        let tapered: TileGrid = "1x8t".parse().unwrap();
        let heights: Vec<u32> = tapered.tiles().map(|tile| tile.of(9, 1080).size().1).collect();
        assert_eq!(heights, [253, 219, 186, 152, 118, 84, 51, 17]);
        for (tile, height) in tapered.tiles().zip(heights) {
            assert!((tile.average_tiles() - f64::from(height) / 135.0).abs() < 0.01, "{tile}");
        }
        assert!(
            "3x1"
                .parse::<TileGrid>()
                .unwrap()
                .tiles()
                .any(|tile| tile.of(2, 2).is_empty())
        );
    }

    #[test]
    fn a_grid_that_fits_has_tiles_for_all_slots_and_none_that_is_not_worth_it() {
        for (size, slots, overlap, grid) in [
            ((1920, 1080), 2, 0, "4x8t"),
            ((1920, 1080), 16, 0, "32x8t"),
            ((7680, 4320), 1_000, 0, "128x8t"),
            ((64, 48), 16, 0, "2x1"),
            ((10, 10), 16, 0, "1x1"),
            ((1920, 1080), 0, 0, "1x8t"),
            ((1920, 1080), 2, 4, "8x4t"),
            ((1920, 1080), 16, 4, "30x4t"),
        ] {
            assert_eq!(TileGrid::fitting(size.0, size.1, slots, overlap).to_string(), grid);
        }
    }

    #[test]
    fn tiles_and_grids_have_one_spelling_and_their_bounds() {
        let tile: Tile = "5/4x3".parse().unwrap();
        assert_eq!(
            (tile.to_string().as_str(), tile.of(40, 30)),
            (
                "5/4x3",
                Rectangle {
                    columns: 10..20,
                    rows: 10..20
                }
            )
        );
        for text in ["", "4", "4x", "0x3", "3x0", "33x32", "x", "-1x2"] {
            assert!(text.parse::<TileGrid>().is_err(), "{text:?}");
        }
        for text in ["12/4x3", "4x3", "a/4x3", "-1/4x3"] {
            assert!(text.parse::<Tile>().is_err(), "{text:?}");
        }
        assert_eq!(TileGrid::default().count(), 1);
        assert!("1024x1".parse::<TileGrid>().is_ok());
        assert_eq!("4x3t".parse::<TileGrid>().unwrap().to_string(), "4x3t");
        assert_eq!("4x1t".parse::<TileGrid>(), "4x1".parse());
    }
}
