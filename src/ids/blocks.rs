//! Tiles that are rendered as one.

use super::{Rectangle, Tile};

/// Neighbouring tiles of one grid that make a rectangle, such as five of a row, or three whole rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TileBlock {
    first: Tile,
    wide: u32,
    high: u32,
}

impl TileBlock {
    /// The block of these tiles, ascending; none if they are not of one grid, or no rectangle without a hole.
    #[must_use]
    pub fn of(tiles: &[Tile]) -> Option<Self> {
        let (first, last) = (*tiles.first()?, *tiles.last()?);
        let wide = (last.column() + 1).checked_sub(first.column())?;
        let high = (last.row() + 1).checked_sub(first.row())?;
        let block = Self { first, wide, high };
        block.tiles().eq(tiles.iter().copied()).then_some(block)
    }

    /// The tile at its top left.
    #[must_use]
    pub fn first(self) -> Tile {
        self.first
    }

    /// Columns of tiles.
    #[must_use]
    pub fn wide(self) -> u32 {
        self.wide
    }

    /// Rows of tiles.
    #[must_use]
    pub fn high(self) -> u32 {
        self.high
    }

    /// Its tiles, ascending.
    pub fn tiles(self) -> impl Iterator<Item = Tile> {
        let (first, columns) = (self.first.number(), u32::from(self.first.grid().columns()));
        let rows = (0..self.high).map(move |row| first + row * columns);
        rows.flat_map(move |start| start..start + self.wide)
            .filter_map(move |number| self.first.grid().tile(number))
    }

    /// Its pixels of a picture of this size.
    #[must_use]
    pub fn of_picture(self, width: u32, height: u32) -> Rectangle {
        let first = self.first.of(width, height);
        let last = self
            .tiles()
            .last()
            .map_or_else(|| first.clone(), |tile| tile.of(width, height));
        Rectangle {
            columns: first.columns.start..last.columns.end,
            rows: first.rows.start..last.rows.end,
        }
    }
}

impl From<Tile> for TileBlock {
    fn from(first: Tile) -> Self {
        let (wide, high) = (1, 1);
        Self { first, wide, high }
    }
}

/// For people, who count from 1: "tiles 3 to 5 of 4x3".
impl std::fmt::Display for TileBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, grid) = (self.first.number() + 1, self.first.grid());
        match self.tiles().last().map(|tile| tile.number() + 1) {
            Some(last) if last > first => write!(f, "tiles {first} to {last} of {grid}"),
            _ => write!(f, "tile {first} of {grid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TileGrid;

    fn block(grid: &str, numbers: &[u32]) -> Option<TileBlock> {
        let grid: TileGrid = grid.parse().unwrap();
        let tiles: Vec<Tile> = numbers.iter().filter_map(|number| grid.tile(*number)).collect();
        TileBlock::of(&tiles)
    }

    #[test]
    fn only_a_rectangle_without_a_hole_is_a_block() {
        for (numbers, wide, high) in [
            (&[5][..], 1, 1),
            (&[5, 6, 7], 3, 1),
            (&[4, 5, 6, 7, 8, 9, 10, 11], 4, 2),
            (&[1, 2, 5, 6], 2, 2),
        ] {
            let found = block("4x3t", numbers).unwrap();
            assert_eq!((found.wide(), found.high()), (wide, high), "{numbers:?}");
            let again: Vec<u32> = found.tiles().map(Tile::number).collect();
            assert_eq!(again, numbers);
        }
        for wrong in [&[][..], &[5, 7], &[3, 4], &[5, 6, 7, 8], &[0, 1, 2, 3, 4], &[6, 5]] {
            assert_eq!(block("4x3t", wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_block_has_the_pixels_of_its_tiles() {
        for (width, height) in [(333, 187), (50, 40), (4, 9)] {
            let found = block("4x3t", &[5, 6, 9, 10]).unwrap();
            let pixels = found.of_picture(width, height);
            let count = |it: &Rectangle| it.size().0 * it.size().1;
            let of_tiles: u32 = found.tiles().map(|tile| count(&tile.of(width, height))).sum();
            assert_eq!(count(&pixels), of_tiles);
            assert_eq!(pixels.columns.start, found.first().of(width, height).columns.start);
        }
    }

    #[test]
    fn people_read_which_tiles_they_are() {
        assert_eq!(block("4x3", &[5]).unwrap().to_string(), "tile 6 of 4x3");
        assert_eq!(block("4x3t", &[4, 5, 6]).unwrap().to_string(), "tiles 5 to 7 of 4x3t");
    }
}
