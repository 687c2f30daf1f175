//! Balancing: which job deserves the next slave most.
//!
//! A job's **usage** is the share of the farm's slots that it took lately: an average in which each sample counts less
//! than the one after it. To this comes what it has right now, else one job would take every slave that falls idle between
//! two samples. The next job is the one with the lowest usage ÷ priority; where jobs share a category, the categories
//! are compared first, by the sum of usage ÷ the highest priority. Before all this come the [`Rules`]: some jobs come first,
//! some get nothing more for now.
//!
//! Absences: nothing here knows tasks, tags or slaves; who may render what is asked by the caller.

mod category;
mod line;
mod next;
mod rating;
mod share;

use super::limits::{USAGE_FADED, USAGE_SAMPLE_MS, USAGE_SAMPLE_WEIGHT};
use super::model::NewJob;
use super::rules::{First, OverShare, Rules};
use super::time::Moment;
use crate::ids::JobId;
use category::Categories;
use line::{Line, Turn};
use rating::Scale;
pub(super) use share::{Share, Standing};

/// What all jobs that are not over have used.
#[derive(Debug, Clone)]
pub(super) struct Balance {
    rules: Rules,
    /// By id.
    shares: Vec<Share>,
    /// Of those that are ready, the ones without a slot …
    line: Line,
    /// … and where the ones with slots are in `shares`, whether they are ready or not.
    busy: Vec<usize>,
    categories: Categories,
    /// How many shares are [`Standing::Ready`].
    ready: u32,
    /// Slots of all slaves that are there.
    slots: u32,
    sampled: Moment,
    now: Moment,
}

