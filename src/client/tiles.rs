//! Frames in tiles: how a job's frames are cut, and how the tiles become one file again.

use super::denoise::Denoise;
use super::download::{Unplaced, place};
use super::fetch::{self, Expected};
use super::gather::Gathered;
use super::pages::all;
use super::submit::SubmitRequest;
use crate::blender::Collected;
use crate::error::{Error, Result};
use crate::files::hash_of_hashes;
use crate::ids::{ContentHash, JobId, ParseError, Tile, TileGrid};
use crate::images;
use crate::link::Link;
use crate::wire::{Denoising, FrameInfo, SlaveInfo};
use std::path::{Path, PathBuf};

/// How far tiles overlap under adaptive sampling. Whether a pixel gets more samples depends on its neighbours, step by step on
/// theirs, and so on: in what was tried, 4 pixels on all sides left no difference to the whole frame.
const OVERLAP_PIXELS: u32 = 4;

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

/// How the frames of a job are cut.
#[derive(Debug, Default)]
pub(super) struct Cut {
    pub(super) grid: TileGrid,
    /// In pixels.
    pub(super) overlap: u32,
    pub(super) denoising: Option<Denoising>,
    /// What is to be known of it, in sentences.
    pub(super) warnings: Vec<String>,
}

/// How a job is cut. Refuses tiles that would not become the picture of the whole frame; `exact`: also those that would only
/// within its noise.
pub(super) async fn choose(request: &SubmitRequest, collected: &Collected, link: &Link) -> Result<Cut> {
    if request.tiles == TilesWish::Whole {
        return Ok(Cut::default());
    }
    if let Some(refusal) = refusal(collected, request.tiles_exact) {
        return Err(refusal);
    }
    let overlap = if collected.adapts { OVERLAP_PIXELS } else { 0 };
    let grid = if let TilesWish::Grid(grid) = request.tiles {
        grid
    } else {
        let slaves: Vec<SlaveInfo> = all(link, "slaves").await?;
        let slots = slaves.iter().filter(|slave| slave.online).map(|slave| slave.slots).sum();
        let (width, height) = size(collected, request.settings.resolution_percent);
        TileGrid::fitting(width, height, slots, overlap)
    };
    if grid.is_whole() {
        return Ok(Cut::default());
    }
    let mut warnings = Vec::new();
    if overlap > 0 {
        warnings.push(format!(
            "adaptive sampling looks at the pixels around: tiles overlap by {overlap} pixels, and a seam may differ from the whole \
             frame by less than its noise (--tiles-exact refuses that)"
        ));
    }
    if collected.denoising.is_some() {
        warnings.push("tiles stay noisy; a slave denoises each frame once all its tiles are done".to_owned());
    }
    Ok(Cut {
        grid,
        overlap,
        denoising: collected.denoising.clone(),
        warnings,
    })
}

