//! What clients and slaves may say: every bound on announcements and registrations, each with its sentence.

use super::{bakes, manifests};
use crate::error::{Error, Result};
use crate::farm::{
    CHUNK_TASKS_MAX, JobEdit, Limits, NEW_FRAMES_RANGE, NewJob, PRIORITY_RANGE, SHARE_PERCENT_RANGE, STARVING_MINUTES_RANGE,
    Settings,
};
use crate::ids::{FrameLayout, JobId, Role};
use crate::master::actor::Announced;
use crate::wire::{self, JobAnnounce, JobLimits, MachineInfo, Registration, RulesInfo, SLOTS_MAX, WorkWanted};

const NAME_BYTES_MAX: usize = 255;
const TAGS_MAX: usize = 64;
const BLENDERS_MAX: usize = 64;
const GPUS_MAX: usize = 64;
const HOLDING_MAX: usize = 10_000;
const REPORTS_MAX: usize = 1_000;
const DEPENDENCIES_MAX: usize = 64;
const BLACKLIST_MAX: usize = 1_000;
const ATTEMPTS_MAX: u32 = 100;
/// Shorter, and slaves would be lost between two signs of life, of which there is one in 20 s.
const SILENCE_S_MIN: u32 = 30;
const LIMIT_S_MAX: u32 = 10_000_000;

/// Checks an announcement and makes a job of it.
pub(super) fn announced(id: JobId, sent_by: Role, announce: JobAnnounce) -> Result<Announced> {
    let JobAnnounce {
        id: _,
        name,
        category,
        tags,
        requirements,
        priority,
        chunks,
        frames,
        tiles,
        blender,
        depends_on,
        blacklist,
        limits,
        manifest,
    } = announce;
    check_job_name(&name)?;
    check_name("category", &category)?;
    self::tags(&tags)?;
    check_priority(priority)?;
    check_chunks(chunks)?;
    check_count("jobs to wait for", depends_on.len(), DEPENDENCIES_MAX)?;
    check_count("blacklisted slaves", blacklist.len(), BLACKLIST_MAX)?;
    let limits = check_limits(limits)?;
    let denoises = manifest
        .as_ref()
        .is_some_and(|manifest| manifest.settings.denoising.is_some());
    FrameLayout::of_tiles(frames.clone(), tiles, denoises)?;
    if !tiles.is_whole() && manifest.as_ref().is_some_and(|manifest| manifest.settings.final_frames) {
        return Err(Error::bad_input("slaves make final files of whole frames, not of tiles")
            .hint("let the client make them (--final client), or send the job without tiles"));
    }
    let contents = manifest.as_ref().map(manifests::check).transpose()?.unwrap_or_default();
    let bakes = manifest
        .as_ref()
        .map(|manifest| bakes::check(manifest, &frames, tiles, &depends_on));
    let bakes = bakes.transpose()?.unwrap_or_default();
    let bakes_from = manifest.as_ref().and_then(|manifest| manifest.bakes_from);
    let runs_scripts = manifest.as_ref().is_some_and(|manifest| manifest.settings.run_scripts());
    let manifest = manifest
        .map(|manifest| serde_json::to_string(&manifest))
        .transpose()
        .map_err(|error| Error::internal(format!("the manifest cannot be written: {error}")))?;
    let job = NewJob {
        id,
        name,
        sent_by,
        category,
        tags,
        requirements,
        priority,
        chunk_tasks: chunks,
        frames,
        tiles,
        denoises: denoises && !tiles.is_whole(),
        blender,
        runs_scripts,
        files_missing: false,
        depends_on,
        limits,
        unwanted: blacklist,
        bakes,
    };
    Ok(Announced {
        job,
        manifest,
        contents,
        bakes_from,
    })
}

/// Checks an edit and makes the farm's own of it.
pub(super) fn edit(edit: wire::JobEdit) -> Result<JobEdit> {
    edit.name.as_deref().map(check_job_name).transpose()?;
    edit.category.as_deref().map(|it| check_name("category", it)).transpose()?;
    edit.tags.as_deref().map(tags).transpose()?;
    edit.priority.map(check_priority).transpose()?;
    edit.chunks.map(check_chunks).transpose()?;
    let depends_on = edit.depends_on.as_ref().map_or(0, Vec::len);
    check_count("jobs to wait for", depends_on, DEPENDENCIES_MAX)?;
    check_limits(JobLimits {
        attempts: edit.attempts.unwrap_or_default(),
        silence_s: edit.silence_s.unwrap_or_default(),
        stall_s: edit.stall_s.unwrap_or_default(),
        frame_s: edit.frame_s.unwrap_or_default(),
    })?;
    Ok(JobEdit {
        name: edit.name,
        category: edit.category,
        tags: edit.tags,
        requirements: edit.requirements,
        priority: edit.priority,
        chunk_tasks: edit.chunks,
        frames: edit.frames,
        add_frames: edit.add_frames,
        remove_frames: edit.remove_frames,
        depends_on: edit.depends_on,
        attempts_max: edit.attempts,
        silence_s: edit.silence_s,
        stall_s: edit.stall_s,
        frame_s: edit.frame_s,
    })
}

