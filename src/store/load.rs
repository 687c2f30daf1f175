//! Rows into records. A value that no release of ours writes makes the file a damaged one.

use super::Loaded;
use super::contents::read_bakes;
use super::rows::{BAN_CAUSES, DONE, FAILED, FARM, JOB_STATES, LEASED, QUEUED, key, rules_by_name};
use crate::farm::{
    Ban, Hold, JobRecord, Limits, Machine, Moment, NewJob, ResultFile, Rule, Rules, Settings, SlaveRecord, TaskRecord, TaskState,
    Transition,
};
use crate::ids::{Attempt, ContentHash, FrameLayout, FrameSet, JobId, SlaveId, TaskIndex};
use rusqlite::{Connection, Result, Row};
use std::collections::HashMap;
use std::str::FromStr;

/// Reads everything.
pub(super) fn load(from: &Connection) -> Result<Loaded> {
    let mut jobs = load_jobs(from)?;
    load_transitions(from, &mut jobs)?;
    if jobs.iter().any(|(record, _)| record.transitions.is_empty()) {
        return Err(wrong("a job without a state"));
    }
    load_tasks(from, &mut jobs)?;
    Ok(Loaded {
        jobs,
        rules: load_rules(from)?,
        slaves: load_slaves(from)?,
        bans: load_bans(from)?,
        settings: load_settings(from)?,
        contents: load_contents(from)?,
    })
}

/// Reads the ids of all jobs.
pub(super) fn job_ids(from: &Connection) -> Result<Vec<JobId>> {
    let mut statement = from.prepare("SELECT id FROM job ORDER BY place")?;
    let rows = statement.query_map([], |row| number(row, 0).map(JobId::from_bits))?;
    rows.collect()
}

type Jobs = Vec<(JobRecord, Vec<(TaskIndex, TaskRecord)>)>;

fn load_jobs(from: &Connection) -> Result<Jobs> {
    let mut statement = from.prepare(
        "SELECT id, name, category, tags, priority, chunk_tasks, frames, blender, files_missing, submitted, last_dispatched,
                requirements, layout, resets, depends_on, unwanted, attempts_max, silence_s, stall_s, frame_s, runs_scripts,
                bakes, sent_by
         FROM job ORDER BY place",
    )?;
    let rows = statement.query_map([], |row| {
        let blender: Option<String> = row.get(7)?;
        let frames: FrameSet = parsed(&row.get::<_, String>(6)?)?;
        let layout = match row.get::<_, Option<String>>(12)? {
            Some(layout) => parsed(&layout)?,
            None => FrameLayout::new(frames.clone()),
        };
        let job = NewJob {
            id: JobId::from_bits(number(row, 0)?),
            name: row.get(1)?,
            sent_by: parsed(&row.get::<_, String>(22)?)?,
            category: row.get(2)?,
            tags: lines(&row.get::<_, String>(3)?)?,
            requirements: parsed(&row.get::<_, String>(11)?)?,
            priority: row.get(4)?,
            chunk_tasks: row.get(5)?,
            tiles: layout.grid(),
            denoises: layout.denoises(),
            frames,
            blender: blender.as_deref().map(parsed).transpose()?,
            runs_scripts: row.get(20)?,
            files_missing: row.get(8)?,
            depends_on: lines(&row.get::<_, String>(14)?)?,
            unwanted: lines(&row.get::<_, String>(15)?)?,
            limits: Limits {
                attempts_max: row.get(16)?,
                silence_s: row.get(17)?,
                stall_s: row.get(18)?,
                frame_s: row.get(19)?,
            },
            bakes: read_bakes(&row.get::<_, String>(21)?)?,
        };
        let record = JobRecord {
            job,
            layout,
            resets: row.get(13)?,
            submitted: Moment(number(row, 9)?),
            transitions: Vec::new(),
            last_dispatched: optional_number(row, 10)?.map(Moment),
        };
        Ok((record, Vec::new()))
    })?;
    rows.collect()
}

fn load_transitions(from: &Connection, jobs: &mut Jobs) -> Result<()> {
    let places: HashMap<JobId, usize> = jobs.iter().enumerate().map(|(place, (job, _))| (job.job.id, place)).collect();
    let mut statement = from.prepare("SELECT job, at, state FROM transition ORDER BY place")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let state: i64 = row.get(2)?;
        let (state, _) = JOB_STATES
            .iter()
            .find(|(_, number)| *number == state)
            .ok_or_else(|| wrong("an unknown job state"))?;
        let transition = Transition {
            at: Moment(number(row, 1)?),
            state: *state,
        };
        if let Some(place) = places.get(&JobId::from_bits(number(row, 0)?)) {
            jobs[*place].0.transitions.push(transition);
        }
    }
    Ok(())
}

fn load_tasks(from: &Connection, jobs: &mut Jobs) -> Result<()> {
    let mut statement = from.prepare("SELECT * FROM task WHERE job = ?1 ORDER BY task")?;
    for (job, tasks) in jobs {
        let mut rows = statement.query([key(job.job.id.bits())])?;
        while let Some(row) = rows.next()? {
            tasks.push((TaskIndex(row.get(1)?), task(row)?));
        }
    }
    Ok(())
}

