//! From a rendered file to a parcel in the outbox: decoded, made small, hashed, put away, while the next frame renders already.

use super::copies::Label;
use super::finals::{FinalOrder, packed};
use super::outbox::{self, Outcome, Parcel};
use super::shop::Shop;
use crate::blender::Rendered;
use crate::error::{Error, Result};
use crate::files::{self, BakedZip};
use crate::happening::HappeningKind;
use crate::ids::{ContentHash, JobPath, Piece, Rectangle, Tile, TileBlock};
use crate::images::{self, THUMBNAIL_WIDTH};
use crate::wire::TaskName;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// What came of an attempt, as a file.
#[derive(Debug, Clone)]
pub(super) enum Made {
    Picture(Rendered),
    /// The zip of a bake.
    Caches {
        seconds: f64,
        number: u32,
        /// Where the job's .blend lies.
        main: JobPath,
    },
}

impl Made {
    /// How long that took.
    pub(super) fn seconds(&self) -> f64 {
        match self {
            Self::Picture(rendered) => rendered.seconds,
            Self::Caches { seconds, .. } => *seconds,
        }
    }
}

/// What is to become of a picture, or of caches.
pub(super) struct Finishing {
    pub(super) task: TaskName,
    pub(super) piece: Piece,
    pub(super) job_name: String,
    pub(super) picture: PathBuf,
    pub(super) made: Made,
    /// Its final files are wanted too.
    pub(super) finals: Option<FinalOrder>,
    /// Bounds how many there are at once.
    pub(super) permit: OwnedSemaphorePermit,
}

/// Checks a picture and puts it into the outbox; a picture that is not whole makes the attempt a failed one.
pub(super) async fn finish(shop: Arc<Shop>, finishing: Finishing) {
    finish_one(&shop, &finishing).await;
    drop(finishing.permit);
}

/// The same of tiles that were rendered as one picture: each becomes one of its own. If that cannot be, one has failed, and the
/// others go back.
pub(super) async fn finish_block(shop: Arc<Shop>, mut finishing: Finishing, others: Vec<(TaskName, Tile)>) {
    let Some(first) = finishing.piece.tile else { return };
    let tiles: Vec<(TaskName, Tile)> = std::iter::once((finishing.task, first)).chain(others).collect();
    match cut(&shop, &finishing, &tiles).await {
        Ok(pictures) => {
            for ((task, tile), (picture, rendered)) in tiles.into_iter().zip(pictures) {
                finishing.task = task;
                finishing.piece.tile = Some(tile);
                (finishing.picture, finishing.made) = (picture, Made::Picture(rendered));
                finish_one(&shop, &finishing).await;
            }
        }
        Err(error) => {
            for (task, _) in tiles.iter().skip(1) {
                shop.give_back(*task);
            }
            shop.fail(finishing.task, &error);
            remove(&finishing.picture);
        }
    }
}

/// The pictures of tiles out of that of all of them. Of the seconds, each has its part of the pixels.
async fn cut(shop: &Shop, finishing: &Finishing, tiles: &[(TaskName, Tile)]) -> Result<Vec<(PathBuf, Rendered)>> {
    let of_tiles: Vec<Tile> = tiles.iter().map(|(_, tile)| *tile).collect();
    let (Made::Picture(rendered), Some(block)) = (finishing.made.clone(), TileBlock::of(&of_tiles)) else {
        return Err(Error::internal("what was rendered as one makes no picture of tiles"));
    };
    let useless = |why: &str| Error::blender(format!("Blender left a picture that cannot be used: {why}"));
    let (width, height) = rendered.picture;
    let all = block.of_picture(width, height);
    if all.size() != rendered.size {
        return Err(useless(&format!("{block} of {width}x{height} pixels are of another size")));
    }
    let parts: Vec<(Rectangle, PathBuf)> = tiles
        .iter()
        .map(|(task, tile)| {
            let place = tile.of(width, height);
            let inside = Rectangle {
                columns: place.columns.start - all.columns.start..place.columns.end - all.columns.start,
                rows: place.rows.start - all.rows.start..place.rows.end - all.rows.start,
            };
            (inside, shop.work_folder.join(format!("{}.exr", outbox::stem(*task))))
        })
        .collect();
    let (path, margins, size) = (finishing.picture.clone(), rendered.margins, rendered.size);
    let cut = {
        let parts = parts.clone();
        blocking(move || images::cut(&path, margins, size, &parts)).await
    };
    cut.map_err(|error| useless(&error.message))?;
    let pixels = |(width, height): (u32, u32)| f64::from(width) * f64::from(height);
    let of_tile = |(place, path): (Rectangle, PathBuf)| {
        let tile = Rendered {
            seconds: rendered.seconds * pixels(place.size()) / pixels(size),
            size: place.size(),
            margins: [0; 4],
            ..rendered.clone()
        };
        (path, tile)
    };
    Ok(parts.into_iter().map(of_tile).collect())
}

