//! Slaves want work: who gets what.

use super::Farm;
use super::effect::{Change, Effect, Lease, Refusal};
use super::event::RequestId;
use super::job::Job;
use super::limits::{
    AUTO_CHUNK_LEASES_PER_SLOT, AUTO_CHUNK_S, AUTO_CHUNK_TASKS_MAX, DISPATCH_NOTED_MS, LEASE_TASKS_MAX, SLAVE_TASKS_MAX,
    WORK_WAIT_MS_MAX,
};
use super::slave::Chunk;
use super::time::Moment;
use super::waits::Wait;
use crate::ids::{Attempt, JobId, SlaveId, TaskIndex};

impl Farm {
    pub(super) fn work_wanted(&mut self, request: RequestId, id: SlaveId, until: Moment, warm: Option<JobId>) {
        if !self.see(id) {
            return self.refuse(request, Refusal::UnknownSlave(id));
        }
        if let Some(lease) = self.lease_again(id).or_else(|| self.lease(id, warm)) {
            self.effects.push_back(Effect::Lease {
                request,
                slave: id,
                lease,
            });
            return;
        }
        self.wait(
            request,
            Wait {
                slave: id,
                until: until.min(self.now.plus_millis(WORK_WAIT_MS_MAX)),
                warm,
            },
        );
    }

    pub(super) fn work_unwanted(&mut self, request: RequestId) {
        self.remove_wait(request);
    }

    /// Gives work to those who wait, oldest wish first.
    pub(super) fn serve_waits(&mut self) {
        let waits: Vec<_> = self.waits.iter().collect();
        for (request, wait) in waits {
            if !self.balance.any_ready() {
                return;
            }
            if let Some(lease) = self.lease(wait.slave, wait.warm) {
                self.remove_wait(request);
                let slave = wait.slave;
                self.effects.push_back(Effect::Lease { request, slave, lease });
            }
        }
    }

    /// Ends a wait without work.
    pub(super) fn end_wait(&mut self, request: RequestId) {
        self.remove_wait(request);
        self.effects.push_back(Effect::NoWork { request });
    }

    fn wait(&mut self, request: RequestId, wait: Wait) {
        let Some(slave) = self.slaves.get_mut(&wait.slave) else {
            return;
        };
        slave.waiting += 1;
        let too_many = slave.waiting > slave.slots();
        // More wishes than slots: the connection of the oldest one must be gone.
        let oldest = if too_many {
            self.waits.of(wait.slave).first().copied()
        } else {
            None
        };
        self.waits.insert(request, wait);
        if let Some(oldest) = oldest {
            self.end_wait(oldest);
        }
        if wait.until <= self.now {
            self.end_wait(request);
        }
    }

    fn remove_wait(&mut self, request: RequestId) {
        if let Some(wait) = self.waits.remove(request)
            && let Some(slave) = self.slaves.get_mut(&wait.slave)
        {
            slave.waiting -= 1;
        }
    }

    /// A slave with a free slot has fewer chunks to render than slots. One that asks with all slots taken never got an
    /// answer that leased it something: here it is again, under the same attempts, so that nothing hangs or is doubled.
    fn lease_again(&mut self, id: SlaveId) -> Option<Lease> {
        let chunk = self.slaves.get(&id)?.unheard_of()?;
        let job = self.jobs.get(&chunk.job)?;
        let tasks = chunk
            .tasks
            .iter()
            .filter_map(|index| Some((*index, job.task(*index)?.attempt)));
        Some(Lease {
            job: chunk.job,
            tasks: tasks.collect(),
        })
    }

    /// Leases the next chunk to a slave, if there is one for it.
    fn lease(&mut self, id: SlaveId, warm: Option<JobId>) -> Option<Lease> {
        let slave = self.slaves.get(&id)?;
        let room = SLAVE_TASKS_MAX.saturating_sub(slave.held());
        if room == 0 || !self.balance.any_ready() {
            return None;
        }
        let fits = |job: JobId| {
            let job = self.jobs.get(&job);
            job.is_some_and(|job| self.obstacle(slave, job).is_none())
        };
        let chosen = self.balance.next_job(self.now, warm, fits)?;
        let job = self.jobs.get(&chosen)?;
        let count = chunk_tasks(job, self.balance.slots()).min(room);
        let tasks = job.next_tasks(count, |failures| self.may_retry(slave, job, failures));
        Some(self.hand_over(chosen, id, tasks))
    }

    fn hand_over(&mut self, id: JobId, slave: SlaveId, tasks: Vec<TaskIndex>) -> Lease {
        let mut leased: Vec<(TaskIndex, Attempt)> = Vec::with_capacity(tasks.len());
        for index in &tasks {
            if let Some(job) = self.jobs.get_mut(&id) {
                leased.push((*index, job.lease(*index, slave, self.now)));
            }
            self.record_task(id, *index);
        }
        self.note_dispatch(id);
        let chunk = Chunk {
            job: id,
            since: self.now,
            unrendered: tasks.len(),
            tasks,
            heard_of: false,
        };
        if let Some(slave) = self.slaves.get_mut(&slave) {
            slave.chunks.push(chunk);
            self.balance.slot_taken(self.now, id);
        }
        self.settle(id);
        Lease { job: id, tasks: leased }
    }

    fn note_dispatch(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        let noted = job.record.last_dispatched;
        if noted.is_none_or(|noted| noted > self.now || self.now.millis_since(noted) >= DISPATCH_NOTED_MS) {
            job.record.last_dispatched = Some(self.now);
            self.record(Change::JobDispatched { job: id, at: self.now });
        }
    }
}

/// How many tasks of a job go into one lease: what the job says, or else so many that a lease lasts long enough to be
/// worth the asking, and short enough at the end of the job for all slaves to finish together.
pub(super) fn chunk_tasks(job: &Job, farm_slots: u32) -> usize {
    let asked = job.record.job.chunk_tasks as usize;
    if asked > 0 {
        return asked.min(LEASE_TASKS_MAX);
    }
    let by_time = job
        .latest_seconds
        .median()
        .map_or(1.0, |seconds| AUTO_CHUNK_S / seconds.max(f64::EPSILON));
    let by_time = (1..AUTO_CHUNK_TASKS_MAX)
        .take_while(|count| (*count as f64) < by_time.floor())
        .count()
        + 1;
    let leases_left = farm_slots.max(1).saturating_mul(AUTO_CHUNK_LEASES_PER_SLOT);
    by_time.min(job.queued().div_ceil(leases_left) as usize).max(1)
}