fn refusal(collected: &Collected, exact: bool) -> Option<Error> {
    let mut seams = collected.seams.clone();
    if exact && collected.adapts {
        seams.push("adaptive sampling looks at the pixels around".to_owned());
    }
    (!seams.is_empty()).then(|| {
        Error::bad_input(format!("tiles of this scene would not fit together: {}", seams.join("; ")))
            .hint("switch that off in the scene, or send it without tiles")
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

/// Brings all tiles of a frame, puts them together and denoises the whole, if that is left to do. What lies there of the very
/// same tiles is not made again. A picture that was put together is not the same file each time, so a note beside it says of
/// which tiles it is.
pub(super) async fn bring(
    link: &Link,
    tiled: &Tiled,
    tiles_hash: ContentHash,
    denoise: Option<&Denoise>,
    path: &Path,
) -> Result<()> {
    let folder = folder_of(path);
    let note = folder.with_extension("note");
    let noted = tokio::fs::read_to_string(&note).await.unwrap_or_default();
    if noted.starts_with(&tiles_hash.to_string()) && fetch::hash(path).await.is_ok_and(|hash| noted == told(tiles_hash, hash)) {
        return Ok(());
    }
    let infos = told_of(link, tiled).await?;
    let hashes: Vec<ContentHash> = infos.iter().filter_map(|info| info.hash).collect();
    if hashes.len() != infos.len() || hash_of_hashes(&hashes) != tiles_hash {
        return Err(Error::conflict(format!("frame {} is being rendered anew", tiled.frame)));
    }
    let paths = bring_tiles(link, tiled, &infos, &folder).await?;
    let unplaced = Unplaced::beside(path);
    let (grid, output) = (tiled.grid, unplaced.0.clone());
    tokio::task::spawn_blocking(move || images::assemble(grid, &paths, &output))
        .await
        .map_err(|error| Error::internal(format!("the tiles were not put together: {error}")))??;
    if let Some(denoise) = denoise {
        denoise.apply(&unplaced.0).await?;
    }
    let hash = fetch::hash(&unplaced.0).await?;
    place(&unplaced.0, path).await?;
    tokio::fs::write(&note, told(tiles_hash, hash))
        .await
        .map_err(|error| Error::io("write", &note, &error))?;
    // What stays is only in the way.
    let _ = tokio::fs::remove_dir_all(&folder).await;
    Ok(())
}

/// Removes what came of a frame's tiles before the frame itself, which is here now. What stays is only in the way.
pub(super) async fn forget(path: &Path) {
    let folder = folder_of(path);
    let _ = tokio::fs::remove_dir_all(&folder).await;
    let _ = tokio::fs::remove_file(folder.with_extension("note")).await;
}

/// Brings those tiles of a frame that are done by now.
pub(super) async fn bring_done(link: &Link, tiled: &Tiled, folder: &Path) -> Result<()> {
    let folder = folder_of(&folder.join(fetch::file_name(tiled.frame, Gathered::Layers)));
    let infos = told_of(link, tiled).await?;
    bring_tiles(link, tiled, &infos, &folder).await.map(drop)
}

/// Tiles of a frame that are here by now, with what they are of it.
pub(super) fn here(folder: &Path, frame: i32, grid: TileGrid) -> Vec<(Tile, PathBuf)> {
    let folder = folder_of(&folder.join(fetch::file_name(frame, Gathered::Layers)));
    let place = |tile: Tile| (tile, folder.join(file_name(tile.number())));
    grid.tiles().map(place).filter(|(_, path)| path.is_file()).collect()
}

async fn told_of(link: &Link, tiled: &Tiled) -> Result<Vec<FrameInfo>> {
    link.get(&format!("jobs/{}/frames/{}/tiles", tiled.job, tiled.frame)).await
}

/// Brings the tiles that have a result. Those that came before and are the right ones are not fetched again.
async fn bring_tiles(link: &Link, tiled: &Tiled, infos: &[FrameInfo], folder: &Path) -> Result<Vec<PathBuf>> {
    tokio::fs::create_dir_all(folder)
        .await
        .map_err(|error| Error::io("make the folder", folder, &error))?;
    let Tiled { job, frame, .. } = tiled;
    let mut paths = Vec::with_capacity(infos.len());
    for (number, info) in (0..).zip(infos) {
        let Some((hash, size_bytes)) = info.hash.zip(info.size_bytes) else {
            continue;
        };
        let path = folder.join(file_name(number));
        let expected = Expected {
            hash,
            size_bytes,
            grid: None,
        };
        let url = format!("jobs/{job}/frames/{frame}/result?tile={number}");
        fetch::file(link, &url, expected, &path, &info.piece().to_string()).await?;
        paths.push(path);
    }
    Ok(paths)
}

fn told(tiles: ContentHash, file: ContentHash) -> String {
    format!("{tiles} {file}\n")
}

/// The hidden folder of a frame's tiles, beside the frame's own file.
fn folder_of(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{stem}.tiles"))
}

fn file_name(number: u32) -> String {
    format!("{number:04}.exr")
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
