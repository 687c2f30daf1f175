//! Final frames, for jobs that want them from slaves: a second Blender makes them from each result, while the next frame renders.
//!
//! It is opened for one job at a time, and ended when another job comes, when the frame is not wanted any more, or with the slave.

use super::job_folder::Scene;
use super::outbox::{Packed, stem};
use super::shop::Shop;
use crate::blender::{FinalPicture, Finisher, Installation, WorkerOptions};
use crate::error::{Error, Result};
use crate::files::{self, ZipEntry, ZipSource, write_zip};
use crate::ids::JobId;
use crate::images;
use crate::wire::TaskName;
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// What a frame's final files are made with.
#[derive(Debug, Clone)]
pub(super) struct FinalOrder {
    pub(super) frame: i32,
    pub(super) scene: Scene,
    pub(super) blender: Installation,
    /// Cancelled as soon as nobody wants the frame any more.
    pub(super) unwanted: CancellationToken,
}

/// The Blender that makes them, for all slots.
#[derive(Debug, Default)]
pub(super) struct Finals(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    job: JobId,
    finisher: Finisher,
}

impl Finals {
    /// Makes the final files of a result and packs them into a zip beside it; none if the frame is not wanted any more.
    pub(super) async fn make(&self, shop: &Shop, task: TaskName, order: &FinalOrder, picture: &Path) -> Result<Option<PathBuf>> {
        let mut open = self.0.lock().await;
        let made = tokio::select! {
            biased;
            () = order.unwanted.cancelled() => None,
            () = shop.stop.cancelled() => None,
            made = make(&mut open, shop, task, order, picture) => Some(made),
        };
        if !matches!(made, Some(Ok(_))) {
            // It may be anywhere in its work.
            end(&mut open).await;
        }
        made.transpose()
    }

    /// Ends the Blender, unless it is open for this job. Waits for what it is at.
    pub(super) async fn end_unless(&self, job: Option<JobId>) {
        let mut open = self.0.lock().await;
        if open.as_ref().is_some_and(|it| Some(it.job) != job) {
            end(&mut open).await;
        }
    }
}

async fn end(open: &mut Option<Open>) {
    if let Some(open) = open.take() {
        open.finisher.kill().await;
    }
}

async fn make(open: &mut Option<Open>, shop: &Shop, task: TaskName, order: &FinalOrder, picture: &Path) -> Result<PathBuf> {
    let folder = shop.work_folder.join(format!("{}_final", stem(task)));
    let mut current = match open.take() {
        Some(current) if current.job == task.job => current,
        other => {
            let mut other = other;
            end(&mut other).await;
            start(shop, task.job, order).await?
        }
    };
    let info = images::inspect(picture)?;
    let picture = FinalPicture {
        frame: order.frame,
        path: picture.to_path_buf(),
        width: info.width,
        height: info.height,
        passes: info.layers,
        metadata: info.metadata,
        blend: order.scene.artist_blend(),
    };
    std::fs::create_dir_all(&folder).map_err(|error| Error::io("make the folder", &folder, &error))?;
    let files = current.finisher.finish(std::slice::from_ref(&picture), &folder).await?;
    *open = Some(current);
    let zip = folder.with_extension("zip");
    let packed = pack(&folder, &files, &zip);
    // What stays is swept away at the next start.
    let _ = std::fs::remove_dir_all(&folder);
    packed.map(|()| zip)
}

async fn start(shop: &Shop, job: JobId, order: &FinalOrder) -> Result<Open> {
    let options = WorkerOptions {
        threads: shop.options.threads_of_a_slot(),
        devices: Vec::new(),
        allow_scripts: shop.options.allow_scripts,
        folder: shop.work_folder.join("finisher"),
    };
    std::fs::create_dir_all(&options.folder).map_err(|error| Error::io("make the folder", &options.folder, &error))?;
    let finisher = Finisher::start(&order.blender, &options, &order.scene.request).await?;
    if finisher.is_movie() {
        finisher.kill().await;
        return Err(
            Error::blender("the scene's output is a movie, which no slave can make of its frames alone")
                .hint("have it made by the client: results --final"),
        );
    }
    Ok(Open { job, finisher })
}

fn pack(folder: &Path, files: &[PathBuf], zip: &Path) -> Result<()> {
    let entry = |name: &PathBuf| {
        let path = folder.join(name);
        let facts = std::fs::metadata(&path).map_err(|error| Error::io("read", &path, &error))?;
        Ok(ZipEntry {
            name: name.to_string_lossy().replace('\\', "/"),
            source: ZipSource::File {
                path,
                size_bytes: facts.len(),
            },
        })
    };
    let entries = files.iter().map(entry).collect::<Result<Vec<_>>>()?;
    let failed = |error: std::io::Error| Error::io("write", zip, &error);
    write_zip(&entries, std::io::BufWriter::new(std::fs::File::create(zip).map_err(failed)?))?;
    // A name that the master would refuse is better told here.
    files::zip_names(zip).map(drop)
}

/// What the master will be told of a zip.
pub(super) fn packed(zip: &Path) -> Result<Packed> {
    let facts = std::fs::metadata(zip).map_err(|error| Error::io("read", zip, &error))?;
    Ok(Packed {
        hash: files::hash_file(zip)?,
        size_bytes: facts.len(),
    })
}
