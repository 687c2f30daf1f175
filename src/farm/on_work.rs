//! Slaves want work: who gets what.

use super::Farm;
use super::effect::{Change, Effect, Lease, Refusal};
use super::event::RequestId;
use super::job::Job;
use super::limits::{
    AUTO_CHUNK_LEASES_PER_SLOT, AUTO_CHUNK_S, AUTO_CHUNK_TASKS_MAX, DISPATCH_NOTED_MS, LEASE_TASKS_MAX, SLAVE_TASKS_MAX,
    TIMEOUTS_LOOK_MS, WORK_WAIT_MS_MAX,
};
use super::rules::Rules;
use super::slave::Chunk;
use super::time::Moment;
use super::waits::Wait;
use crate::ids::{Attempt, JobId, SlaveId, TaskIndex};

impl Farm {
    pub(super) fn work_wanted(&mut self, request: RequestId, id: SlaveId, until: Moment, warm: Option<JobId>) {
        if !self.see(id) {
            return self.refuse(request, Refusal::UnknownSlave(id));
        }
        if let Some(lease) = self.lease_again(id).or_else(|| self.find_work(id, warm)) {
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

    pub(super) fn rules_changed(&mut self, request: RequestId, rules: Rules) {
        if *self.balance.rules() != rules {
            self.balance.set_rules(rules);
            self.record(Change::Rules(rules));
            // Who was held back may have more now.
            self.work_appeared = true;
        }
        self.accept(request);
    }

    /// Gives work to those who wait, oldest wish first.
    pub(super) fn serve_waits(&mut self) {
        let waits: Vec<_> = self.waits.iter().collect();
        for (request, wait) in waits {
            if !self.balance.any_ready() && !self.balance.any_spare() {
                return;
            }
            if let Some(lease) = self.find_work(wait.slave, wait.warm) {
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

    pub(super) fn remove_wait(&mut self, request: RequestId) {
        if let Some(wait) = self.waits.remove(request)
            && let Some(slave) = self.slaves.get_mut(&wait.slave)
        {
            slave.waiting -= 1;
        }
    }

    /// A slave with a free slot has fewer chunks to render than slots. One that asks with all slots taken never got an
    /// answer that leased it something: here it is again, under the same attempts, so that nothing hangs or is doubled.
    fn lease_again(&mut self, id: SlaveId) -> Option<Lease> {
        let chunk = self.slaves.get_mut(&id)?.unheard_of(self.now)?;
        chunk.repeated = Some(self.now);
        let job = self.jobs.get(&chunk.job)?;
        let tasks = chunk
            .tasks
            .iter()
            .filter_map(|index| Some((*index, job.hold_of(*index, id)?.attempt)));
        Some(Lease {
            job: chunk.job,
            tasks: tasks.collect(),
            as_one: chunk.is_block,
        })
    }

    /// Leases what is queued, else what is taken back from others.
    fn find_work(&mut self, id: SlaveId, warm: Option<JobId>) -> Option<Lease> {
        let lease = self.lease(id, warm);
        if lease.is_some() || !self.take_back_for(id) {
            return lease;
        }
        self.lease(id, warm)
    }

    /// Leases the next chunk to a slave, if there is one for it.
    fn lease(&mut self, id: SlaveId, warm: Option<JobId>) -> Option<Lease> {
        let slave = self.slaves.get(&id)?;
        let room = SLAVE_TASKS_MAX.saturating_sub(slave.held());
        if room == 0 || self.disk_is_low || !self.balance.any_ready() {
            return None;
        }
        let fits = |job: JobId| {
            let job = self.jobs.get(&job);
            job.is_some_and(|job| self.obstacle(slave, job).is_none())
        };
        let chosen = self.balance.next_job(self.now, warm, fits)?;
        let job = self.jobs.get(&chosen)?;
        let tasks = if job.renders_blocks() {
            self.next_block(slave, job, room)
        } else {
            let count = chunk_tasks(job, self.balance.slots()).min(room);
            job.next_tasks(count, |failures| self.may_retry(slave, job, failures))
        };
        Some(self.hand_over(chosen, id, tasks))
    }

    pub(super) fn hand_over(&mut self, id: JobId, slave: SlaveId, tasks: Vec<TaskIndex>) -> Lease {
        let mut leased: Vec<(TaskIndex, Attempt)> = Vec::with_capacity(tasks.len());
        let as_one = self.jobs.get(&id).is_some_and(Job::renders_blocks);
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
            moved: self.now,
            heard: self.now,
            unrendered: tasks.len(),
            tasks,
            heard_of: false,
            repeated: None,
            is_block: as_one,
            percent: None,
        };
        if let Some(slave) = self.slaves.get_mut(&slave) {
            self.balance.slot_taken(self.now, id, chunk.spare());
            slave.chunks.push(chunk);
            self.timeouts_due.get_or_insert(self.now.plus_millis(TIMEOUTS_LOOK_MS));
        }
        self.settle(id);
        Lease {
            job: id,
            tasks: leased,
            as_one,
        }
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
    if job.bakes() {
        return 1;
    }
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

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job, a_machine, answer_of, tasks_of};
    use crate::farm::{Effect, Event, JobState, NewJob, ReportBody};

    fn leases(told: &[Effect]) -> usize {
        told.iter().filter(|effect| matches!(effect, Effect::Lease { .. })).count()
    }

    #[test]
    fn who_waits_gets_work_as_soon_as_there_is_some() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        assert_eq!(trial.want(slave), None);
        let request = trial.request();
        let told = trial.happen(&Event::JobSubmitted {
            request,
            job: a_job(1, 3),
        });
        assert_eq!(leases(&told), 1);
    }

    #[test]
    fn who_waits_in_vain_is_told_so_in_time() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        assert_eq!(trial.want(slave), None);
        assert_eq!(trial.pass(29_999), []);
        let told = trial.pass(1);
        assert_eq!(
            told.iter().filter_map(answer_of).map(|(_, it)| it).collect::<Vec<_>>(),
            [Answer::NoWork]
        );
    }

    #[test]
    fn nobody_is_leased_work_over_a_connection_that_is_gone() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let request = trial.request();
        let until = trial.now.plus_millis(30_000);
        trial.happen(&Event::WorkWanted {
            request,
            slave,
            until,
            warm: None,
        });
        trial.happen(&Event::WorkUnwanted { request });
        let job = trial.submit(a_job(1, 1));
        assert_eq!(trial.farm.job(job).unwrap().leased, 0);
    }

    #[test]
    fn a_slave_with_one_slot_that_asks_again_has_lost_its_first_connection() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        assert_eq!(trial.want(slave), None);
        assert_eq!(trial.want(slave), None);
        assert_eq!(trial.unanswered.len(), 1);
        let job = trial.submit(a_job(1, 5));
        assert_eq!(trial.farm.job(job).unwrap().leased, 1);
    }

