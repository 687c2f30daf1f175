//! From a zip that anybody may have made to a job that this master would have taken as well.
//!
//! Only expected names are looked up, every path is a [`crate::ids::JobPath`], every length and hash is checked, and the
//! announcement passes the same bounds as one that comes over the wire.

use super::super::validate;
use super::Placed;
use crate::error::{Code, Error, Result};
use crate::farm::{JobRecord, Moment, ResultFile, TaskRecord, TaskState, Transition};
use crate::files::content::Contents;
use crate::files::part::{self, Part};
use crate::files::{LOG_KEPT_BYTES_MAX, ZipReader};
use crate::ids::{Attempt, FrameLayout, JobId, Role, SlaveId, TaskIndex};
use crate::images;
use crate::master::actor::{Announced, Restored};
use crate::master::convert;
use crate::master::home::{log_name, result_name};
use crate::wire::{
    ARCHIVE_FORMAT, ARCHIVED_FRAMES, ARCHIVED_JOB, ARCHIVED_MANIFEST, ArchivedJob, FrameInfo, FrameStateInfo, Manifest,
    archived_file, archived_log, archived_result,
};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Longest job; the same as for an announcement.
const JSON_BYTES_MAX: u64 = 8 << 20;
/// A line of at most some hundred bytes for each file, of which bakes may have a million.
const MANIFEST_BYTES_MAX: u64 = 512 << 20;
/// Longest list of frames: a million of them, with room for what failed.
const FRAMES_BYTES_MAX: u64 = 1 << 30;
/// Most steps in the life of a job.
const TRANSITIONS_MAX: usize = 10_000;
/// Attempts at a frame of which logs are looked for, the latest first.
const ATTEMPTS_SEARCHED_MAX: usize = 100;

/// A job whose contents and pictures lie on this disk, not yet known to the farm.
pub(super) struct Unpacked {
    announced: Announced,
    archived: ArchivedJob,
    layout: FrameLayout,
    tasks: Vec<(TaskIndex, TaskRecord)>,
    folder: PathBuf,
}

/// Reads and checks all of an archive. Contents go into the store (those that were not there are noted in `placed`, also
/// if it fails), pictures below `folder`.
pub(super) fn unpack(zip: &Path, contents: &Contents, folder: &Path, id: JobId, placed: &mut Placed) -> Result<Unpacked> {
    let mut zip = ZipReader::open(zip)?;
    let archived: ArchivedJob = json(ARCHIVED_JOB, &zip.read(ARCHIVED_JOB, JSON_BYTES_MAX)?)?;
    if archived.format > ARCHIVE_FORMAT {
        return Err(Error::version_mismatch(format!(
            "the archive was written by netrender {}, which this master does not understand",
            archived.version
        ))
        .hint("update netrender on this master"));
    }
    if archived.transitions.is_empty() || archived.transitions.len() > TRANSITIONS_MAX {
        return Err(Error::bad_input("the archive does not tell how its job went"));
    }
    let mut announce = archived.announce.clone();
    announce.manifest = if zip.has(ARCHIVED_MANIFEST) {
        Some(json(ARCHIVED_MANIFEST, &zip.read(ARCHIVED_MANIFEST, MANIFEST_BYTES_MAX)?)?)
    } else {
        None
    };
    let manifest = announce.manifest.clone();
    let mut announced = validate::announced(id, Role::Admin, announce)?;
    announced.job.denoises &= archived.denoises;
    if let Some(manifest) = &manifest {
        place_contents(&mut zip, manifest, contents, placed)?;
    }
    let job = &announced.job;
    let layout = FrameLayout::of_tiles(job.frames.clone(), job.tiles, job.denoises)?;
    let tasks = read_frames(&mut zip, &layout, announced.manifest.is_some())?;
    // What came of bakes is among the files.
    if announced.job.bakes.is_empty() {
        place_results(&mut zip, &layout, &tasks, folder)?;
    }
    place_logs(&mut zip, &layout, &tasks, folder)?;
    Ok(Unpacked {
        announced,
        archived,
        layout,
        tasks,
        folder: folder.to_path_buf(),
    })
}

impl Unpacked {
    /// For the actor.
    pub(super) fn into_restored(self) -> Restored {
        let transitions = self.archived.transitions.iter();
        Restored {
            record: JobRecord {
                layout: self.layout,
                resets: 0,
                job: crate::farm::NewJob {
                    id: self.archived.id,
                    ..self.announced.job
                },
                submitted: Moment(self.archived.submitted_ms),
                transitions: transitions
                    .map(|it| Transition {
                        at: Moment(it.at_ms),
                        state: convert::job_state_of(it.state),
                    })
                    .collect(),
                last_dispatched: None,
            },
            tasks: self.tasks,
            manifest: self.announced.manifest,
            contents: self.announced.contents,
            bakes_from: self.announced.bakes_from,
            folder: self.folder,
        }
    }
}