async fn finish_one(shop: &Arc<Shop>, finishing: &Finishing) {
    let (task, picture) = (finishing.task, finishing.picture.clone());
    match parcel(shop, finishing).await {
        Ok(Some(parcel)) => {
            if !shop.desk.boxed(task, parcel.bytes()) {
                shop.forget(task);
            }
        }
        // Whoever took it back, or ends the slave, has seen to the rest.
        Ok(None) => remove(&picture),
        Err(error) => {
            shop.fail(task, &error);
            remove(&picture);
        }
    }
}

/// The picture in the outbox, with its final files if they are wanted; none if nobody wants it any more.
async fn parcel(shop: &Arc<Shop>, finishing: &Finishing) -> Result<Option<Parcel>> {
    let (task, picture) = (finishing.task, finishing.picture.as_path());
    let (checked, made) = (picture.to_path_buf(), finishing.made.clone());
    let seconds = made.seconds();
    let width = shop.options.thumbnails.then_some(THUMBNAIL_WIDTH);
    let checked = blocking(move || Checked::of(&checked, &made, width)).await?;
    if matches!(finishing.made, Made::Picture(_)) {
        copy(shop, finishing);
    }
    let zip = match &finishing.finals {
        None => None,
        Some(order) => match shop.finals.make(shop, task, order, picture).await? {
            Some(zip) => Some(zip),
            None => return Ok(None),
        },
    };
    let (outbox, picture) = (shop.outbox.clone(), picture.to_path_buf());
    blocking(move || {
        let finals = zip.as_deref().map(packed).transpose()?;
        if let Some(zip) = &zip {
            outbox.put_finals(task, zip)?;
        }
        if let Some(png) = &checked.thumbnail {
            outbox.put_thumbnail(task, png);
        }
        let outcome = Outcome::Rendered {
            hash: checked.hash,
            size_bytes: checked.size_bytes,
            seconds,
            finals,
        };
        let parcel = Parcel { task, outcome };
        outbox.put_result(&parcel, &picture).map(|()| Some(parcel))
    })
    .await
}

/// The owner's copy, if there is to be one: what fails of it is told, and costs nothing else.
fn copy(shop: &Shop, finishing: &Finishing) {
    let Some(copies) = &shop.copies else { return };
    let label = Label {
        job: finishing.task.job,
        job_name: &finishing.job_name,
        piece: finishing.piece,
    };
    if let Err(error) = copies.take(&finishing.picture, label) {
        let text = format!("no copy of {}: {error}", finishing.piece);
        shop.board.tell(HappeningKind::Warning, text);
    }
}

/// Decoding is work for the processor, not for the threads that keep the connections alive.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Error::internal("the slave could not check the picture")))
}

fn remove(picture: &Path) {
    // What stays is swept away at the next start.
    let _ = std::fs::remove_file(picture);
}

/// A result that is whole.
struct Checked {
    hash: ContentHash,
    size_bytes: u64,
    /// A small picture of it, as PNG.
    thumbnail: Option<Vec<u8>>,
}

impl Checked {
    /// Checks that a result is whole; `width`: makes a small picture of a picture too.
    fn of(result: &Path, made: &Made, width: Option<u32>) -> Result<Self> {
        let thumbnail = match made {
            Made::Picture(rendered) => check_picture(result, rendered, width)?,
            Made::Caches { number, main, .. } => check_caches(result, *number, main).map(|()| None)?,
        };
        let size_bytes = std::fs::metadata(result)
            .map_err(|error| Error::io("read the result", result, &error))?
            .len();
        Ok(Self {
            hash: files::hash_file(result)?,
            size_bytes,
            thumbnail,
        })
    }
}

/// Whether a picture is whole, after what overlaps other tiles is cut off; `width`: makes a small one of it too.
fn check_picture(picture: &Path, rendered: &Rendered, width: Option<u32>) -> Result<Option<Vec<u8>>> {
    let useless = |why: &str| Error::blender(format!("Blender left a picture that cannot be used: {why}"));
    if rendered.margins != [0; 4] {
        images::crop(picture, rendered.margins, rendered.size).map_err(|error| useless(&error.message))?;
    }
    let thumbnail = match width {
        Some(width) => images::verify_and_show(picture, Some(rendered.size), width),
        None => images::verify(picture, Some(rendered.size)).map(|()| None),
    };
    let thumbnail = thumbnail.map_err(|error| useless(&error.message))?;
    let found = images::inspect(picture).map_err(|error| useless(&error.message))?.layers;
    if let Some(layer) = rendered.layers.iter().find(|layer| !found.contains_key(*layer)) {
        return Err(useless(&format!("the view layer {layer:?} is not in it")));
    }
    Ok(thumbnail)
}

/// Whether a zip holds what a bake of this number makes.
fn check_caches(zip: &Path, number: u32, main: &JobPath) -> Result<()> {
    let useless = |why: &str| Error::blender(format!("Blender left a bake that cannot be used: {why}"));
    let found = BakedZip::open(zip, main)
        .map_err(|error| useless(&error.message))?
        .index
        .number;
    if found == number {
        return Ok(());
    }
    Err(useless(&format!("it is number {found}, not {number}")))
}
