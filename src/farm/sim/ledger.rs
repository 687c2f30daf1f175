//! The store of a simulated master: it knows what was recorded, and nothing else.

use crate::farm::{Change, JobRecord, JobState, Rules, SlaveRecord, TaskRecord, TaskState};
use crate::ids::{Attempt, JobId, SlaveId, TaskIndex};
use std::collections::BTreeMap;

/// A job with the records of its tasks.
pub(in crate::farm) type JobWithTasks = (JobRecord, Vec<(TaskIndex, TaskRecord)>);

/// Every change applied in order.
#[derive(Debug, Default)]
pub(in crate::farm) struct Ledger {
    pub(in crate::farm) jobs: BTreeMap<JobId, (JobRecord, BTreeMap<TaskIndex, TaskRecord>)>,
    pub(in crate::farm) slaves: BTreeMap<SlaveId, SlaveRecord>,
    pub(in crate::farm) rules: Rules,
}

impl Ledger {
    /// Applies a change, and asserts that it is possible after those before it.
    pub(in crate::farm) fn apply(&mut self, change: Change) {
        match change {
            Change::JobAdded(record) => {
                let known = self.jobs.insert(record.job.id, (record, BTreeMap::new()));
                assert!(known.is_none(), "a job is added twice");
            }
            Change::JobState { job, transition } => self.job(job).0.transitions.push(transition),
            Change::JobDispatched { job, at } => self.job(job).0.last_dispatched = Some(at),
            Change::JobRemoved(job) => assert!(self.jobs.remove(&job).is_some(), "an unknown job is removed"),
            Change::Task { job, task, record } => {
                let before = self.job(job).1.insert(task, record.clone());
                if let Some(before) = before {
                    assert!(
                        !matches!(before.state, TaskState::Done { .. }),
                        "task {task} changes after it was done"
                    );
                    assert!(before.attempt <= record.attempt, "attempts of task {task} go back");
                }
            }
            Change::Slave(record) => {
                self.slaves.insert(record.id, record);
            }
            Change::Rules(rules) => self.rules = rules,
            Change::SlaveRemoved(slave) => assert!(self.slaves.remove(&slave).is_some(), "an unknown slave is removed"),
        }
    }

    /// What a restarted master reads.
    pub(in crate::farm) fn read(&self) -> (Vec<JobWithTasks>, Vec<SlaveRecord>) {
        let tasks = |tasks: &BTreeMap<TaskIndex, TaskRecord>| tasks.iter().map(|(task, it)| (*task, it.clone())).collect();
        let jobs = self.jobs.values().map(|(record, all)| (record.clone(), tasks(all)));
        (jobs.collect(), self.slaves.values().cloned().collect())
    }

    pub(in crate::farm) fn state(&self, job: JobId) -> Option<JobState> {
        self.jobs.get(&job)?.0.transitions.last().map(|it| it.state)
    }

    /// A task as a restarted master would see it; `None` if there is no such job.
    pub(in crate::farm) fn task(&self, job: JobId, task: TaskIndex) -> Option<TaskRecord> {
        let never_leased = TaskRecord {
            attempt: Attempt(0),
            failures: 0,
            state: TaskState::Queued,
            last_failure: None,
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
