//! Balancing: which job deserves the next slave most.
//!
//! A job's **usage** is the share of the farm's slots that it took lately: an average in which each sample counts less
//! than the one after it. To this comes what it has right now, else one job would take every slave that falls idle between
//! two samples. The next job is the one with the lowest usage ÷ priority; where jobs share a category, the categories
//! are compared first, by the sum of usage ÷ the highest priority.
//!
//! Absences: nothing here knows tasks, tags or slaves; who may render what is asked by the caller.

use super::limits::{USAGE_FADED, USAGE_SAMPLE_MS, USAGE_SAMPLE_WEIGHT, WARM_SLACK_MAX, WARM_SLACK_SLOTS};
use super::model::NewJob;
use super::time::Moment;
use crate::ids::JobId;
use std::collections::BTreeMap;

/// What all jobs that are not over have used, side by side and small: each dispatch looks at all of them.
#[derive(Debug, Clone)]
pub(super) struct Balance {
    shares: BTreeMap<JobId, Share>,
    categories: Vec<Category>,
    /// How many shares are [`Standing::Ready`].
    ready: u32,
    /// Slots of all slaves that are there.
    slots: u32,
    sampled: Moment,
}

/// What one job has used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// Place in `categories`; a job without one is a category of its own.
    category: Option<usize>,
    priority: f64,
    submitted: Moment,
    pub(super) standing: Standing,
    /// Slots that it takes up right now.
    pub(super) slots: u32,
    /// Average share of the farm as of the last sample.
    pub(super) usage: f64,
    /// Slots × milliseconds since the last sample, counted up to `counted`.
    slot_ms: u64,
    counted: Moment,
}

/// What a job wants of balancing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has tasks to lease.
    Ready,
    /// Nothing to lease now, but maybe later.
    Held,
    /// Nothing any more; stays until its usage has faded, because its category has used the farm.
    Over,
}

#[derive(Debug, Clone)]
struct Category {
    name: String,
    /// How many shares point here; the place is free for another name when there is none.
    members: u32,
}

/// How undeserving a job is: the lowest is next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rating {
    pub(super) category: f64,
    pub(super) job: f64,
    /// Among equals, first come first served.
    submitted: Moment,
    id: JobId,
}

