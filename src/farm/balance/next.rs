//! Who gets the next slot.

use super::rating::{Rating, Scale};
use super::{Balance, Share, Standing};
use crate::farm::limits::{WARM_SLACK_MAX, WARM_SLACK_SLOTS};
use crate::farm::time::Moment;
use crate::ids::JobId;

/// What jobs are rated by at a moment.
struct Measure {
    scale: Scale,
    categories: Vec<f64>,
}

impl Balance {
    /// The most deserving job that a slot may have; of about equally deserving ones that whose scene it holds warm.
    pub(in crate::farm) fn next_job(&self, now: Moment, warm: Option<JobId>, fits: impl Fn(JobId) -> bool) -> Option<JobId> {
        if self.ready == 0 {
            return None;
        }
        let measure = self.measure(now);
        let is_better = |rating: &Rating, best: Option<Rating>| best.is_none_or(|best| rating.compare(&best).is_lt());
        let mut best: Option<Rating> = None;
        let mut held_back = Vec::new();
        for share in self.busy().filter(|share| share.standing == Standing::Ready) {
            if self.is_excluded(share) {
                held_back.push(share.job);
                continue;
            }
            let rating = self.rating(share, &measure);
            // Whether it fits is the dearer question, so it is asked last.
            if is_better(&rating, best) && fits(rating.id) {
                best = Some(rating);
            }
        }
        for waiting in self.line.ratings(&measure.categories) {
            let so_far = best;
            let mut better = waiting.take_while(|rating| is_better(rating, so_far));
            best = better.find(|rating| fits(rating.id)).or(so_far);
        }
        let Some(best) = best else {
            // What nobody else could have, the only one may, however much it has.
            let mut only = held_back.into_iter().filter(|job| fits(*job));
            return only.next().filter(|_| only.next().is_none());
        };
        let deserves_about = |warm: &JobId| {
            let share = self.share(*warm).filter(|share| share.standing == Standing::Ready);
            let share = share.filter(|share| !self.is_excluded(share));
            share.is_some_and(|share| self.is_about(&best, &self.rating(share, &measure)))
        };
        let warm = warm.filter(|warm| *warm != best.id && deserves_about(warm) && fits(*warm));
        Some(warm.unwrap_or(best.id))
    }

    /// All jobs with tasks to lease, the most deserving first.
    pub(in crate::farm) fn ranking(&self, now: Moment) -> Vec<JobId> {
        let measure = self.measure(now);
        let ready = self.shares.iter().filter(|share| share.standing == Standing::Ready);
        let mut ranking: Vec<Rating> = ready.map(|share| self.rating(share, &measure)).collect();
        ranking.sort_by(Rating::compare);
        ranking.into_iter().map(|rating| rating.id).collect()
    }

    fn measure(&self, now: Moment) -> Measure {
        let scale = Scale::new(now, self.slots);
        let categories = self.categories.ratings(self.busy(), &scale);
        Measure { scale, categories }
    }

    fn rating(&self, share: &Share, measure: &Measure) -> Rating {
        share.rating(&self.rules, &measure.scale, &measure.categories)
    }

    /// All that have slots.
    fn busy(&self) -> impl Iterator<Item = &Share> {
        self.busy.iter().map(|place| &self.shares[*place])
    }

    /// Whether a job gets nothing more, because another one could have it.
    fn is_excluded(&self, share: &Share) -> bool {
        self.ready > 1 && self.rules.over_share(share.slots, self.slots).is_some()
    }

    /// Whether a rating is about as good as the best one. Within a category, the jobs have to be about equal too.
    fn is_about(&self, best: &Rating, other: &Rating) -> bool {
        let slack = WARM_SLACK_MAX.min(WARM_SLACK_SLOTS / f64::from(self.slots.max(1)));
        let category_of = |rating: &Rating| self.share(rating.id).and_then(|share| share.category);
        let same_category = category_of(best).is_some() && category_of(best) == category_of(other);
        other.first == best.first && other.category <= best.category + slack && (!same_category || other.job <= best.job + slack)
    }
}