/// Checks the settings as they would be after an edit.
pub(super) fn settings(settings: &Settings) -> Result<()> {
    check_limits(JobLimits {
        attempts: settings.limits.attempts_max,
        silence_s: settings.limits.silence_s,
        stall_s: settings.limits.stall_s,
        frame_s: settings.limits.frame_s,
    })?;
    if settings.limits.attempts_max == 0 {
        return Err(Error::bad_input("a frame has at least 1 attempt"));
    }
    if settings.limits.silence_s == 0 {
        return Err(Error::bad_input(format!(
            "a slave may be silent for at least {SILENCE_S_MIN} s"
        )));
    }
    Ok(())
}

/// Checks why somebody is put on a list.
pub(super) fn reason(reason: &str) -> Result<()> {
    check_name("reason", reason)
}

fn check_job_name(name: &str) -> Result<()> {
    check_name("name", name)?;
    if name.trim().is_empty() {
        return Err(Error::bad_input("the job has no name"));
    }
    Ok(())
}

fn check_priority(priority: u32) -> Result<()> {
    if !PRIORITY_RANGE.contains(&priority) {
        return Err(Error::bad_input(format!(
            "the priority {priority} is not between {} and {}",
            PRIORITY_RANGE.start(),
            PRIORITY_RANGE.end()
        )));
    }
    Ok(())
}

fn check_chunks(chunks: u32) -> Result<()> {
    if chunks > CHUNK_TASKS_MAX {
        return Err(Error::bad_input(format!(
            "chunks of {chunks} frames are too large: {CHUNK_TASKS_MAX} at most"
        )));
    }
    Ok(())
}

fn check_limits(limits: JobLimits) -> Result<Limits> {
    let JobLimits {
        attempts,
        silence_s,
        stall_s,
        frame_s,
    } = limits;
    if attempts > ATTEMPTS_MAX {
        return Err(Error::bad_input(format!(
            "a frame has at most {ATTEMPTS_MAX} attempts, not {attempts}"
        )));
    }
    if (1..SILENCE_S_MIN).contains(&silence_s) {
        return Err(Error::bad_input(format!(
            "a slave may be silent for at least {SILENCE_S_MIN} s, not {silence_s}"
        )));
    }
    if let Some(seconds) = [silence_s, stall_s, frame_s].into_iter().find(|it| *it > LIMIT_S_MAX) {
        return Err(Error::bad_input(format!(
            "a limit of {seconds} s is too long: {LIMIT_S_MAX} s at most"
        )));
    }
    Ok(Limits {
        attempts_max: attempts,
        silence_s,
        stall_s,
        frame_s,
    })
}

/// Checks a registration.
pub(super) fn registration(registration: &Registration) -> Result<()> {
    check_name("name", &registration.name)?;
    if registration.name.trim().is_empty() {
        return Err(Error::bad_input("the slave has no name"));
    }
    tags(&registration.tags)?;
    if !(1..=SLOTS_MAX).contains(&registration.slots) {
        return Err(Error::bad_input(format!(
            "a slave renders 1 to {SLOTS_MAX} chunks at once, not {}",
            registration.slots
        )));
    }
    check_count("Blenders", registration.blenders.len(), BLENDERS_MAX)?;
    check_count("held frames", registration.holding.len(), HOLDING_MAX)?;
    machine(&registration.machine)
}

/// Checks tags of a slave or of a job.
pub(super) fn tags(tags: &[String]) -> Result<()> {
    check_count("tags", tags.len(), TAGS_MAX)?;
    tags.iter().try_for_each(|tag| {
        check_name("tag", tag)?;
        if tag.trim().is_empty() {
            Err(Error::bad_input("a tag is empty"))
        } else {
            Ok(())
        }
    })
}

/// Checks what a slave says of its machine.
pub(super) fn machine(machine: &MachineInfo) -> Result<()> {
    check_name("operating system", &machine.os)?;
    check_count("GPUs", machine.gpus.len(), GPUS_MAX)?;
    machine.gpus.iter().try_for_each(|gpu| check_name("GPU", gpu))
}

/// Checks a request for work.
pub(super) fn work(wanted: &WorkWanted) -> Result<()> {
    check_count("reports", wanted.reports.len(), REPORTS_MAX)
}

/// Checks rules of balancing.
pub(super) fn rules(rules: &RulesInfo) -> Result<()> {
    for (rule, range, what) in [
        (rules.share, SHARE_PERCENT_RANGE, "a share of the slaves in percent"),
        (rules.new_first, NEW_FRAMES_RANGE, "a number of dispatched frames"),
        (rules.starving_first, STARVING_MINUTES_RANGE, "a number of minutes"),
    ] {
        if !range.contains(&rule.limit) {
            let (lowest, highest) = range.into_inner();
            let limit = rule.limit;
            return Err(Error::bad_input(format!(
                "{limit} is no limit for {what}: {lowest} to {highest}"
            )));
        }
    }
    Ok(())
}

/// A text that people see.
pub(super) fn check_name(what: &str, text: &str) -> Result<()> {
    if text.len() > NAME_BYTES_MAX {
        return Err(Error::bad_input(format!("the {what} is longer than {NAME_BYTES_MAX} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::bad_input(format!("the {what} {text:?} holds a control character")));
    }
    Ok(())
}

/// A number of things.
pub(super) fn check_count(what: &str, count: usize, count_max: usize) -> Result<()> {
    if count > count_max {
        return Err(Error::bad_input(format!("{count} {what} are too many: {count_max} at most")));
    }
    Ok(())
}
