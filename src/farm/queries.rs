//! Questions to the farm, which change nothing.

use super::Farm;
use super::TaskRef;
use super::bakes::Bake;
use super::job::Job;
use super::model::{Hold, JobView, SlaveView, TaskRecord};
use super::rules::Rules;
use super::settings::Settings;
use super::slave::Slave;
use crate::ids::{JobId, Piece, SlaveId, TaskIndex};

impl Farm {
    /// All jobs, by id.
    pub fn jobs(&self) -> impl Iterator<Item = JobView<'_>> {
        self.jobs.values().map(|job| self.job_view(job))
    }

    /// One job.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<JobView<'_>> {
        self.jobs.get(&id).map(|job| self.job_view(job))
    }

    /// The jobs that wait for one, by id.
    pub fn dependents(&self, id: JobId) -> impl Iterator<Item = JobId> {
        self.dependents.get(&id).into_iter().flatten().copied()
    }

    /// One task of a job.
    #[must_use]
    pub fn task(&self, job: JobId, task: TaskIndex) -> Option<TaskRecord> {
        self.jobs.get(&job)?.task_record(task)
    }

    /// What a slave has of a task.
    #[must_use]
    pub fn hold_of(&self, job: JobId, task: TaskIndex, slave: SlaveId) -> Option<Hold> {
        self.jobs.get(&job)?.hold_of(task, slave)
    }

    /// The frame that a task renders.
    #[must_use]
    pub fn frame_of(&self, job: JobId, task: TaskIndex) -> Option<i32> {
        self.jobs.get(&job)?.frame_of(task)
    }

    /// What a task renders.
    #[must_use]
    pub fn piece_of(&self, job: JobId, task: TaskIndex) -> Option<Piece> {
        self.jobs.get(&job)?.piece_of(task)
    }

    /// What a task bakes, if its job does that.
    #[must_use]
    pub fn bake(&self, job: JobId, task: TaskIndex) -> Option<&Bake> {
        self.jobs.get(&job)?.record.job.bakes.get(task.0 as usize)
    }

    /// The task that makes a frame, or a tile of one; none for what is not part of the job, or not any more, and for a frame that
    /// only its tiles are of.
    #[must_use]
    pub fn task_of(&self, job: JobId, piece: impl Into<Piece>) -> Option<TaskIndex> {
        let (record, piece) = (&self.jobs.get(&job)?.record, piece.into());
        record.job.frames.place_of(piece.frame)?;
        record.layout.task_of(piece)
    }

    /// The tasks of a frame: one, or one for each of its tiles and then the one that denoises it, if that is done. None for a
    /// frame that is not part of the job, or not any more.
    #[must_use]
    pub fn tasks_of(&self, job: JobId, frame: i32) -> Option<impl Iterator<Item = TaskIndex> + use<>> {
        let record = &self.jobs.get(&job)?.record;
        record.job.frames.place_of(frame)?;
        Some(record.layout.tasks_of(frame)?.map(TaskIndex))
    }

    /// Whether the master's disk has no room: then nothing is leased.
    #[must_use]
    pub fn disk_is_low(&self) -> bool {
        self.disk_is_low
    }

    /// The farm's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All slaves, by id.
    pub fn slaves(&self) -> impl Iterator<Item = SlaveView<'_>> {
        self.slaves.values().map(|slave| self.slave_view(slave))
    }

    /// One slave.
    #[must_use]
    pub fn slave(&self, id: SlaveId) -> Option<SlaveView<'_>> {
        self.slaves.get(&id).map(|slave| self.slave_view(slave))
    }

    /// The rules of balancing.
    #[must_use]
    pub fn rules(&self) -> Rules {
        *self.balance.rules()
    }

    /// What tasks take up in memory, for measurements.
    #[cfg(test)]
    pub(super) fn task_bytes(&self) -> usize {
        self.jobs.values().map(Job::task_bytes).sum()
    }

    fn job_view<'a>(&self, job: &'a Job) -> JobView<'a> {
        let share = self.balance.share(job.id()).filter(|_| !job.state().is_over());
        JobView {
            record: &job.record,
            state: job.state(),
            tasks: job.task_count(),
            queued: job.waiting(),
            leased: job.leased,
            done: job.done,
            failed: job.failed,
            banned: u32::try_from(job.bans.len()).unwrap_or(u32::MAX),
            slots: share.map_or(0, |share| share.slots),
            usage: share.map_or(0.0, |share| share.usage),
            task_seconds: job.latest_seconds.median(),
            percent: job.bakes().then(|| self.percent_of(job)),
        }
    }

    /// The job that a slave would get something of if it asked now; it may bring its files ahead.
    #[must_use]
    pub fn likely_next(&self, slave: SlaveId) -> Option<JobId> {
        let slave = self.slaves.get(&slave).filter(|slave| slave.online)?;
        let warm = slave.chunks.last().map(|chunk| chunk.job);
        let fits = |job: JobId| self.jobs.get(&job).is_some_and(|job| self.obstacle(slave, job).is_none());
        self.balance.next_job(self.now, warm, fits)
    }

    fn slave_view<'a>(&self, slave: &'a Slave) -> SlaveView<'a> {
        let attempt = |job: JobId, task: TaskIndex| Some(self.hold_of(job, task, slave.id())?.attempt);
        let held = slave
            .chunks
            .iter()
            .flat_map(|chunk| chunk.tasks.iter().map(|task| (chunk.job, *task)));
        let leased = held.filter_map(|(job, task)| attempt(job, task).map(|attempt| TaskRef { job, task, attempt }));
        SlaveView {
            record: &slave.record,
            last_seen: slave.last_seen,
            online: slave.online,
            lost: slave.lost,
            set_aside: slave.ban.is_some(),
            resting: slave.resting.as_deref(),
            leased: leased.collect(),
            speed: 1.0 / slave.pace(),
            done: slave.done,
            failed: slave.failed,
            latest: slave.latest,
        }
    }
}
