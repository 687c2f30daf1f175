//! What the slave holds: tasks from the moment they were leased until the master has their outcome.
//!
//! A plain value, without I/O and without a clock; `desk` has its handle.
//!
//! Reports that are lost with a connection need no repeating: after every lost connection the slave registers again and
//! names what it holds, and what it does not name is free again.

use super::assignment::Assignment;
use crate::ids::{JobId, Piece, Tile, TileBlock, TileGrid};
use crate::wire::{LeaseInfo, ReportInfo, ReportKind, TaskName};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use tokio_util::sync::CancellationToken;

/// Reports that travel together.
const REPORTS_AT_ONCE: usize = 500;

/// Why a slave takes no work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// It is about to end.
    Drain,
    /// Its disk has no room.
    Disk,
    /// Its disk failed while it rendered.
    Storage,
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
    piece: Piece,
    denoise: Option<TileGrid>,
    lease: u64,
    /// Whether it is rendered as one with the others of its lease.
    as_one: bool,
    unwanted: CancellationToken,
}

/// A slot, as far as it matters to what is held.
#[derive(Debug, Clone, Default)]
struct Place {
    /// It has nothing to render, or nearly so.
    is_free: bool,
    /// The lease that it took its last task of: it takes the others too.
    lease: Option<u64>,
    /// That task.
    latest: Option<TaskName>,
    /// The job whose scene is open in it.
    warm: Option<JobId>,
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
    slots: Vec<Place>,
    /// Why nothing more is begun, in words that follow "takes no work: ".
    rests: BTreeMap<Cause, String>,
    outbox_bytes_max: u64,
}

impl Held {
    pub(super) fn new(slots: usize, outbox_bytes_max: u64) -> Self {
        Self {
            tasks: HashMap::new(),
            queue: VecDeque::new(),
            boxed: VecDeque::new(),
            reports: Vec::new(),
            leases: 0,
            unheard: HashSet::new(),
            slots: vec![Place::default(); slots],
            rests: BTreeMap::new(),
            outbox_bytes_max,
        }
    }

    /// All that a master should know to be held.
    pub(super) fn names(&self) -> Vec<TaskName> {
        self.tasks.keys().copied().collect()
    }

    /// Whether another chunk is wanted: something renders its last frame, or nothing.
    pub(super) fn wants_work(&self) -> bool {
        // Who asks with all slots taken, as the master sees it, is taken for one that never got what it was leased last.
        let may_ask = self.unheard.is_empty() || self.open_leases() < self.slots.len();
        self.wishing_slot().is_some() && may_ask && !self.is_full() && !self.is_resting()
    }

    /// The first slot with nothing to render, or nearly so, if nothing that waits is for it.
    fn wishing_slot(&self) -> Option<&Place> {
        let for_nobody = |name: &TaskName| !self.slots.iter().any(|slot| slot.lease == self.lease_of(*name));
        if self.queue.iter().any(for_nobody) {
            return None;
        }
        let waits_for = |slot: &Place| self.queue.iter().any(|name| self.lease_of(*name) == slot.lease);
        self.slots.iter().find(|slot| slot.is_free && !waits_for(slot))
    }

    /// Leases of which something is not rendered yet.
    fn open_leases(&self) -> usize {
        let unrendered = self
            .tasks
            .values()
            .filter(|task| matches!(task.stage, Stage::Queued | Stage::Rendering));
        unrendered.map(|task| task.lease).collect::<HashSet<_>>().len()
    }

    fn lease_of(&self, name: TaskName) -> Option<u64> {
        self.tasks.get(&name).map(|task| task.lease)
    }

    /// The job whose scene is open where the next chunk will be rendered.
    pub(super) fn warm(&self) -> Option<JobId> {
        self.wishing_slot()?.warm
    }

    /// Whether a frame waits to be rendered.
    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The frames of a job that wait to be rendered; those that wait to be denoised take none of its files.
    pub(super) fn queued_frames(&self, job: JobId) -> Vec<i32> {
        let of_job = self.queued_renderings().filter(|(name, _)| name.job == job);
        of_job.map(|(_, task)| task.piece.frame).collect()
    }

    /// The jobs of which frames wait to be rendered.
    pub(super) fn queued_jobs(&self) -> BTreeSet<JobId> {
        self.queued_renderings().map(|(name, _)| name.job).collect()
    }

