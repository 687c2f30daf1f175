//! Jobs that are over are kept as long as the settings say.

use super::Farm;
use super::effect::Effect;
use super::limits::RETENTION_LOOK_MS;
use super::time::Moment;
use crate::ids::JobId;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Farm {
    /// Removes jobs that have been over for too long or of which there are too many, oldest first, with their files. One
    /// that another job still waits for stays.
    pub(super) fn remove_what_is_kept_no_longer(&mut self) {
        let mut over: Vec<(Moment, JobId)> = self
            .jobs
            .values()
            .filter(|job| job.state().is_over())
            .map(|job| (job.record.transitions.last().map_or(self.now, |it| it.at), job.id()))
            .collect();
        over.sort_unstable();
        let (days, count) = (self.settings.keep_days, self.settings.keep_jobs as usize);
        let excess = if count == 0 { 0 } else { over.len().saturating_sub(count) };
        let is_old = |since: Moment| days > 0 && self.now.millis_since(since) >= u64::from(days) * DAY_MS;
        let gone: Vec<JobId> = (0..)
            .zip(&over)
            .filter(|(place, (since, id))| (*place < excess || is_old(*since)) && !self.is_waited_for(*id))
            .map(|(_, (_, id))| *id)
            .collect();
        self.retention_due = (over.len() > gone.len()).then(|| self.now.plus_millis(RETENTION_LOOK_MS));
        for id in gone {
            let cancels = self.remove_job(id);
            self.effects.extend(cancels);
            self.effects.push_back(Effect::Forget {
                job: id,
                keep_results: false,
            });
        }
    }

    /// Whether a job that is over, but not finished, holds another one back.
    fn is_waited_for(&self, id: JobId) -> bool {
        !self.is_finished(id) && self.dependents.contains_key(&id)
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::Settings;
    use crate::farm::sim::trial::{Trial, a_job, job_id};

    fn over(trial: &mut Trial, number: u64) {
        let slave = trial.slave(1);
        trial.submit(a_job(number, 1));
        let task = trial.leased(slave)[0];
        trial.done(slave, task);
    }

    fn kept(trial: &Trial) -> Vec<u64> {
        (1..9).filter(|number| trial.farm.job(job_id(*number)).is_some()).collect()
    }

    #[test]
    fn jobs_that_are_over_are_kept_until_a_setting_says_otherwise() {
        let mut trial = Trial::new();
        for number in 1..=4 {
            over(&mut trial, number);
            trial.pass(3_600_000);
        }
        assert_eq!(kept(&trial), [1, 2, 3, 4]);
        trial.set(Settings {
            keep_jobs: 3,
            ..Settings::default()
        });
        trial.pass(60_000);
        assert_eq!(kept(&trial), [2, 3, 4]);
        trial.submit(a_job(5, 1));
        trial.set(Settings {
            keep_days: 1,
            ..Settings::default()
        });
        trial.pass(22 * 3_600_000);
        assert_eq!(kept(&trial), [4, 5], "only what is over");
        trial.restart();
        trial.pass(5 * 3_600_000);
        assert_eq!(kept(&trial), [5]);
    }
}
