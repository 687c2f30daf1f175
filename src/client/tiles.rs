//! Frames in tiles: how a job's frames are cut, and how the tiles become one file again.

use super::fetch::{self, Expected, Part};
use super::pages::all;
use crate::blender::Collected;
use crate::error::{Error, Result};
use crate::files::hash_of_hashes;
use crate::ids::{ContentHash, JobId, ParseError, TileGrid};
use crate::images;
use crate::link::Link;
use crate::wire::{FrameInfo, SlaveInfo};
use std::path::{Path, PathBuf};

/// How frames shall be cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TilesWish {
    /// Not at all.
    #[default]
    Whole,
    /// Like this.
    Grid(TileGrid),
    /// As the size of the picture, and the slaves that are there, suggest.
    Auto,
}

impl std::str::FromStr for TilesWish {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let grid = text.parse::<TileGrid>();
        let grid = grid.map_err(|error| ParseError(format!("{error}, nor \"auto\"")))?;
        Ok(if grid.is_whole() { Self::Whole } else { Self::Grid(grid) })
    }
}

/// The grid for a job. Refuses tiles that would not become the picture of the whole frame.
pub(super) async fn choose(wish: TilesWish, collected: &Collected, percent: Option<u32>, link: &Link) -> Result<TileGrid> {
    if wish != TilesWish::Whole && !collected.seams.is_empty() {
        let seams = collected.seams.join("; ");
        return Err(
            Error::bad_input(format!("tiles of this scene would not fit together: {seams}"))
                .hint("switch that off in the scene, or send it without tiles"),
        );
    }
    Ok(match wish {
        TilesWish::Whole => TileGrid::WHOLE,
        TilesWish::Grid(grid) => grid,
        TilesWish::Auto => {
            let slaves: Vec<SlaveInfo> = all(link, "slaves").await?;
            let slots = slaves.iter().filter(|slave| slave.online).map(|slave| slave.slots).sum();
            let (width, height) = size(collected, percent);
            TileGrid::fitting(width, height, slots)
        }
    })
}

/// About the size of the picture at another percentage than the scene's own.
fn size(collected: &Collected, percent: Option<u32>) -> (u32, u32) {
    let own = u64::from(collected.resolution_percent.max(1));
    let scaled = |side: u32| {
        let side = u64::from(side) * percent.map_or(own, u64::from) / own;
        u32::try_from(side).unwrap_or(u32::MAX)
    };
    (scaled(collected.size.0), scaled(collected.size.1))
}

/// A frame of a job in tiles.
pub(super) struct Tiled {
    pub(super) job: JobId,
    pub(super) frame: i32,
    pub(super) grid: TileGrid,
}

/// Brings all tiles of a frame and puts them together. What lies there of the very same tiles is not made again. A picture
/// that was put together is not the same file each time, so a note beside it says of which tiles it is.
pub(super) async fn bring(link: &Link, tiled: &Tiled, tiles_hash: ContentHash, path: &Path) -> Result<()> {
    let hidden = |end: &str| path.with_file_name(format!(".{}.{end}", stem(path)));
    let (note, folder) = (hidden("tiles.note"), hidden("tiles"));
    let noted = tokio::fs::read_to_string(&note).await.unwrap_or_default();
    if noted.starts_with(&tiles_hash.to_string()) && fetch::hash(path).await.is_ok_and(|hash| noted == told(tiles_hash, hash)) {
        return Ok(());
    }
    tokio::fs::create_dir_all(&folder)
        .await
        .map_err(|error| Error::io("make the folder", &folder, &error))?;
    let paths = bring_tiles(link, tiled, tiles_hash, &folder).await?;
    let part = Part::beside(path);
    let (grid, output) = (tiled.grid, part.0.clone());
    tokio::task::spawn_blocking(move || images::assemble(grid, &paths, &output))
        .await
        .map_err(|error| Error::internal(format!("the tiles were not put together: {error}")))??;
    let hash = fetch::hash(&part.0).await?;
    fetch::place(&part.0, path).await?;
    tokio::fs::write(&note, told(tiles_hash, hash))
        .await
        .map_err(|error| Error::io("write", &note, &error))?;
    // What stays is only in the way.
    let _ = tokio::fs::remove_dir_all(&folder).await;
    Ok(())
}

/// The files of all tiles, in the order of the grid. Those that came before and are the right ones are not fetched again.
async fn bring_tiles(link: &Link, tiled: &Tiled, tiles_hash: ContentHash, folder: &Path) -> Result<Vec<PathBuf>> {
    let Tiled { job, frame, .. } = tiled;
    let url = format!("jobs/{job}/frames/{frame}");
    let infos: Vec<FrameInfo> = link.get(&format!("{url}/tiles")).await?;
    let results: Option<Vec<(ContentHash, u64)>> = infos.iter().map(|info| info.hash.zip(info.size_bytes)).collect();
    let results = results.unwrap_or_default();
    let hashes: Vec<ContentHash> = results.iter().map(|(hash, _)| *hash).collect();
    if hash_of_hashes(&hashes) != tiles_hash {
        return Err(Error::conflict(format!("frame {frame} is being rendered anew")));
    }
    let mut paths = Vec::with_capacity(results.len());
    for (number, (hash, size_bytes)) in results.into_iter().enumerate() {
        let path = folder.join(format!("{number:04}.exr"));
        let expected = Expected {
            hash,
            size_bytes,
            grid: None,
        };
        let what = format!("tile {} of frame {frame}", number + 1);
        fetch::file(link, &format!("{url}/result?tile={number}"), expected, &path, &what).await?;
        paths.push(path);
    }
    Ok(paths)
}

fn told(tiles: ContentHash, file: ContentHash) -> String {
    format!("{tiles} {file}\n")
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_tiles_is_auto_or_columns_and_rows() {
        assert_eq!("auto".parse(), Ok(TilesWish::Auto));
        assert_eq!("1x1".parse(), Ok(TilesWish::Whole));
        assert!(matches!("4x3".parse(), Ok(TilesWish::Grid(grid)) if grid.count() == 12));
        let ParseError(told) = "many".parse::<TilesWish>().unwrap_err();
        assert_eq!(told, "\"many\" are no columns and rows such as 4x3, nor \"auto\"");
    }
}
