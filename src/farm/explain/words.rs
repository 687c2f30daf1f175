//! Numbers of frames, tiles or bakes in words.

use crate::farm::job::Job;

/// What a job's tasks are called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noun {
    singular: &'static str,
    /// What slaves do with them.
    pub(super) doing: &'static str,
    pub(super) does: &'static str,
    /// What they are then.
    pub(super) done: &'static str,
}

impl Noun {
    pub(super) const FRAME: Self = Self {
        singular: "frame",
        doing: "rendering",
        does: "renders",
        done: "rendered",
    };
    const TILE: Self = Self {
        singular: "tile",
        ..Self::FRAME
    };
    /// Tiles, and the denoising of whole frames.
    const TASK: Self = Self {
        singular: "task",
        ..Self::FRAME
    };
    const BAKE: Self = Self {
        singular: "bake",
        doing: "baking",
        does: "bakes",
        done: "baked",
    };

    pub(super) fn of(job: &Job) -> Self {
        let layout = &job.record.layout;
        match () {
            () if job.bakes() => Self::BAKE,
            () if layout.denoises() => Self::TASK,
            () if layout.grid().is_whole() => Self::FRAME,
            () => Self::TILE,
        }
    }

    pub(super) fn count(self, count: u32) -> String {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {}{plural}", self.singular)
    }

    pub(super) fn wait(self, count: u32) -> String {
        let wait = if count == 1 { "waits" } else { "wait" };
        format!("{} {wait}", self.count(count))
    }

    pub(super) fn were(self, count: u32) -> String {
        let were = if count == 1 { "was" } else { "were" };
        format!("{} {were}", self.count(count))
    }

    /// After "the last": one of them needs no number.
    pub(super) fn last(self, count: u32) -> String {
        if count == 1 {
            self.singular.to_owned()
        } else {
            self.count(count)
        }
    }
}