    fn queued_renderings(&self) -> impl Iterator<Item = (&TaskName, &Task)> {
        let queued = self.queue.iter().filter_map(|name| Some((name, self.tasks.get(name)?)));
        queued.filter(|(_, task)| task.denoise.is_none())
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

    /// The others are to be delivered before this one.
    pub(super) fn deliver_later(&mut self, name: TaskName) {
        if self.boxed.front() == Some(&name) {
            self.boxed.rotate_left(1);
        }
    }

    pub(super) fn rendering(&self) -> Vec<TaskName> {
        let renders = |(name, task): (&TaskName, &Task)| (task.stage == Stage::Rendering).then_some(*name);
        self.tasks.iter().filter_map(renders).collect()
    }

    /// Whether something is between rendering and outbox.
    pub(super) fn is_finishing(&self) -> bool {
        self.tasks.values().any(|task| task.stage == Stage::Finishing)
    }

    /// Whether nothing is held at all.
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether all that is held is in the outbox.
    pub(super) fn is_all_boxed(&self) -> bool {
        self.boxed.len() == self.tasks.len()
    }

    /// From now on nothing more is begun; whether that is news.
    pub(super) fn rest(&mut self, cause: Cause, why: String) -> bool {
        self.rests.insert(cause, why.clone()) != Some(why)
    }

    /// A cause of resting is over; whether that is news.
    pub(super) fn go_on(&mut self, cause: Cause) -> bool {
        self.rests.remove(&cause).is_some()
    }

    /// Why nothing more is begun: the first of the causes.
    pub(super) fn resting(&self) -> Option<&str> {
        self.rests.values().next().map(String::as_str)
    }

    pub(super) fn is_resting(&self) -> bool {
        !self.rests.is_empty()
    }

    fn is_full(&self) -> bool {
        let bytes = |task: &Task| if let Stage::Boxed { bytes } = task.stage { bytes } else { 0 };
        self.tasks.values().map(bytes).sum::<u64>() >= self.outbox_bytes_max
    }

    pub(super) fn add(&mut self, name: TaskName, piece: Piece, lease: u64, stage: Stage) -> bool {
        // A master that leases what is held already repeats itself; rendering it twice helps nobody.
        if self.tasks.contains_key(&name) {
            return false;
        }
        let unwanted = CancellationToken::new();
        let task = Task {
            stage,
            piece,
            denoise: None,
            lease,
            as_one: false,
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
            let piece = Piece {
                frame: task.frame,
                tile: task.tile,
            };
            if self.add(name, piece, self.leases, Stage::Queued) {
                if let Some(added) = self.tasks.get_mut(&name) {
                    (added.denoise, added.as_one) = (task.denoise, lease.as_one);
                }
                self.queue.push_back(name);
                self.unheard.insert(self.leases);
            }
        }
    }

    /// The next task for a slot: of the chunk that it is at, else of one that nobody has begun.
    pub(super) fn next(&mut self, slot: usize) -> Option<Assignment> {
        if self.is_full() || self.is_resting() {
            return None;
        }
        let own = self.slots.get(slot)?.lease;
        let of_own = |name: &TaskName| own.is_some() && self.lease_of(*name) == own;
        let place = self.queue.iter().position(of_own);
        let place = place.or_else(|| self.queue.iter().position(|name| self.may_begin(slot, *name)))?;
        let name = self.queue.remove(place)?;
        let others = self.begin_with(name);
        let task = self.tasks.get_mut(&name)?;
        task.stage = Stage::Rendering;
        let assignment = Assignment {
            name,
            piece: task.piece,
            denoise: task.denoise,
            lease: task.lease,
            others,
            unwanted: task.unwanted.clone(),
        };
        let taken_by = self.slots.get_mut(slot)?;
        (taken_by.lease, taken_by.latest) = (Some(assignment.lease), Some(name));
        Some(assignment)
    }

    /// Begins what waits to be rendered as one with a tile: nothing if it makes no rectangle any more.
    fn begin_with(&mut self, first: TaskName) -> Vec<(TaskName, Tile)> {
        let tile_of = |name: &TaskName| Some((*name, self.tasks.get(name)?.piece.tile?));
        let Some((task, (_, tile))) = self.tasks.get(&first).zip(tile_of(&first)).filter(|(task, _)| task.as_one) else {
            return Vec::new();
        };
        let of_lease = self.queue.iter().filter(|name| self.lease_of(**name) == Some(task.lease));
        let others: Vec<(TaskName, Tile)> = of_lease.filter_map(tile_of).collect();
        let tiles: Vec<Tile> = std::iter::once(tile).chain(others.iter().map(|(_, tile)| *tile)).collect();
        if TileBlock::of(&tiles).is_none() {
            return Vec::new();
        }
        let unwanted = task.unwanted.clone();
        for (name, _) in &others {
            self.queue.retain(|queued| queued != name);
            if let Some(task) = self.tasks.get_mut(name) {
                (task.stage, task.unwanted) = (Stage::Rendering, unwanted.clone());
            }
        }
        others
    }

    /// Whether a slot may begin this chunk: no other one is at it, or has its scene open and nothing else to do.
    fn may_begin(&self, slot: usize, name: TaskName) -> bool {
        let is_warm_here = self.slots.get(slot).is_some_and(|it| it.warm == Some(name.job));
        let mut others = self.slots.iter().enumerate().filter(|(number, _)| *number != slot);
        !others.any(|(_, other)| {
            other.lease == self.lease_of(name) || !is_warm_here && other.warm == Some(name.job) && !self.is_rendering(other)
        })
    }

    fn is_rendering(&self, slot: &Place) -> bool {
        let task = slot.latest.and_then(|latest| self.tasks.get(&latest));
        task.is_some_and(|task| task.stage == Stage::Rendering)
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
        let is_with = |other: &Task| other.lease == task.lease && other.as_one && other.stage == Stage::Rendering;
        let is_shared = task.as_one && task.stage == Stage::Rendering && self.tasks.values().any(is_with);
        if !is_shared {
            task.unwanted.cancel();
        }
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

    pub(super) fn set_free(&mut self, slot: usize, is_free: bool) {
        if let Some(slot) = self.slots.get_mut(slot) {
            slot.is_free = is_free;
        }
    }

    /// Notes which job's scene is open in a slot; whether that is news.
    pub(super) fn set_warm(&mut self, slot: usize, warm: Option<JobId>) -> bool {
        let place = self.slots.get_mut(slot);
        place.is_some_and(|place| std::mem::replace(&mut place.warm, warm) != warm)
    }

    fn report(&mut self, task: TaskName, kind: ReportKind) {
        self.reports.push(ReportInfo { task, kind });
    }
}
