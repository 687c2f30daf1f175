//! What the slave holds: tasks from the moment they were leased until the master has their outcome.
//!
//! A plain value ([`Held`]) with a handle that wakes whoever waits for it to change ([`Desk`]). No I/O, no clock.
//!
//! Reports that are lost with a connection need no repeating: after every lost connection the slave registers again and
//! names what it holds, and what it does not name is free again.

use crate::ids::JobId;
use crate::wire::{LeaseInfo, ReportInfo, ReportKind, TaskName};
use std::collections::{HashMap, HashSet, VecDeque};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Outcomes that may wait for delivery; above it nothing more is rendered until some are delivered.
pub(super) const OUTBOX_BYTES_MAX: u64 = 8 << 30;

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
enum Stage {
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
    fn new(outbox_bytes_max: u64) -> Self {
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

    fn add(&mut self, name: TaskName, frame: i32, lease: u64, stage: Stage) -> bool {
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

    fn lease(&mut self, lease: &LeaseInfo) {
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

    fn next(&mut self) -> Option<Assignment> {
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

    fn set_stage(&mut self, name: TaskName, stage: Stage) -> bool {
        let Some(task) = self.tasks.get_mut(&name) else {
            return false;
        };
        task.stage = stage;
        if matches!(stage, Stage::Boxed { .. }) {
            self.boxed.push_back(name);
        }
        true
    }

    fn remove(&mut self, name: TaskName) -> bool {
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
    fn rendered(&mut self, name: TaskName) -> bool {
        let Some(task) = self.tasks.get_mut(&name) else {
            return false;
        };
        task.stage = Stage::Finishing;
        self.unheard.remove(&task.lease);
        self.report(name, ReportKind::Rendered);
        true
    }

    fn report(&mut self, task: TaskName, kind: ReportKind) {
        self.reports.push(ReportInfo { task, kind });
    }
}

/// The handle of what is held; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Desk(watch::Sender<Held>);

impl Desk {
    pub(super) fn new(outbox_bytes_max: u64) -> Self {
        Self(watch::Sender::new(Held::new(outbox_bytes_max)))
    }

    /// For waiting until something is so, and for looking.
    pub(super) fn watch(&self) -> watch::Receiver<Held> {
        self.0.subscribe()
    }

    /// Looks without waiting.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Held) -> T) -> T {
        look(&self.0.borrow())
    }

    /// A chunk came.
    pub(super) fn lease(&self, lease: &LeaseInfo) {
        self.0.send_modify(|held| held.lease(lease));
    }

    /// An outcome that an earlier run left.
    pub(super) fn found(&self, name: TaskName, bytes: u64) {
        self.0.send_modify(|held| {
            if held.add(name, 0, 0, Stage::Finishing) {
                held.set_stage(name, Stage::Boxed { bytes });
            }
        });
    }

    /// The next frame to render, as soon as there is one and the outbox has room.
    pub(super) async fn next(&self) -> Assignment {
        let mut changes = self.watch();
        loop {
            let mut found = None;
            self.0.send_if_modified(|held| {
                found = held.next();
                found.is_some()
            });
            if let Some(assignment) = found {
                return assignment;
            }
            // The sender lives in `self`, so this only ever ends by a change.
            let _ = changes.changed().await;
        }
    }

    /// A slot has nothing to do, or soon will.
    pub(super) fn slot_freed(&self) {
        self.0.send_modify(|held| held.free_slots += 1);
    }

    /// The slot has something to do.
    pub(super) fn slot_taken(&self) {
        self.0.send_modify(|held| held.free_slots = held.free_slots.saturating_sub(1));
    }

    pub(super) fn set_warm(&self, warm: Option<JobId>) {
        self.0
            .send_if_modified(|held| std::mem::replace(&mut held.warm, warm) != warm);
    }

    /// Blender has left a picture, which is still to be checked. False if nobody wants it any more.
    pub(super) fn rendered(&self, name: TaskName) -> bool {
        self.change(|held| held.rendered(name))
    }

    /// Its outcome is in the outbox. False if nobody wants it any more.
    pub(super) fn boxed(&self, name: TaskName, bytes: u64) -> bool {
        self.change(|held| held.set_stage(name, Stage::Boxed { bytes }))
    }

    /// Given back unrendered.
    pub(super) fn give_back(&self, name: TaskName) {
        self.change(|held| {
            let held_it = held.remove(name);
            if held_it {
                held.report(name, ReportKind::Returned);
            }
            held_it
        });
    }

    /// Gives back all that waits to be rendered.
    pub(super) fn give_back_queued(&self) {
        for name in self.look(|held| held.queue.clone()) {
            self.give_back(name);
        }
    }

    /// Failed in a way that there is nothing to deliver of.
    pub(super) fn failed(&self, name: TaskName, reason: String) {
        self.change(|held| {
            let held_it = held.remove(name);
            if held_it {
                held.report(name, ReportKind::Failed { reason });
            }
            held_it
        });
    }

    /// Delivered, or nobody wants it any more: it is held no longer, and nothing is reported of it.
    pub(super) fn forget(&self, name: TaskName) -> bool {
        self.change(|held| held.remove(name))
    }

    /// The oldest of what is to be reported; after that it counts as reported.
    pub(super) fn take_reports(&self) -> Vec<ReportInfo> {
        let mut reports = Vec::new();
        self.0.send_if_modified(|held| {
            let count = held.reports.len().min(REPORTS_AT_ONCE);
            reports = held.reports.drain(..count).collect();
            false
        });
        reports
    }

    fn change(&self, change: impl FnOnce(&mut Held) -> bool) -> bool {
        self.0.send_if_modified(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::LeasedTask;

    fn lease(job: u64, tasks: std::ops::Range<u32>) -> LeaseInfo {
        LeaseInfo {
            job: JobId::from_bits(job),
            tasks: tasks
                .map(|task| LeasedTask {
                    task,
                    attempt: 1,
                    frame: i32::try_from(task).unwrap() + 1,
                })
                .collect(),
        }
    }

    #[tokio::test]
    async fn a_task_is_held_from_lease_to_delivery() {
        let desk = Desk::new(OUTBOX_BYTES_MAX);
        assert!(!desk.look(Held::wants_work));
        desk.slot_freed();
        assert!(desk.look(Held::wants_work));
        desk.lease(&lease(1, 0..2));
        desk.lease(&lease(1, 0..2));
        assert_eq!(desk.look(Held::names).len(), 2, "a repeated lease was taken twice");
        assert!(!desk.look(Held::wants_work));

        let first = desk.next().await;
        assert_eq!(first.frame, 1);
        assert_eq!(desk.look(Held::rendering), [first.name]);
        assert!(desk.rendered(first.name));
        assert!(desk.boxed(first.name, 10));
        assert_eq!(desk.look(Held::oldest_boxed), Some(first.name));
        assert_eq!(desk.look(Held::names).len(), 2);
        assert_eq!(
            desk.take_reports(),
            [ReportInfo {
                task: first.name,
                kind: ReportKind::Rendered
            }]
        );
        assert!(desk.forget(first.name));
        assert_eq!(desk.look(Held::names).len(), 1);
    }

    #[tokio::test]
    async fn what_nobody_wants_any_more_is_stopped_and_not_reported() {
        let desk = Desk::new(OUTBOX_BYTES_MAX);
        desk.lease(&lease(1, 0..3));
        let rendering = desk.next().await;
        for name in desk.look(Held::names) {
            desk.forget(name);
        }
        assert!(rendering.unwanted.is_cancelled());
        assert!(!desk.rendered(rendering.name));
        assert!(!desk.boxed(rendering.name, 10));
        assert!(desk.take_reports().is_empty());
        assert!(desk.look(Held::names).is_empty());
    }

    #[tokio::test]
    async fn a_full_outbox_holds_the_rendering_back() {
        let desk = Desk::new(100);
        desk.slot_freed();
        desk.lease(&lease(1, 0..1));
        let left = TaskName {
            job: JobId::from_bits(2),
            task: 0,
            attempt: 1,
        };
        desk.found(left, 100);
        assert!(!desk.look(Held::wants_work));
        let waiting = tokio::spawn({
            let desk = desk.clone();
            async move { desk.next().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        desk.forget(left);
        assert_eq!(waiting.await.unwrap().frame, 1);
    }

    #[tokio::test]
    async fn the_next_chunk_is_wanted_during_the_last_frame_once_the_master_heard_of_the_present_one() {
        let desk = Desk::new(OUTBOX_BYTES_MAX);
        desk.lease(&lease(1, 0..2));
        let first = desk.next().await;
        desk.slot_freed();
        assert!(!desk.look(Held::wants_work), "a frame waits");
        desk.slot_taken();
        desk.rendered(first.name);
        let second = desk.next().await;
        assert!(!desk.look(Held::wants_work), "the last frame has only begun");
        desk.slot_freed();
        assert!(desk.look(Held::wants_work));
        desk.rendered(second.name);
        desk.lease(&lease(1, 2..3));
        desk.next().await;
        assert!(!desk.look(Held::wants_work), "nothing was heard of the second chunk");
    }

    #[test]
    fn what_is_given_back_is_reported_before_all_else() {
        let desk = Desk::new(OUTBOX_BYTES_MAX);
        desk.lease(&lease(1, 0..2));
        assert!(!desk.look(Held::has_urgent_reports));
        desk.give_back_queued();
        assert!(desk.look(Held::has_urgent_reports));
        assert_eq!(desk.take_reports().len(), 2);
        assert!(desk.look(Held::names).is_empty());
    }
}
