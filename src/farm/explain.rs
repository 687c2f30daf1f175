//! Why things are as they are, in sentences, from the very code that decides.

use super::Farm;
use super::fitness::{Obstacle, unfitness};
use super::job::Job;
use super::limits::EXPLAINED_JOBS_MAX;
use super::model::JobState;
use super::slave::Slave;
use crate::ids::{JobId, SlaveId};
use std::collections::BTreeSet;

impl Farm {
    /// Why a job does not go on, or what it is doing; nothing for a job that is unknown.
    #[must_use]
    pub fn explain_job(&self, id: JobId) -> Vec<String> {
        let Some(job) = self.jobs.get(&id) else {
            return Vec::new();
        };
        let mut sentences = vec![match job.state() {
            JobState::Waiting => "waiting: not all of its files are here yet".to_owned(),
            JobState::Queued => self.explain_queued(job),
            JobState::Paused if job.leased > 0 => format!("paused: {} still being rendered will be finished", frames(job.leased)),
            JobState::Paused => "paused: resume it to go on".to_owned(),
            JobState::Finished => format!("finished: {}", frames(job.done)),
            JobState::Failed => format!("failed: {} given up, {} done", frames(job.failed), job.done),
            JobState::Cancelled => format!("cancelled: {} of {} done", job.done, frames(job.task_count())),
        }];
        let failures = job.failures.iter().max_by_key(|(_, failures)| failures.count);
        if let Some((index, failures)) = failures {
            let frame = job.record.job.frames.nth(index.0).unwrap_or_default();
            let times = if failures.count == 1 {
                "once".to_owned()
            } else {
                format!("{} times", failures.count)
            };
            sentences.push(format!(
                "frame {frame} failed {times}, the last time because {}",
                failures.reason
            ));
        }
        sentences
    }

    /// What a slave is doing, and why it gets nothing of which job; nothing for a slave that is unknown.
    #[must_use]
    pub fn explain_slave(&self, id: SlaveId) -> Vec<String> {
        let Some(slave) = self.slaves.get(&id) else {
            return Vec::new();
        };
        if !slave.online {
            return vec!["not there: nothing was heard of it for too long, or it said goodbye".to_owned()];
        }
        let mut sentences: Vec<String> = slave.chunks.iter().map(|chunk| self.explain_chunk(chunk)).collect();
        if sentences.is_empty() {
            let why = if self.balance.any_ready() {
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
        for (job, _) in self.balance.ranking(self.now).into_iter().take(EXPLAINED_JOBS_MAX) {
            if let Some(job) = self.jobs.get(&job)
                && let Some(obstacle) = self.obstacle(slave, job)
            {
                sentences.push(format!(
                    "gets nothing of job {} ({}): {}",
                    job.id(),
                    job.record.job.name,
                    told(&obstacle)
                ));
            }
        }
        sentences
    }

    fn explain_chunk(&self, chunk: &super::slave::Chunk) -> String {
        let name = self.jobs.get(&chunk.job).map_or("", |job| &job.record.job.name);
        let count = u32::try_from(chunk.tasks.len()).unwrap_or(u32::MAX);
        let doing = if chunk.unrendered > 0 { "renders" } else { "delivers" };
        format!("{doing} {} of job {} ({name})", frames(count), chunk.job)
    }

    fn explain_queued(&self, job: &Job) -> String {
        if job.queued() == 0 {
            return format!("rendering: the last {} with slaves", frames_are(job.leased));
        }
        let online: Vec<&Slave> = self.slaves.values().filter(|slave| slave.online).collect();
        if online.is_empty() {
            return "waiting: no slave is there".to_owned();
        }
        let fit = online
            .iter()
            .filter(|slave| unfitness(&slave.record.machine, job).is_none())
            .count();
        if fit == 0 {
            return explain_unfit(&online, job);
        }
        let slots = self.balance.share(job.id()).map_or(0, |share| share.slots);
        if slots > 0 {
            return format!(
                "rendering on {slots} of {} slots; {} wait for a free one",
                self.balance.slots(),
                frames(job.queued())
            );
        }
        let ranking = self.balance.ranking(self.now);
        let before = ranking.iter().take_while(|(id, _)| *id != job.id()).count();
        let (noun, verb) = if fit == 1 { ("slave", "is") } else { ("slaves", "are") };
        match before {
            0 => format!("waiting: next in line; {fit} {noun} that could render it {verb} busy"),
            _ => format!("waiting: {before} jobs have had less of the farm for their priority; {fit} {noun} could render it"),
        }
    }
}

/// Why none of the slaves can render a job.
fn explain_unfit(online: &[&Slave], job: &Job) -> String {
    let obstacles: Vec<_> = online
        .iter()
        .filter_map(|slave| unfitness(&slave.record.machine, job))
        .collect();
    let series = obstacles.iter().find_map(|it| {
        if let Obstacle::Blender(series) = it {
            Some(*series)
        } else {
            None
        }
    });
    // A slave that lacks only the Blender is nearest to being able.
    let Some(wanted) = series else {
        let tags = job.record.job.tags.join(", ");
        return format!("waiting: needs a slave with the tags {tags}, and none has them all");
    };
    let offered: BTreeSet<_> = online.iter().flat_map(|slave| &slave.record.machine.blenders).collect();
    let mut offered: Vec<String> = offered.into_iter().map(|it| it.series()).collect();
    offered.dedup();
    let offered = if offered.is_empty() {
        "none".to_owned()
    } else {
        offered.join(", ")
    };
    let with_tags = if job.record.job.tags.is_empty() {
        ""
    } else {
        " with the job's tags"
    };
    format!(
        "waiting: needs Blender {}, which no slave{with_tags} has (slaves have {offered})",
        wanted.series()
    )
}

fn told(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::NotReady => "it has nothing to render now".to_owned(),
        Obstacle::Tags(tags) => format!("it needs the tags {}", tags.join(", ")),
        Obstacle::Blender(version) => format!("it needs Blender {}", version.series()),
        Obstacle::FailedHere => "its frames failed here and are kept for another slave".to_owned(),
    }
}

fn frames(count: u32) -> String {
    if count == 1 {
        "1 frame".to_owned()
    } else {
        format!("{count} frames")
    }
}

fn frames_are(count: u32) -> String {
    if count == 1 {
        "frame is".to_owned()
    } else {
        format!("{count} frames are")
    }
}
