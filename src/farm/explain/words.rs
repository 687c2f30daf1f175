//! Numbers of frames, or of bakes, in words.

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
    const BAKE: Self = Self {
        singular: "bake",
        doing: "baking",
        does: "bakes",
        done: "baked",
    };

    pub(super) fn of(job: &Job) -> Self {
        if job.bakes() { Self::BAKE } else { Self::FRAME }
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