    #[test]
    fn a_lease_whose_answer_got_lost_is_told_again_under_the_same_attempts() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = a_job(1, 10);
        trial.submit(NewJob { chunk_tasks: 3, ..job });
        let lost = trial.leased(slave);
        assert_eq!(trial.leased(slave), lost);
        trial.done(slave, lost[0]);
        trial.done(slave, lost[1]);
        trial.report(slave, lost[2], ReportBody::Rendered);
        assert_ne!(trial.leased(slave), lost, "a slot that was freed gets something new");
    }

    #[test]
    fn a_slave_renders_the_next_chunk_while_results_of_the_last_are_on_the_way() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        trial.submit(a_job(1, 3));
        let first = trial.leased(slave)[0];
        trial.report(slave, first, ReportBody::Rendered);
        let second = trial.leased(slave)[0];
        assert_ne!(first.task, second.task);
        assert_eq!(trial.done(slave, first), Answer::Accept);
        assert_eq!(trial.done(slave, second), Answer::Accept);
    }

    #[test]
    fn chunks_are_as_long_as_the_job_says() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = a_job(1, 7);
        trial.submit(NewJob { chunk_tasks: 5, ..job });
        for count in [5, 2] {
            let tasks = trial.leased(slave);
            assert_eq!(tasks.len(), count);
            for task in tasks {
                assert_eq!(trial.done(slave, task), Answer::Accept);
            }
        }
        assert_eq!(trial.state(crate::farm::sim::trial::job_id(1)), JobState::Finished);
    }

    #[test]
    fn chunks_chosen_by_the_farm_grow_with_short_frames_and_shrink_at_the_end() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = a_job(1, 100);
        trial.submit(NewJob { chunk_tasks: 0, ..job });
        let mut counts = Vec::new();
        while let Some(Answer::Lease(lease)) = trial.want(slave) {
            counts.push(lease.tasks.len());
            for task in tasks_of(&lease) {
                trial.done_in(slave, task, 0.125);
            }
        }
        assert_eq!(counts, [1, 40, 30, 15, 7, 4, 2, 1]);
    }

    #[test]
    fn long_frames_go_one_by_one() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = a_job(1, 100);
        trial.submit(NewJob { chunk_tasks: 0, ..job });
        for _ in 0..5 {
            let tasks = trial.leased(slave);
            assert_eq!(tasks.len(), 1);
            trial.done_in(slave, tasks[0], 600.0);
        }
    }

    #[test]
    fn among_about_equal_jobs_the_open_scene_decides() {
        let mut trial = Trial::new();
        let slaves = [1, 2].map(|number| trial.slave(number));
        let jobs = [1, 2].map(|number| trial.submit(a_job(number, 100)));
        let mut tasks = slaves.map(|slave| trial.leased(slave)[0]);
        assert_eq!(tasks.map(|task| task.job), jobs, "one each");
        for round in 0..20 {
            for place in [0, 1] {
                trial.now = trial.now.plus_millis(1_000);
                trial.done(slaves[place], tasks[place]);
                let Some(Answer::Lease(lease)) = trial.want_warm(slaves[place], Some(jobs[place])) else {
                    panic!("no work in round {round}");
                };
                tasks[place] = tasks_of(&lease)[0];
                assert_eq!(tasks[place].job, jobs[place], "round {round}");
            }
        }
    }

    #[test]
    fn a_slave_needs_all_tags_of_a_job_and_a_job_without_tags_needs_none() {
        let mut trial = Trial::new();
        let slaves = [&["gpu"][..], &["gpu", "linux"], &[]];
        let slaves: Vec<_> = (1..)
            .zip(slaves)
            .map(|(number, tags)| trial.register(number, a_machine(tags), &[]))
            .collect();
        let (picky, easy) = (a_job(1, 9), a_job(2, 9));
        let tags = vec!["linux".to_owned(), "gpu".to_owned()];
        let picky = trial.submit(NewJob { tags, ..picky });
        for (slave, able) in slaves.iter().zip([false, true, false]) {
            assert_eq!(trial.want(*slave).is_some(), able);
        }
        let told = trial.farm.explain_job(picky);
        assert_eq!(
            told,
            ["rendering on the only slot that can take it; 8 frames wait for a free one"]
        );
        let easy = trial.submit(easy);
        assert_eq!(trial.farm.job(easy).unwrap().leased, 2);
    }
}
