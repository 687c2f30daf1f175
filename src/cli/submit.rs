//! `netrender submit`.

use super::arguments::{Finals, SubmitArguments};
use super::bakes;
use super::interrupt::Interrupt;
use super::names::named;
use super::progress::{Meter, Unit};
use super::results::{follow, follow_finish, judge, wait, warn};
use super::screen::{bytes, note, say, say_json};
use super::{STATUS_OK, connect};
use crate::access::KeySource;
use crate::blender::MissingFile;
use crate::client::{
    BakeWish, Client, FinishRequest, GatherRequest, Gathered, Progress, Submission, SubmitRequest, prepare_folder,
};
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::wire::{JobInfo, JobKind, RenderSettings};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two looks at a submission, which lies in memory.
const LOOK_MS: u64 = 100;
/// How long the taking back of a job is waited for.
const CANCEL_TIMEOUT_S: u64 = 10;

pub(super) fn submit(wanted: SubmitArguments, keys: &KeySource) -> Result<u8> {
    let client = connect(&wanted.to.master, keys)?;
    // Only now: until here an interruption may simply end the process.
    let interrupt = Interrupt::listen()?;
    let (json, waits, results) = (wanted.to.json, wanted.wait, wanted.results.clone());
    if wanted.finals == Some(Finals::Client) && results.is_none() {
        return Err(Error::bad_input("final frames that this machine makes need a folder").hint("name it by --results"));
    }
    let baked = wanted.bake.then(|| (wanted.file.clone(), wanted.blender.clone()));
    let blender = wanted.blender.clone();
    let finals = wanted.finals.map(|by| match by {
        Finals::Client => wanted.blender.clone(),
        Finals::Slaves => None,
    });
    if let Some(folder) = &results {
        prepare_folder(folder)?;
    }
    let after: Result<Vec<JobId>> = wanted.after.iter().map(|job| client.find_job(job)).collect();
    let submission = client.submit(request(wanted, after?))?;
    let job = send(&submission, &interrupt).inspect_err(|_| list_missing(&submission.progress().missing))?;
    let sent = submission.progress();
    warn(&sent.warnings);
    bakes::offer(&sent.unbaked);
    let info = client
        .job(job)
        .map_err(|error| error.hint(format!("job {job} is with the master all the same")))?;
    if !json {
        say(&format!(
            "job {job} ({}) is with the master: {}, {} sent",
            info.name,
            count(&info),
            bytes(sent.done)
        ))?;
    }
    if let Some(bakes) = sent.bake_job.filter(|_| waits || results.is_some()) {
        bakes::wait_for(&client, (job, bakes), &interrupt)?;
    }
    let over = match (&results, baked, finals) {
        (None, ..) if waits => Some(wait(&client, job, &interrupt)?),
        (None, ..) => None,
        (Some(folder), Some(of), _) => Some(bakes::bring(&client, job, folder, of, &interrupt)?),
        (Some(folder), None, None) => Some(gather(&client, job, folder, blender, &interrupt)?),
        (Some(folder), None, Some(blender)) => Some(finish(&client, job, folder, blender, &interrupt)?),
    };
    if json {
        say_json(&answer(&client, over.as_ref().unwrap_or(&info), &sent, results.as_ref()))?;
    }
    let Some(over) = over else { return Ok(STATUS_OK) };
    judge(&over)?;
    if !json {
        let place = results.map_or_else(String::new, |folder| format!(", in {}", folder.display()));
        say(&format!("job {job} is finished: {}{place}", count(&over)))?;
    }
    Ok(STATUS_OK)
}

