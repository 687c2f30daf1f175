//! What the jobs of a category have used together.
//!
//! Of jobs without a slot the sum is kept, as it stays the same until the next sample; what those with slots use is added
//! when it is asked for.

use super::rating::Scale;
use super::{Share, Standing};

/// All categories, each at a place that its jobs know.
#[derive(Debug, Clone, Default)]
pub(super) struct Categories(Vec<Category>);

#[derive(Debug, Clone)]
struct Category {
    name: String,
    /// How many shares point here; the place is free for another name when there is none.
    members: u32,
    /// What its jobs without a slot have used.
    used_by_idle: f64,
    /// Among its jobs that are not over.
    priority_max: f64,
}

impl Categories {
    /// Adds a job to a category; where it is.
    pub(super) fn join(&mut self, name: &str) -> Option<usize> {
        if name.is_empty() {
            return None;
        }
        let known = self.0.iter().position(|it| it.members > 0 && it.name == name);
        let place = known.or_else(|| self.0.iter().position(|it| it.members == 0));
        let place = place.unwrap_or(self.0.len());
        if place == self.0.len() {
            self.0.push(Category {
                name: String::new(),
                members: 0,
                used_by_idle: 0.0,
                priority_max: 1.0,
            });
        }
        name.clone_into(&mut self.0[place].name);
        self.0[place].members += 1;
        Some(place)
    }

    /// Takes a job out of its category.
    pub(super) fn leave(&mut self, place: Option<usize>) {
        if let Some(place) = place {
            self.0[place].members -= 1;
        }
    }

    /// A job is about to get its first slot.
    pub(super) fn no_longer_idle(&mut self, share: &Share, scale: &Scale) {
        if let Some(place) = share.category {
            self.0[place].used_by_idle -= share.used(scale);
        }
    }

    /// A job has lost its last slot.
    pub(super) fn idle_again(&mut self, share: &Share, scale: &Scale) {
        if let Some(place) = share.category {
            self.0[place].used_by_idle += share.used(scale);
        }
    }

    /// Brings all sums in line with the shares.
    pub(super) fn sum_up(&mut self, shares: &[Share], scale: &Scale) {
        if self.0.is_empty() {
            return;
        }
        for category in &mut self.0 {
            category.used_by_idle = 0.0;
            category.priority_max = 1.0;
        }
        for share in shares {
            let Some(category) = share.category.map(|place| &mut self.0[place]) else {
                continue;
            };
            if share.slots == 0 {
                category.used_by_idle += share.used(scale);
            }
            if share.standing != Standing::Over {
                category.priority_max = category.priority_max.max(share.priority);
            }
        }
    }

    /// By place: what all jobs of the category have used ÷ the highest priority among them. `busy`: all that have slots.
    pub(super) fn ratings<'a>(&self, busy: impl Iterator<Item = &'a Share>, scale: &Scale) -> Vec<f64> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut used: Vec<f64> = self.0.iter().map(|category| category.used_by_idle).collect();
        for share in busy {
            if let Some(place) = share.category {
                used[place] += share.used(scale);
            }
        }
        used.iter()
            .zip(&self.0)
            .map(|(used, category)| used / category.priority_max)
            .collect()
    }

    /// Asserts what must be true of its own counters.
    pub(super) fn check(&self, shares: &[Share], scale: &Scale) {
        for (place, category) in self.0.iter().enumerate() {
            let members = shares.iter().filter(|share| share.category == Some(place)).count();
            assert_eq!(category.members as usize, members, "members of {:?}", category.name);
        }
        let mut summed_up = self.clone();
        summed_up.sum_up(shares, scale);
        for (kept, new) in self.0.iter().zip(&summed_up.0) {
            let difference = (kept.used_by_idle - new.used_by_idle).abs();
            assert!(difference < 1e-9, "used by idle jobs of {:?}: {kept:?}, {new:?}", kept.name);
            let is_same = kept.priority_max.to_bits() == new.priority_max.to_bits();
            assert!(is_same, "priorities in {:?}", kept.name);
        }
    }
}
