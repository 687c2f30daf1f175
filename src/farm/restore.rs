//! A farm from what was recorded.

use super::Farm;
use super::balance::Balance;
use super::effect::{Change, Refusal};
use super::event::RequestId;
use super::job::Job;
use super::limits::RETENTION_LOOK_MS;
use super::model::{Ban, JobRecord, JobState, SlaveRecord, TaskRecord, TaskState, Transition};
use super::rules::Rules;
use super::seconds::plausible;
use super::settings::Settings;
use super::slave::{Chunk, Slave};
use super::task::State;
use super::time::Moment;
use crate::ids::{JobId, SlaveId, TaskIndex};
use std::collections::BTreeMap;

/// All that was recorded.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// Jobs with those of their tasks that are not untouched.
    pub jobs: Vec<(JobRecord, Vec<(TaskIndex, TaskRecord)>)>,
    /// Slaves.
    pub slaves: Vec<SlaveRecord>,
    /// Who is on which list; `None`: the farm's.
    pub bans: Vec<(Option<JobId>, SlaveId, Ban)>,
    /// What an administrator has set.
    pub settings: Settings,
    /// The rules of balancing.
    pub rules: Rules,
}

impl Farm {
    /// The farm as it was recorded. Leased tasks stay leased, because slaves deliver to a restarted master; slaves count as
    /// there until they have been silent from now on for too long. What was recorded only half is brought in line, which
    /// may leave effects to poll.
    #[must_use]
    pub fn restore(now: Moment, records: Records) -> Self {
        let Records {
            jobs,
            slaves,
            bans,
            settings,
            rules,
        } = records;
        let mut farm = Self {
            now,
            balance: Balance::new(now),
            settings,
            ..Self::new()
        };
        farm.balance.set_rules(rules);
        for record in slaves {
            let id = record.id;
            farm.slaves.insert(id, Slave::new(record, now));
            farm.see(id);
            if let Some(slave) = farm.slaves.get_mut(&id) {
                slave.heard = false;
            }
        }
        let ids: Vec<JobId> = jobs.iter().map(|(record, _)| record.job.id).collect();
        for (record, tasks) in jobs {
            farm.restore_job(record, tasks);
        }
        // Once all are there that they may depend on.
        for id in &ids {
            farm.link(*id);
        }
        for id in ids {
            farm.put_back_what_nobody_has(id);
            farm.settle(id);
        }
        for (job, slave, ban) in bans {
            farm.restore_ban(job, slave, ban);
        }
        // Not at once: where a removal cannot be recorded the farm is restored, and would begin with it again and again.
        farm.retention_due = Some(now.plus_millis(RETENTION_LOOK_MS));
        farm.timeouts_due = Some(now);
        farm
    }

    /// An archived job comes back, maybe from another farm. It is over if nothing is left of it to do, or if somebody had
    /// ended it; else it is paused, because whoever brought it back may only want to look at it.
    pub(super) fn job_restored(&mut self, request: RequestId, mut record: JobRecord, tasks: Vec<(TaskIndex, TaskRecord)>) {
        let id = record.job.id;
        if self.jobs.contains_key(&id) {
            return self.refuse(request, Refusal::JobExists(id));
        }
        record.job.files_missing = false;
        record
            .job
            .depends_on
            .retain(|on| self.jobs.contains_key(on) && !self.waits_for(*on, id));
        let ended = |is: fn(&TaskState) -> bool| tasks.iter().filter(|(_, task)| is(&task.state)).count();
        let done = ended(|state| matches!(state, TaskState::Done { .. }));
        let failed = ended(|state| matches!(state, TaskState::Failed { .. }));
        let last = record.transitions.last().map(|it| it.state);
        let state = match (done + failed == record.layout.len() as usize, failed, last) {
            (true, 0, _) => JobState::Finished,
            (true, ..) => JobState::Failed,
            (false, _, Some(JobState::Cancelled)) => JobState::Cancelled,
            (false, ..) => JobState::Paused,
        };
        // Also if that is no change: from now on it is kept as long as any job that is over.
        record.transitions.push(Transition { at: self.now, state });
        self.record(Change::JobAdded(Box::new(record.clone())));
        for (task, record) in &tasks {
            self.record(Change::Task {
                job: id,
                task: *task,
                record: record.clone(),
            });
        }
        self.restore_job(record, tasks);
        if state.is_over() {
            self.retention_due.get_or_insert(self.now.plus_millis(RETENTION_LOOK_MS));
        }
        self.link(id);
        self.ban_unwanted(id);
        self.settle(id);
        self.settle_dependents(id);
        self.accept(request);
    }