fn task(row: &Row<'_>) -> Result<TaskRecord> {
    let slave = || {
        optional_number(row, 5)?
            .map(SlaveId::from_bits)
            .ok_or_else(|| wrong("a task without its slave"))
    };
    let state = match row.get::<_, i64>(4)? {
        QUEUED => TaskState::Queued,
        LEASED => TaskState::Leased {
            slave: slave()?,
            since: Moment(number(row, 6)?),
            rendered: row.get(7)?,
            second: second_hold(row)?,
        },
        DONE => TaskState::Done {
            slave: slave()?,
            seconds: row.get(8)?,
            result: match row.get::<_, Option<[u8; 32]>>(9)? {
                Some(hash) => Some(ResultFile {
                    hash: ContentHash(hash),
                    size_bytes: number(row, 10)?,
                }),
                None => None,
            },
        },
        FAILED => TaskState::Failed {
            slave: slave()?,
            reason: row.get(11)?,
        },
        _ => return Err(wrong("an unknown task state")),
    };
    let attempt: u32 = row.get(2)?;
    Ok(TaskRecord {
        attempt: Attempt(attempt),
        attempts: row.get::<_, Option<u32>>(15)?.unwrap_or(attempt),
        failures: row.get(3)?,
        state,
        last_failure: row.get(12)?,
        failed_on: lines(&row.get::<_, String>(13)?)?,
        failed_before: lines(&row.get::<_, String>(14)?)?,
    })
}

fn second_hold(row: &Row<'_>) -> Result<Option<Hold>> {
    let Some(slave) = optional_number(row, 16)? else {
        return Ok(None);
    };
    Ok(Some(Hold {
        slave: SlaveId::from_bits(slave),
        attempt: Attempt(row.get(17)?),
        since: Moment(number(row, 18)?),
        rendered: row.get(19)?,
    }))
}

fn load_slaves(from: &Connection) -> Result<Vec<(SlaveRecord, Option<String>)>> {
    let mut statement = from.prepare(
        "SELECT id, name, tags, blenders, slots, facts, cores, memory_bytes, os, gpus, paused, allows_scripts, own_tags,
                denoises
         FROM slave ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        let machine = Machine {
            name: row.get(1)?,
            tags: lines(&row.get::<_, String>(2)?)?,
            blenders: lines(&row.get::<_, String>(3)?)?,
            slots: row.get(4)?,
            cores: row.get(6)?,
            memory_bytes: number(row, 7)?,
            os: row.get(8)?,
            gpus: lines(&row.get::<_, String>(9)?)?,
            allows_scripts: row.get(11)?,
            denoises: row.get(13)?,
        };
        let record = SlaveRecord {
            id: SlaveId::from_bits(number(row, 0)?),
            machine,
            paused: row.get(10)?,
            own_tags: row.get::<_, Option<String>>(12)?.as_deref().map(lines).transpose()?,
        };
        Ok((record, row.get(5)?))
    })?;
    rows.collect()
}

/// Those that were never changed are as they are by default.
fn load_rules(from: &Connection) -> Result<Rules> {
    let mut rules = Rules::default();
    let mut statement = from.prepare("SELECT enabled, limit_value FROM rule WHERE name = ?1")?;
    for (name, rule) in rules_by_name(&mut rules) {
        let mut rows = statement.query([name])?;
        if let Some(row) = rows.next()? {
            *rule = Rule {
                enabled: row.get(0)?,
                limit: row.get(1)?,
            };
        }
    }
    Ok(rules)
}

fn load_bans(from: &Connection) -> Result<Vec<(Option<JobId>, SlaveId, Ban)>> {
    let mut statement = from.prepare("SELECT job, slave, since, until, cause, reason FROM ban ORDER BY job, slave")?;
    let rows = statement.query_map([], |row| {
        let job = match row.get::<_, i64>(0)? {
            FARM => None,
            _ => Some(JobId::from_bits(number(row, 0)?)),
        };
        let cause: i64 = row.get(4)?;
        let cause = BAN_CAUSES.iter().find(|(_, number)| *number == cause);
        let ban = Ban {
            since: Moment(number(row, 2)?),
            until: optional_number(row, 3)?.map(Moment),
            cause: cause.ok_or_else(|| wrong("an unknown cause of a ban"))?.0,
            reason: row.get(5)?,
        };
        Ok((job, SlaveId::from_bits(number(row, 1)?), ban))
    })?;
    rows.collect()
}

fn load_settings(from: &Connection) -> Result<Settings> {
    let mut settings = Settings::default();
    let mut statement = from.prepare("SELECT name, value FROM setting")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        settings.set(&row.get::<_, String>(0)?, row.get(1)?);
    }
    Ok(settings)
}

fn load_contents(from: &Connection) -> Result<Vec<(JobId, Vec<ContentHash>)>> {
    // Left join: a job whose manifest is empty of files still has one.
    let mut statement = from.prepare(
        "SELECT manifest.job, content.hash FROM manifest LEFT JOIN content ON content.job = manifest.job ORDER BY manifest.job",
    )?;
    let mut found: Vec<(JobId, Vec<ContentHash>)> = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let job = JobId::from_bits(number(row, 0)?);
        if found.last().is_none_or(|(last, _)| *last != job) {
            found.push((job, Vec::new()));
        }
        if let (Some((_, contents)), Some(hash)) = (found.last_mut(), row.get::<_, Option<[u8; 32]>>(1)?) {
            contents.push(ContentHash(hash));
        }
    }
    Ok(found)
}

fn number(row: &Row<'_>, column: usize) -> Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| wrong("a negative number"))
}

pub(super) fn optional_number(row: &Row<'_>, column: usize) -> Result<Option<u64>> {
    row.get::<_, Option<i64>>(column)?
        .map(|number| u64::try_from(number).map_err(|_| wrong("a negative number")))
        .transpose()
}

fn lines<T: FromStr>(text: &str) -> Result<Vec<T>> {
    text.lines().map(parsed).collect()
}

pub(super) fn parsed<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| wrong("a text that cannot be read"))
}

pub(super) fn wrong(what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Null, format!("it holds {what}").into())
}
