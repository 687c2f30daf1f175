//! A frame whose tiles are all done: brought here, put together, and denoised once as a whole.
//!
//! Its scene is not opened, and none of the job's files is needed; the Blender is one of the job's series, and ends afterwards.

use super::assignment::Assignment;
use super::fetch;
use super::finish::Made;
use super::job_folder::Scene;
use super::log::AttemptLog;
use super::outbox::stem;
use super::slot::Slot;
use super::warm::Printed;
use crate::blender::{DenoiseOrder, Rendered};
use crate::error::{Code, Error, Result};
use crate::ids::{JobId, TileGrid};
use crate::images::{self, DenoisedPicture};
use crate::link::{Backoff, Link};
use crate::wire::{Denoising, FrameInfo};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Slot {
    /// Makes the denoised picture of a frame that is cut by this grid. Given up half-way, its Blender has to be killed.
    pub(super) async fn denoise(
        &mut self,
        assignment: &Assignment,
        grid: TileGrid,
        picture: &Path,
        log: &AttemptLog,
    ) -> Result<(Made, Scene)> {
        let shop = Arc::clone(&self.shop);
        // It goes with the last that works in it, which goes on if this is given up.
        let folder = Arc::new(Folder::make(
            shop.work_folder.join(format!("{}_tiles", stem(assignment.name))),
        )?);
        let (scene, tiles) = self.tiles(assignment, &folder.0).await?;
        let how = scene.request.settings.denoising.clone();
        let how = how.ok_or_else(|| Error::bad_input("the job does not say how its frames are denoised"))?;
        let doing = format!("denoising {} of {}", assignment.piece, scene.name);
        shop.board.rendering(self.number, doing);
        let count = tiles.len();
        log.write_lines(std::iter::once(format!("putting {count} tiles together").as_str()));
        let began = tokio::time::Instant::now();
        let whole = folder.0.join("whole.exr");
        let size = put_together(grid, tiles, whole.clone(), Arc::clone(&folder)).await?;
        let printed = Printed {
            shop: &shop,
            log,
            bake: None,
        };
        let order = DenoiseOrder {
            picture: &whole,
            size,
            denoising: &how,
            folder: &folder.0.join("pictures"),
        };
        std::fs::create_dir_all(order.folder).map_err(|error| Error::io("make the folder", order.folder, &error))?;
        let made = self.keeper.denoise(&scene, &order, &printed).await?;
        let layers = how.layers.iter().map(|layer| layer.name.clone()).collect();
        let denoised = take(how, made, whole, Arc::clone(&folder)).await?;
        // Only here: by one that is given up, no picture comes back that was removed.
        std::fs::rename(&denoised, picture).map_err(|error| Error::io("write", picture, &error))?;
        let rendered = Rendered {
            seconds: began.elapsed().as_secs_f64(),
            picture: size,
            size,
            margins: [0; 4],
            layers,
        };
        Ok((Made::Picture(rendered), scene))
    }

    /// Brings all tiles of a frame into a folder; a master that is away is waited for.
    async fn tiles(&self, assignment: &Assignment, folder: &Path) -> Result<(Scene, Vec<PathBuf>)> {
        let shop = Arc::clone(&self.shop);
        let (job, frame) = (assignment.name.job, assignment.piece.frame);
        shop.board
            .fetching(self.number, format!("fetching the tiles of frame {frame}"));
        let mut backoff = Backoff::default();
        loop {
            let link = shop.session().await.link;
            let brought = async {
                let scene = self.scenes.told(&link, (job, assignment.lease)).await?;
                let tiles = bring(&link, job, frame, folder).await?;
                Ok::<_, Error>((scene, tiles))
            };
            match brought.await {
                Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout) => {
                    tokio::time::sleep(backoff.next_wait()).await;
                }
                brought => return brought,
            }
        }
    }
}

/// Brings all tiles of a frame, in the order of their numbers. Those that came before are the right ones: one that is rendered
/// anew takes this task back.
async fn bring(link: &Link, job: JobId, frame: i32, folder: &Path) -> Result<Vec<PathBuf>> {
    let infos: Vec<FrameInfo> = link.get(&format!("jobs/{job}/frames/{frame}/tiles")).await?;
    let mut paths = Vec::with_capacity(infos.len());
    for (number, info) in infos.iter().enumerate() {
        let what = info.piece();
        let expected = info.hash.zip(info.size_bytes);
        let expected = expected.ok_or_else(|| Error::conflict(format!("{what} is being rendered anew")))?;
        let path = folder.join(format!("{number:04}.exr"));
        if !path.is_file() {
            let url = format!("jobs/{job}/frames/{frame}/result?tile={number}");
            fetch::result(link, &url, expected, &path, &what.to_string()).await?;
        }
        paths.push(path);
    }
    Ok(paths)
}

/// The picture of all tiles, which take no room afterwards; its width and height in pixels.
async fn put_together(grid: TileGrid, tiles: Vec<PathBuf>, whole: PathBuf, folder: Arc<Folder>) -> Result<(u32, u32)> {
    blocking(move || {
        let _folder = folder;
        images::assemble(grid, &tiles, &whole)?;
        for tile in &tiles {
            std::fs::remove_file(tile).map_err(|error| Error::io("remove", tile, &error))?;
        }
        let info = images::inspect(&whole)?;
        Ok((info.width, info.height))
    })
    .await
}

/// Puts the denoised pictures into the frame, as a file in the folder.
async fn take(how: Denoising, made: Vec<PathBuf>, whole: PathBuf, folder: Arc<Folder>) -> Result<PathBuf> {
    blocking(move || {
        let pictures = how.layers.iter().zip(&made).map(|(layer, path)| DenoisedPicture {
            layer: &layer.name,
            path,
            keeps_data: layer.keeps_data,
        });
        let output = folder.0.join("denoised.exr");
        images::take_denoised(&whole, &pictures.collect::<Vec<_>>(), &output)?;
        Ok(output)
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(Error::internal(format!("the frame was not denoised: {error}"))))
}

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn make(path: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&path).map_err(|error| Error::io("make the folder", &path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays is swept away at the next start.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
