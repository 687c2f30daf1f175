//! Questions to a master, and the three things that can be done to a job.

use super::arguments::{JobQuery, Query};
use super::screen::{ago, duration, facts, now_ms, say, say_json, table};
use super::{STATUS_OK, connect};
use crate::access::KeySource;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::wire::{FrameInfo, FrameStateInfo, JobInfo, JobKind, JobStateInfo, Source};
use serde_json::json;

/// How many failed frames are shown of a job.
const FAILURES_SHOWN_MAX: usize = 10;
/// How many frames are looked through for failures.
const FRAMES_SEARCHED_MAX: u32 = 1000;

/// What can be done to a job.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Pause,
    Resume,
    Cancel,
}

pub(super) fn jobs(to: &Query, keys: &KeySource) -> Result<u8> {
    let jobs = connect(&to.master, keys)?.jobs()?;
    if to.json {
        say_json(&jobs)?;
    } else if jobs.is_empty() {
        say("no jobs")?;
    } else {
        let now = now_ms();
        let rows: Vec<[String; 7]> = jobs.iter().map(|job| job_row(job, now)).collect();
        say(&table(
            ["JOB", "NAME", "STATE", "FRAMES", "PRIORITY", "PER FRAME", "SENT"],
            &rows,
        ))?;
    }
    Ok(STATUS_OK)
}

pub(super) fn job(query: &JobQuery, keys: &KeySource) -> Result<u8> {
    let client = connect(&query.to.master, keys)?;
    let job = client.job(client.find_job(&query.id)?)?;
    let source = client.source(job.id)?;
    if query.to.json {
        let mut document = serde_json::to_value(&job).map_err(|error| Error::internal(error.to_string()))?;
        document["source"] = json!(source.map(|(source, _)| source));
        say_json(&document)?;
        return Ok(STATUS_OK);
    }
    say(&describe(&job, now_ms()))?;
    if let Some((source, main)) = source {
        let Source { remote, revision, .. } = source;
        say(&format!("slaves check out {main} of revision {revision} of {remote}"))?;
    }
    if job.failed > 0 {
        say(&failures(&client, job.id)?)?;
    }
    Ok(STATUS_OK)
}

pub(super) fn change(query: &JobQuery, keys: &KeySource, change: Change) -> Result<u8> {
    let client = connect(&query.to.master, keys)?;
    let job = client.find_job(&query.id)?;
    match change {
        Change::Pause => client.pause(job)?,
        Change::Resume => client.resume(job)?,
        Change::Cancel => client.cancel(job)?,
    }
    let now = client.job(job)?;
    if query.to.json {
        say_json(&now)?;
    } else {
        say(&format!("job {job} ({}) is {}", now.name, state_name(&now)))?;
    }
    Ok(STATUS_OK)
}

/// Reads the number of a frame.
pub(super) fn frame_number(text: &str) -> std::result::Result<i32, &'static str> {
    text.parse().map_err(|_| "a frame is a whole number such as 12")
}

/// What a job does, in a word.
pub(super) fn state_name(job: &JobInfo) -> &'static str {
    match job.state {
        JobStateInfo::Waiting => "waiting",
        JobStateInfo::Queued if job.rendering > 0 => "rendering",
        JobStateInfo::Queued => "queued",
        JobStateInfo::Paused => "paused",
        JobStateInfo::Finished => "finished",
        JobStateInfo::Failed => "failed",
        JobStateInfo::Cancelled => "cancelled",
    }
}

fn job_row(job: &JobInfo, now: u64) -> [String; 7] {
    [
        job.id.to_string(),
        job.name.clone(),
        state_name(job).to_owned(),
        frame_count(job),
        job.priority.to_string(),
        job.frame_seconds.map_or_else(|| "-".to_owned(), duration),
        ago(job.submitted_ms, now),
    ]
}

fn frame_count(job: &JobInfo) -> String {
    match job.failed {
        0 => format!("{}/{}", job.done, job.total),
        failed => format!("{}/{}, {failed} failed", job.done, job.total),
    }
}

pub(super) fn describe(job: &JobInfo, now: u64) -> String {
    let or_none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let mut lines = vec![
        ("job", job.id.to_string()),
        ("name", job.name.clone()),
        ("state", state_name(job).to_owned()),
        match job.kind {
            JobKind::Render => ("frames", format!("{} ({})", job.frames, frame_count(job))),
            JobKind::Bake => (
                "bakes",
                format!("{} ({} %)", frame_count(job), job.percent.unwrap_or_default()),
            ),
        },
        ("rendering", job.rendering.to_string()),
        ("per frame", job.frame_seconds.map_or_else(|| "-".to_owned(), duration)),
        ("priority", job.priority.to_string()),
        (
            "chunks",
            if job.chunks == 0 {
                "chosen by the master".to_owned()
            } else {
                job.chunks.to_string()
            },
        ),
        ("category", or_none(job.category.clone())),
        ("tags", or_none(job.tags.join(";"))),
        ("requires", or_none(job.requirements.to_string())),
        (
            "Blender",
            job.blender.map_or_else(|| "any".to_owned(), |version| version.to_string()),
        ),
        ("after", or_none(ids(&job.depends_on))),
        ("limits", or_none(limits(job))),
        ("blacklisted", job.blacklisted.to_string()),
        ("usage", format!("{:.0} %", job.usage * 100.0)),
        ("sent", ago(job.submitted_ms, now)),
    ];
    lines.extend(job.explanation.iter().map(|sentence| ("", sentence.clone())));
    facts(&lines)
}

fn ids(jobs: &[JobId]) -> String {
    jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The limits that are the job's own.
fn limits(job: &JobInfo) -> String {
    let limits = job.limits;
    let own = [
        (limits.attempts, "attempts"),
        (limits.frame_s, "s a frame"),
        (limits.stall_s, "s without news"),
        (limits.silence_s, "s of silence"),
    ];
    let own: Vec<String> = own
        .iter()
        .filter(|(limit, _)| *limit > 0)
        .map(|(limit, what)| format!("{limit} {what}"))
        .collect();
    own.join(", ")
}

fn failures(client: &Client, job: JobId) -> Result<String> {
    let frames = client.frames(job, 0, FRAMES_SEARCHED_MAX)?;
    let line = |info: &FrameInfo| {
        let why = info.failure.as_deref().unwrap_or("no reason was told");
        match &info.bake {
            Some(bake) => format!("bake {} ({bake}) failed: {why}", info.frame),
            None => format!("frame {} failed: {why}", info.frame),
        }
    };
    let failed: Vec<String> = frames
        .iter()
        .filter(|info| info.state == FrameStateInfo::Failed)
        .take(FAILURES_SHOWN_MAX)
        .map(line)
        .collect();
    Ok(failed.join("\n"))
}
