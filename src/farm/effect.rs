//! Everything that a farm can want from its shell.

use super::event::{RequestId, TaskRef};
use super::model::{Ban, JobRecord, JobState, NewJob, SlaveRecord, TaskRecord, Transition};
use super::rules::Rules;
use super::settings::Settings;
use super::time::Moment;
use crate::ids::{Attempt, FrameLayout, JobId, SlaveId, TaskIndex};

/// Everything a farm can want. Effects come in order: a [`Effect::Record`] must be durable before any later effect is
/// carried out, so whatever was told to anyone survives a crash.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Keep this change of state.
    Record(Change),
    /// Hand these tasks to the slave that asked.
    Lease {
        /// The request this answers.
        request: RequestId,
        /// The slave that has them now.
        slave: SlaveId,
        /// What it has.
        lease: Lease,
    },
    /// The wait for work ended without work; the slave asks again.
    NoWork {
        /// The request this answers.
        request: RequestId,
    },
    /// What was asked is done (or was done already: repeats are harmless).
    Accept {
        /// The request this answers.
        request: RequestId,
    },
    /// What was asked is refused, and changed nothing.
    Refuse {
        /// The request this answers.
        request: RequestId,
        /// Why.
        refusal: Refusal,
    },
    /// Tell a slave to stop a task and to report nothing more of it.
    Cancel {
        /// The slave.
        slave: SlaveId,
        /// What it shall stop.
        task: TaskRef,
    },
    /// Tell a slave to end after what it renders.
    End {
        /// The slave.
        slave: SlaveId,
    },
    /// The job is gone: its files and results may be deleted.
    Forget {
        /// The job.
        job: JobId,
        /// Whether its results are to stay, as plain files.
        keep_results: bool,
    },
}

/// A chunk: tasks of one job leased together, to be rendered in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The tasks, each with the attempt that reports must name.
    pub tasks: Vec<(TaskIndex, Attempt)>,
    /// Whether they are tiles to be rendered as one.
    pub as_one: bool,
}

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No such job here (any more).
    UnknownJob(JobId),
    /// No such slave here: register again.
    UnknownSlave(SlaveId),
    /// The slave is known, but not there.
    Away(SlaveId),
    /// The job has no such task.
    UnknownTask(JobId, TaskIndex),
    /// The task was taken back from this slave, or somebody finished it: drop it.
    Stale(TaskRef),
    /// A job with this id is there already.
    JobExists(JobId),
    /// The job's state does not allow it, such as to resume a finished job.
    WrongState(JobId, JobState),
    /// The job's frames cannot be that: the reason.
    Frames(JobId, String),
    /// The first job would wait for the second one, which waits for the first.
    Circle(JobId, JobId),
}

/// A change of durable state. Restoring all records (or applying all changes in order) gives the same farm again.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A new job, with its state and no task records yet.
    JobAdded(Box<JobRecord>),
    /// A job's state changed.
    JobState {
        /// The job.
        job: JobId,
        /// From when to which state.
        transition: Transition,
    },
    /// A job's row changed: its settings, or whether its files are here.
    JobEdited {
        /// What it is now.
        job: Box<NewJob>,
        /// Which frame each of its tasks renders.
        layout: FrameLayout,
        /// How often tasks of it were reset, added or taken out.
        resets: u32,
    },
    /// A job's last dispatch (balancing rule B5 needs it across a restart).
    JobDispatched {
        /// The job.
        job: JobId,
        /// When.
        at: Moment,
    },
    /// A job is gone with all its tasks.
    JobRemoved(JobId),
    /// A task is in another state now (what is not recorded is queued, never attempted).
    Task {
        /// The job.
        job: JobId,
        /// The task.
        task: TaskIndex,
        /// Its new record.
        record: TaskRecord,
    },
    /// Tasks in a row, none of which ever failed, were reset: queued again, under attempts that nobody has.
    TasksReset {
        /// The job.
        job: JobId,
        /// The first of them …
        first: TaskIndex,
        /// … and the last.
        last: TaskIndex,
    },
    /// A slave is new, or tells other facts about itself.
    Slave(SlaveRecord),
    /// A slave is gone for good, with all bans of it.
    SlaveRemoved(SlaveId),
    /// Balancing goes by other rules.
    Rules(Rules),
    /// A slave is on the list of a job, or of the farm, or not any more.
    Ban {
        /// Whose list; `None`: the farm's.
        job: Option<JobId>,
        /// The slave.
        slave: SlaveId,
        /// As it is now; `None`: it is not on the list any more.
        ban: Option<Ban>,
    },
    /// The farm's settings changed.
    Settings(Settings),
}
