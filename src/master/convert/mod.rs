//! The farm's words into the wire's, and back. By hand, so that each may change without the other.

mod frame;

pub(super) use frame::{frame, frame_info, tiles};

use crate::error::Error;
use crate::farm::{self, Explainer, Farm, JobState, JobView, Machine, NewJob, Refusal, Rule, Rules, SlaveView, TaskRef};
use crate::ids::{Attempt, SlaveId, TaskIndex};
use crate::master::actor::{SlaveFacts, no_job};
use crate::wire::{
    self, ARCHIVE_FORMAT, ArchivedJob, BanCauseInfo, BanInfo, BlenderInfo, JobAnnounce, JobInfo, JobKind, JobLimits,
    JobStateInfo, Registration, RuleInfo, RulesInfo, SettingsEdit, ShownFrames, SlaveInfo, TaskName, TransitionInfo,
};

/// A job as it is shown.
pub(super) fn job_info(view: &JobView<'_>, farm: &Farm) -> JobInfo {
    job_explained(view, &farm.explainer())
}

/// Jobs as lists show them.
pub(super) fn job_infos<'a>(views: impl Iterator<Item = &'a JobView<'a>>, farm: &Farm) -> Vec<JobInfo> {
    let explainer = farm.explainer();
    views.map(|view| job_explained(view, &explainer)).collect()
}

fn job_explained(view: &JobView<'_>, explainer: &Explainer<'_>) -> JobInfo {
    let job = &view.record.job;
    JobInfo {
        id: job.id,
        name: job.name.clone(),
        sent_by: job.sent_by,
        kind: if job.bakes.is_empty() {
            JobKind::Render
        } else {
            JobKind::Bake
        },
        category: job.category.clone(),
        tags: job.tags.clone(),
        requirements: job.requirements.clone(),
        priority: job.priority,
        chunks: job.chunk_tasks,
        frames: ShownFrames::from(&job.frames),
        tiles: job.tiles,
        denoises: job.denoises && !job.tiles.is_whole(),
        blender: job.blender,
        depends_on: job.depends_on.clone(),
        limits: limits(&job.limits),
        resets: view.record.resets,
        blacklisted: view.banned,
        state: job_state(view.state),
        total: view.tasks,
        queued: view.queued,
        rendering: view.leased,
        done: view.done,
        failed: view.failed,
        usage: view.usage,
        frame_seconds: view.task_seconds,
        percent: view.percent,
        submitted_ms: view.record.submitted.0,
        dispatched_ms: view.record.last_dispatched.map(|at| at.0),
        transitions: transitions(view),
        explanation: explainer.job(job.id),
    }
}

/// A slave as lists show it.
pub(super) fn slave_info(view: &SlaveView<'_>, facts: Option<&SlaveFacts>, explainer: &Explainer<'_>) -> SlaveInfo {
    let SlaveFacts { address, machine } = facts.cloned().unwrap_or_default();
    let record = view.record;
    SlaveInfo {
        id: record.id,
        name: record.machine.name.clone(),
        address,
        tags: record.machine.tags.clone(),
        own_tags: record.own_tags.clone(),
        blenders: record
            .machine
            .blenders
            .iter()
            .map(|version| BlenderInfo { version: *version })
            .collect(),
        slots: record.machine.slots,
        allows_scripts: record.machine.allows_scripts,
        machine,
        online: view.online,
        lost: view.lost,
        set_aside: view.set_aside,
        paused: record.paused,
        resting: view.resting.map(str::to_owned),
        last_seen_ms: view.last_seen.0,
        holding: view.leased.iter().map(|task| task_name(*task)).collect(),
        speed: view.speed,
        done: view.done,
        failed: view.failed,
        current: None,
        latest: None,
        explanation: explainer.slave(record.id),
    }
}

/// What a slave registers with, for the farm.
pub(super) fn machine(registration: Registration) -> (Machine, Vec<TaskRef>) {
    let machine = Machine {
        name: registration.name,
        tags: registration.tags,
        blenders: registration.blenders.iter().map(|blender| blender.version).collect(),
        slots: registration.slots,
        cores: registration.machine.cores,
        memory_bytes: registration.machine.memory_bytes,
        os: registration.machine.os,
        gpus: registration.machine.gpus,
        allows_scripts: registration.allows_scripts,
        denoises: registration.denoises,
    };
    (machine, registration.holding.into_iter().map(task_ref).collect())
}

