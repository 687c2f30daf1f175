//! Attempts that take too long.
//!
//! Three limits, each a job's own or else the farm's: silence of the slave (what it has goes back, which is no failure), no
//! news of a task, and the time that a frame may take. Without a limit of its own a job is measured by its own frames: far
//! more than their median is too long.

use super::Farm;
use super::effect::Effect;
use super::event::TaskRef;
use super::job::Job;
use super::limits::{
    FRAME_LEARNT_FACTOR, FRAME_LEARNT_S_MIN, MEDIAN_TRUSTED_FRAMES, STALL_LEARNT_FACTOR, STALL_LEARNT_S_MIN, TIMEOUTS_LOOK_MS,
};
use super::settings::Settings;
use super::slave::{Chunk, Slave};
use super::time::Moment;
use crate::ids::{JobId, SlaveId, TaskIndex};

/// What is wrong with a chunk.
enum Verdict {
    /// Its slave has been silent for too long for this job.
    Silent,
    /// The task that is being rendered takes too long: why.
    TooLong(TaskIndex, String),
}

impl Farm {
    /// There is news of a task: it goes on.
    pub(super) fn progressed(&mut self, slave: SlaveId, at: TaskRef, percent: Option<u32>) {
        let now = self.now;
        let hold = self.jobs.get(&at.job).and_then(|job| job.hold_of(at.task, slave));
        if hold.is_none_or(|hold| hold.attempt != at.attempt) {
            return;
        }
        if let Some(slave) = self.slaves.get_mut(&slave)
            && let Some(place) = slave.chunk_of(at.job, at.task)
        {
            slave.chunks[place].heard = now;
            slave.chunks[place].heard_of = true;
            slave.chunks[place].percent = percent.map(|percent| (at.task, percent));
        }
    }

    /// Fails or takes back what takes too long, and finds out when to look again.
    pub(super) fn end_what_takes_too_long(&mut self) {
        let mut verdicts: Vec<(SlaveId, JobId, Vec<TaskIndex>, Verdict)> = Vec::new();
        let mut is_rendering = false;
        for slave in self.slaves.values() {
            for chunk in slave.chunks.iter().filter(|chunk| chunk.unrendered > 0) {
                is_rendering = true;
                if let Some(job) = self.jobs.get(&chunk.job)
                    && let Some(verdict) = self.verdict(slave, chunk, job)
                {
                    verdicts.push((slave.id(), chunk.job, chunk.tasks.clone(), verdict));
                }
            }
        }
        self.timeouts_due = is_rendering.then(|| self.now.plus_millis(TIMEOUTS_LOOK_MS));
        for (slave, job, tasks, verdict) in verdicts {
            match verdict {
                Verdict::Silent => {
                    let cancels: Vec<Effect> = tasks
                        .into_iter()
                        .filter_map(|task| self.take_back(slave, job, task))
                        .collect();
                    self.settle(job);
                    self.work_appeared = true;
                    self.effects.extend(cancels);
                }
                Verdict::TooLong(task, reason) => self.fail_in_time(slave, job, task, reason),
            }
        }
    }

    fn fail_in_time(&mut self, slave: SlaveId, job: JobId, task: TaskIndex, reason: String) {
        let Some(hold) = self.jobs.get(&job).and_then(|job| job.hold_of(task, slave)) else {
            return;
        };
        let attempt = hold.attempt;
        let block = self.slaves.get(&slave).zip(self.jobs.get(&job));
        let block = block.map_or_else(Vec::new, |(slave, of)| of.block_of(slave, task));
        let task = TaskRef { job, task, attempt };
        self.failed(slave, task, hold.rendered, reason);
        self.effects.push_back(Effect::Cancel { slave, task });
        for index in block.into_iter().filter(|index| *index != task.task) {
            let cancel = self.take_back(slave, job, index);
            self.effects.extend(cancel);
        }
        self.settle(job);
    }

