//! Why things are as they are, in sentences, from the very code that decides.

mod unfit;
mod words;

use crate::farm::Farm;
use crate::farm::fitness::Obstacle;
use crate::farm::job::Job;
use crate::farm::limits::EXPLAINED_JOBS_MAX;
use crate::farm::model::{Ban, JobState};
use crate::farm::rules::{First, OverShare};
use crate::farm::slave::{Chunk, Slave};
use crate::ids::{JobId, SlaveId};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use unfit::{explain_rests, explain_unfit, told};
use words::Noun;

/// Explains things of one moment. What all of them share, such as which job is next, is found out once.
#[derive(Debug)]
pub struct Explainer<'a> {
    farm: &'a Farm,
    ranking: OnceCell<Ranking>,
}

/// Who comes before whom.
#[derive(Debug)]
struct Ranking {
    /// Jobs with something to lease, the most deserving first.
    jobs: Vec<JobId>,
    places: BTreeMap<JobId, usize>,
    /// How many of them, all at the beginning, come first by a rule.
    first: usize,
}

impl Farm {
    /// Why a job does not go on, or what it is doing; nothing for a job that is unknown.
    #[must_use]
    pub fn explain_job(&self, id: JobId) -> Vec<String> {
        self.explainer().job(id)
    }

    /// What a slave is doing, and why it gets nothing of which job; nothing for a slave that is unknown.
    #[must_use]
    pub fn explain_slave(&self, id: SlaveId) -> Vec<String> {
        self.explainer().slave(id)
    }

    /// For explaining more than one thing.
    #[must_use]
    pub fn explainer(&self) -> Explainer<'_> {
        Explainer {
            farm: self,
            ranking: OnceCell::new(),
        }
    }
}