/// The rules as the wire has them.
pub(super) fn rules_info(rules: Rules) -> RulesInfo {
    let info = |Rule { enabled, limit }| RuleInfo { enabled, limit };
    RulesInfo {
        share: info(rules.share),
        new_first: info(rules.new_first),
        starving_first: info(rules.starving_first),
    }
}

/// The rules as the farm has them.
pub(super) fn rules(info: RulesInfo) -> Rules {
    let rule = |RuleInfo { enabled, limit }| Rule { enabled, limit };
    Rules {
        share: rule(info.share),
        new_first: rule(info.new_first),
        starving_first: rule(info.starving_first),
    }
}

/// A task as the wire names it.
pub(super) fn task_name(task: TaskRef) -> TaskName {
    TaskName {
        job: task.job,
        task: task.task.0,
        attempt: task.attempt.0,
    }
}

/// A task as the farm names it.
pub(super) fn task_ref(task: TaskName) -> TaskRef {
    TaskRef {
        job: task.job,
        task: TaskIndex(task.task),
        attempt: Attempt(task.attempt),
    }
}

/// The state's twin on the wire.
pub(super) fn job_state(state: JobState) -> JobStateInfo {
    match state {
        JobState::Waiting => JobStateInfo::Waiting,
        JobState::Queued => JobStateInfo::Queued,
        JobState::Paused => JobStateInfo::Paused,
        JobState::Finished => JobStateInfo::Finished,
        JobState::Failed => JobStateInfo::Failed,
        JobState::Cancelled => JobStateInfo::Cancelled,
    }
}

/// The same the other way.
pub(super) fn job_state_of(state: JobStateInfo) -> JobState {
    match state {
        JobStateInfo::Waiting => JobState::Waiting,
        JobStateInfo::Queued => JobState::Queued,
        JobStateInfo::Paused => JobState::Paused,
        JobStateInfo::Finished => JobState::Finished,
        JobStateInfo::Failed => JobState::Failed,
        JobStateInfo::Cancelled => JobState::Cancelled,
    }
}

/// A job as its archive tells of it.
pub(super) fn archived(view: &JobView<'_>) -> ArchivedJob {
    let NewJob {
        id,
        name,
        sent_by: _,
        category,
        tags,
        priority,
        chunk_tasks,
        frames,
        tiles,
        denoises,
        blender,
        requirements,
        runs_scripts: _,
        files_missing: _,
        depends_on,
        limits: job_limits,
        unwanted,
        bakes: _,
    } = view.record.job.clone();
    ArchivedJob {
        // So that a master that would render what is to be denoised refuses it.
        format: if denoises { ARCHIVE_FORMAT } else { 1 },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        id,
        announce: JobAnnounce {
            id: None,
            requirements,
            name,
            category,
            tags,
            priority,
            chunks: chunk_tasks,
            frames,
            tiles,
            blender,
            depends_on,
            blacklist: unwanted,
            limits: limits(&job_limits),
            manifest: None,
        },
        denoises,
        submitted_ms: view.record.submitted.0,
        transitions: transitions(view),
    }
}

fn limits(limits: &farm::Limits) -> JobLimits {
    JobLimits {
        attempts: limits.attempts_max,
        silence_s: limits.silence_s,
        stall_s: limits.stall_s,
        frame_s: limits.frame_s,
    }
}

fn transitions(view: &JobView<'_>) -> Vec<TransitionInfo> {
    let life = view.record.transitions.iter();
    life.map(|transition| TransitionInfo {
        at_ms: transition.at.0,
        state: job_state(transition.state),
    })
    .collect()
}

