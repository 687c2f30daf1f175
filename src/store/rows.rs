//! Changes into rows. Each kind of change is one prepared statement or a few.

use super::Write;
use super::contents::{add_baked, add_manifest, bake_line, contents_of, is_needed};
use crate::farm::{
    Ban, BanCause, Change, Hold, JobRecord, JobState, Moment, NewJob, Rule, Rules, Settings, SlaveRecord, TaskRecord, TaskState,
    Transition,
};
use crate::ids::{ContentHash, FrameLayout, JobId, SlaveId, TaskIndex};
use rusqlite::{Connection, Result, ToSql, Transaction, params};
use std::fmt::Display;

/// Job states as numbers. Numbers once given keep their meaning for ever.
pub(super) const JOB_STATES: [(JobState, i64); 6] = [
    (JobState::Waiting, 0),
    (JobState::Queued, 1),
    (JobState::Paused, 2),
    (JobState::Finished, 3),
    (JobState::Failed, 4),
    (JobState::Cancelled, 5),
];
/// Task states as numbers.
pub(super) const QUEUED: i64 = 0;
pub(super) const LEASED: i64 = 1;
pub(super) const DONE: i64 = 2;
pub(super) const FAILED: i64 = 3;

/// Causes of bans as numbers.
pub(super) const BAN_CAUSES: [(BanCause, i64); 4] = [
    (BanCause::Failures, 0),
    (BanCause::Client, 1),
    (BanCause::Administrator, 2),
    (BanCause::Unfit, 3),
];
/// In the place of a job: the farm itself.
pub(super) const FARM: i64 = -1;

/// Carries out all writes in one transaction; returns the contents that no job needs any more.
pub(super) fn apply(connection: &mut Connection, writes: &[Write]) -> Result<Vec<ContentHash>> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // A job that is dispatched many times within a batch needs only its last moment.
    let mut dispatched: Vec<(JobId, Moment)> = Vec::new();
    let mut released = Vec::new();
    for write in writes {
        if let Write::Farm(Change::JobRemoved(job)) = write {
            released.extend(contents_of(&transaction, *job)?);
        }
        if let Write::Farm(Change::JobDispatched { job, at }) = write {
            match dispatched.iter_mut().find(|(known, _)| known == job) {
                Some((_, last)) => *last = *at,
                None => dispatched.push((*job, *at)),
            }
        } else {
            apply_one(&transaction, write)?;
        }
    }
    for (job, at) in dispatched {
        run(
            &transaction,
            "UPDATE job SET last_dispatched = ?2 WHERE id = ?1",
            params![key(job.bits()), key(at.0)],
        )?;
    }
    released.sort_unstable();
    released.dedup();
    let mut orphans = Vec::new();
    for hash in released {
        if !is_needed(&transaction, &hash)? {
            orphans.push(hash);
        }
    }
    transaction.commit()?;
    Ok(orphans)
}

/// An unsigned number as `SQLite` keeps it. Ids and moments are far below 2^63.
pub(super) fn key(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn apply_one(on: &Transaction<'_>, write: &Write) -> Result<()> {
    match write {
        Write::Farm(change) => apply_change(on, change),
        Write::Manifest {
            job,
            document,
            contents,
            bakes_from,
        } => add_manifest(on, *job, document, contents, *bakes_from),
        Write::Baked {
            job,
            task,
            document,
            contents,
        } => add_baked(on, *job, *task, document, contents),
        Write::Facts { slave, document } => run(
            on,
            "UPDATE slave SET facts = ?2 WHERE id = ?1",
            params![key(slave.bits()), document],
        ),
        Write::Note { name, value } => run(on, "REPLACE INTO note VALUES (?1, ?2)", params![name, value]),
    }
}

fn apply_change(on: &Transaction<'_>, change: &Change) -> Result<()> {
    match change {
        Change::JobAdded(record) => add_job(on, record),
        Change::JobState { job, transition } => add_transition(on, *job, *transition),
        Change::JobDispatched { job, at } => run(
            on,
            "UPDATE job SET last_dispatched = ?2 WHERE id = ?1",
            params![key(job.bits()), key(at.0)],
        ),
        Change::JobEdited { job, layout, resets } => edit_job(on, job, layout, *resets),
        Change::JobRemoved(job) => remove_job(on, *job),
        Change::Task { job, task, record } => set_task(on, *job, *task, record),
        Change::TasksReset { job, first, last } => reset_tasks(on, *job, *first, *last),
        Change::Slave(record) => set_slave(on, record),
        Change::SlaveRemoved(slave) => {
            run(on, "DELETE FROM slave WHERE id = ?1", params![key(slave.bits())])?;
            run(on, "DELETE FROM ban WHERE slave = ?1", params![key(slave.bits())])
        }
        Change::Rules(rules) => set_rules(on, *rules),
        Change::Ban { job, slave, ban } => set_ban(on, *job, *slave, ban.as_ref()),
        Change::Settings(settings) => set_settings(on, settings),
    }
}

fn add_job(on: &Transaction<'_>, record: &JobRecord) -> Result<()> {
    let job = &record.job;
    run(
        on,
        "INSERT INTO job (id, name, category, tags, priority, chunk_tasks, frames, blender, files_missing, submitted,
                          last_dispatched, requirements)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            key(job.id.bits()),
            job.name,
            job.category,
            lines(&job.tags),
            job.priority,
            job.chunk_tasks,
            job.frames.to_string(),
            job.blender.map(|version| version.to_string()),
            job.files_missing,
            key(record.submitted.0),
            record.last_dispatched.map(|at| key(at.0)),
            job.requirements.to_string(),
        ],
    )?;
    run(
        on,
        "UPDATE job SET bakes = ?2, sent_by = ?3 WHERE id = ?1",
        params![
            key(job.id.bits()),
            lines(&job.bakes.iter().map(bake_line).collect::<Vec<_>>()),
            job.sent_by.as_str(),
        ],
    )?;
    edit_job(on, job, &record.layout, record.resets)?;
    record
        .transitions
        .iter()
        .try_for_each(|transition| add_transition(on, job.id, *transition))
}

