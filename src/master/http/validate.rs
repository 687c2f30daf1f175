//! What clients and slaves may say: every bound on announcements and registrations, each with its sentence.

use crate::error::{Error, Result};
use crate::farm::{
    CHUNK_TASKS_MAX, JobEdit, Limits, NEW_FRAMES_RANGE, NewJob, PRIORITY_RANGE, SHARE_PERCENT_RANGE, STARVING_MINUTES_RANGE,
    Settings,
};
use crate::ids::{ContentHash, FrameLayout, JobId, JobPath};
use crate::master::actor::Announced;
use crate::wire::{
    self, JobAnnounce, JobLimits, MachineInfo, Manifest, Registration, RenderSettings, RulesInfo, Source, WorkWanted,
};
use std::collections::{BTreeMap, HashSet};

const NAME_BYTES_MAX: usize = 255;
const TAGS_MAX: usize = 64;
const FILES_MAX: usize = 50_000;
const FILE_BYTES_MAX: u64 = 1 << 40;
const FOLDER_BYTES_MAX: usize = 4_096;
const WANTS_MAX: usize = 100;
const BLENDERS_MAX: usize = 64;
const GPUS_MAX: usize = 64;
const SLOTS_MAX: u32 = 256;
const HOLDING_MAX: usize = 10_000;
const REPORTS_MAX: usize = 1_000;
const PERCENT_MAX: u32 = 32_767;
const DEPENDENCIES_MAX: usize = 64;
const BLACKLIST_MAX: usize = 1_000;
const ATTEMPTS_MAX: u32 = 100;
/// Shorter, and slaves would be lost between two signs of life, of which there is one in 20 s.
const SILENCE_S_MIN: u32 = 30;
const LIMIT_S_MAX: u32 = 10_000_000;