impl Explainer<'_> {
    /// Why a job does not go on, or what it is doing; nothing for a job that is unknown.
    #[must_use]
    pub fn job(&self, id: JobId) -> Vec<String> {
        let Some(job) = self.farm.jobs.get(&id) else {
            return Vec::new();
        };
        let noun = Noun::of(job);
        let mut sentences = vec![match job.state() {
            JobState::Waiting => self.farm.explain_waiting(job),
            JobState::Queued => self.explain_queued(job),
            JobState::Paused if job.leased > 0 => format!(
                "paused: {} still being {} will be finished",
                noun.count(job.leased),
                noun.done
            ),
            JobState::Paused if job.is_hopeless(&self.farm.settings) => format!(
                "paused: {} given up and none was done; see why, then reset them and resume it",
                noun.were(job.failed)
            ),
            JobState::Paused => "paused: resume it to go on".to_owned(),
            JobState::Finished => format!("finished: {}", noun.count(job.done)),
            JobState::Failed => format!("failed: {} given up, {} done", noun.count(job.failed), job.done),
            JobState::Cancelled => format!("cancelled: {} of {} done", job.done, noun.count(job.task_count())),
        }];
        if job.may_go_on()
            && job.bakes()
            && let Some(held) = job.held.iter().next()
            && let Some(on) = job.waits_for(held)
        {
            sentences.push(format!("{} waits: it comes after {}", job.told(held), job.told(on)));
        }
        let failed = job.failures.iter().filter(|(_, failures)| failures.count > 0);
        let failures = failed.max_by_key(|(_, failures)| failures.count);
        if let Some((index, failures)) = failures {
            let times = if failures.count == 1 {
                "once".to_owned()
            } else {
                format!("{} times", failures.count)
            };
            sentences.push(format!(
                "{} failed {times}, the last time because {}",
                job.told(*index),
                failures.reason
            ));
        }
        sentences
    }

    /// What a slave is doing, and why it gets nothing of which job; nothing for a slave that is unknown.
    #[must_use]
    pub fn slave(&self, id: SlaveId) -> Vec<String> {
        let Some(slave) = self.farm.slaves.get(&id) else {
            return Vec::new();
        };
        if !slave.online {
            let why = match (slave.heard, slave.lost) {
                (true, false) => "it said goodbye",
                (true, true) => "nothing has been heard of it for too long",
                (false, _) => "it has not been heard of since the master started",
            };
            return vec![format!("not there: {why}")];
        }
        let set_aside = slave.ban.as_ref().map(|ban| self.explain_set_aside(ban));
        let mut sentences: Vec<String> = set_aside.into_iter().chain(slave.explain_rest()).collect();
        let chunks: Vec<String> = slave.chunks.iter().map(|chunk| self.explain_chunk(slave, chunk)).collect();
        sentences.extend(chunks);
        if sentences.is_empty() {
            let why = if self.farm.balance.any_ready() {
                "no job has frames for it"
            } else {
                "no job has frames to render"
            };
            sentences.push(if slave.waiting > 0 {
                format!("idle: {why}")
            } else {
                "idle: it does not ask for work".to_owned()
            });
        }
        for id in self.ranking().jobs.iter().copied().take(EXPLAINED_JOBS_MAX) {
            let Some(job) = self.farm.jobs.get(&id) else { continue };
            let obstacle = self.farm.obstacle(slave, job);
            // That was said once, for all of them.
            if matches!(obstacle, Some(Obstacle::SetAside | Obstacle::Paused)) {
                continue;
            }
            let obstacle = obstacle.map(|obstacle| told(&obstacle, job.bans.get(&slave.id())));
            let held_back = || self.farm.balance.is_held_back(id).map(|over| self.told_share(&over));
            if let Some(why) = obstacle.or_else(held_back) {
                sentences.push(format!("gets nothing of job {id} ({}): {why}", job.record.job.name));
            }
        }
        sentences
    }

    fn explain_set_aside(&self, ban: &Ban) -> String {
        let how_long = match ban.until {
            Some(until) => format!("for {} more minutes", until.millis_since(self.farm.now).div_ceil(60_000)),
            None => "until somebody takes it off the farm's blacklist".to_owned(),
        };
        let why = if ban.reason.is_empty() {
            String::new()
        } else {
            format!(", because {}", ban.reason)
        };
        format!("set aside for all jobs {how_long}{why}")
    }

    fn explain_chunk(&self, slave: &Slave, chunk: &Chunk) -> String {
        let job = self.farm.jobs.get(&chunk.job);
        let name = job.map_or("", |job| &job.record.job.name);
        let noun = job.map_or(Noun::FRAME, Noun::of);
        if let Some(twice) = self.farm.twice(slave, chunk) {
            let other = self
                .farm
                .slaves
                .get(&twice.other)
                .map_or("", |other| &other.record.machine.name);
            return format!(
                "renders frame {} of job {} ({name}) a second time, because {other} has rendered it for {:.0} s and this \
                 slave needs about {:.0} s",
                self.farm.frame_of(chunk.job, twice.task).unwrap_or_default(),
                chunk.job,
                twice.rendered_s.round(),
                twice.needed_s.ceil(),
            );
        }
        let count = u32::try_from(chunk.tasks.len()).unwrap_or(u32::MAX);
        let doing = if chunk.unrendered > 0 { noun.does } else { "delivers" };
        format!("{doing} {} of job {} ({name})", noun.count(count), chunk.job)
    }

    fn explain_queued(&self, job: &Job) -> String {
        let noun = Noun::of(job);
        if job.queued() == 0 {
            let twice = match job.leased_twice {
                0 => String::new(),
                1 => ", 1 of them with two".to_owned(),
                count => format!(", {count} of them with two"),
            };
            let rest = if job.held.is_empty() { "" } else { " that can be begun" };
            let are = if job.leased == 1 { "is" } else { "are" };
            return format!(
                "{}: the last {}{rest} {are} with slaves{twice}",
                noun.doing,
                noun.last(job.leased)
            );
        }
        if self.farm.disk_is_low {
            return "waiting: the master's disk is full".to_owned();
        }
        let online: Vec<&Slave> = self.farm.slaves.values().filter(|slave| slave.online).collect();
        if online.is_empty() {
            return "waiting: no slave is there".to_owned();
        }
        let fit: Vec<&Slave> = online
            .iter()
            .copied()
            .filter(|slave| Farm::unfit(slave, job).is_none())
            .collect();
        if fit.is_empty() {
            return explain_unfit(&online, job);
        }
        let slots = self.farm.balance.share(job.id()).map_or(0, |share| share.slots);
        let has_all = slots >= self.farm.balance.slots();
        if let Some(over) = self.farm.balance.is_held_back(job.id()).filter(|_| !has_all) {
            return format!("waiting: {}", self.told_share(&over));
        }
        if slots > 0 {
            let able = fit.iter().map(|slave| slave.slots()).sum::<u32>().max(slots);
            let of = match (able, self.farm.balance.slots()) {
                (able, all) if able >= all => format!("{slots} of {all} slots"),
                (1, _) => "the only slot that can take it".to_owned(),
                (able, _) => format!("{slots} of the {able} slots that can take it"),
            };
            return format!("{} on {of}; {} for a free one", noun.doing, noun.wait(job.queued()));
        }
        let kept_from: Vec<Option<Obstacle>> = fit.iter().map(|slave| self.farm.kept_from(slave, job)).collect();
        let able = kept_from.iter().filter(|it| it.is_none()).count();
        if able == 0 {
            return explain_rests(kept_from.iter().flatten());
        }
        self.explain_rank(job.id(), able)
    }

    /// Who comes before a job that could be rendered by some slaves, and has none.
    fn explain_rank(&self, id: JobId, fit: usize) -> String {
        let ranking = self.ranking();
        let before = ranking.places.get(&id).copied().unwrap_or(ranking.jobs.len());
        let first = before.min(ranking.first);
        let (noun, verb) = if fit == 1 { ("slave", "is") } else { ("slaves", "are") };
        if let Some(first) = self.farm.balance.first(self.farm.now, id) {
            let why = told_first(first);
            return format!("waiting: comes first, because {why}; {fit} {noun} that could render it {verb} busy");
        }
        match (before, first) {
            (0, _) => format!("waiting: next in line; {fit} {noun} that could render it {verb} busy"),
            (_, 1) => format!("waiting: another job comes first by a rule; {fit} {noun} could render it"),
            (_, 2..) => format!("waiting: {first} jobs come first by a rule; {fit} {noun} could render it"),
            (1, _) => format!("waiting: another job has had less of the farm for its priority; {fit} {noun} could render it"),
            _ => format!("waiting: {before} jobs have had less of the farm for their priority; {fit} {noun} could render it"),
        }
    }

    fn ranking(&self) -> &Ranking {
        let Farm { balance, now, .. } = self.farm;
        self.ranking.get_or_init(|| {
            let jobs = balance.ranking(*now);
            Ranking {
                places: jobs.iter().copied().zip(0..).collect(),
                first: jobs.iter().take_while(|job| balance.first(*now, **job).is_some()).count(),
                jobs,
            }
        })
    }

    /// What a job uses of the farm, and how much it may.
    fn told_share(&self, over: &OverShare) -> String {
        let slaves = self.farm.slaves.values().filter(|slave| slave.online).count();
        let OverShare {
            farm_slots, percent_max, ..
        } = *over;
        let noun = if farm_slots as usize == slaves { "slaves" } else { "slots" };
        let percent = over.percent();
        let nearly = if percent < percent_max {
            ", and one more would be above it"
        } else {
            ""
        };
        format!("uses {percent} % of {farm_slots} {noun}, limit {percent_max} %{nearly}")
    }
}