/// Why the farm refused, as an error.
pub(super) fn refused(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::UnknownJob(job) => no_job(*job),
        Refusal::UnknownSlave(slave) => no_slave(*slave),
        Refusal::Away(slave) => Error::conflict(format!("slave {slave} is not there")),
        Refusal::UnknownTask(job, task) => Error::not_found(format!("job {job} has no task {task}")),
        Refusal::Stale(task) => Error::conflict(format!(
            "attempt {} at task {} of job {} is not wanted any more",
            task.attempt, task.task, task.job
        ))
        .hint("drop it, and ask for other work"),
        Refusal::JobExists(job) => Error::conflict(format!("there is a job {job} already")),
        Refusal::WrongState(job, state) => {
            let state = match state {
                JobState::Waiting => "waiting",
                JobState::Queued => "queued",
                JobState::Paused => "paused",
                JobState::Finished => "finished",
                JobState::Failed => "failed",
                JobState::Cancelled => "cancelled",
            };
            Error::conflict(format!("job {job} is {state}, which does not allow this"))
        }
        Refusal::Frames(job, reason) => Error::bad_input(format!("job {job} cannot have these frames: {reason}")),
        Refusal::Circle(job, other) if job == other => Error::bad_input(format!("job {job} cannot wait for itself")),
        Refusal::Circle(job, other) => Error::conflict(format!("job {job} cannot wait for job {other}, which waits for it")),
    }
}

/// A slave on a list.
pub(super) fn ban(slave: SlaveId, ban: &farm::Ban, farm: &Farm) -> BanInfo {
    let name = farm.slave(slave).map(|slave| slave.record.machine.name.clone());
    BanInfo {
        slave,
        name: name.unwrap_or_default(),
        since_ms: ban.since.0,
        until_ms: ban.until.map(|until| until.0),
        cause: match ban.cause {
            farm::BanCause::Failures => BanCauseInfo::Failures,
            farm::BanCause::Unfit => BanCauseInfo::Unfit,
            farm::BanCause::Client => BanCauseInfo::Client,
            farm::BanCause::Administrator => BanCauseInfo::Administrator,
        },
        reason: ban.reason.clone(),
    }
}

/// The settings' twin on the wire.
pub(super) fn settings(settings: &farm::Settings) -> wire::Settings {
    wire::Settings {
        attempts: settings.limits.attempts_max,
        silence_s: settings.limits.silence_s,
        stall_s: settings.limits.stall_s,
        frame_s: settings.limits.frame_s,
        blacklist_after: settings.ban_after,
        blacklist_s: settings.ban_s,
        set_aside_after: settings.set_aside_after,
        set_aside_s: settings.set_aside_s,
        hopeless_after: settings.hopeless_after,
        straggler_s: settings.straggler_s,
        keep_days: settings.keep_days,
        keep_jobs: settings.keep_jobs,
        disk_free_mib: settings.disk_free_mib,
        force_upload: settings.force_upload,
    }
}

/// The settings after an edit.
pub(super) fn edited(settings: &farm::Settings, edit: &SettingsEdit) -> farm::Settings {
    farm::Settings {
        limits: farm::Limits {
            attempts_max: edit.attempts.unwrap_or(settings.limits.attempts_max),
            silence_s: edit.silence_s.unwrap_or(settings.limits.silence_s),
            stall_s: edit.stall_s.unwrap_or(settings.limits.stall_s),
            frame_s: edit.frame_s.unwrap_or(settings.limits.frame_s),
        },
        ban_after: edit.blacklist_after.unwrap_or(settings.ban_after),
        ban_s: edit.blacklist_s.unwrap_or(settings.ban_s),
        set_aside_after: edit.set_aside_after.unwrap_or(settings.set_aside_after),
        set_aside_s: edit.set_aside_s.unwrap_or(settings.set_aside_s),
        hopeless_after: edit.hopeless_after.unwrap_or(settings.hopeless_after),
        straggler_s: edit.straggler_s.unwrap_or(settings.straggler_s),
        keep_days: edit.keep_days.unwrap_or(settings.keep_days),
        keep_jobs: edit.keep_jobs.unwrap_or(settings.keep_jobs),
        disk_free_mib: edit.disk_free_mib.unwrap_or(settings.disk_free_mib),
        force_upload: edit.force_upload.unwrap_or(settings.force_upload),
    }
}

/// No such slave here.
pub(super) fn no_slave(slave: SlaveId) -> Error {
    Error::not_found(format!("there is no slave {slave} on this master")).hint("register first")
}
