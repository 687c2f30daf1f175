//! Balancing: which job deserves the next slave most.
//!
//! A job's **usage** is the share of the farm's slots that it took lately: an average in which each sample counts less
//! than the one after it. To this comes what it has right now, else one job would take every slave that falls idle between
//! two samples. The next job is the one with the lowest usage ÷ priority; where jobs share a category, the categories
//! are compared first, by the sum of usage ÷ the highest priority. Before all this come the [`Rules`]: some jobs come first,
//! some get nothing more for now.
//!
//! Absences: nothing here knows tasks, tags or slaves; who may render what is asked by the caller.

use super::limits::{USAGE_FADED, USAGE_SAMPLE_MS, USAGE_SAMPLE_WEIGHT, WARM_SLACK_MAX, WARM_SLACK_SLOTS};
use super::model::NewJob;
use super::rating::{Rating, Scale, category_ratings};
use super::rules::{First, OverShare, Rules};
use super::time::Moment;
use crate::ids::JobId;

/// What all jobs that are not over have used, side by side and small: each dispatch looks at all of them.
#[derive(Debug, Clone)]
pub(super) struct Balance {
    rules: Rules,
    /// By id.
    shares: Vec<Share>,
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
    pub(super) job: JobId,
    /// Place in `categories`; a job without one is a category of its own.
    pub(super) category: Option<usize>,
    pub(super) priority: f64,
    /// 1 ÷ priority: a division for each job at each dispatch is to be felt.
    pub(super) per_priority: f64,
    pub(super) submitted: Moment,
    pub(super) standing: Standing,
    /// How many of its tasks are out, done or given up, or were tried.
    pub(super) dispatched: u32,
    /// Slots that it takes up right now.
    pub(super) slots: u32,
    /// Tasks in the hands of slaves that cannot have been started yet.
    pub(super) spare: u32,
    /// Since when it has had no slot, if it has none.
    pub(super) slotless_since: Moment,
    /// Average share of the farm as of the last sample.
    pub(super) usage: f64,
    /// Slots × milliseconds since the last sample, counted up to `counted`.
    pub(super) slot_ms: u64,
    pub(super) counted: Moment,
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

impl Balance {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            rules: Rules::default(),
            shares: Vec::new(),
            categories: Vec::new(),
            ready: 0,
            slots: 0,
            sampled: now,
        }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Adds a job; `last_dispatched`: when something of it was last leased.
    pub(super) fn add(&mut self, now: Moment, job: &NewJob, submitted: Moment, last_dispatched: Option<Moment>) {
        if self.shares.is_empty() {
            self.sampled = now;
        }
        let share = Share {
            job: job.id,
            category: self.join_category(&job.category),
            priority: f64::from(job.priority.max(1)),
            per_priority: 1.0 / f64::from(job.priority.max(1)),
            submitted,
            standing: Standing::Held,
            dispatched: 0,
            slots: 0,
            spare: 0,
            slotless_since: last_dispatched.unwrap_or(submitted),
            usage: 0.0,
            slot_ms: 0,
            counted: now,
        };
        match self.place_of(job.id) {
            Ok(place) => self.shares[place] = share,
            Err(place) => self.shares.insert(place, share),
        }
    }

    /// Takes over what was edited; what the job has used stays.
    pub(super) fn edit(&mut self, job: &NewJob) {
        let Ok(place) = self.place_of(job.id) else {
            return;
        };
        let old = self.shares[place].category;
        let category = self.join_category(&job.category);
        if let Some(old) = old {
            self.categories[old].members -= 1;
        }
        let share = &mut self.shares[place];
        share.category = category;
        share.priority = f64::from(job.priority.max(1));
        share.per_priority = 1.0 / share.priority;
    }

    pub(super) fn remove(&mut self, job: JobId) {
        if let Ok(place) = self.place_of(job) {
            let share = self.shares.remove(place);
            self.ready -= u32::from(share.standing == Standing::Ready);
            if let Some(place) = share.category {
                self.categories[place].members -= 1;
            }
        }
    }

    /// Notes what a job wants, and how many of its tasks were dispatched. Whether somebody who waits may get work by this:
    /// it has become ready, or it has left all the farm to a job that was above its share.
    pub(super) fn stand(&mut self, job: JobId, standing: Standing, dispatched: u32) -> bool {
        let Some(share) = self.share_mut(job) else {
            return false;
        };
        share.dispatched = dispatched;
        let (was_ready, is_ready) = (share.standing == Standing::Ready, standing == Standing::Ready);
        share.standing = standing;
        self.ready -= u32::from(was_ready);
        self.ready += u32::from(is_ready);
        is_ready != was_ready && (is_ready || self.rules.share.enabled)
    }

    /// Notes that a job has a slot more, with a chunk of which so much is spare.
    pub(super) fn slot_taken(&mut self, now: Moment, job: JobId, spare: u32) {
        if let Some(share) = self.share_mut(job) {
            share.count_up_to(now);
            share.slots += 1;
            share.spare += spare;
        }
    }

    /// Notes that a chunk, of which something is left, has a task less that is not rendered.
    pub(super) fn spare_gone(&mut self, job: JobId) {
        if let Some(share) = self.share_mut(job) {
            share.spare -= 1;
        }
    }

    /// Whether any job has spare tasks.
    pub(super) fn any_spare(&self) -> bool {
        self.shares.iter().any(|share| share.spare > 0)
    }

    /// Notes that a job has a slot less; whether it may have another one now, and could not before.
    pub(super) fn slot_freed(&mut self, now: Moment, job: JobId) -> bool {
        let was_over = self.over_share(job).is_some();
        let Some(share) = self.share_mut(job) else {
            return false;
        };
        share.count_up_to(now);
        share.slots -= 1;
        if share.slots == 0 {
            share.slotless_since = now;
        }
        was_over
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
        self.place_of(job).ok().map(|place| &self.shares[place])
    }

