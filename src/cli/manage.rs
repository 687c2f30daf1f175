//! Changes of jobs that are known already, and of the farm.

use super::arguments::{JobQuery, Query};
use super::ask::{self, Change};
use super::changes::{BlacklistArguments, EditArguments, ResetArguments, SettingsArguments};
use super::names::named;
use super::screen::{ago, duration, facts, now_ms, say, say_json, table};
use super::{STATUS_OK, connect};
use crate::access::KeySource;
use crate::error::{Error, Result};
use crate::ids::JobId;
use crate::wire::{BanCauseInfo, BanInfo, JobEdit, JobReset, Settings, SettingsEdit};
use serde_json::json;

pub(super) fn cancel(id: Option<String>, to: Query, keys: &KeySource) -> Result<u8> {
    if let Some(id) = id {
        return ask::change(&JobQuery { id, to }, keys, Change::Cancel);
    }
    connect(&to.master, keys)?.cancel_all()?;
    if to.json {
        say_json(&json!({ "cancelled": "all" }))?;
    } else {
        say("every job is over")?;
    }
    Ok(STATUS_OK)
}

pub(super) fn remove(query: &JobQuery, keep_results: bool, keys: &KeySource) -> Result<u8> {
    let client = connect(&query.to.master, keys)?;
    let job = client.find_job(&query.id)?;
    client.remove(job, keep_results)?;
    if query.to.json {
        say_json(&json!({ "job": job.to_string(), "removed": true, "kept_results": keep_results }))?;
    } else if keep_results {
        say(&format!(
            "job {job} is removed; its results are in the folder kept/{job} of the master's path"
        ))?;
    } else {
        say(&format!("job {job} is removed"))?;
    }
    Ok(STATUS_OK)
}

pub(super) fn edit(wanted: EditArguments, keys: &KeySource) -> Result<u8> {
    let client = connect(&wanted.job.to.master, keys)?;
    let job = client.find_job(&wanted.job.id)?;
    let json = wanted.job.to.json;
    let after: Result<Vec<JobId>> = wanted.after.iter().map(|job| client.find_job(job)).collect();
    let edit = edit_of(wanted, after?);
    if edit == JobEdit::default() {
        return Err(Error::bad_input("nothing is named that is to be different").hint("netrender edit --help lists what can be"));
    }
    let now = client.edit(job, edit)?;
    if json {
        say_json(&now)?;
    } else {
        say(&ask::describe(&now, now_ms()))?;
    }
    Ok(STATUS_OK)
}

fn edit_of(wanted: EditArguments, after: Vec<JobId>) -> JobEdit {
    JobEdit {
        name: wanted.name,
        category: wanted.category,
        tags: wanted.tags.map(named),
        requirements: wanted.requirements,
        priority: wanted.priority,
        chunks: wanted.chunks,
        frames: wanted.frames,
        add_frames: wanted.add_frames,
        remove_frames: wanted.remove_frames,
        depends_on: (wanted.after_none || !after.is_empty()).then_some(after),
        attempts: wanted.attempts,
        silence_s: wanted.silence_time,
        stall_s: wanted.stall_time,
        frame_s: wanted.frame_time,
    }
}

pub(super) fn reset(wanted: ResetArguments, keys: &KeySource) -> Result<u8> {
    let client = connect(&wanted.job.to.master, keys)?;
    let job = client.find_job(&wanted.job.id)?;
    let which = match wanted.frames {
        Some(frames) => JobReset::Frames {
            frames,
            tiles: wanted.tile.iter().map(|tile| tile - 1).collect(),
        },
        None if wanted.all => JobReset::All,
        None => JobReset::Failed,
    };
    client.reset(job, which)?;
    let now = client.job(job)?;
    if wanted.job.to.json {
        say_json(&now)?;
    } else {
        let (name, state) = (&now.name, ask::state_name(&now));
        say(&format!(
            "job {job} ({name}) is {state}: {} of {} frames done",
            now.done, now.total
        ))?;
    }
    Ok(STATUS_OK)
}

pub(super) fn blacklist(wanted: &BlacklistArguments, keys: &KeySource) -> Result<u8> {
    let client = connect(&wanted.to.master, keys)?;
    let job = wanted.id.as_ref().map(|id| client.find_job(id)).transpose()?;
    for slave in &wanted.add {
        client.ban(job, client.find_slave(slave)?, wanted.reason.clone())?;
    }
    for slave in &wanted.remove {
        client.lift_ban(job, Some(client.find_slave(slave)?))?;
    }
    if wanted.clear {
        client.lift_ban(job, None)?;
    }
    let bans = client.blacklist(job)?;
    if wanted.to.json {
        say_json(&bans)?;
    } else if bans.is_empty() {
        say("no slave is on the list")?;
    } else {
        let now = now_ms();
        let rows: Vec<[String; 5]> = bans.iter().map(|ban| ban_row(ban, now)).collect();
        say(&table(["SLAVE", "NAME", "SINCE", "UNTIL", "WHY"], &rows))?;
    }
    Ok(STATUS_OK)
}

fn ban_row(ban: &BanInfo, now: u64) -> [String; 5] {
    let until = match ban.until_ms {
        Some(until) => format!("{} from now", duration(until.saturating_sub(now) as f64 / 1_000.0)),
        None => "taken off".to_owned(),
    };
    let by = match ban.cause {
        BanCauseInfo::Failures | BanCauseInfo::Unfit => "",
        BanCauseInfo::Client => "wished by who sent the job",
        BanCauseInfo::Administrator => "wished by an administrator",
    };
    let why: Vec<&str> = [by, ban.reason.as_str()].into_iter().filter(|it| !it.is_empty()).collect();
    [
        ban.slave.to_string(),
        ban.name.clone(),
        ago(ban.since_ms, now),
        until,
        why.join(": "),
    ]
}

pub(super) fn settings(wanted: &SettingsArguments, keys: &KeySource) -> Result<u8> {
    let client = connect(&wanted.to.master, keys)?;
    let edit = wanted.edit();
    let settings = if edit == SettingsEdit::default() {
        client.settings()?
    } else {
        client.set_settings(edit)?
    };
    if wanted.to.json {
        say_json(&settings)?;
    } else {
        say(&describe(&settings))?;
    }
    Ok(STATUS_OK)
}

fn describe(settings: &Settings) -> String {
    let or = |value: u32, unit: &str, zero: &str| match value {
        0 => zero.to_owned(),
        value => format!("{value}{unit}"),
    };
    let by_hand = "until somebody takes it off the list";
    facts(&[
        ("attempts at a frame", settings.attempts.to_string()),
        ("silence time", format!("{} s", settings.silence_s)),
        ("stall time", or(settings.stall_s, " s", "learnt from each job")),
        ("frame time", or(settings.frame_s, " s", "learnt from each job")),
        ("blacklist after", or(settings.blacklist_after, " failures in a row", "never")),
        ("blacklist time", or(settings.blacklist_s, " s", by_hand)),
        ("set aside after", or(settings.set_aside_after, " failures in a row", "never")),
        ("set aside time", or(settings.set_aside_s, " s", by_hand)),
        ("hopeless after", or(settings.hopeless_after, " failed frames", "never")),
        ("straggler time", or(settings.straggler_s, " s", "never")),
        ("keep days", or(settings.keep_days, "", "for ever")),
        ("keep jobs", or(settings.keep_jobs, "", "all")),
        ("disk free", format!("{} MiB", settings.disk_free_mib)),
        ("force upload", if settings.force_upload { "yes" } else { "no" }.to_owned()),
    ])
}
