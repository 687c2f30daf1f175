//! The last frames of a job: one that takes far longer on its slave than on an idle one is rendered there as well.
//!
//! The first result wins; the other attempt is stopped, and what it may still tell is refused as stale. What a second lease
//! costs is the idle slave's time, so it gets one only if no job has anything else for it. A task has two leases at most, and
//! both count as usage of its job.
//!
//! Looked for from time to time, among slaves that wait: to ask for work costs nothing more by this.
//!
//! Absences: how fast slaves are is not recorded; a restarted master measures them anew.

use crate::farm::Farm;
use crate::farm::balance::Standing;
use crate::farm::effect::Effect;
use crate::farm::event::TaskRef;
use crate::farm::job::Job;
use crate::farm::limits::{MEDIAN_TRUSTED_FRAMES, PACE_RANGE, PACE_WEIGHT, SLAVE_TASKS_MAX, STRAGGLER_FACTOR};
use crate::farm::seconds::LatestSeconds;
use crate::farm::slave::{Chunk, Slave};
use crate::farm::task::State;
use crate::ids::{JobId, SlaveId, TaskIndex};

/// Tasks, rendered as one, that might be done earlier by another slave.
#[derive(Debug, Clone)]
struct Straggler {
    job: JobId,
    /// One, or those of a block: nothing of it is won before all of it is.
    tasks: Vec<TaskIndex>,
    holder: SlaveId,
    /// How much longer it will take where it is, as far as can be told.
    remaining_s: f64,
}

/// Why a slave renders what another one renders.
pub(super) struct Twice {
    pub(super) task: TaskIndex,
    /// Who has it longer …
    pub(super) other: SlaveId,
    /// … and for how long.
    pub(super) rendered_s: f64,
    /// What the slave needs for it, as far as can be told.
    pub(super) needed_s: f64,
}

impl Farm {
    /// Leases stragglers to slaves that wait in vain for anything else.
    pub(super) fn render_stragglers_twice(&mut self) {
        if self.settings.straggler_s == 0 || self.disk_is_low || self.waits.is_empty() {
            return;
        }
        let mut stragglers = self.stragglers();
        let waits: Vec<_> = self.waits.iter().collect();
        for (request, wait) in waits {
            if stragglers.is_empty() {
                return;
            }
            let slave = wait.slave;
            let Some(place) = self.straggler_for(slave, &stragglers) else {
                continue;
            };
            let Straggler { job, tasks, .. } = stragglers.remove(place);
            self.remove_wait(request);
            let lease = self.hand_over(job, slave, tasks);
            self.effects.push_back(Effect::Lease { request, slave, lease });
        }
    }

    /// Learns from a result how fast its slave is, compared with those that render the same job.
    pub(super) fn measure_pace(&mut self, slave: SlaveId, at: TaskRef, done: State) {
        // One bake takes a second and the next one an hour, and who denoises renders nothing: that says nothing of the slave.
        let job = self.jobs.get(&at.job);
        let Some(job) = job.filter(|job| !job.bakes() && !job.is_denoising(at.task)) else {
            return;
        };
        let trusted = Some(&job.latest_seconds).filter(|latest| latest.len() >= MEDIAN_TRUSTED_FRAMES);
        let expected_s = trusted
            .and_then(LatestSeconds::median)
            .map(|median| median * job.size_of(at.task));
        let (Some(expected_s), State::Done { seconds, .. }) = (expected_s, done) else {
            return;
        };
        if let Some(slave) = self.slaves.get_mut(&slave).filter(|_| expected_s > 0.0) {
            let pace = (seconds / expected_s).clamp(PACE_RANGE.0, PACE_RANGE.1);
            slave.pace = Some(slave.pace.map_or(pace, |before| before + (pace - before) * PACE_WEIGHT));
        }
    }

    /// Why a slave renders a chunk of which another slave has the only task, and had it before.
    pub(super) fn twice(&self, slave: &Slave, chunk: &Chunk) -> Option<Twice> {
        let job = self.jobs.get(&chunk.job)?;
        let block: Vec<TaskIndex> = job.begun(slave, chunk).collect();
        let task = *block.first()?;
        let first = job.holds_of(task).next().filter(|first| first.slave != slave.id())?;
        let other = self.slaves.get(&first.slave)?;
        let moved = other.chunk_of(chunk.job, task).map(|place| other.chunks[place].moved)?;
        Some(Twice {
            task,
            other: first.slave,
            rendered_s: self.now.millis_since(moved) as f64 / 1_000.0,
            needed_s: needed_s(slave, job, &block).unwrap_or_default(),
        })
    }