fn edit_job(on: &Transaction<'_>, job: &NewJob, layout: &FrameLayout, resets: u32) -> Result<()> {
    let (frames, layout) = (job.frames.to_string(), layout.to_string());
    run(
        on,
        "UPDATE job SET name = ?2, category = ?3, tags = ?4, priority = ?5, chunk_tasks = ?6, frames = ?7, files_missing = ?8,
                        layout = ?9, resets = ?10, depends_on = ?11, unwanted = ?12, attempts_max = ?13, silence_s = ?14,
                        stall_s = ?15, frame_s = ?16, requirements = ?17, runs_scripts = ?18
         WHERE id = ?1",
        params![
            key(job.id.bits()),
            job.name,
            job.category,
            lines(&job.tags),
            job.priority,
            job.chunk_tasks,
            frames,
            job.files_missing,
            (layout != frames).then_some(layout),
            resets,
            lines(&job.depends_on),
            lines(&job.unwanted),
            job.limits.attempts_max,
            job.limits.silence_s,
            job.limits.stall_s,
            job.limits.frame_s,
            job.requirements.to_string(),
            job.runs_scripts,
        ],
    )
}

fn set_ban(on: &Transaction<'_>, job: Option<JobId>, slave: SlaveId, ban: Option<&Ban>) -> Result<()> {
    let (job, slave) = (job.map_or(FARM, |job| key(job.bits())), key(slave.bits()));
    let Some(ban) = ban else {
        return run(on, "DELETE FROM ban WHERE job = ?1 AND slave = ?2", params![job, slave]);
    };
    let cause = BAN_CAUSES
        .iter()
        .find(|(cause, _)| *cause == ban.cause)
        .map(|(_, number)| number);
    run(
        on,
        "REPLACE INTO ban VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            job,
            slave,
            key(ban.since.0),
            ban.until.map(|until| key(until.0)),
            cause,
            ban.reason
        ],
    )
}

fn set_settings(on: &Transaction<'_>, settings: &Settings) -> Result<()> {
    settings
        .entries()
        .iter()
        .try_for_each(|(name, value)| run(on, "REPLACE INTO setting VALUES (?1, ?2)", params![name, value]))
}

fn add_transition(on: &Transaction<'_>, job: JobId, transition: Transition) -> Result<()> {
    let state = JOB_STATES
        .iter()
        .find(|(state, _)| *state == transition.state)
        .map(|(_, number)| number);
    run(
        on,
        "INSERT INTO transition (job, at, state) VALUES (?1, ?2, ?3)",
        params![key(job.bits()), key(transition.at.0), state],
    )
}

/// What a bake job has made stays with those that are rendered with it.
fn remove_job(on: &Transaction<'_>, job: JobId) -> Result<()> {
    for sql in [
        "INSERT OR IGNORE INTO content SELECT manifest.job, content.hash FROM content, manifest
         WHERE content.job = ?1 AND manifest.bakes_from = ?1",
        "INSERT OR IGNORE INTO baked SELECT manifest.job, baked.task, baked.document FROM baked, manifest
         WHERE baked.job = ?1 AND manifest.bakes_from = ?1",
        "DELETE FROM baked WHERE job = ?1",
        "DELETE FROM job WHERE id = ?1",
        "DELETE FROM transition WHERE job = ?1",
        "DELETE FROM task WHERE job = ?1",
        "DELETE FROM manifest WHERE job = ?1",
        "DELETE FROM content WHERE job = ?1",
        "DELETE FROM ban WHERE job = ?1",
    ] {
        run(on, sql, params![key(job.bits())])?;
    }
    Ok(())
}