    fn verdict(&self, slave: &Slave, chunk: &Chunk, job: &Job) -> Option<Verdict> {
        let limits = job.record.job.limits;
        let exceeds = |since: Moment, limit_s: u32| limit_s > 0 && self.now.millis_since(since) >= u64::from(limit_s) * 1_000;
        if exceeds(slave.last_seen, limits.silence_s) {
            return Some(Verdict::Silent);
        }
        let begun: Vec<TaskIndex> = job.begun(slave, chunk).collect();
        let (frame_s, stall_s) = limits_of(&begun, &self.settings, job);
        let what = match begun.len() {
            0 | 1 => "a frame".to_owned(),
            count => format!("{count} tiles"),
        };
        let reason = if exceeds(chunk.moved, frame_s) {
            format!("it took longer than the {frame_s} s that {what} of this job may take")
        } else if exceeds(chunk.heard.max(chunk.moved), stall_s) {
            format!("nothing was heard of it for {stall_s} s")
        } else {
            return None;
        };
        Some(Verdict::TooLong(*begun.first()?, reason))
    }
}

/// Seconds that tasks of a job, begun as one, may take (0: any), and those without news of them. A denoising is no frame, and
/// nothing is heard of it until it is done: limits that are meant for tiles are not its own.
fn limits_of(begun: &[TaskIndex], settings: &Settings, job: &Job) -> (u32, u32) {
    let stall_s = stall_limit_s(settings, job, begun);
    if begun.iter().any(|task| job.is_denoising(*task)) {
        (0, stall_s.max(STALL_LEARNT_S_MIN))
    } else {
        (frame_limit_s(settings, job, begun), stall_s)
    }
}

/// Seconds that tasks of a job, begun as one, may take; 0: any.
fn frame_limit_s(settings: &Settings, job: &Job, begun: &[TaskIndex]) -> u32 {
    let own = job.record.job.limits.frame_s;
    // A bake is no frame: it takes as long as it takes, unless its own job sets a limit.
    let set = if job.bakes() {
        own
    } else {
        first_set(own, settings.limits.frame_s)
    };
    match job.latest_seconds.median() {
        Some(median) if set == 0 && !job.bakes() && job.latest_seconds.len() >= MEDIAN_TRUSTED_FRAMES => {
            whole_seconds(median * size(job, begun) * FRAME_LEARNT_FACTOR).max(FRAME_LEARNT_S_MIN)
        }
        _ => set.saturating_mul(u32::try_from(begun.len()).unwrap_or(u32::MAX)),
    }
}

/// Seconds without news of tasks, begun as one, after which they are taken to hang.
fn stall_limit_s(settings: &Settings, job: &Job, begun: &[TaskIndex]) -> u32 {
    match first_set(job.record.job.limits.stall_s, settings.limits.stall_s) {
        0 => {
            let median = job.latest_seconds.median().unwrap_or_default();
            whole_seconds(median * size(job, begun) * STALL_LEARNT_FACTOR).max(STALL_LEARNT_S_MIN)
        }
        set => set,
    }
}

/// How many average tasks they are like; a small one is given the time of an average one.
fn size(job: &Job, begun: &[TaskIndex]) -> f64 {
    begun.iter().map(|task| job.size_of(*task)).sum::<f64>().max(1.0)
}

