//! What an archive consists of.

use super::super::App;
use super::super::contents::blocking;
use super::super::zips::each_piece;
use crate::error::{Error, Result};
use crate::farm::{TaskRecord, TaskState};
use crate::files::{Logs, ZipEntry, ZipSource};
use crate::ids::{Attempt, JobId, Piece};
use crate::master::actor::no_job;
use crate::master::convert;
use crate::master::home::log_name;
use crate::wire::{ARCHIVED_FRAMES, ARCHIVED_JOB, ARCHIVED_MANIFEST, FrameInfo, archived_file, archived_log, archived_result};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path as FsPath;

/// All entries of a job's archive, in the order in which a reader wants them.
pub(super) async fn entries(app: &App, job: JobId) -> Result<Vec<ZipEntry>> {
    let seen = app.desk.look(move |state| {
        let view = state.farm.job(job)?;
        let missing = state.jobs.get(&job)?.missing_count();
        Some((convert::archived(&view), missing, state.announced(job)))
    });
    let (archived, missing, announced) = seen.await?.ok_or_else(|| no_job(job))?;
    if missing > 0 {
        return Err(Error::conflict(format!("{missing} files of job {job} are not here yet"))
            .hint("archive it when it has been sent completely"));
    }
    let mut entries = vec![in_memory(ARCHIVED_JOB, json(&archived)?)];
    let mut bakes = false;
    if let Some(announced) = announced? {
        let mut manifest = announced.manifest()?;
        // What was baked elsewhere is here from now on.
        manifest.bakes_from = None;
        bakes = !manifest.bakes.is_empty();
        entries.push(in_memory(ARCHIVED_MANIFEST, json(&manifest)?));
        entries.extend(manifest.files.iter().map(|file| ZipEntry {
            name: archived_file(&file.path),
            source: ZipSource::File {
                path: app.folders.contents.path(file.hash),
                size_bytes: file.size_bytes,
            },
        }));
    }
    let frames = each_piece(&app.desk, job, told).await?;
    let attempts = frames
        .iter()
        .map(|(info, attempt)| (info.piece().stem(), (info.piece(), *attempt)))
        .collect();
    let (logs, folder) = (app.logs.clone(), app.folders.logs(job));
    let logs = blocking(move || logs_of(&logs, &folder, &attempts)).await?;
    let mut lines = Vec::new();
    for (info, _) in &frames {
        lines.extend(json(info)?);
        lines.push(b'\n');
    }
    entries.push(in_memory(ARCHIVED_FRAMES, lines));
    entries.extend(frames.into_iter().filter_map(|(info, attempt)| {
        // What came of a bake is among the files.
        let size_bytes = info.size_bytes.filter(|_| !bakes)?;
        Some(ZipEntry {
            name: archived_result(info.piece()),
            source: ZipSource::File {
                path: app.folders.result(job, info.piece(), attempt),
                size_bytes,
            },
        })
    }));
    entries.extend(logs);
    Ok(entries)
}

/// The logs that are there of these attempts and of those before them. A folder that does not tell is looked through once,
/// rather than asked for each of a million names.
fn logs_of(logs: &Logs, folder: &FsPath, attempts: &HashMap<String, (Piece, Attempt)>) -> Result<Vec<ZipEntry>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some((stem, attempt)) = name.to_str().and_then(attempt_of) else {
            continue;
        };
        if let Some((piece, _)) = attempts.get(stem).filter(|(_, last)| attempt <= *last) {
            found.insert((stem.to_owned(), attempt), *piece);
        }
    }
    let mut entries = Vec::new();
    for ((_, attempt), piece) in found {
        let path = folder.join(log_name(piece, attempt));
        if let Some(size_bytes) = logs.length_bytes(&path)? {
            entries.push(ZipEntry {
                name: archived_log(piece, attempt),
                source: ZipSource::Log {
                    logs: logs.clone(),
                    path,
                    size_bytes,
                },
            });
        }
    }
    Ok(entries)
}

/// What a log of this name is of, compressed or not.
fn attempt_of(name: &str) -> Option<(&str, Attempt)> {
    let (stem, rest) = name.split_once('_')?;
    let attempt = rest.split_once(".log")?.0;
    Some((stem, Attempt(attempt.parse().ok()?)))
}

/// What is worth telling of a frame: that it waits is what every frame does that is not told of.
fn told(piece: Piece, record: TaskRecord) -> Option<(FrameInfo, Attempt)> {
    let attempt = record.attempt;
    match record.state {
        TaskState::Done { .. } | TaskState::Failed { .. } => Some((convert::frame_info(piece, record), attempt)),
        TaskState::Queued | TaskState::Leased { .. } => None,
    }
}

fn in_memory(name: &str, bytes: Vec<u8>) -> ZipEntry {
    ZipEntry {
        name: name.to_owned(),
        source: ZipSource::Bytes(bytes),
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::internal(format!("the archive cannot be written: {error}")))
}
