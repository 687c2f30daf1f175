//! The rules of balancing beside the rating: each a limit and a switch, both to be changed while the farm works.
//!
//! Two of them say who comes **first**, one says who is **excluded**. All answer with the numbers by which they decided, so
//! that the same answer decides and explains.
//!
//! Absences: nothing here knows jobs or slaves; what is judged comes as numbers.

use super::time::Moment;

/// Percentages that a share may be limited to.
pub const SHARE_PERCENT_RANGE: std::ops::RangeInclusive<u32> = 1..=100;
/// Numbers of dispatched frames below which a job may count as new.
pub const NEW_FRAMES_RANGE: std::ops::RangeInclusive<u32> = 1..=1_000_000;
/// Minutes without a slave after which a job may come first: up to a week.
pub const STARVING_MINUTES_RANGE: std::ops::RangeInclusive<u32> = 1..=10_080;

const MINUTE_MS: u64 = 60_000;

/// One rule: whether it holds, and its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Whether it holds.
    pub enabled: bool,
    /// Its limit, in the unit of the rule.
    pub limit: u32,
}

/// All rules with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Excluded: a job that would use more than this percentage of the slaves, unless it is the only one. Prevents a slow
    /// job from holding up faster ones.
    pub share: Rule,
    /// First: jobs with fewer frames dispatched than this. Catches errors early.
    pub new_first: Rule,
    /// First: jobs that have had no slave for more than this number of minutes since their last dispatch. Prevents jobs of
    /// high priority from starving others.
    pub starving_first: Rule,
}

impl Default for Rules {
    /// As the manual has them.
    fn default() -> Self {
        let rule = |limit| Rule { enabled: true, limit };
        Self {
            share: rule(75),
            new_first: rule(1),
            starving_first: rule(2),
        }
    }
}

/// Why a job gets no more slots: one more would be above its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OverShare {
    pub(super) slots: u32,
    pub(super) farm_slots: u32,
    pub(super) percent_max: u32,
}

/// Why a job comes before all that do not come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// So few of its frames were dispatched.
    New { dispatched: u32 },
    /// It has had no slave for so many minutes.
    Starving { minutes: u64 },
}

impl Rules {
    /// Whether one slot more would be too much for a job that has `slots` of the farm's. The first one never is, nor is the
    /// only one of a farm.
    pub(super) fn over_share(&self, slots: u32, farm_slots: u32) -> Option<OverShare> {
        let percent_max = self.share.limit;
        let wanted = (u64::from(slots) + 1) * 100;
        let allowed = u64::from(farm_slots) * u64::from(percent_max);
        (self.share.enabled && slots > 0 && farm_slots > 1 && wanted > allowed).then_some(OverShare {
            slots,
            farm_slots,
            percent_max,
        })
    }

    /// Whether a job comes first: `dispatched` of its frames were, and it has been `without_slot` since then.
    pub(super) fn first(&self, dispatched: u32, without_slot: Option<Moment>, now: Moment) -> Option<First> {
        if self.new_first.enabled && dispatched < self.new_first.limit {
            return Some(First::New { dispatched });
        }
        let waited_ms = now.millis_since(without_slot?);
        let too_long = waited_ms > self.starving_ms();
        (self.starving_first.enabled && too_long).then_some(First::Starving {
            minutes: waited_ms / MINUTE_MS,
        })
    }

    /// From when on [`first`](Self::first) says so of a job that gets no slot until then.
    pub(super) fn first_from(&self, dispatched: u32, slotless_since: Moment) -> Moment {
        if self.new_first.enabled && dispatched < self.new_first.limit {
            Moment(0)
        } else if self.starving_first.enabled {
            slotless_since.plus_millis(self.starving_ms() + 1)
        } else {
            Moment(u64::MAX)
        }
    }

    fn starving_ms(&self) -> u64 {
        u64::from(self.starving_first.limit) * MINUTE_MS
    }
}

impl OverShare {
    /// What the job uses of the farm, in percent.
    pub(super) fn percent(&self) -> u32 {
        let percent = u64::from(self.slots) * 100 / u64::from(self.farm_slots.max(1));
        u32::try_from(percent).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_of_eight_slaves_are_75_percent_and_a_seventh_is_too_many() {
        let rules = Rules::default();
        assert_eq!(rules.over_share(5, 8), None);
        let over = rules.over_share(6, 8).unwrap();
        assert_eq!((over.percent(), over.percent_max), (75, 75));
    }

    #[test]
    fn the_first_slot_is_never_too_much() {
        for farm_slots in 0..3 {
            assert_eq!(Rules::default().over_share(0, farm_slots), None);
        }
        assert!(Rules::default().over_share(1, 2).is_some());
    }

    #[test]
    fn a_rule_that_is_switched_off_says_nothing() {
        let mut rules = Rules::default();
        let long_ago = Some(Moment(0));
        let now = Moment(121_000);
        assert_eq!(rules.first(0, None, now), Some(First::New { dispatched: 0 }));
        assert_eq!(rules.first(1, long_ago, now), Some(First::Starving { minutes: 2 }));
        rules.share.enabled = false;
        rules.new_first.enabled = false;
        rules.starving_first.enabled = false;
        assert_eq!(rules.first(0, long_ago, now), None);
        assert_eq!(rules.over_share(8, 8), None);
    }

    #[test]
    fn a_job_comes_first_from_the_moment_that_was_said_before() {
        let mut rules = Rules::default();
        for (dispatched, enabled) in [(0, true), (1, true), (1, false)] {
            rules.starving_first.enabled = enabled;
            let from = rules.first_from(dispatched, Moment(7));
            for now in [0, 7, 120_007, 120_008, u64::MAX - 1].map(Moment) {
                assert_eq!(
                    rules.first(dispatched, Some(Moment(7)), now).is_some(),
                    from <= now,
                    "{now:?}"
                );
            }
        }
    }

    #[test]
    fn exactly_at_the_limit_no_job_starves_yet() {
        assert_eq!(Rules::default().first(1, Some(Moment(0)), Moment(120_000)), None);
    }
}
