//! Jobs that bake: what they may announce, and what slaves deliver for them.

use super::App;
use super::receive::{place, receive};
use super::results::{Claim, Delivery};
use crate::error::{Code, Error, Result};
use crate::farm::{Bake, Event, ReportBody, TaskRef};
use crate::files::part;
use crate::files::{BakedZip, ZipEntry, ZipSource};
use crate::ids::{ContentHash, FrameSet, JobId, JobPath, Piece, TaskIndex, TileGrid};
use crate::master::actor::{BakedFiles, no_job};
use crate::master::playback::{Announced, Kept, written};
use crate::wire::{BAKES_FOLDER, BakeTask, Manifest};
use axum::body::Body;
use std::collections::HashSet;
use std::sync::Arc;

/// Most bakes of one job.
const BAKES_MAX: usize = 1_000;
const WORDS_BYTES_MAX: usize = 255;
/// In the zip of all results, beside the caches: what they are of.
const LIST: &str = "bakes.json";

/// Checks what a job bakes, or with whose bakes it is rendered.
pub(super) fn check(manifest: &Manifest, frames: &FrameSet, tiles: TileGrid, depends_on: &[JobId]) -> Result<Vec<Bake>> {
    let Manifest {
        bakes,
        bakes_from,
        source,
        settings,
        ..
    } = manifest;
    if bakes_from.is_some_and(|from| !depends_on.contains(&from)) {
        return Err(
            Error::bad_input("a job can be rendered with the bakes only of a job that it waits for")
                .hint("name the baking job among those that it depends on"),
        );
    }
    let paths: HashSet<&JobPath> = manifest.files.iter().map(|file| &file.path).collect();
    let mut played = manifest.baked.iter().flat_map(|baked| &baked.files);
    if manifest.baked.len() > BAKES_MAX || played.any(|file| !paths.contains(&file.path)) {
        return Err(Error::bad_input("what the job plays back is not among its files"));
    }
    if bakes.is_empty() && bakes_from.is_none() {
        return Ok(Vec::new());
    }
    if source.is_some() {
        return Err(
            Error::bad_input("a job out of a repository can neither bake nor be rendered with bakes")
                .hint("send its files instead"),
        );
    }
    if bakes.is_empty() {
        return Ok(Vec::new());
    }
    if bakes.len() > BAKES_MAX {
        return Err(Error::bad_input(format!(
            "{} bakes are too many: {BAKES_MAX} at most",
            bakes.len()
        )));
    }
    let last = i32::try_from(bakes.len()).unwrap_or(i32::MAX);
    let is_plain = bakes_from.is_none() && tiles.is_whole() && !settings.final_frames;
    if !is_plain || FrameSet::range(1, last, 1).ok().as_ref() != Some(frames) {
        return Err(Error::bad_input(format!(
            "the frames of a job that bakes are the numbers of its bakes, 1-{last}, without tiles, final files and bakes of others"
        )));
    }
    let farms = bakes
        .iter()
        .map(|bake| check_bake(bake, bakes.len()))
        .collect::<Result<Vec<_>>>()?;
    if let Some(circle) = Bake::circle(&farms) {
        let names: Vec<&str> = circle.iter().map(|place| farms[place.0 as usize].name.as_str()).collect();
        return Err(
            Error::bad_input(format!("the bakes wait for each other in a circle: {}", names.join(", ")))
                .hint("say in which order they are to be baked (--bake-order)"),
        );
    }
    Ok(farms)
}

fn check_bake(bake: &BakeTask, count: usize) -> Result<Bake> {
    let words = [&bake.name, &bake.kind, &bake.object, &bake.item, &bake.scene];
    let is_bad = |text: &&&String| text.len() > WORDS_BYTES_MAX || text.chars().any(char::is_control);
    if let Some(text) = words.iter().find(is_bad) {
        return Err(Error::bad_input(format!("a bake cannot be called {text:?}")));
    }
    if bake.name.trim().is_empty() || bake.first > bake.last {
        return Err(Error::bad_input(format!("the bake {:?} has no name or no frames", bake.name)));
    }
    let place = |number: &u32| {
        let place = number.checked_sub(1).filter(|place| (*place as usize) < count);
        place
            .map(TaskIndex)
            .ok_or_else(|| Error::bad_input(format!("{} comes after bake {number}, which there is not", bake.name)))
    };
    let mut after = bake.after.iter().map(place).collect::<Result<Vec<_>>>()?;
    after.sort_unstable();
    after.dedup();
    Ok(Bake {
        name: bake.name.clone(),
        after,
    })
}