fn told_first(first: First) -> String {
    match first {
        First::New { dispatched: 0 } => "none of its frames was dispatched yet".to_owned(),
        First::New { dispatched: 1 } => "only 1 of its frames was dispatched yet".to_owned(),
        First::New { dispatched } => format!("only {dispatched} of its frames were dispatched yet"),
        First::Starving { minutes: 1 } => "it has had no slave for more than a minute".to_owned(),
        First::Starving { minutes } => format!("it has had no slave for {minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Trial, a_job, job_id, slave_id};

    #[test]
    fn a_job_says_that_others_come_first() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let jobs = [1, 2].map(|number| trial.submit(a_job(number, 9)));
        trial.leased(slave);
        let told = jobs.map(|job| trial.farm.explain_job(job).remove(0));
        assert_eq!(told[0], "rendering on 1 of 1 slots; 8 frames wait for a free one");
        let sentence =
            "waiting: comes first, because none of its frames was dispatched yet; 1 slave that could render it is busy";
        assert_eq!(told[1], sentence);
        assert_eq!(
            trial.farm.explain_slave(slave),
            [format!("renders 1 frame of job {} (job 1)", jobs[0])]
        );
    }

    #[test]
    fn a_job_says_how_many_come_before_it_and_how_many_of_them_by_a_rule() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let jobs = [1, 2, 3, 4].map(|number| trial.submit(a_job(number, 9)));
        for _ in 0..2 {
            let task = trial.leased(slave)[0];
            trial.done(slave, task);
        }
        trial.leased(slave);
        let explainer = trial.farm.explainer();
        let told = jobs.map(|job| explainer.job(job).remove(0));
        assert_eq!(told, jobs.map(|job| trial.farm.explain_job(job).remove(0)));
        assert!(told[3].contains("comes first"), "{told:?}");
        assert!(told[1].starts_with("waiting: another job comes first by a rule"), "{told:?}");
    }

    #[test]
    fn of_what_is_not_known_nothing_is_told() {
        let trial = Trial::new();
        assert!(trial.farm.explain_job(job_id(1)).is_empty());
        assert!(trial.farm.explain_slave(slave_id(1)).is_empty());
    }
}