    pub(super) fn shares(&self) -> impl Iterator<Item = &Share> {
        self.shares.iter()
    }

    /// Whether a job has so much of the farm that it gets nothing more while another one could have it.
    pub(super) fn over_share(&self, job: JobId) -> Option<OverShare> {
        let share = self.share(job)?;
        self.rules.over_share(share.slots, self.slots)
    }

    /// The same while there is another job with tasks to lease.
    pub(super) fn is_held_back(&self, job: JobId) -> Option<OverShare> {
        self.over_share(job).filter(|_| self.ready > 1)
    }

    /// The rule by which a job comes first, if any.
    pub(super) fn first(&self, now: Moment, job: JobId) -> Option<First> {
        self.share(job)?.first(&self.rules, now)
    }

    /// The most deserving job that a slot may have; of about equally deserving ones that whose scene it holds warm.
    pub(super) fn next_job(&self, now: Moment, warm: Option<JobId>, fits: impl Fn(JobId) -> bool) -> Option<JobId> {
        if self.ready == 0 {
            return None;
        }
        let scale = Scale::new(now, self.slots);
        let categories = category_ratings(&self.shares, self.categories.len(), &scale);
        let mut best: Option<Rating> = None;
        let mut held_back = Vec::new();
        for share in self.shares.iter().filter(|share| share.standing == Standing::Ready) {
            if self.ready > 1 && self.rules.over_share(share.slots, self.slots).is_some() {
                held_back.push(share.job);
                continue;
            }
            let rating = share.rating(&self.rules, &scale, &categories);
            // Whether it fits is the dearer question, so it is asked last.
            if best.is_none_or(|best| rating.compare(&best).is_lt()) && fits(share.job) {
                best = Some(rating);
            }
        }
        let Some(best) = best else {
            // What nobody else could have, the only one may, however much it has.
            let mut only = held_back.into_iter().filter(|job| fits(*job));
            return only.next().filter(|_| only.next().is_none());
        };
        let deserves_about = |warm: &JobId| {
            let share = self.share(*warm).filter(|share| share.standing == Standing::Ready);
            let share = share.filter(|_| self.is_held_back(*warm).is_none());
            share.is_some_and(|share| self.is_about(&best, &share.rating(&self.rules, &scale, &categories)))
        };
        let warm = warm.filter(|warm| *warm != best.id && deserves_about(warm) && fits(*warm));
        Some(warm.unwrap_or(best.id))
    }

    /// All jobs with tasks to lease, the most deserving first.
    pub(super) fn ranking(&self, now: Moment) -> Vec<JobId> {
        let scale = Scale::new(now, self.slots);
        let categories = category_ratings(&self.shares, self.categories.len(), &scale);
        let ready = self.shares.iter().filter(|share| share.standing == Standing::Ready);
        let mut ranking: Vec<Rating> = ready.map(|share| share.rating(&self.rules, &scale, &categories)).collect();
        ranking.sort_by(Rating::compare);
        ranking.into_iter().map(|rating| rating.id).collect()
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
        for share in &mut self.shares {
            share.count_up_to(now);
            let sample = (share.slot_ms as f64 / farm_ms).min(1.0);
            share.usage = share.usage * kept + sample * (1.0 - kept);
            share.slot_ms = 0;
            if share.standing == Standing::Over && share.usage < USAGE_FADED {
                faded.push(share.job);
            }
        }
        for job in faded {
            self.remove(job);
        }
    }

    /// The clock went ahead without anybody having used anything.
    pub(super) fn clock_went_ahead(&mut self, lost_ms: u64) {
        self.sampled = self.sampled.plus_millis(lost_ms);
        for share in &mut self.shares {
            share.counted = share.counted.plus_millis(lost_ms);
            share.slotless_since = share.slotless_since.plus_millis(lost_ms);
        }
    }

    /// The clock went back: what was counted in the future is counted from now on.
    pub(super) fn clock_went_back(&mut self, now: Moment) {
        self.sampled = self.sampled.min(now);
        for share in &mut self.shares {
            share.counted = share.counted.min(now);
            share.slotless_since = share.slotless_since.min(now);
        }
    }

    /// Asserts what must be true of its own counters.
    pub(super) fn check(&self) {
        let ready = self.shares.iter().filter(|share| share.standing == Standing::Ready).count();
        assert_eq!(self.ready as usize, ready, "ready jobs");
        for (place, category) in self.categories.iter().enumerate() {
            let members = self.shares.iter().filter(|share| share.category == Some(place)).count();
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

    fn place_of(&self, job: JobId) -> Result<usize, usize> {
        self.shares.binary_search_by_key(&job, |share| share.job)
    }

    fn share_mut(&mut self, job: JobId) -> Option<&mut Share> {
        let place = self.place_of(job).ok()?;
        self.shares.get_mut(place)
    }

    /// Whether a rating is about as good as the best one. Within a category, the jobs have to be about equal too.
    fn is_about(&self, best: &Rating, other: &Rating) -> bool {
        let slack = WARM_SLACK_MAX.min(WARM_SLACK_SLOTS / f64::from(self.slots.max(1)));
        let category_of = |rating: &Rating| self.share(rating.id).and_then(|share| share.category);
        let same_category = category_of(best).is_some() && category_of(best) == category_of(other);
        other.first == best.first && other.category <= best.category + slack && (!same_category || other.job <= best.job + slack)
    }
}

impl Share {
    fn count_up_to(&mut self, now: Moment) {
        self.slot_ms += u64::from(self.slots) * now.millis_since(self.counted);
        self.counted = now;
    }
}

#[cfg(test)]
mod tests;
