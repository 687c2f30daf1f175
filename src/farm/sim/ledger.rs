//! The store of a simulated master: it knows what was recorded, and nothing else.

use crate::farm::{Ban, Change, JobRecord, JobState, Records, Rules, Settings, SlaveRecord, TaskRecord, TaskState};
use crate::ids::{Attempt, JobId, SlaveId, TaskIndex};
use std::collections::BTreeMap;

/// Every change applied in order.
#[derive(Debug, Default)]
pub(in crate::farm) struct Ledger {
    pub(in crate::farm) jobs: BTreeMap<JobId, (JobRecord, BTreeMap<TaskIndex, TaskRecord>)>,
    pub(in crate::farm) slaves: BTreeMap<SlaveId, SlaveRecord>,
    pub(in crate::farm) rules: Rules,
    pub(in crate::farm) bans: BTreeMap<(Option<JobId>, SlaveId), Ban>,
    pub(in crate::farm) settings: Settings,
}

impl Ledger {
    /// Applies a change, and asserts that it is possible after those before it.
    pub(in crate::farm) fn apply(&mut self, change: Change) {
        match change {
            Change::JobAdded(record) => {
                let known = self.jobs.insert(record.job.id, (*record, BTreeMap::new()));
                assert!(known.is_none(), "a job is added twice");
            }
            Change::JobState { job, transition } => self.job(job).0.transitions.push(transition),
            Change::JobEdited { job, layout, resets } => {
                let (record, _) = self.job(job.id);
                record.job = *job;
                record.layout = layout;
                record.resets = resets;
            }
            Change::JobDispatched { job, at } => self.job(job).0.last_dispatched = Some(at),
            Change::JobRemoved(job) => {
                assert!(self.jobs.remove(&job).is_some(), "an unknown job is removed");
                self.bans.retain(|(of, _), _| *of != Some(job));
            }
            Change::Task { job, task, record } => {
                let before = self.job(job).1.insert(task, record.clone());
                if let Some(before) = before {
                    assert!(
                        !matches!(before.state, TaskState::Done { .. }) || before.attempts < record.attempts,
                        "task {task} changes after it was done, and was not reset"
                    );
                    assert!(before.attempts <= record.attempts, "attempts of task {task} go back");
                }
            }
            Change::TasksReset { job, first, last } => {
                for (task, record) in self.job(job).1.range_mut(first..=last) {
                    assert!(record.last_failure.is_none(), "task {task} failed before");
                    record.attempts += 1;
                    record.attempt = Attempt(record.attempts);
                    record.state = TaskState::Queued;
                }
            }
            Change::Slave(record) => {
                self.slaves.insert(record.id, record);
            }
            Change::Rules(rules) => self.rules = rules,
            Change::SlaveRemoved(slave) => {
                assert!(self.slaves.remove(&slave).is_some(), "an unknown slave is removed");
                self.bans.retain(|(_, banned), _| *banned != slave);
            }
            Change::Ban {
                job,
                slave,
                ban: Some(ban),
            } => {
                assert!(job.is_none_or(|job| self.jobs.contains_key(&job)), "a ban of an unknown job");
                self.bans.insert((job, slave), ban);
            }
            Change::Ban { job, slave, ban: None } => {
                let lifted = self.bans.remove(&(job, slave));
                assert!(lifted.is_some(), "a ban is lifted that was not there");
            }
            Change::Settings(settings) => self.settings = settings,
        }
    }

    /// What a restarted master reads.
    pub(in crate::farm) fn read(&self) -> Records {
        let tasks = |tasks: &BTreeMap<TaskIndex, TaskRecord>| tasks.iter().map(|(task, it)| (*task, it.clone())).collect();
        let jobs = self.jobs.values().map(|(record, all)| (record.clone(), tasks(all)));
        let bans = self.bans.iter().map(|((job, slave), ban)| (*job, *slave, ban.clone()));
        Records {
            jobs: jobs.collect(),
            slaves: self.slaves.values().cloned().collect(),
            bans: bans.collect(),
            settings: self.settings.clone(),
            rules: self.rules,
        }
    }

    pub(in crate::farm) fn state(&self, job: JobId) -> Option<JobState> {
        self.jobs.get(&job)?.0.transitions.last().map(|it| it.state)
    }

    /// A task as a restarted master would see it; `None` if there is no such job.
    pub(in crate::farm) fn task(&self, job: JobId, task: TaskIndex) -> Option<TaskRecord> {
        let never_leased = TaskRecord {
            attempt: Attempt(0),
            attempts: 0,
            failures: 0,
            state: TaskState::Queued,
            last_failure: None,
            failed_on: Vec::new(),
            failed_before: Vec::new(),
        };
        let (_, tasks) = self.jobs.get(&job)?;
        Some(tasks.get(&task).cloned().unwrap_or(never_leased))
    }

    fn job(&mut self, id: JobId) -> &mut (JobRecord, BTreeMap<TaskIndex, TaskRecord>) {
        self.jobs
            .get_mut(&id)
            .unwrap_or_else(|| panic!("a change of the unknown job {id}"))
    }
}