impl Balance {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            shares: BTreeMap::new(),
            categories: Vec::new(),
            ready: 0,
            slots: 0,
            sampled: now,
        }
    }

    pub(super) fn add(&mut self, now: Moment, job: &NewJob, submitted: Moment) {
        if self.shares.is_empty() {
            self.sampled = now;
        }
        let share = Share {
            category: self.join_category(&job.category),
            priority: f64::from(job.priority.max(1)),
            submitted,
            standing: Standing::Held,
            slots: 0,
            usage: 0.0,
            slot_ms: 0,
            counted: now,
        };
        self.shares.insert(job.id, share);
    }

    pub(super) fn remove(&mut self, job: JobId) {
        if let Some(share) = self.shares.remove(&job) {
            self.ready -= u32::from(share.standing == Standing::Ready);
            if let Some(place) = share.category {
                self.categories[place].members -= 1;
            }
        }
    }

    /// Notes what a job wants; whether it has become ready by this.
    pub(super) fn stand(&mut self, job: JobId, standing: Standing) -> bool {
        let Some(share) = self.shares.get_mut(&job) else {
            return false;
        };
        let (was_ready, is_ready) = (share.standing == Standing::Ready, standing == Standing::Ready);
        share.standing = standing;
        self.ready -= u32::from(was_ready);
        self.ready += u32::from(is_ready);
        is_ready && !was_ready
    }

    pub(super) fn slot_taken(&mut self, now: Moment, job: JobId) {
        if let Some(share) = self.shares.get_mut(&job) {
            share.count_up_to(now);
            share.slots += 1;
        }
    }

    pub(super) fn slot_freed(&mut self, now: Moment, job: JobId) {
        if let Some(share) = self.shares.get_mut(&job) {
            share.count_up_to(now);
            share.slots -= 1;
        }
    }

    pub(super) fn slots_came(&mut self, slots: u32) {
        self.slots += slots;
    }

    pub(super) fn slots_went(&mut self, slots: u32) {
        self.slots -= slots;
    }

    /// Slots of all slaves that are there.
    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    /// Whether any job has tasks to lease.
    pub(super) fn any_ready(&self) -> bool {
        self.ready > 0
    }

    pub(super) fn share(&self, job: JobId) -> Option<&Share> {
        self.shares.get(&job)
    }

    pub(super) fn shares(&self) -> impl Iterator<Item = (JobId, &Share)> {
        self.shares.iter().map(|(job, share)| (*job, share))
    }

    /// The most deserving job that a slot may have; of about equally deserving ones that whose scene it holds warm.
    pub(super) fn next_job(&self, now: Moment, warm: Option<JobId>, fits: impl Fn(JobId) -> bool) -> Option<JobId> {
        if self.ready == 0 {
            return None;
        }
        let categories = self.category_ratings(now);
        let mut best: Option<Rating> = None;
        for (job, share) in &self.shares {
            if share.standing != Standing::Ready {
                continue;
            }
            let rating = self.rating(now, *job, share, &categories);
            // Whether it fits is the dearer question, so it is asked last.
            if best.is_none_or(|best| rating.is_before(&best)) && fits(*job) {
                best = Some(rating);
            }
        }
        let best = best?;
        let deserves_about = |warm: &JobId| {
            let ready = self.shares.get(warm).filter(|share| share.standing == Standing::Ready);
            ready.is_some_and(|share| self.is_about(&best, &self.rating(now, *warm, share, &categories)))
        };
        let warm = warm.filter(|warm| *warm != best.id && deserves_about(warm) && fits(*warm));
        Some(warm.unwrap_or(best.id))
    }

    /// Ratings of all jobs with tasks to lease, the most deserving first.
    pub(super) fn ranking(&self, now: Moment) -> Vec<(JobId, Rating)> {
        let categories = self.category_ratings(now);
        let ready = self.shares.iter().filter(|(_, share)| share.standing == Standing::Ready);
        let rate = |(job, share): (&JobId, &Share)| (*job, self.rating(now, *job, share, &categories));
        let mut ranking: Vec<_> = ready.map(rate).collect();
        ranking.sort_by(|(_, a), (_, b)| a.compare(b));
        ranking
    }

    /// When usage wants to be sampled.
    pub(super) fn sample_due(&self) -> Option<Moment> {
        (!self.shares.is_empty()).then(|| self.sampled.plus_millis(USAGE_SAMPLE_MS))
    }

    /// Averages what was used since the last sample into usage. A late sample weighs as much as those that it replaces.
    pub(super) fn sample(&mut self, now: Moment) {
        let elapsed_ms = now.millis_since(self.sampled);
        self.sampled = now;
        if elapsed_ms == 0 {
            return;
        }
        let kept = (1.0 - USAGE_SAMPLE_WEIGHT).powf(elapsed_ms as f64 / USAGE_SAMPLE_MS as f64);
        let farm_ms = elapsed_ms as f64 * f64::from(self.slots.max(1));
        let mut faded = Vec::new();
        for (job, share) in &mut self.shares {
            share.count_up_to(now);
            let sample = (share.slot_ms as f64 / farm_ms).min(1.0);
            share.usage = share.usage * kept + sample * (1.0 - kept);
            share.slot_ms = 0;
            if share.standing == Standing::Over && share.usage < USAGE_FADED {
                faded.push(*job);
            }
        }
        faded.into_iter().for_each(|job| self.remove(job));
    }

    /// The clock went back: what was counted in the future is counted from now on.
    pub(super) fn clock_went_back(&mut self, now: Moment) {
        self.sampled = self.sampled.min(now);
        for share in self.shares.values_mut() {
            share.counted = share.counted.min(now);
        }
    }

    /// Asserts what must be true of its own counters.
    pub(super) fn check(&self) {
        let ready = self.shares.values().filter(|share| share.standing == Standing::Ready).count();
        assert_eq!(self.ready as usize, ready, "ready jobs");
        for (place, category) in self.categories.iter().enumerate() {
            let members = self.shares.values().filter(|share| share.category == Some(place)).count();
            assert_eq!(category.members as usize, members, "members of {:?}", category.name);
        }
    }

    fn join_category(&mut self, name: &str) -> Option<usize> {
        if name.is_empty() {
            return None;
        }
        let known = self.categories.iter().position(|it| it.members > 0 && it.name == name);
        let place = known.or_else(|| self.categories.iter().position(|it| it.members == 0));
        let place = place.unwrap_or(self.categories.len());
        if place == self.categories.len() {
            self.categories.push(Category {
                name: String::new(),
                members: 0,
            });
        }
        name.clone_into(&mut self.categories[place].name);
        self.categories[place].members += 1;
        Some(place)
    }

    /// By place in `categories`: what all jobs of a category have used ÷ the highest priority among them.
    fn category_ratings(&self, now: Moment) -> Vec<f64> {
        if self.categories.is_empty() {
            return Vec::new();
        }
        let mut sums = vec![(0.0, 1.0_f64); self.categories.len()];
        for (place, share) in self.shares.values().filter_map(|share| Some((share.category?, share))) {
            let (used, priority_max) = &mut sums[place];
            *used += share.used(now, self.slots);
            if share.standing != Standing::Over {
                *priority_max = priority_max.max(share.priority);
            }
        }
        sums.into_iter().map(|(used, priority_max)| used / priority_max).collect()
    }

    fn rating(&self, now: Moment, id: JobId, share: &Share, categories: &[f64]) -> Rating {
        let job = share.used(now, self.slots) / share.priority;
        Rating {
            category: share.category.map_or(job, |place| categories[place]),
            job,
            submitted: share.submitted,
            id,
        }
    }

    /// Whether a rating is about as good as the best one. Within a category, the jobs have to be about equal too.
    fn is_about(&self, best: &Rating, other: &Rating) -> bool {
        let slack = WARM_SLACK_MAX.min(WARM_SLACK_SLOTS / f64::from(self.slots.max(1)));
        let category_of = |rating: &Rating| self.shares.get(&rating.id).and_then(|share| share.category);
        let same_category = category_of(best).is_some() && category_of(best) == category_of(other);
        other.category <= best.category + slack && (!same_category || other.job <= best.job + slack)
    }
}

impl Share {
    /// Usage as it will be at the next sample, plus what the job has right now.
    fn used(&self, now: Moment, farm_slots: u32) -> f64 {
        let farm_slots = f64::from(farm_slots.max(1));
        let slot_ms = self.slot_ms + u64::from(self.slots) * now.millis_since(self.counted);
        let since_sample = USAGE_SAMPLE_WEIGHT * slot_ms as f64 / (USAGE_SAMPLE_MS as f64 * farm_slots);
        self.usage + since_sample + f64::from(self.slots) / farm_slots
    }

    fn count_up_to(&mut self, now: Moment) {
        self.slot_ms += u64::from(self.slots) * now.millis_since(self.counted);
        self.counted = now;
    }
}

impl Rating {
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let by_category = self.category.total_cmp(&other.category);
        let by_job = || self.job.total_cmp(&other.job);
        let by_age = || (self.submitted, self.id).cmp(&(other.submitted, other.id));
        by_category.then_with(by_job).then_with(by_age)
    }

    fn is_before(&self, other: &Self) -> bool {
        self.compare(other).is_lt()
    }
}