fn first_set(own: u32, of_farm: u32) -> u32 {
    if own > 0 { own } else { of_farm }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and seconds are never negative"
)]
fn whole_seconds(seconds: f64) -> u32 {
    seconds.ceil() as u32
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Answer, Trial, a_job};
    use crate::farm::{Bake, Effect, Event, Limits, NewJob, ReportBody, TaskState};
    use crate::ids::SlaveId;

    fn limited(limits: Limits) -> NewJob {
        NewJob {
            limits,
            chunk_tasks: 2,
            ..a_job(1, 4)
        }
    }

    /// Lets time pass with a sign of life each ten seconds; what was told meanwhile.
    fn live(trial: &mut Trial, slaves: &[SlaveId], seconds: u64) -> Vec<Effect> {
        let mut told = Vec::new();
        for _ in 0..seconds / 10 {
            for slave in slaves {
                trial.happen(&Event::SlaveSeen { slave: *slave });
            }
            told.extend(trial.pass(10_000));
        }
        told
    }

    #[test]
    fn a_frame_that_takes_too_long_fails_in_words_and_is_stopped() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let limits = Limits {
            frame_s: 60,
            ..Limits::default()
        };
        let job = trial.submit(limited(limits));
        let tasks = trial.leased(slave);
        live(&mut trial, &[slave], 50);
        trial.report(slave, tasks[0], ReportBody::Rendered);
        assert_eq!(live(&mut trial, &[slave], 50), [], "each frame has its own time");
        let told = live(&mut trial, &[slave], 20);
        assert_eq!(told, [Effect::Cancel { slave, task: tasks[1] }]);
        let record = trial.farm.task(job, tasks[1].task).unwrap();
        let reason = record.last_failure.unwrap();
        assert_eq!(
            (record.failures, reason.as_str()),
            (1, "it took longer than the 60 s that a frame of this job may take")
        );
        assert_eq!(trial.done(slave, tasks[0]), Answer::Accept, "what was rendered is welcome");
    }

    #[test]
    fn a_frame_of_which_nothing_is_heard_fails() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let limits = Limits {
            stall_s: 30,
            ..Limits::default()
        };
        trial.submit(limited(limits));
        let task = trial.leased(slave)[0];
        for _ in 0..5 {
            assert_eq!(live(&mut trial, &[slave], 20), []);
            trial.happen(&Event::Progressed {
                slave,
                task,
                percent: None,
            });
        }
        let told = live(&mut trial, &[slave], 40);
        assert_eq!(told, [Effect::Cancel { slave, task }]);
    }

    #[test]
    fn a_job_may_be_less_patient_with_silent_slaves_than_the_farm() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let limits = Limits {
            silence_s: 20,
            ..Limits::default()
        };
        let job = trial.submit(limited(limits));
        let tasks = trial.leased(slave);
        let told = trial.pass(25_000);
        let cancels: Vec<Effect> = tasks.iter().map(|task| Effect::Cancel { slave, task: *task }).collect();
        assert_eq!(told, cancels);
        assert!(trial.farm.slave(slave).unwrap().online);
        let record = trial.farm.task(job, tasks[0].task).unwrap();
        assert_eq!(
            (record.failures, record.state),
            (0, TaskState::Queued),
            "a lost slave is no failure of the frame"
        );
    }

    #[test]
    fn a_bake_may_take_longer_than_a_frame_of_the_farm_may() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let mut settings = trial.farm.settings().clone();
        settings.limits.frame_s = 60;
        settings.limits.stall_s = 3_600;
        let settings = Box::new(settings);
        trial.ask(|request| Event::SettingsChanged { request, settings });
        for (number, bakes, expected) in [(1, Vec::new(), 1), (2, vec![Bake::default()], 0)] {
            let job = trial.submit(NewJob {
                bakes,
                ..a_job(number, 1)
            });
            let task = trial.leased(slave)[0];
            live(&mut trial, &[slave], 100);
            assert_eq!(trial.farm.task(job, task.task).unwrap().failures, expected);
            trial.ask(|request| Event::JobCancelled { request, job });
        }
    }

    #[test]
    fn a_denoising_may_take_longer_than_a_tile_and_fails_when_it_hangs() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(NewJob {
            tiles: "1x2".parse().unwrap(),
            denoises: true,
            chunk_tasks: 1,
            ..limited(Limits {
                frame_s: 60,
                stall_s: 30,
                ..Limits::default()
            })
        });
        for _ in 0..2 {
            let tile = trial.leased(slave)[0];
            trial.done(slave, tile);
        }
        let denoising = trial.leased(slave)[0];
        assert!(trial.farm.denoises(job, denoising.task).is_some());
        assert_eq!(live(&mut trial, &[slave], 3_500), []);
        let told = live(&mut trial, &[slave], 200);
        assert_eq!(told, [Effect::Cancel { slave, task: denoising }]);
    }

    #[test]
    fn without_a_limit_far_more_than_the_median_is_too_long() {
        let mut trial = Trial::new();
        let slave = trial.slave(1);
        let job = trial.submit(a_job(1, 9));
        for _ in 0..5 {
            let task = trial.leased(slave)[0];
            trial.done_in(slave, task, 200.0);
        }
        let task = trial.leased(slave)[0];
        for _ in 0..39 {
            trial.happen(&Event::Progressed {
                slave,
                task,
                percent: None,
            });
            assert_eq!(live(&mut trial, &[slave], 100), []);
        }
        assert_eq!(live(&mut trial, &[slave], 110), [Effect::Cancel { slave, task }]);
        assert_eq!(trial.farm.task(job, task.task).unwrap().failures, 1);
    }
}
