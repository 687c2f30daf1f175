//! What a slot is at: a frame, a tile of one, or neighbouring tiles that it renders as one.

use crate::ids::{Piece, Tile, TileBlock, TileGrid};
use crate::wire::TaskName;
use tokio_util::sync::CancellationToken;

/// One frame, or tile of one, to render.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) name: TaskName,
    pub(super) piece: Piece,
    /// How the frame is cut that is to be denoised, rather than to be rendered.
    pub(super) denoise: Option<TileGrid>,
    /// Which lease it came with: tasks of one are a chunk.
    pub(super) lease: u64,
    /// Further tiles of the frame that are rendered with it as one, ascending.
    pub(super) others: Vec<(TaskName, Tile)>,
    /// Cancelled as soon as nobody wants any of it any more.
    pub(super) unwanted: CancellationToken,
}

impl Assignment {
    /// The tiles that are rendered as one; none: the frame is rendered as a whole.
    pub(super) fn block(&self) -> Option<TileBlock> {
        let first = self.piece.tile?;
        let tiles: Vec<Tile> = std::iter::once(first)
            .chain(self.others.iter().map(|(_, tile)| *tile))
            .collect();
        Some(TileBlock::of(&tiles).unwrap_or(first.into()))
    }

    /// Everything that is rendered by it.
    pub(super) fn names(&self) -> impl Iterator<Item = TaskName> {
        std::iter::once(self.name).chain(self.others.iter().map(|(name, _)| *name))
    }

    /// What is rendered, for people.
    pub(super) fn what(&self) -> String {
        match self.block() {
            Some(block) if !self.others.is_empty() => format!("{block} of frame {}", self.piece.frame),
            _ => self.piece.to_string(),
        }
    }
}