fn set_task(on: &Transaction<'_>, job: JobId, task: TaskIndex, record: &TaskRecord) -> Result<()> {
    let mut row = TaskRow::default();
    let state = match &record.state {
        TaskState::Queued => QUEUED,
        TaskState::Leased {
            slave,
            since,
            rendered,
            second,
        } => {
            row.slave = Some(key(slave.bits()));
            row.since = Some(key(since.0));
            row.rendered = Some(*rendered);
            row.second = *second;
            LEASED
        }
        TaskState::Done { slave, seconds, result } => {
            row.slave = Some(key(slave.bits()));
            row.seconds = Some(*seconds);
            row.hash = result.as_ref().map(|file| &file.hash.0);
            row.size_bytes = result.as_ref().map(|file| key(file.size_bytes));
            DONE
        }
        TaskState::Failed { slave, reason } => {
            row.slave = Some(key(slave.bits()));
            row.reason = Some(reason);
            FAILED
        }
    };
    run(
        on,
        "REPLACE INTO task VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                                     ?19, ?20)",
        params![
            key(job.bits()),
            task.0,
            record.attempt.0,
            record.failures,
            state,
            row.slave,
            row.since,
            row.rendered,
            row.seconds,
            row.hash,
            row.size_bytes,
            row.reason,
            record.last_failure,
            lines(&record.failed_on),
            lines(&record.failed_before),
            (record.attempts != record.attempt.0).then_some(record.attempts),
            row.second.map(|hold| key(hold.slave.bits())),
            row.second.map(|hold| hold.attempt.0),
            row.second.map(|hold| key(hold.since.0)),
            row.second.map(|hold| hold.rendered),
        ],
    )
}

/// As [`set_task`] would write a queued task that never failed, under the next attempt.
fn reset_tasks(on: &Transaction<'_>, job: JobId, first: TaskIndex, last: TaskIndex) -> Result<()> {
    run(
        on,
        "UPDATE task SET attempt = coalesce(attempts, attempt) + 1, attempts = NULL, state = ?4, slave = NULL, since = NULL,
                         rendered = NULL, seconds = NULL, hash = NULL, size_bytes = NULL, reason = NULL, second_slave = NULL,
                         second_attempt = NULL, second_since = NULL, second_rendered = NULL
         WHERE job = ?1 AND task BETWEEN ?2 AND ?3",
        params![key(job.bits()), first.0, last.0, QUEUED],
    )
}

/// The columns that belong to some states only.
#[derive(Default)]
struct TaskRow<'a> {
    slave: Option<i64>,
    since: Option<i64>,
    rendered: Option<bool>,
    seconds: Option<f64>,
    hash: Option<&'a [u8; 32]>,
    size_bytes: Option<i64>,
    reason: Option<&'a str>,
    second: Option<Hold>,
}

fn set_slave(on: &Transaction<'_>, record: &SlaveRecord) -> Result<()> {
    let machine = &record.machine;
    run(
        on,
        "INSERT INTO slave (id, name, tags, blenders, slots, cores, memory_bytes, os, gpus, paused, allows_scripts,
                            own_tags, denoises)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (id) DO UPDATE SET name = ?2, tags = ?3, blenders = ?4, slots = ?5, cores = ?6, memory_bytes = ?7,
                                        os = ?8, gpus = ?9, paused = ?10, allows_scripts = ?11, own_tags = ?12,
                                        denoises = ?13",
        params![
            key(record.id.bits()),
            machine.name,
            lines(&machine.tags),
            lines(&machine.blenders),
            machine.slots,
            machine.cores,
            key(machine.memory_bytes),
            machine.os,
            lines(&machine.gpus),
            record.paused,
            machine.allows_scripts,
            record.own_tags.as_deref().map(lines),
            machine.denoises,
        ],
    )
}

fn set_rules(on: &Transaction<'_>, mut rules: Rules) -> Result<()> {
    rules_by_name(&mut rules).into_iter().try_for_each(|(name, rule)| {
        run(
            on,
            "REPLACE INTO rule VALUES (?1, ?2, ?3)",
            params![name, rule.enabled, rule.limit],
        )
    })
}

/// Each rule with the name of its row.
pub(super) fn rules_by_name(rules: &mut Rules) -> [(&'static str, &mut Rule); 3] {
    [
        ("share", &mut rules.share),
        ("new_first", &mut rules.new_first),
        ("starving_first", &mut rules.starving_first),
    ]
}

fn lines<T: Display>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub(super) fn run(on: &Transaction<'_>, sql: &str, values: &[&dyn ToSql]) -> Result<()> {
    on.prepare_cached(sql)?.execute(values).map(drop)
}