/// The .blend of a job, if it bakes.
pub(super) async fn main_of(app: &App, job: JobId) -> Result<Option<JobPath>> {
    Ok(manifest_of(app, job).await?.map(|manifest| manifest.main))
}

/// What a job has baked, as the entries of a zip: the files by their paths, and a list of what they are of. None if it does
/// not bake.
pub(super) async fn all_entries(app: &App, job: JobId) -> Result<Option<Vec<ZipEntry>>> {
    let manifest = manifest_of(app, job).await?;
    manifest.map(|manifest| entries(app, &manifest)).transpose()
}

/// The manifest of a job that bakes, with what it has baked.
async fn manifest_of(app: &App, job: JobId) -> Result<Option<Manifest>> {
    let found = app.desk.look(move |state| {
        let view = state.farm.job(job).ok_or_else(|| no_job(job))?;
        let bakes = !view.record.job.bakes.is_empty();
        if bakes { state.announced(job) } else { Ok(None) }
    });
    let announced: Option<Announced> = found.await??;
    announced.map(|it| it.manifest()).transpose()
}

/// Takes the zip of a bake in: its files become contents, and the task is done.
pub(super) async fn deliver(
    app: &App,
    delivery: Delivery,
    (piece, claim): (Piece, Claim),
    main: JobPath,
    body: Body,
) -> Result<()> {
    let Delivery {
        task,
        slave,
        seconds,
        file,
    } = delivery;
    let target = app.folders.finals(task.job, piece, task.attempt);
    let (contents, disk) = (app.folders.contents.clone(), Arc::clone(&app.folders.disk));
    // The claim goes with the writer, which may outlive this call, and comes back for the report.
    let (_claim, kept) = receive(body, file.size_bytes, move |incoming| {
        disk.admit(file.size_bytes.saturating_mul(2))?;
        place(incoming, file, &target, |_| Ok(()))?;
        let taken = BakedZip::open(&target, &main).and_then(|mut zip| {
            check_number(&zip, task)?;
            let files = zip.put_into(&contents)?;
            Ok(Kept { baked: zip.index, files })
        });
        // From here on its files are contents.
        part::remove(&target)?;
        Ok((claim, taken?))
    })
    .await?;
    let hashes: HashSet<ContentHash> = kept.files.iter().map(|file| file.hash).collect();
    let contents: Vec<ContentHash> = hashes.into_iter().collect();
    let body = ReportBody::Done {
        seconds,
        result: Some(file),
    };
    let files = BakedFiles {
        task,
        document: written(&kept)?,
        contents: contents.clone(),
    };
    let report = |request| Event::Report {
        request,
        slave,
        task,
        body,
    };
    let told = app.desk.baked(report, files).await;
    if told.as_ref().is_err_and(|error| error.code != Code::Internal) {
        app.desk.release(contents)?;
    }
    told
}

fn check_number(zip: &BakedZip, task: TaskRef) -> Result<()> {
    let (number, wanted) = (zip.index.number, task.task.0 + 1);
    if number == wanted {
        return Ok(());
    }
    Err(Error::bad_input(format!(
        "this is the result of bake {number}, not of bake {wanted}"
    )))
}

fn entries(app: &App, manifest: &Manifest) -> Result<Vec<ZipEntry>> {
    let baked: HashSet<&JobPath> = manifest
        .baked
        .iter()
        .flat_map(|it| &it.files)
        .map(|file| &file.path)
        .collect();
    let files = manifest.files.iter().filter(|file| baked.contains(&file.path));
    let mut entries: Vec<ZipEntry> = files
        .map(|file| ZipEntry {
            name: file.path.to_string(),
            source: ZipSource::File {
                path: app.folders.contents.path(file.hash),
                size_bytes: file.size_bytes,
            },
        })
        .collect();
    let folder = manifest
        .main
        .as_str()
        .rsplit_once('/')
        .map(|(folder, _)| format!("{folder}/"));
    entries.push(ZipEntry {
        name: format!("{}{BAKES_FOLDER}/{LIST}", folder.unwrap_or_default()),
        source: ZipSource::Bytes(written(&manifest.baked)?.into_bytes()),
    });
    Ok(entries)
}
