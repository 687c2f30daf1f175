//! The jobs that want a slot and have none, the most deserving first: a dispatch looks at the first of them, not at all.
//!
//! This is possible because without a slot a job is rated the same until the next sample, whatever the time. What changes by
//! itself is how jobs are rated that have slots, of which there are no more than slots, and the categories; and a job comes
//! first by a rule when its moment has come.

use super::Share;
use super::rating::{Rating, Scale};
use crate::farm::rules::Rules;
use crate::farm::time::Moment;
use crate::ids::JobId;
use std::collections::{BTreeMap, BTreeSet};

/// Who waits for a slot.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Line {
    /// By category, in the order of its jobs.
    waiting: BTreeMap<Option<usize>, BTreeSet<Rank>>,
    /// Those that do not come first, by the moment from which on they do.
    coming_first: BTreeSet<(Moment, JobId)>,
}

/// A job's place in the line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    category: Option<usize>,
    rank: Rank,
    /// From when on it comes first, if it does not yet.
    first_from: Option<Moment>,
}

/// What orders the jobs of a category as [`Rating::compare`] does, as whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    comes_later: bool,
    /// The bits of [`Rating::job`], which is never negative: they have the same order.
    rating: u64,
    submitted: Moment,
    job: JobId,
}

impl Line {
    /// Puts a job into another place, in or out of the line.
    pub(super) fn move_to(&mut self, old: Option<Turn>, new: Option<Turn>) {
        if old == new {
            return;
        }
        if let Some(turn) = old {
            if let Some(waiting) = self.waiting.get_mut(&turn.category) {
                waiting.remove(&turn.rank);
                if waiting.is_empty() {
                    self.waiting.remove(&turn.category);
                }
            }
            self.coming_first.remove(&turn.coming_first());
        }
        if let Some(turn) = new {
            self.waiting.entry(turn.category).or_default().insert(turn.rank);
            if turn.first_from.is_some() {
                self.coming_first.insert(turn.coming_first());
            }
        }
    }

    /// A job that comes first by now, and did not when it was given its place.
    pub(super) fn due_to_come_first(&self, now: Moment) -> Option<JobId> {
        let (from, job) = self.coming_first.first()?;
        (*from <= now).then_some(*job)
    }

    /// The ratings of all that wait: for each category those of its jobs, the most deserving first.
    pub(super) fn ratings(&self, categories: &[f64]) -> impl Iterator<Item = impl Iterator<Item = Rating>> {
        self.waiting.iter().map(|(category, waiting)| {
            let of_category = category.map(|place| categories[place]);
            waiting.iter().map(move |rank| rank.rating(of_category))
        })
    }
}

impl Turn {
    /// As of the moment of the scale.
    pub(super) fn of(share: &Share, rules: &Rules, scale: &Scale) -> Self {
        let first_from = Some(rules.first_from(share.dispatched, share.slotless_since));
        let first_from = first_from.filter(|from| *from > scale.now);
        let rank = Rank {
            comes_later: first_from.is_some(),
            rating: share.job_rating(scale).to_bits(),
            submitted: share.submitted,
            job: share.job,
        };
        Self {
            category: share.category,
            rank,
            first_from,
        }
    }

    fn coming_first(&self) -> (Moment, JobId) {
        (self.first_from.unwrap_or(Moment(0)), self.rank.job)
    }
}

impl Rank {
    fn rating(&self, of_category: Option<f64>) -> Rating {
        let job = f64::from_bits(self.rating);
        Rating {
            first: !self.comes_later,
            category: of_category.unwrap_or(job),
            job,
            submitted: self.submitted,
            id: self.job,
        }
    }
}