/// Checks an announcement and makes a job of it.
pub(super) fn announced(id: JobId, announce: JobAnnounce) -> Result<Announced> {
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
    FrameLayout::of_tiles(frames.clone(), tiles)?;
    if !tiles.is_whole() && manifest.as_ref().is_some_and(|manifest| manifest.settings.final_frames) {
        return Err(Error::bad_input("slaves make final files of whole frames, not of tiles")
            .hint("let the client make them (--final client), or send the job without tiles"));
    }
    let contents = manifest.as_ref().map(check_manifest).transpose()?.unwrap_or_default();
    let runs_scripts = manifest.as_ref().is_some_and(|manifest| manifest.settings.run_scripts());
    let manifest = manifest
        .map(|manifest| serde_json::to_string(&manifest))
        .transpose()
        .map_err(|error| Error::internal(format!("the manifest cannot be written: {error}")))?;
    let job = NewJob {
        id,
        name,
        category,
        tags,
        requirements,
        priority,
        chunk_tasks: chunks,
        frames,
        tiles,
        blender,
        runs_scripts,
        files_missing: false,
        depends_on,
        limits,
        unwanted: blacklist,
    };
    Ok(Announced { job, manifest, contents })
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

/// Checks the files of a job; returns each content that they need once.
fn check_manifest(manifest: &Manifest) -> Result<Vec<ContentHash>> {
    check_count("files", manifest.files.len(), FILES_MAX)?;
    check_settings(&manifest.settings)?;
    if manifest.artist_folder.as_ref().is_some_and(|it| it.len() > FOLDER_BYTES_MAX) {
        return Err(Error::bad_input(format!(
            "the artist's folder has more than {FOLDER_BYTES_MAX} bytes"
        )));
    }
    let mut paths = HashSet::new();
    let mut sizes = BTreeMap::new();
    for file in &manifest.files {
        if !paths.insert(file.path.as_str()) {
            return Err(Error::bad_input(format!("the job has two files {:?}", file.path.as_str())));
        }
        if file.size_bytes > FILE_BYTES_MAX {
            return Err(Error::bad_input(format!("the file {:?} is too large", file.path.as_str())));
        }
        if *sizes.entry(file.hash).or_insert(file.size_bytes) != file.size_bytes {
            return Err(Error::bad_input(format!(
                "the file {:?} has the same hash as another one of another length",
                file.path.as_str()
            )));
        }
        if file.frames.is_some_and(|(first, last)| first > last) {
            return Err(Error::bad_input(format!(
                "the frames that need {:?} run backwards",
                file.path.as_str()
            )));
        }
    }
    if let Some(source) = &manifest.source {
        check_source(source, manifest)?;
    } else if !paths.contains(manifest.main.as_str()) {
        return Err(Error::bad_input(format!(
            "the main file {:?} is not among the job's files",
            manifest.main.as_str()
        )));
    }
    check_folders(manifest.files.iter().map(|file| &file.path), &paths)?;
    Ok(sizes.into_keys().collect())
}

/// What a version control system is asked for; an address or a revision by itself was checked when it was read.
fn check_source(source: &Source, manifest: &Manifest) -> Result<()> {
    let Source {
        system,
        remote,
        revision,
        folder,
    } = source;
    if !manifest.files.is_empty() {
        return Err(Error::bad_input(
            "the files of a job come from the master or from a repository, not from both",
        ));
    }
    if !remote.fits(*system) {
        return Err(Error::bad_input(format!("{remote} is no address of {}", system.title())));
    }
    if !revision.fits(*system) {
        return Err(Error::bad_input(format!("{revision} is no revision of {}", system.title())));
    }
    let is_inside = |folder: &JobPath| {
        let rest = manifest.main.as_str().strip_prefix(folder.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    match folder {
        Some(folder) if !is_inside(folder) => Err(Error::bad_input(format!(
            "the main file {:?} does not lie in the folder {:?}",
            manifest.main.as_str(),
            folder.as_str()
        ))),
        _ => Ok(()),
    }
}

/// No path may be both a file and the folder of another.
fn check_folders<'a>(files: impl Iterator<Item = &'a JobPath>, paths: &HashSet<&str>) -> Result<()> {
    for file in files {
        let mut folder = file.as_str();
        while let Some((above, _)) = folder.rsplit_once('/') {
            if paths.contains(above) {
                return Err(Error::bad_input(format!("{above:?} is both a file and a folder of the job")));
            }
            folder = above;
        }
    }
    Ok(())
}

fn check_settings(settings: &RenderSettings) -> Result<()> {
    if let Some(scene) = &settings.scene {
        check_name("scene", scene)?;
    }
    let is_engine = |engine: &str| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !engine.is_empty() && engine.len() <= 64 && engine.chars().all(is_letter)
    };
    match &settings.engine {
        Some(engine) if !is_engine(engine) => return Err(Error::bad_input(format!("{engine:?} is no render engine"))),
        _ => {}
    }
    match settings.resolution_percent {
        Some(percent) if !(1..=PERCENT_MAX).contains(&percent) => {
            return Err(Error::bad_input(format!("a size of {percent} % cannot be rendered")));
        }
        _ => {}
    }
    if settings.samples == Some(0) {
        return Err(Error::bad_input("0 samples cannot be rendered"));
    }
    let wants = &settings.wants;
    check_count("scripts", wants.scripts.len(), WANTS_MAX)?;
    check_count("types of nodes", wants.nodes.len(), WANTS_MAX)?;
    wants.scripts.iter().try_for_each(|it| check_name("name of a script", it))?;
    wants.nodes.iter().try_for_each(|it| check_name("type of a node", it))
}

fn check_name(what: &str, text: &str) -> Result<()> {
    if text.len() > NAME_BYTES_MAX {
        return Err(Error::bad_input(format!("the {what} is longer than {NAME_BYTES_MAX} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::bad_input(format!("the {what} {text:?} holds a control character")));
    }
    Ok(())
}

fn check_count(what: &str, count: usize, count_max: usize) -> Result<()> {
    if count > count_max {
        return Err(Error::bad_input(format!("{count} {what} are too many: {count_max} at most")));
    }
    Ok(())
}