fn place_contents(zip: &mut ZipReader, manifest: &Manifest, contents: &Contents, placed: &mut Placed) -> Result<()> {
    for file in &manifest.files {
        if contents.status(file.hash)?.complete {
            continue;
        }
        let mut arrival = contents.receive(file.hash, 0)?;
        placed.push(file.hash);
        let written = zip.stream(&archived_file(&file.path), file.size_bytes, |bytes| arrival.write(bytes));
        match written.and_then(|()| arrival.finish(file.size_bytes)) {
            Err(error) if error.code == Code::BadInput => {
                return Err(Error::bad_input(format!("{} in the archive: {}", file.path, error.message)));
            }
            outcome => outcome?,
        }
    }
    Ok(())
}

fn read_frames(zip: &mut ZipReader, layout: &FrameLayout, has_files: bool) -> Result<Vec<(TaskIndex, TaskRecord)>> {
    let lines = zip.read(ARCHIVED_FRAMES, FRAMES_BYTES_MAX)?;
    let mut tasks: Vec<(TaskIndex, TaskRecord)> = Vec::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let info: FrameInfo = json(ARCHIVED_FRAMES, line)?;
        let piece = info.piece();
        let task = layout.task_of(piece);
        let task = task.ok_or_else(|| Error::bad_input(format!("the archive tells of {piece}, which the job has not")))?;
        if tasks.last().is_some_and(|(last, _)| *last >= task) {
            return Err(Error::bad_input(format!("the archive tells of {piece} twice, or too late")));
        }
        if let Some(record) = record(info, has_files)? {
            tasks.push((task, record));
        }
    }
    Ok(tasks)
}

/// What is to be known of a frame. One that was given up stays so; one that is neither done nor failed is left out.
fn record(info: FrameInfo, has_files: bool) -> Result<Option<TaskRecord>> {
    let slave = info.slave.unwrap_or(SlaveId::from_bits(0));
    let state = match info.state {
        FrameStateInfo::Done => {
            let result = info
                .hash
                .zip(info.size_bytes)
                .map(|(hash, size_bytes)| ResultFile { hash, size_bytes });
            if has_files && result.is_none() {
                return Err(Error::bad_input(format!(
                    "the archive tells nothing of the picture of {}",
                    info.piece()
                )));
            }
            TaskState::Done {
                slave,
                seconds: info.seconds.unwrap_or(0.0),
                result,
            }
        }
        FrameStateInfo::Failed => TaskState::Failed {
            slave,
            reason: info.failure.clone().unwrap_or_default(),
        },
        FrameStateInfo::Queued | FrameStateInfo::Rendering | FrameStateInfo::Delivering => return Ok(None),
    };
    Ok(Some(TaskRecord {
        attempt: Attempt(info.attempt.max(1)),
        attempts: info.attempt.max(1),
        failures: u32::from(info.failure.is_some()),
        state,
        last_failure: info.failure,
        failed_on: Vec::new(),
        failed_before: Vec::new(),
    }))
}

fn place_results(zip: &mut ZipReader, layout: &FrameLayout, tasks: &[(TaskIndex, TaskRecord)], folder: &Path) -> Result<()> {
    let results = folder.join("results");
    part::make_folder(&results)?;
    for (task, record) in tasks {
        let TaskState::Done { result: Some(file), .. } = record.state else {
            continue;
        };
        let Some(piece) = layout.piece_of(*task) else {
            continue;
        };
        let name = archived_result(piece);
        let target = results.join(result_name(piece, record.attempt));
        let mut part = Part::create(&target.with_extension("part"))?;
        zip.stream(&name, file.size_bytes, |bytes| part.write(bytes))?;
        let is_picture = |path: &Path| images::inspect(path).map(drop);
        part.place_if(file.hash, file.size_bytes, &target, is_picture)
            .map_err(|error| match error.code {
                Code::BadInput => Error::bad_input(format!("{name} in the archive is not the picture that was rendered")),
                _ => error,
            })?;
    }
    Ok(())
}

/// Logs may be missing: a slave that was lost told nothing.
fn place_logs(zip: &mut ZipReader, layout: &FrameLayout, tasks: &[(TaskIndex, TaskRecord)], folder: &Path) -> Result<()> {
    let logs = folder.join("logs");
    part::make_folder(&logs)?;
    for (task, record) in tasks {
        let Some(piece) = layout.piece_of(*task) else {
            continue;
        };
        for attempt in (1..=record.attempt.0).rev().take(ATTEMPTS_SEARCHED_MAX).map(Attempt) {
            let name = archived_log(piece, attempt);
            if zip.has(&name) {
                let path = logs.join(log_name(piece, attempt));
                let bytes = zip.read(&name, LOG_KEPT_BYTES_MAX)?;
                std::fs::write(&path, bytes).map_err(|error| Error::io("write", &path, &error))?;
            }
        }
    }
    Ok(())
}

fn json<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| Error::bad_input(format!("{name} in the archive cannot be read: {error}")))
}