    fn restore_job(&mut self, record: JobRecord, tasks: Vec<(TaskIndex, TaskRecord)>) {
        let id = record.job.id;
        let mut job = Job::new(record);
        job.shorten_transitions();
        for (index, record) in tasks {
            let state = state_of(&record.state);
            job.restore_task(index, record, state);
        }
        let is_over = job.state().is_over();
        if !is_over {
            let record = &job.record;
            self.balance
                .add(self.now, &record.job, record.submitted, record.last_dispatched);
        }
        let leased = leased_tasks(&job);
        self.jobs.insert(id, job);
        for ((slave, since), tasks) in leased {
            if !is_over && self.slaves.contains_key(&slave) {
                self.restore_chunk(id, slave, since, &tasks);
            }
        }
    }

    /// Leased tasks of a job that is over, of a slave that is not known, or of a frame that was taken out.
    fn put_back_what_nobody_has(&mut self, id: JobId) {
        let Some(job) = self.jobs.get(&id) else {
            return;
        };
        let is_over = job.state().is_over();
        for ((slave, _), tasks) in leased_tasks(job) {
            let is_known = self.slaves.contains_key(&slave);
            for (index, _) in tasks {
                let is_out = self.jobs.get(&id).is_some_and(|job| job.dropped.contains(index));
                if is_over || is_out || !is_known {
                    self.put_back(slave, id, index);
                }
            }
        }
    }

    fn restore_chunk(&mut self, job: JobId, slave: SlaveId, since: Moment, tasks: &[(TaskIndex, bool)]) {
        let is_block = self.jobs.get(&job).is_some_and(Job::renders_blocks);
        let Some(slave) = self.slaves.get_mut(&slave) else {
            return;
        };
        let unrendered = tasks.iter().filter(|(_, rendered)| !rendered).count();
        let chunk = Chunk {
            job,
            since,
            moved: self.now,
            heard: self.now,
            tasks: tasks.iter().map(|(index, _)| *index).collect(),
            unrendered,
            // The answer that leased it may have died with the master.
            heard_of: unrendered < tasks.len(),
            repeated: None,
            is_block,
            percent: None,
        };
        if unrendered > 0 {
            self.balance.slot_taken(self.now, job, chunk.spare());
        }
        slave.chunks.push(chunk);
    }
}

/// Leased tasks and whether they are rendered, by slave and lease: what was leased at once was one chunk.
fn leased_tasks(job: &Job) -> BTreeMap<(SlaveId, Moment), Vec<(TaskIndex, bool)>> {
    let mut leased: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (index, task) in job.touched() {
        for hold in task.holds() {
            leased
                .entry((hold.slave, hold.since))
                .or_default()
                .push((index, hold.rendered));
        }
    }
    leased
}

fn state_of(told: &TaskState) -> State {
    match *told {
        TaskState::Queued => State::Queued,
        TaskState::Leased {
            slave,
            since,
            rendered,
            second,
        } => State::Leased {
            slave,
            since,
            rendered,
            second,
        },
        TaskState::Done { slave, seconds, result } => State::Done {
            slave,
            seconds: plausible(seconds),
            result,
        },
        TaskState::Failed { slave, .. } => State::Failed { slave },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::Event;
    use crate::farm::sim::trial::{Answer, Trial, a_job, job_id};
    use crate::ids::{Attempt, FrameLayout};

    fn done(task: u32) -> (TaskIndex, TaskRecord) {
        let state = TaskState::Done {
            slave: SlaveId::from_bits(9),
            seconds: 1.0,
            result: None,
        };
        let record = TaskRecord {
            attempt: Attempt(2),
            attempts: 2,
            failures: 0,
            state,
            last_failure: None,
            failed_on: Vec::new(),
            failed_before: Vec::new(),
        };
        (TaskIndex(task), record)
    }

    #[test]
    fn an_archived_job_comes_back_over_or_paused_and_under_a_free_id_only() {
        for (number, last, tasks, expected) in [
            (1, JobState::Finished, vec![done(0), done(1)], JobState::Finished),
            (2, JobState::Queued, vec![done(0), done(1)], JobState::Finished),
            (3, JobState::Finished, vec![done(1)], JobState::Paused),
            (4, JobState::Cancelled, vec![done(1)], JobState::Cancelled),
            (5, JobState::Queued, vec![], JobState::Paused),
        ] {
            let mut trial = Trial::new();
            let at = Moment(1);
            let record = JobRecord {
                job: a_job(number, 2),
                layout: FrameLayout::new(a_job(number, 2).frames),
                resets: 0,
                submitted: at,
                transitions: vec![Transition { at, state: last }],
                last_dispatched: None,
            };
            let restored = |request| Event::JobRestored {
                request,
                record: Box::new(record.clone()),
                tasks: tasks.clone(),
            };
            assert_eq!(trial.ask(restored), Some(Answer::Accept), "{number}");
            let id = job_id(number);
            let view = trial.farm.job(id).unwrap();
            assert_eq!((view.state, view.done as usize), (expected, tasks.len()), "{number}");
            assert!(
                matches!(trial.ask(restored), Some(Answer::Refuse(Refusal::JobExists(_)))),
                "{number}"
            );
        }
    }
}