fn request(wanted: SubmitArguments, after: Vec<JobId>) -> SubmitRequest {
    SubmitRequest {
        after,
        limits: wanted.limits.limits(),
        blender: wanted.blender,
        frames: wanted.frames,
        tiles: wanted.tiles,
        tiles_exact: wanted.tiles_exact,
        name: wanted.name,
        category: wanted.category,
        tags: named(wanted.tags),
        requirements: wanted.requirements,
        priority: wanted.priority,
        chunks: wanted.chunks,
        settings: RenderSettings {
            scene: wanted.scene,
            engine: wanted.engine,
            resolution_percent: wanted.resolution,
            samples: wanted.samples,
            without_scripts: wanted.without_scripts,
            final_frames: wanted.finals == Some(Finals::Slaves),
            fresh_blender: wanted.fresh_blender,
            ..RenderSettings::default()
        },
        allow_missing: wanted.allow_missing,
        version: wanted.version.wish(),
        bakes: match (wanted.bake, wanted.bake_first) {
            (true, _) => BakeWish::Only,
            (_, true) => BakeWish::First,
            _ => BakeWish::Never,
        },
        bake_order: wanted.bake_order,
        ..SubmitRequest::new(wanted.file)
    }
}

/// How many frames a job has, and in how many tiles, or how many bakes.
fn count(job: &JobInfo) -> String {
    if job.kind == JobKind::Bake {
        let s = if job.total == 1 { "" } else { "s" };
        return format!("{} bake{s}", job.total);
    }
    if job.tiles.is_whole() {
        return format!("{} frames", job.total);
    }
    let frames = job.frame_total();
    let s = if frames == 1 { "" } else { "s" };
    format!("{frames} frame{s} in {} tiles", frames * job.tiles.count())
}

/// The sentence of a failure names a few of them only.
fn list_missing(missing: &[MissingFile]) {
    for file in missing {
        note(&format!("missing: {} ({})", file.path.display(), file.kind));
    }
}

/// Shows the sending until the master has everything.
fn send(submission: &Submission, interrupt: &Interrupt) -> Result<JobId> {
    let mut meter = Meter::new(Unit::Bytes);
    loop {
        let interrupted = interrupt.wait(Duration::from_millis(LOOK_MS));
        if let Some(job) = submission.wait(Duration::ZERO)? {
            return Ok(job);
        }
        if interrupted {
            submission.cancel();
            let _ = submission.wait(Duration::from_secs(CANCEL_TIMEOUT_S))?;
            return Err(Error::cancelled("interrupted before the job was sent"));
        }
        let progress = submission.progress();
        meter.show(progress.done, progress.total, &progress.text);
    }
}

/// The job once it is over and its results are in the folder.
fn gather(client: &Client, job: JobId, folder: &Path, blender: Option<PathBuf>, interrupt: &Interrupt) -> Result<JobInfo> {
    let gather = client.gather(GatherRequest {
        job,
        folder: folder.to_path_buf(),
        frames: None,
        follow: true,
        what: Gathered::Layers,
        blender,
    })?;
    let view = follow(&gather, interrupt)?;
    if view.failed > view.job.failed {
        return Err(Error::storage(format!(
            "{} results of job {job} could not be fetched",
            view.failed - view.job.failed
        ))
        .hint(format!("netrender results {job} {} tries again", folder.display())));
    }
    Ok(view.job)
}

/// The job once it is over and its final frames are in the folder.
fn finish(client: &Client, job: JobId, folder: &Path, blender: Option<PathBuf>, interrupt: &Interrupt) -> Result<JobInfo> {
    let finish = client.finish(FinishRequest {
        job,
        folder: folder.to_path_buf(),
        frames: None,
        follow: true,
        blender,
        allow_scripts: false,
    })?;
    let view = follow_finish(&finish, interrupt).map_err(|error| match error.hint {
        Some(_) => error,
        None => error.hint(format!("netrender results {job} {} --final tries again", folder.display())),
    })?;
    Ok(view.gathered.job)
}

fn answer(client: &Client, job: &JobInfo, sent: &Progress, results: Option<&PathBuf>) -> serde_json::Value {
    json!({
        "job": job.id.to_string(),
        "bake_job": sent.bake_job.map(|job| job.to_string()),
        "master": client.url(),
        "name": job.name,
        "frames": job.frames.to_string(),
        "state": job.state,
        "total": job.total,
        "done": job.done,
        "failed": job.failed,
        "uploaded_bytes": sent.done,
        "warnings": sent.warnings,
        "unbaked": sent.unbaked,
        "missing": sent.missing.iter().map(|file| &file.path).collect::<Vec<_>>(),
        "results": results,
    })
}
