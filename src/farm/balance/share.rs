//! What one job has used, and what it wants.

use super::line::Turn;
use crate::farm::time::Moment;
use crate::ids::JobId;

/// What one job has used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::farm) struct Share {
    pub(in crate::farm) job: JobId,
    /// Place in `categories`; a job without one is a category of its own.
    pub(in crate::farm) category: Option<usize>,
    pub(in crate::farm) priority: f64,
    /// 1 ÷ priority: a division for each job at each dispatch is to be felt.
    pub(in crate::farm) per_priority: f64,
    pub(in crate::farm) submitted: Moment,
    pub(in crate::farm) standing: Standing,
    /// How many of its tasks are out, done or given up, or were tried.
    pub(in crate::farm) dispatched: u32,
    /// Slots that it takes up right now.
    pub(in crate::farm) slots: u32,
    /// Tasks in the hands of slaves that cannot have been started yet.
    pub(in crate::farm) spare: u32,
    /// Since when it has had no slot, if it has none.
    pub(in crate::farm) slotless_since: Moment,
    /// Average share of the farm as of the last sample.
    pub(in crate::farm) usage: f64,
    /// Slots × milliseconds since the last sample, counted up to `counted`.
    pub(in crate::farm) slot_ms: u64,
    pub(in crate::farm) counted: Moment,
    /// Its place in the line.
    pub(super) turn: Option<Turn>,
}

/// What a job wants of balancing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::farm) enum Standing {
    /// It has tasks to lease.
    Ready,
    /// Nothing to lease now, but maybe later.
    Held,
    /// Nothing any more; stays until its usage has faded, because its category has used the farm.
    Over,
}

impl Share {
    /// Adds up what its slots have used.
    pub(super) fn count_up_to(&mut self, now: Moment) {
        self.slot_ms += u64::from(self.slots) * now.millis_since(self.counted);
        self.counted = now;
    }
}