    /// All that might be done earlier by another slave, the slowest first.
    fn stragglers(&self) -> Vec<Straggler> {
        let chunks = self
            .slaves
            .values()
            .flat_map(|slave| slave.chunks.iter().map(move |chunk| (slave, chunk)));
        let mut stragglers: Vec<_> = chunks.filter_map(|(slave, chunk)| self.as_straggler(slave, chunk)).collect();
        stragglers.sort_by(|one, other| other.remaining_s.total_cmp(&one.remaining_s));
        stragglers
    }

    /// One frame that was measured is enough for this: to be wrong costs nobody but an idle slave.
    fn as_straggler(&self, slave: &Slave, chunk: &Chunk) -> Option<Straggler> {
        let rendered_ms = self.now.millis_since(chunk.moved);
        if chunk.unrendered == 0 || chunk.spare() > 0 || rendered_ms < u64::from(self.settings.straggler_s) * 1_000 {
            return None;
        }
        let job = self
            .jobs
            .get(&chunk.job)
            .filter(|job| job.may_go_on() && job.queued() == 0 && !job.bakes())?;
        // What was not begun is taken back first.
        self.balance.share(chunk.job).filter(|share| share.spare == 0)?;
        let tasks: Vec<TaskIndex> = job.begun(slave, chunk).collect();
        let is_other = |task: &TaskIndex| job.holds_of(*task).count() > 1 || job.is_denoising(*task);
        if tasks.is_empty() || tasks.iter().any(is_other) {
            return None;
        }
        let remaining_s = remaining_s(rendered_ms as f64 / 1_000.0, needed_s(slave, job, &tasks)?);
        Some(Straggler {
            job: chunk.job,
            tasks,
            holder: slave.id(),
            remaining_s,
        })
    }

    /// The slowest of the stragglers that a slave would be done with clearly earlier, if it has nothing else to do.
    fn straggler_for(&self, id: SlaveId, stragglers: &[Straggler]) -> Option<usize> {
        let slave = self.slaves.get(&id)?;
        let ready = self.balance.shares().filter(|share| share.standing == Standing::Ready);
        let mut ready = ready.filter_map(|share| self.jobs.get(&share.job));
        let has_other = ready.any(|job| self.obstacle(slave, job).is_none());
        if has_other || self.job_with_spare(id).is_some() || slave.held() >= SLAVE_TASKS_MAX {
            return None;
        }
        let is_better = |straggler: &Straggler| {
            let job = self.jobs.get(&straggler.job)?;
            let needed_s = needed_s(slave, job, &straggler.tasks)?;
            let failed = |task: &TaskIndex| job.failures.get(task).is_some_and(|it| it.slaves.contains(&id));
            let has_failed = straggler.tasks.iter().any(failed);
            let may_have_more = !self.balance.any_ready() || self.balance.over_share(straggler.job).is_none();
            let is_able = self.kept_from(slave, job).is_none() && !has_failed && straggler.holder != id;
            Some(is_able && may_have_more && straggler.remaining_s > STRAGGLER_FACTOR * needed_s)
        };
        stragglers.iter().position(|straggler| is_better(straggler) == Some(true))
    }
}

/// What a slave needs for tasks that it renders as one, as far as can be told.
fn needed_s(slave: &Slave, job: &Job, tasks: &[TaskIndex]) -> Option<f64> {
    let size: f64 = tasks.iter().map(|task| job.size_of(*task)).sum();
    Some(job.latest_seconds.median()? * size * slave.pace())
}

/// How much longer a frame will take that was to take so long. One that is late already may take as long again as it has
/// taken: nothing better is known of it.
fn remaining_s(rendered_s: f64, expected_s: f64) -> f64 {
    if rendered_s < expected_s {
        expected_s - rendered_s
    } else {
        rendered_s
    }
}

#[cfg(test)]
mod tests;
