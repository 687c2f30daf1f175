//! The handle of what is held: wakes whoever waits for it to change.

use super::assignment::Assignment;
use super::held::{Cause, Held, Stage};
use crate::ids::JobId;
use crate::wire::{LeaseInfo, ReportInfo, ReportKind, TaskName};
use tokio::sync::watch;

/// Outcomes that may wait for delivery; above it nothing more is rendered until some are delivered.
pub(super) const OUTBOX_BYTES_MAX: u64 = 8 << 30;

/// The handle of what is held; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Desk(watch::Sender<Held>);

impl Desk {
    pub(super) fn new(slots: usize, outbox_bytes_max: u64) -> Self {
        Self(watch::Sender::new(Held::new(slots, outbox_bytes_max)))
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
        if self.look(Held::is_resting) {
            // The wish was on its way already.
            self.give_back_queued();
        }
    }

    /// An outcome that an earlier run left.
    pub(super) fn found(&self, name: TaskName, bytes: u64) {
        self.0.send_modify(|held| {
            if held.add(name, 0.into(), 0, Stage::Finishing) {
                held.set_stage(name, Stage::Boxed { bytes });
            }
        });
    }

    /// The next frame for a slot to render, as soon as there is one and the outbox has room.
    pub(super) async fn next(&self, slot: usize) -> Assignment {
        let mut changes = self.watch();
        loop {
            let mut found = None;
            self.0.send_if_modified(|held| {
                found = held.next(slot);
                found.is_some()
            });
            if let Some(assignment) = found {
                return assignment;
            }
            // The sender lives in `self`, so this only ever ends by a change.
            let _ = changes.changed().await;
        }
    }

    /// Begins nothing more until it goes on, and gives back what waits to be rendered.
    pub(super) fn rest(&self, cause: Cause, why: String) {
        self.change(|held| held.rest(cause, why));
        self.give_back_queued();
    }

    /// A cause of resting is over.
    pub(super) fn go_on(&self, cause: Cause) {
        self.change(|held| held.go_on(cause));
    }

    /// A slot has nothing to do, or soon will.
    pub(super) fn slot_freed(&self, slot: usize) {
        self.0.send_modify(|held| held.set_free(slot, true));
    }

    /// The slot has something to do.
    pub(super) fn slot_taken(&self, slot: usize) {
        self.0.send_modify(|held| held.set_free(slot, false));
    }

    pub(super) fn set_warm(&self, slot: usize, warm: Option<JobId>) {
        self.0.send_if_modified(|held| held.set_warm(slot, warm));
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
        self.change(|held| held.end_with(name, ReportKind::Returned));
    }

    /// Gives back all that waits to be rendered.
    pub(super) fn give_back_queued(&self) {
        for name in self.look(Held::queued) {
            self.give_back(name);
        }
    }

    /// Failed in a way that there is nothing to deliver of.
    pub(super) fn failed(&self, name: TaskName, reason: String) {
        self.change(|held| held.end_with(name, ReportKind::Failed { reason }));
    }

