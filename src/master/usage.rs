//! What the farm did lately: samples of who had how many slots, for the chart of the monitor.
//!
//! Absences: nothing of it is durable, and it is bounded however long the master runs: an hour finely, a day coarsely.

use crate::farm::{Farm, Moment};
use crate::ids::JobId;
use std::collections::{BTreeMap, VecDeque};

/// Between two fine samples.
const FINE_STEP_MS: u64 = 5_000;
/// Fine samples in a coarse one, which is their average.
const FINE_IN_COARSE: usize = 24;
/// Samples kept of each kind: of fine ones an hour, of coarse ones a day.
const SAMPLES_KEPT_MAX: usize = 720;
/// Jobs that a sample tells apart: those with most slots.
const JOBS_TOLD_MAX: usize = 64;

/// How long a chart looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// Sample by sample.
    Hour,
    /// In averages.
    Day,
}

/// The farm at a moment, or on average since the sample before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// When it was taken.
    pub(super) at: Moment,
    /// Slots of slaves that were there.
    pub(super) slots: f64,
    /// Slots by job; a job without any is not named.
    pub(super) jobs: BTreeMap<JobId, f64>,
    /// Slots of jobs that are not told apart.
    pub(super) others: f64,
}

/// All samples that are kept.
#[derive(Debug, Default)]
pub(super) struct Usage {
    fine: VecDeque<Sample>,
    coarse: VecDeque<Sample>,
    /// Fine samples that no coarse one covers yet.
    fresh: usize,
}

impl Usage {
    /// Samples of a span, oldest first.
    pub(super) fn samples(&self, span: Span) -> &VecDeque<Sample> {
        match span {
            Span::Hour => &self.fine,
            Span::Day => &self.coarse,
        }
    }

    /// Takes a sample if the last one is old enough.
    pub(super) fn look(&mut self, farm: &Farm, now: Moment) {
        let is_due = self.fine.back().is_none_or(|last| now.millis_since(last.at) >= FINE_STEP_MS);
        if is_due {
            self.add(Sample::of(farm, now));
        }
    }

    fn add(&mut self, sample: Sample) {
        push(&mut self.fine, sample);
        self.fresh += 1;
        // The first is told at once, so that a day's chart is not empty for minutes.
        if self.fresh >= FINE_IN_COARSE || self.coarse.is_empty() {
            let covered = self.fine.iter().skip(self.fine.len() - self.fresh);
            push(&mut self.coarse, Sample::average(covered));
            self.fresh = 0;
        }
    }
}

impl Sample {
    fn of(farm: &Farm, now: Moment) -> Self {
        let here = farm.slaves().filter(|slave| slave.online);
        let slots: u32 = here.map(|slave| slave.record.machine.slots).sum();
        let mut busy: Vec<_> = farm
            .jobs()
            .filter(|job| job.slots > 0)
            .map(|job| (job.slots, job.record.job.id))
            .collect();
        busy.sort_unstable_by(|a, b| b.cmp(a));
        let rest = busy.split_off(busy.len().min(JOBS_TOLD_MAX));
        Self {
            at: now,
            slots: f64::from(slots),
            jobs: busy.into_iter().map(|(slots, job)| (job, f64::from(slots))).collect(),
            others: rest.iter().map(|(slots, _)| f64::from(*slots)).sum(),
        }
    }

    fn average<'a>(samples: impl ExactSizeIterator<Item = &'a Self>) -> Self {
        let part = 1.0 / samples.len().max(1) as f64;
        let nothing = Self {
            at: Moment(0),
            slots: 0.0,
            jobs: BTreeMap::new(),
            others: 0.0,
        };
        samples.fold(nothing, |mut sum, sample| {
            sum.at = sample.at;
            sum.slots += sample.slots * part;
            sum.others += sample.others * part;
            for (job, slots) in &sample.jobs {
                *sum.jobs.entry(*job).or_default() += slots * part;
            }
            sum
        })
    }
}

fn push(kept: &mut VecDeque<Sample>, sample: Sample) {
    if kept.len() >= SAMPLES_KEPT_MAX {
        kept.pop_front();
    }
    kept.push_back(sample);
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId::from_bits(1);

    fn sample(number: u64, slots: f64) -> Sample {
        Sample {
            at: Moment(number * FINE_STEP_MS),
            slots: 8.0,
            jobs: BTreeMap::from([(JOB, slots)]),
            others: 0.0,
        }
    }

    #[test]
    fn a_sample_is_taken_only_when_the_last_one_is_old() {
        let (mut usage, farm) = (Usage::default(), Farm::new());
        for now_ms in [0, FINE_STEP_MS - 1, FINE_STEP_MS, FINE_STEP_MS + 1] {
            usage.look(&farm, Moment(now_ms));
        }
        assert_eq!(usage.samples(Span::Hour).len(), 2);
        assert_eq!(usage.samples(Span::Day).len(), 1, "the day begins with the first sample");
    }

    #[test]
    fn a_day_holds_averages_and_neither_grows_without_end() {
        let mut usage = Usage::default();
        usage.add(sample(0, 0.0));
        let many = 2 * FINE_IN_COARSE * SAMPLES_KEPT_MAX;
        for number in 1..=many {
            // Half of them have two slots, half four.
            usage.add(sample(number as u64, if number % 2 == 0 { 2.0 } else { 4.0 }));
        }
        let (hour, day) = (usage.samples(Span::Hour), usage.samples(Span::Day));
        assert_eq!((hour.len(), day.len()), (SAMPLES_KEPT_MAX, SAMPLES_KEPT_MAX));
        let last = day.back().unwrap();
        assert_eq!(last.at, Moment(many as u64 * FINE_STEP_MS));
        assert!((last.jobs[&JOB] - 3.0).abs() < 1e-9, "{last:?}");
        assert!((last.slots - 8.0).abs() < 1e-9);
    }
}
