//! Whether a slave may render a job, and if not, why: the same answer decides and explains.

use super::Farm;
use super::job::Job;
use super::model::Machine;
use super::requirements::fulfils;
use super::slave::Slave;
use super::task::Failures;
use crate::ids::{BlenderVersion, Requirement};

/// Why a slave does not get a job's tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The job has nothing to lease.
    NotReady,
    /// Somebody paused the slave.
    Paused,
    /// The slave is on the farm's blacklist …
    SetAside,
    /// … or on the job's.
    Banned,
    /// The slave lacks these of the job's tags.
    Tags(Vec<String>),
    /// The slave is not what this clause of the job's requirements asks for.
    Requirement(Requirement),
    /// The slave has no Blender of this series.
    Blender(BlenderVersion),
    /// The job's scene runs scripts, which the slave does not allow.
    Scripts,
    /// The job's frames are denoised by slaves, which a slave of this age cannot.
    Denoising,
    /// The job rests on this slave, after so many attempts in a row that failed, for so long.
    Rests { attempts: u32, millis: u64 },
    /// What is left failed on this slave, and another one can try it.
    FailedHere,
}

/// What the job asks of any slave, at any time.
pub(super) fn unfitness(machine: &Machine, job: &Job) -> Option<Obstacle> {
    let wanted = &job.record.job;
    let lacking = |tag: &&String| !machine.tags.contains(tag);
    if wanted.tags.iter().any(|tag| lacking(&tag)) {
        return Some(Obstacle::Tags(wanted.tags.iter().filter(lacking).cloned().collect()));
    }
    if let Some(clause) = wanted.requirements.iter().find(|clause| !fulfils(machine, clause)) {
        return Some(Obstacle::Requirement(clause.clone()));
    }
    let has_series = |series: BlenderVersion| machine.blenders.iter().any(|it| it.same_series(series));
    if let Some(series) = wanted.blender.filter(|series| !has_series(*series)) {
        return Some(Obstacle::Blender(series));
    }
    if wanted.runs_scripts && !machine.allows_scripts {
        return Some(Obstacle::Scripts);
    }
    (job.record.layout.denoises() && !machine.denoises).then_some(Obstacle::Denoising)
}

impl Farm {
    /// What stands between a slave and the job's tasks right now.
    pub(super) fn obstacle(&self, slave: &Slave, job: &Job) -> Option<Obstacle> {
        if !job.is_ready() {
            return Some(Obstacle::NotReady);
        }
        let kept_from = self.kept_from(slave, job);
        if kept_from.is_some() || !job.fresh.is_empty() {
            return kept_from;
        }
        let may_retry = |failures: &Failures| self.may_retry(slave, job, failures);
        let nothing_left = job.retries_for(may_retry).next().is_none();
        nothing_left.then_some(Obstacle::FailedHere)
    }

    /// What keeps a slave from a job at any time, until somebody changes one of them or a ban ends.
    pub(super) fn unfit(slave: &Slave, job: &Job) -> Option<Obstacle> {
        if slave.record.paused {
            return Some(Obstacle::Paused);
        }
        if slave.ban.is_some() {
            return Some(Obstacle::SetAside);
        }
        if job.bans.contains_key(&slave.id()) {
            return Some(Obstacle::Banned);
        }
        unfitness(&slave.record.machine, job)
    }

    /// What keeps a slave from a job just now: the same, or that the job rests there.
    pub(super) fn kept_from(&self, slave: &Slave, job: &Job) -> Option<Obstacle> {
        Self::unfit(slave, job).or_else(|| self.rest_of(slave.id(), job))
    }

    /// A task that failed on a slave is not for that slave again, while one that can and did not fail it is at work or
    /// waits for some.
    pub(super) fn may_retry(&self, slave: &Slave, job: &Job, failures: &Failures) -> bool {
        if !failures.slaves.contains(&slave.id()) {
            return true;
        }
        let is_better = |other: &Slave| {
            other.online
                && (other.waiting > 0 || !other.chunks.is_empty())
                && !failures.slaves.contains(&other.id())
                && self.kept_from(other, job).is_none()
        };
        !self.slaves.values().any(is_better)
    }
}
