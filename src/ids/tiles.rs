//! How a frame is cut into tiles.

use super::ParseError;
use std::ops::Range;

/// Most tiles of one frame.
pub const TILES_PER_FRAME_MAX: u32 = 1_024;

/// Columns and rows that a frame is cut into, written as `4x3`. [`TileGrid::WHOLE`] is one tile: the frame itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileGrid {
    columns: u16,
    rows: u16,
}

/// One tile of a grid, written as `5/4x3`. Tiles are counted from 0, row by row, from the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    number: u32,
    grid: TileGrid,
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
    pub const WHOLE: Self = Self { columns: 1, rows: 1 };

    /// A grid; refuses one without a tile, and one of more than [`TILES_PER_FRAME_MAX`].
    pub fn new(columns: u16, rows: u16) -> Result<Self, ParseError> {
        match u32::from(columns) * u32::from(rows) {
            0 => Err(ParseError("a frame is cut into one column and one row at least".to_owned())),
            count if count > TILES_PER_FRAME_MAX => Err(ParseError(format!(
                "{columns}x{rows} are more than {TILES_PER_FRAME_MAX} tiles of a frame"
            ))),
            _ => Ok(Self { columns, rows }),
        }
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

    /// Its pixels of a picture of this size. Cut where `blender/tiles.py` cuts; empty if the picture has fewer pixels than tiles.
    #[must_use]
    pub fn of(self, width: u32, height: u32) -> Rectangle {
        Rectangle {
            columns: cut(width, self.column(), self.grid.columns.into()),
            rows: cut(height, self.row(), self.grid.rows.into()),
        }
    }
}

/// The pixels of one of several parts of a side, which differ by one at most.
fn cut(side: u32, part: u32, parts: u32) -> Range<u32> {
    let edge = |part: u32| u32::try_from(u64::from(side) * u64::from(part) / u64::from(parts)).unwrap_or(side);
    edge(part)..edge(part + 1)
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
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

impl std::str::FromStr for TileGrid {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let sides = text.split_once('x').map(|(columns, rows)| (columns.parse(), rows.parse()));
        match sides {
            Some((Ok(columns), Ok(rows))) => Self::new(columns, rows),
            _ => Err(ParseError(format!("{text:?} are no columns and rows such as 4x3"))),
        }
    }
}

impl std::fmt::Display for Tile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.grid)
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
        for (width, height, grid) in [(161, 123, "4x3"), (1920, 1080, "7x5"), (5, 3, "5x3"), (64, 64, "1x1")] {
            let grid: TileGrid = grid.parse().unwrap();
            let mut covered = vec![0_u8; (width * height) as usize];
            for tile in grid.tiles() {
                let place = tile.of(width, height);
                let (wide, high) = place.size();
                assert!(
                    wide.abs_diff(width / u32::from(grid.columns())) <= 1 && high.abs_diff(height / u32::from(grid.rows())) <= 1
                );
                for row in place.rows {
                    for column in place.columns.clone() {
                        covered[(row * width + column) as usize] += 1;
                    }
                }
            }
            assert!(covered.iter().all(|times| *times == 1), "{grid} of {width}x{height}");
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
    }
}
