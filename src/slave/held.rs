//! What the slave holds: tasks from the moment they were leased until the master has their outcome.
//!
//! A plain value, without I/O and without a clock; `desk` has its handle.
//!
//! Reports that are lost with a connection need no repeating: after every lost connection the slave registers again and
//! names what it holds, and what it does not name is free again.

use crate::ids::JobId;
use crate::wire::{LeaseInfo, ReportInfo, ReportKind, TaskName};
use std::collections::{HashMap, HashSet, VecDeque};
use tokio_util::sync::CancellationToken;

/// Reports that travel together.
const REPORTS_AT_ONCE: usize = 500;

/// One frame to render.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) name: TaskName,
    pub(super) frame: i32,
    /// Cancelled as soon as nobody wants the frame any more.
    pub(super) unwanted: CancellationToken,
}

/// Where a held task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    Rendering,
    /// Rendered: being checked, hashed and put into the outbox.
    Finishing,
    Boxed {
        bytes: u64,
    },
}

#[derive(Debug)]
struct Task {
    stage: Stage,
    frame: i32,
    lease: u64,
    unwanted: CancellationToken,
}

/// Everything that is held. Each task is in exactly one stage.
#[derive(Debug)]
pub(super) struct Held {
    tasks: HashMap<TaskName, Task>,
    /// Names of the queued tasks, in order.
    queue: VecDeque<TaskName>,
    /// Names of the boxed tasks, oldest first.
    boxed: VecDeque<TaskName>,
    reports: Vec<ReportInfo>,
    /// Counts the leases.
    leases: u64,
    /// Leases of which nothing was reported yet. Who asks for more while there is one is taken for a slave that never got
    /// it, and gets it again.
    unheard: HashSet<u64>,
    /// Slots with nothing to render, or nearly so.
    free_slots: u32,
    warm: Option<JobId>,
    outbox_bytes_max: u64,
}

impl Held {
    pub(super) fn new(outbox_bytes_max: u64) -> Self {
        Self {
            tasks: HashMap::new(),
            queue: VecDeque::new(),
            boxed: VecDeque::new(),
            reports: Vec::new(),
            leases: 0,
            unheard: HashSet::new(),
            free_slots: 0,
            warm: None,
            outbox_bytes_max,
        }
    }

    /// All that a master should know to be held.
    pub(super) fn names(&self) -> Vec<TaskName> {
        self.tasks.keys().copied().collect()
    }

    /// Whether another chunk is wanted: something renders its last frame, or nothing.
    pub(super) fn wants_work(&self) -> bool {
        self.queue.is_empty() && self.free_slots > 0 && self.unheard.is_empty() && !self.is_full()
    }

    /// Whether a frame waits to be rendered.
    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The frames of a job that wait to be rendered.
    pub(super) fn queued_frames(&self, job: JobId) -> Vec<i32> {
        let of_job = self.queue.iter().filter(|name| name.job == job);
        of_job.filter_map(|name| Some(self.tasks.get(name)?.frame)).collect()
    }

    /// The job whose scene is open.
    pub(super) fn warm(&self) -> Option<JobId> {
        self.warm
    }

    pub(super) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Reports that somebody waits for; that something is rendered may travel with the next wish.
    pub(super) fn has_urgent_reports(&self) -> bool {
        self.reports.iter().any(|report| report.kind != ReportKind::Rendered)
    }

    pub(super) fn oldest_boxed(&self) -> Option<TaskName> {
        self.boxed.front().copied()
    }

    pub(super) fn rendering(&self) -> Vec<TaskName> {
        let renders = |(name, task): (&TaskName, &Task)| (task.stage == Stage::Rendering).then_some(*name);
        self.tasks.iter().filter_map(renders).collect()
    }

    /// Whether something is between rendering and outbox.
    pub(super) fn is_finishing(&self) -> bool {
        self.tasks.values().any(|task| task.stage == Stage::Finishing)
    }

    fn is_full(&self) -> bool {
        let bytes = |task: &Task| if let Stage::Boxed { bytes } = task.stage { bytes } else { 0 };
        self.tasks.values().map(bytes).sum::<u64>() >= self.outbox_bytes_max
    }

    pub(super) fn add(&mut self, name: TaskName, frame: i32, lease: u64, stage: Stage) -> bool {
        // A master that leases what is held already repeats itself; rendering it twice helps nobody.
        if self.tasks.contains_key(&name) {
            return false;
        }
        let unwanted = CancellationToken::new();
        let task = Task {
            stage,
            frame,
            lease,
            unwanted,
        };
        self.tasks.insert(name, task);
        true
    }

    pub(super) fn lease(&mut self, lease: &LeaseInfo) {
        self.leases += 1;
        for task in &lease.tasks {
            let name = TaskName {
                job: lease.job,
                task: task.task,
                attempt: task.attempt,
            };
            if self.add(name, task.frame, self.leases, Stage::Queued) {
                self.queue.push_back(name);
                self.unheard.insert(self.leases);
            }
        }
    }

    pub(super) fn next(&mut self) -> Option<Assignment> {
        if self.is_full() {
            return None;
        }
        let name = self.queue.pop_front()?;
        let task = self.tasks.get_mut(&name)?;
        task.stage = Stage::Rendering;
        Some(Assignment {
            name,
            frame: task.frame,
            unwanted: task.unwanted.clone(),
        })
    }

    pub(super) fn set_stage(&mut self, name: TaskName, stage: Stage) -> bool {
        let Some(task) = self.tasks.get_mut(&name) else {
            return false;
        };
        task.stage = stage;
        if matches!(stage, Stage::Boxed { .. }) {
            self.boxed.push_back(name);
        }
        true
    }

    pub(super) fn remove(&mut self, name: TaskName) -> bool {
        let Some(task) = self.tasks.remove(&name) else {
            return false;
        };
        task.unwanted.cancel();
        self.unheard.remove(&task.lease);
        self.queue.retain(|queued| *queued != name);
        self.boxed.retain(|boxed| *boxed != name);
        self.reports.retain(|report| report.task != name);
        true
    }

    /// Blender is done with it, and has left a picture.
    pub(super) fn rendered(&mut self, name: TaskName) -> bool {
        let Some(task) = self.tasks.get_mut(&name) else {
            return false;
        };
        task.stage = Stage::Finishing;
        self.unheard.remove(&task.lease);
        self.report(name, ReportKind::Rendered);
        true
    }

    /// Given back unrendered, or failed without anything to deliver: all that is left of it is a report.
    pub(super) fn end_with(&mut self, name: TaskName, kind: ReportKind) -> bool {
        let held_it = self.remove(name);
        if held_it {
            self.report(name, kind);
        }
        held_it
    }

    /// Takes the oldest reports.
    pub(super) fn take_reports(&mut self) -> Vec<ReportInfo> {
        let count = self.reports.len().min(REPORTS_AT_ONCE);
        self.reports.drain(..count).collect()
    }

    /// Names of the queued tasks, in order.
    pub(super) fn queued(&self) -> Vec<TaskName> {
        self.queue.iter().copied().collect()
    }

    pub(super) fn free_slot(&mut self) {
        self.free_slots += 1;
    }

    pub(super) fn take_slot(&mut self) {
        self.free_slots = self.free_slots.saturating_sub(1);
    }

    /// Notes which job's scene is open; whether that is news.
    pub(super) fn set_warm(&mut self, warm: Option<JobId>) -> bool {
        std::mem::replace(&mut self.warm, warm) != warm
    }

    fn report(&mut self, task: TaskName, kind: ReportKind) {
        self.reports.push(ReportInfo { task, kind });
    }
}
