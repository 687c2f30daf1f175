//! How undeserving each job is, as a number: what balancing compares.

use super::Share;
use crate::farm::limits::{SLOT_SHARE_MAX, USAGE_SAMPLE_MS, USAGE_SAMPLE_WEIGHT};
use crate::farm::rules::{First, Rules};
use crate::farm::time::Moment;
use crate::ids::JobId;
use std::cmp::Ordering;

/// How undeserving a job is: the lowest is next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rating {
    /// By a rule it comes before all that do not come first, whatever they have used.
    pub(super) first: bool,
    pub(super) category: f64,
    pub(super) job: f64,
    /// Among equals, first come first served.
    pub(super) submitted: Moment,
    pub(super) id: JobId,
}

/// What a job's slots weigh at a moment, as a share of the farm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) now: Moment,
    /// Of a slot that it has right now.
    slot: f64,
    /// Of a slot for a millisecond since the last sample.
    slot_ms: f64,
}

impl Scale {
    pub(super) fn new(now: Moment, farm_slots: u32) -> Self {
        let slot = 1.0 / f64::from(farm_slots.max(1));
        Self {
            now,
            slot: slot.min(SLOT_SHARE_MAX),
            slot_ms: slot * USAGE_SAMPLE_WEIGHT / USAGE_SAMPLE_MS as f64,
        }
    }
}

impl Share {
    /// Usage as it will be at the next sample, plus what the job has right now.
    pub(super) fn used(&self, scale: &Scale) -> f64 {
        if self.slots == 0 && self.slot_ms == 0 {
            return self.usage;
        }
        let slot_ms = self.slot_ms + u64::from(self.slots) * scale.now.millis_since(self.counted);
        self.usage + slot_ms as f64 * scale.slot_ms + f64::from(self.slots) * scale.slot
    }

    /// The rule by which the job comes first, if any.
    pub(super) fn first(&self, rules: &Rules, now: Moment) -> Option<First> {
        let without_slot = (self.slots == 0).then_some(self.slotless_since);
        rules.first(self.dispatched, without_slot, now)
    }

    /// What it has used, as its priority weighs it.
    pub(super) fn job_rating(&self, scale: &Scale) -> f64 {
        self.used(scale) * self.per_priority
    }

    pub(super) fn rating(&self, rules: &Rules, scale: &Scale, categories: &[f64]) -> Rating {
        let job = self.job_rating(scale);
        Rating {
            first: self.first(rules, scale.now).is_some(),
            category: self.category.map_or(job, |place| categories[place]),
            job,
            submitted: self.submitted,
            id: self.job,
        }
    }
}

impl Rating {
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let by_rule = other.first.cmp(&self.first);
        let by_category = || self.category.total_cmp(&other.category);
        let by_job = || self.job.total_cmp(&other.job);
        let by_age = || (self.submitted, self.id).cmp(&(other.submitted, other.id));
        by_rule.then_with(by_category).then_with(by_job).then_with(by_age)
    }
}
