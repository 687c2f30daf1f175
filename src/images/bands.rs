//! A picture that comes in pieces, in lines from the top to the bottom: each row of tiles is a band, which is let go as soon as it
//! is complete.
//!
//! Bytes are moved as they are, line by line and channel by channel: in a file that is not packed, a line holds all samples of
//! its first channel, then all of the second, and so on.

use crate::ids::Rectangle;
use exr::block::UncompressedBlock;
use exr::meta::Headers;
use exr::prelude::Vec2;
use std::collections::VecDeque;

/// Unpacked pixels of a tile.
pub(super) struct Piece {
    /// Which tile, by its number.
    pub(super) tile: usize,
    pub(super) block: UncompressedBlock,
}

/// All channels of one line of the whole picture.
pub(super) struct Line {
    /// Which part of the file.
    pub(super) part: usize,
    /// From the top.
    pub(super) row: usize,
    pub(super) bytes: Vec<u8>,
}

/// What has come of a picture.
pub(super) struct Bands<'a> {
    places: &'a [Rectangle],
    parts: Vec<Part>,
    width: usize,
    /// Those that are not complete, from the top.
    open: VecDeque<Band>,
}

/// The samples of one pixel in a part of the file: for each channel how many bytes it takes, and those of the ones before it.
struct Part {
    channels: Vec<(usize, usize)>,
    pixel_bytes: usize,
}

struct Band {
    first_row: usize,
    rows: usize,
    /// Of all parts, each from the top; empty as long as nothing has come.
    lines: Vec<Vec<u8>>,
    /// Pixels of all parts that are to come.
    to_come: usize,
}

impl<'a> Bands<'a> {
    /// A picture of these headers that is cut into tiles at these places, row by row.
    pub(super) fn new(whole: &Headers, places: &'a [Rectangle]) -> Self {
        let parts: Vec<Part> = whole
            .iter()
            .map(|header| {
                let mut pixel_bytes = 0;
                let channels = header.channels.list.iter().map(|channel| {
                    let bytes = channel.sample_type.bytes_per_sample();
                    pixel_bytes += bytes;
                    (bytes, pixel_bytes - bytes)
                });
                let channels = channels.collect();
                Part { channels, pixel_bytes }
            })
            .collect();
        let size = whole.first().map_or(Vec2(0, 0), |header| header.layer_size);
        let mut open = VecDeque::new();
        for place in places.iter().filter(|place| place.columns.start == 0) {
            let rows = place.rows.len();
            open.push_back(Band {
                first_row: place.rows.start as usize,
                rows,
                lines: Vec::new(),
                to_come: rows * size.width() * parts.len(),
            });
        }
        Self {
            places,
            parts,
            width: size.width(),
            open,
        }
    }

    /// Puts pixels in their place; false if they are not within it.
    pub(super) fn place(&mut self, piece: &Piece) -> bool {
        let index = piece.block.index;
        if index.level != Vec2(0, 0) {
            // The picture once more, smaller.
            return true;
        }
        let (Some(place), Some(part)) = (self.places.get(piece.tile), self.parts.get(index.layer)) else {
            return false;
        };
        let (Vec2(x, y), Vec2(wide, high)) = (index.pixel_position, index.pixel_size);
        let is_within = x + wide <= place.columns.len() && y + high <= place.rows.len();
        let bytes = wide * high * part.pixel_bytes;
        if !is_within || bytes == 0 || piece.block.data.len() != bytes {
            return false;
        }
        let first_row = place.rows.start as usize;
        let Some(band) = self.open.iter_mut().find(|band| band.first_row == first_row) else {
            return false;
        };
        if band.lines.is_empty() {
            let blank = |part: &Part| vec![vec![0; self.width * part.pixel_bytes]; band.rows];
            band.lines = self.parts.iter().flat_map(blank).collect();
        }
        let left = place.columns.start as usize + x;
        let lines = band.lines.iter_mut().skip(index.layer * band.rows + y);
        for (line, from) in lines.zip(piece.block.data.chunks_exact(wide * part.pixel_bytes)) {
            for (bytes, before) in &part.channels {
                let (into, from_at) = (self.width * before + left * bytes, wide * before);
                line[into..into + wide * bytes].copy_from_slice(&from[from_at..from_at + wide * bytes]);
            }
        }
        band.to_come = band.to_come.saturating_sub(wide * high);
        true
    }

    /// The lines of all bands that are complete, and that no incomplete one comes before.
    pub(super) fn take_complete(&mut self) -> Vec<Line> {
        let mut complete = Vec::new();
        while self.open.front().is_some_and(|band| band.to_come == 0)
            && let Some(band) = self.open.pop_front()
        {
            let lines = band.lines.into_iter().enumerate();
            complete.extend(lines.map(|(number, bytes)| Line {
                part: number / band.rows,
                row: band.first_row + number % band.rows,
                bytes,
            }));
        }
        complete
    }

    /// Whether all is complete.
    pub(super) fn is_over(&self) -> bool {
        self.open.is_empty()
    }
}
