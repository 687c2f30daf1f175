//! The brain: jobs, tasks, slaves, and who renders what next. A plain value that knows everything and does nothing.
//!
//! Absences: no clock, no network, no disk, no threads, no randomness, no serde, no logging. Time comes in with every
//! event, wishes go out as effects, in order. See [`Farm`] for the four verbs.

mod effect;
mod event;
mod model;
mod time;

pub use effect::{Change, Effect, Lease, Refusal};
pub use event::{Event, RequestId, TaskRef};
pub use model::{
    CHUNK_TASKS_MAX, JobRecord, JobState, JobView, Machine, NewJob, PRIORITY_RANGE, ReportBody, ResultFile, SlaveRecord,
    SlaveView, TaskRecord, TaskState, Transition,
};
pub use time::Moment;