    /// It cannot be delivered now; others may.
    pub(super) fn deliver_later(&self, name: TaskName) {
        self.change(|held| {
            held.deliver_later(name);
            // News for the one alone who says so.
            false
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
            reports = held.take_reports();
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
            as_one: false,
            tasks: tasks
                .map(|task| LeasedTask {
                    task,
                    attempt: 1,
                    frame: i32::try_from(task).unwrap() + 1,
                    tile: None,
                    denoise: None,
                })
                .collect(),
        }
    }

    #[tokio::test]
    async fn a_task_is_held_from_lease_to_delivery() {
        let desk = Desk::new(1, OUTBOX_BYTES_MAX);
        assert!(!desk.look(Held::wants_work));
        desk.slot_freed(0);
        assert!(desk.look(Held::wants_work));
        desk.lease(&lease(1, 0..2));
        desk.lease(&lease(1, 0..2));
        assert_eq!(desk.look(Held::names).len(), 2, "a repeated lease was taken twice");
        assert!(!desk.look(Held::wants_work));

        let first = desk.next(0).await;
        assert_eq!(first.piece.frame, 1);
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

    /// Tiles of a grid of three columns, to be rendered as one.
    fn block(tiles: &[u32]) -> LeaseInfo {
        let grid: crate::ids::TileGrid = "3x4t".parse().unwrap();
        let task = |number: &u32| LeasedTask {
            task: *number,
            attempt: 1,
            frame: 1,
            tile: grid.tile(*number),
            denoise: None,
        };
        LeaseInfo {
            job: JobId::from_bits(1),
            as_one: true,
            tasks: tiles.iter().map(task).collect(),
        }
    }

    #[tokio::test]
    async fn tiles_that_are_leased_as_one_are_begun_as_one_and_go_on_while_one_is_wanted() {
        let desk = Desk::new(1, OUTBOX_BYTES_MAX);
        desk.lease(&block(&[3, 4, 5, 6, 7, 8]));
        let begun = desk.next(0).await;
        assert_eq!(begun.what(), "tiles 4 to 9 of 3x4t of frame 1");
        assert_eq!((begun.names().count(), desk.look(Held::has_queued)), (6, false));
        for name in begun.names().take(5) {
            desk.forget(name);
            assert!(!begun.unwanted.is_cancelled());
        }
        desk.forget(begun.names().last().unwrap());
        assert!(begun.unwanted.is_cancelled());
    }

    #[tokio::test]
    async fn what_is_left_of_tiles_that_are_no_rectangle_any_more_is_begun_one_by_one() {
        let desk = Desk::new(1, OUTBOX_BYTES_MAX);
        desk.lease(&block(&[0, 1, 2, 3, 4, 5]));
        let second = desk.look(Held::queued)[1];
        desk.forget(second);
        let mut begun = Vec::new();
        while desk.look(Held::has_queued) {
            let next = desk.next(0).await;
            begun.push(next.names().map(|name| name.task).collect::<Vec<_>>());
            next.names().for_each(|name| assert!(desk.rendered(name)));
        }
        assert_eq!(begun, [&[0][..], &[2], &[3, 4, 5]]);
    }

    #[tokio::test]
    async fn what_the_master_has_no_room_for_lets_others_go_first() {
        let desk = Desk::new(1, OUTBOX_BYTES_MAX);
        desk.lease(&lease(1, 0..2));
        for size_bytes in [10, 1] {
            let name = desk.next(0).await.name;
            desk.rendered(name);
            desk.boxed(name, size_bytes);
            desk.slot_freed(0);
        }
        let large = desk.look(Held::oldest_boxed).unwrap();
        desk.deliver_later(large);
        let small = desk.look(Held::oldest_boxed).unwrap();
        assert_ne!(small, large);
        desk.deliver_later(large);
        assert_eq!(desk.look(Held::oldest_boxed), Some(small), "it has had its turn");
        desk.forget(small);
        assert_eq!(desk.look(Held::oldest_boxed), Some(large));
    }

    #[tokio::test]
    async fn what_nobody_wants_any_more_is_stopped_and_not_reported() {
        let desk = Desk::new(1, OUTBOX_BYTES_MAX);
        desk.lease(&lease(1, 0..3));
        let rendering = desk.next(0).await;
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
        let desk = Desk::new(1, 100);
        desk.slot_freed(0);
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
            async move { desk.next(0).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        desk.forget(left);
        assert_eq!(waiting.await.unwrap().piece.frame, 1);
    }

    #[tokio::test]
    async fn the_next_chunk_is_wanted_during_the_last_frame_once_the_master_heard_of_the_present_one() {
        let desk = Desk::new(1, OUTBOX_BYTES_MAX);
        desk.lease(&lease(1, 0..2));
        let first = desk.next(0).await;
        desk.slot_freed(0);
        assert!(!desk.look(Held::wants_work), "a frame waits");
        desk.slot_taken(0);
        desk.rendered(first.name);
        let second = desk.next(0).await;
        assert!(!desk.look(Held::wants_work), "the last frame has only begun");
        desk.slot_freed(0);
        assert!(desk.look(Held::wants_work));
        desk.rendered(second.name);
        desk.lease(&lease(1, 2..3));
        desk.next(0).await;
        assert!(!desk.look(Held::wants_work), "nothing was heard of the second chunk");
    }

    #[tokio::test]
    async fn slots_have_chunks_of_their_own_and_stay_with_the_scene_that_is_open() {
        let desk = Desk::new(2, OUTBOX_BYTES_MAX);
        (0..2).for_each(|slot| desk.slot_freed(slot));
        desk.lease(&lease(1, 0..3));
        let first = desk.next(0).await;
        desk.slot_taken(0);
        assert!(desk.look(Held::wants_work), "what waits is for the other slot");
        desk.lease(&lease(2, 0..2));
        assert!(!desk.look(Held::wants_work), "all slots are taken, and nothing was reported");
        let second = desk.next(1).await;
        desk.slot_taken(1);
        assert_eq!((first.name.job, second.name.job), (JobId::from_bits(1), JobId::from_bits(2)));
        desk.set_warm(0, Some(JobId::from_bits(1)));
        desk.set_warm(1, Some(JobId::from_bits(2)));
        let mut at = [first.name, second.name];
        for (slot, job) in [(0, 1), (1, 2), (0, 1)] {
            desk.rendered(at[slot]);
            at[slot] = desk.next(slot).await.name;
            assert_eq!(at[slot].job, JobId::from_bits(job));
        }

        (0..2).for_each(|slot| desk.slot_freed(slot));
        desk.rendered(at[0]);
        desk.rendered(at[1]);
        desk.lease(&lease(2, 5..6));
        let waiting = tokio::spawn({
            let desk = desk.clone();
            async move { desk.next(0).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "it is for the slot that has its scene open");
        assert_eq!(desk.next(1).await.piece.frame, 6);
        desk.lease(&lease(2, 6..7));
        assert_eq!(waiting.await.unwrap().piece.frame, 7, "nobody else is idle");
    }

    #[test]
    fn a_slave_that_rests_takes_nothing_and_gives_back_what_comes_late() {
        let desk = Desk::new(1, OUTBOX_BYTES_MAX);
        desk.slot_freed(0);
        desk.lease(&lease(1, 0..2));
        desk.rest(Cause::Disk, "its disk is full".to_owned());
        desk.rest(Cause::Drain, "it ends".to_owned());
        assert_eq!(desk.take_reports().len(), 2);
        assert_eq!(
            desk.look(|held| held.resting().map(str::to_owned)).as_deref(),
            Some("it ends")
        );
        desk.go_on(Cause::Drain);
        desk.lease(&lease(1, 2..3));
        assert!(desk.look(Held::is_empty) && !desk.look(Held::wants_work));
        desk.take_reports();
        desk.go_on(Cause::Disk);
        assert!(desk.look(Held::wants_work));
    }

    #[test]
    fn what_is_given_back_is_reported_before_all_else() {
        let desk = Desk::new(1, OUTBOX_BYTES_MAX);
        desk.lease(&lease(1, 0..2));
        assert!(!desk.look(Held::has_urgent_reports));
        desk.give_back_queued();
        assert!(desk.look(Held::has_urgent_reports));
        assert_eq!(desk.take_reports().len(), 2);
        assert!(desk.look(Held::names).is_empty());
    }
}