impl Balance {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            rules: Rules::default(),
            shares: Vec::new(),
            line: Line::default(),
            busy: Vec::new(),
            categories: Categories::default(),
            ready: 0,
            slots: 0,
            sampled: now,
            now,
        }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
        self.renew_all();
    }

    /// Time has passed: some jobs come first from now on.
    pub(super) fn pass(&mut self, now: Moment) {
        self.now = now;
        while let Some(job) = self.line.due_to_come_first(now) {
            match self.place_of(job) {
                Ok(place) => self.renew(place),
                Err(_) => return,
            }
        }
    }

    /// Adds a job; `last_dispatched`: when something of it was last leased.
    pub(super) fn add(&mut self, now: Moment, job: &NewJob, submitted: Moment, last_dispatched: Option<Moment>) {
        if self.shares.is_empty() {
            self.sampled = now;
        }
        let share = Share {
            job: job.id,
            category: self.categories.join(&job.category),
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
            turn: None,
        };
        self.remove(job.id);
        if let Err(place) = self.place_of(job.id) {
            self.shares.insert(place, share);
            for busy in self.busy.iter_mut().filter(|busy| **busy >= place) {
                *busy += 1;
            }
            self.renew_categories();
        }
    }

    /// Takes over what was edited; what the job has used stays.
    pub(super) fn edit(&mut self, job: &NewJob) {
        let Ok(place) = self.place_of(job.id) else {
            return;
        };
        let old = self.shares[place].category;
        let category = self.categories.join(&job.category);
        self.categories.leave(old);
        let share = &mut self.shares[place];
        share.category = category;
        share.priority = f64::from(job.priority.max(1));
        share.per_priority = 1.0 / share.priority;
        self.renew(place);
        self.renew_categories();
    }

    pub(super) fn remove(&mut self, job: JobId) {
        if let Ok(place) = self.place_of(job) {
            let share = self.shares.remove(place);
            self.line.move_to(share.turn, None);
            self.busy.retain(|busy| *busy != place);
            for busy in self.busy.iter_mut().filter(|busy| **busy > place) {
                *busy -= 1;
            }
            self.ready -= u32::from(share.standing == Standing::Ready);
            self.categories.leave(share.category);
            self.renew_categories();
        }
    }

    /// Notes what a job wants, and how many of its tasks were dispatched. Whether somebody who waits may get work by this:
    /// it has become ready, or it has left all the farm to a job that was above its share.
    pub(super) fn stand(&mut self, job: JobId, standing: Standing, dispatched: u32) -> bool {
        let Ok(place) = self.place_of(job) else {
            return false;
        };
        let share = &mut self.shares[place];
        share.dispatched = dispatched;
        let old = std::mem::replace(&mut share.standing, standing);
        let (was_ready, is_ready) = (old == Standing::Ready, standing == Standing::Ready);
        self.renew(place);
        if (old == Standing::Over) != (standing == Standing::Over) {
            self.renew_categories();
        }
        self.ready -= u32::from(was_ready);
        self.ready += u32::from(is_ready);
        is_ready != was_ready && (is_ready || self.rules.share.enabled)
    }

    /// Notes that a job has a slot more, with a chunk of which so much is spare.
    pub(super) fn slot_taken(&mut self, now: Moment, job: JobId, spare: u32) {
        if let Ok(place) = self.place_of(job) {
            if self.shares[place].slots == 0 {
                self.become_busy(place);
            }
            let taking = &mut self.shares[place];
            taking.count_up_to(now);
            taking.slots += 1;
            taking.spare += spare;
            self.renew(place);
        }
    }

    /// Notes that a chunk, of which something is left, has a task less that is not rendered.
    pub(super) fn spare_gone(&mut self, job: JobId) {
        if let Ok(place) = self.place_of(job) {
            self.shares[place].spare -= 1;
        }
    }

    /// Whether any job has spare tasks.
    pub(super) fn any_spare(&self) -> bool {
        self.shares.iter().any(|share| share.spare > 0)
    }

    /// Notes that a job has a slot less; whether it may have another one now, and could not before.
    pub(super) fn slot_freed(&mut self, now: Moment, job: JobId) -> bool {
        let was_over = self.over_share(job).is_some();
        let Ok(place) = self.place_of(job) else {
            return false;
        };
        let share = &mut self.shares[place];
        share.count_up_to(now);
        share.slots -= 1;
        if share.slots == 0 {
            share.slotless_since = now;
            self.become_idle(place);
        }
        self.renew(place);
        was_over
    }

    pub(super) fn slots_came(&mut self, slots: u32) {
        self.slots += slots;
        self.renew_all();
    }

    pub(super) fn slots_went(&mut self, slots: u32) {
        self.slots -= slots;
        self.renew_all();
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
        self.renew_all();
    }

    /// The clock went ahead without anybody having used anything.
    pub(super) fn clock_went_ahead(&mut self, lost_ms: u64) {
        self.sampled = self.sampled.plus_millis(lost_ms);
        for share in &mut self.shares {
            share.counted = share.counted.plus_millis(lost_ms);
            share.slotless_since = share.slotless_since.plus_millis(lost_ms);
        }
        self.renew_all();
    }

    /// The clock went back: what was counted in the future is counted from now on.
    pub(super) fn clock_went_back(&mut self, now: Moment) {
        self.now = now;
        self.sampled = self.sampled.min(now);
        for share in &mut self.shares {
            share.counted = share.counted.min(now);
            share.slotless_since = share.slotless_since.min(now);
        }
        self.renew_all();
    }

    /// Asserts what must be true of its own counters.
    pub(super) fn check(&self) {
        let ready = self.shares.iter().filter(|share| share.standing == Standing::Ready).count();
        assert_eq!(self.ready as usize, ready, "ready jobs");
        let mut line = Line::default();
        for share in &self.shares {
            assert_eq!(share.turn, self.turn_of(share), "the place of {} in the line", share.job);
            line.move_to(None, share.turn);
        }
        assert_eq!(self.line, line, "who waits for a slot");
        let mut busy = self.busy.clone();
        busy.sort_unstable();
        let with_slots = (0..self.shares.len()).filter(|place| self.shares[*place].slots > 0);
        assert!(with_slots.eq(busy), "who has slots");
        self.categories.check(&self.shares, &self.scale());
        let mut ranking = self.ranking(self.now).into_iter();
        if let Some(first) = ranking.find(|job| self.is_held_back(*job).is_none()) {
            assert_eq!(self.next_job(self.now, None, |_| true), Some(first), "who is next");
        }
    }

    fn place_of(&self, job: JobId) -> Result<usize, usize> {
        self.shares.binary_search_by_key(&job, |share| share.job)
    }

    fn become_busy(&mut self, place: usize) {
        let scale = self.scale();
        self.busy.push(place);
        self.categories.no_longer_idle(&self.shares[place], &scale);
    }

    fn become_idle(&mut self, place: usize) {
        let scale = self.scale();
        self.busy.retain(|busy| *busy != place);
        self.categories.idle_again(&self.shares[place], &scale);
    }

    /// Gives a job its place in the line anew, after something changed by which it has it …
    fn renew(&mut self, place: usize) {
        let turn = self.turn_of(&self.shares[place]);
        let share = &mut self.shares[place];
        self.line.move_to(share.turn, turn);
        share.turn = turn;
    }

    /// … or by which all have theirs.
    fn renew_all(&mut self) {
        (0..self.shares.len()).for_each(|place| self.renew(place));
        self.renew_categories();
    }

    fn renew_categories(&mut self) {
        let scale = self.scale();
        self.categories.sum_up(&self.shares, &scale);
    }

    fn turn_of(&self, share: &Share) -> Option<Turn> {
        let waits = share.standing == Standing::Ready && share.slots == 0;
        waits.then(|| Turn::of(share, &self.rules, &self.scale()))
    }

    fn scale(&self) -> Scale {
        Scale::new(self.now, self.slots)
    }
}

#[cfg(test)]
mod tests;
