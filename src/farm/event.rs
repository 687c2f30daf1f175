//! Everything that can happen to a farm.

use super::model::{JobEdit, JobRecord, Machine, NewJob, ReportBody, Reset, Steering, TaskRecord};
use super::rules::Rules;
use super::settings::Settings;
use super::time::Moment;
use crate::ids::{Attempt, JobId, SlaveId, TaskIndex};

/// Names a question that wants exactly one answer ([`super::Effect::Lease`], `NoWork`, `Accept` or `Refuse`). Chosen by
/// the shell, unique among those still unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// One task of one attempt, as every report names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskRef {
    /// The job.
    pub job: JobId,
    /// The task within the job.
    pub task: TaskIndex,
    /// Which lease of the task is meant.
    pub attempt: Attempt,
}

/// Everything that can happen. Ids may be unknown and attempts stale: that is normal, and answered by a refusal.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Time has passed. Harmless at any time; due at [`super::Farm::next_deadline`].
    Tick,

    /// A client announced a job. Its id was chosen by the shell; a known id is refused.
    JobSubmitted {
        /// Who waits for the answer.
        request: RequestId,
        /// The job.
        job: NewJob,
    },
    /// Somebody brings a job back that was archived. Its files and results are here; its id is refused if it is known.
    JobRestored {
        /// Who waits for the answer.
        request: RequestId,
        /// The job. What it waits for, and whether it is over, is found out anew.
        record: Box<JobRecord>,
        /// Those of its tasks that are done or failed, ascending.
        tasks: Vec<(TaskIndex, TaskRecord)>,
    },
    /// The last missing file of a job has arrived.
    JobFilesReady {
        /// The job.
        job: JobId,
    },
    /// Somebody wants no more frames of this job to be started; those being rendered are finished.
    JobPaused {
        /// Who waits for the answer.
        request: RequestId,
        /// The job.
        job: JobId,
    },
    /// Somebody wants a paused job to go on.
    JobResumed {
        /// Who waits for the answer.
        request: RequestId,
        /// The job.
        job: JobId,
    },
    /// Somebody wants the job to end now; finished frames are kept.
    JobCancelled {
        /// Who waits for the answer.
        request: RequestId,
        /// The job.
        job: JobId,
    },
    /// Somebody wants every job that is not over to end now.
    AllCancelled {
        /// Who waits for the answer.
        request: RequestId,
    },
    /// Somebody wants the job and all that is known of it to be gone (it is cancelled first if it still runs).
    JobRemoved {
        /// Who waits for the answer.
        request: RequestId,
        /// The job.
        job: JobId,
        /// Whether its results are to stay on the disk.
        keep_results: bool,
    },
    /// Somebody wants a job to be different.
    JobEdited {
        /// Who waits for the answer.
        request: RequestId,
        /// The job.
        job: JobId,
        /// How.
        edit: Box<JobEdit>,
    },
    /// Somebody wants tasks of a job to be rendered anew; a job that is over goes on by this.
    JobReset {
        /// Who waits for the answer.
        request: RequestId,
        /// The job.
        job: JobId,
        /// Which tasks.
        which: Reset,
    },
    /// An administrator changed the farm's settings.
    SettingsChanged {
        /// Who waits for the answer.
        request: RequestId,
        /// All of them.
        settings: Box<Settings>,
    },
    /// The master's disk has become full, or has room again.
    DiskChanged {
        /// Whether less is free than the settings ask for.
        is_low: bool,
    },

    /// A slave registered, newly or again (after a restart of either side). A slave that registers anew has dropped
    /// what it held, except the tasks it says it still holds.
    SlaveRegistered {
        /// Who waits for the answer.
        request: RequestId,
        /// The id, chosen by the shell for a new slave.
        slave: SlaveId,
        /// What it is.
        machine: Machine,
        /// What it still renders or has yet to deliver.
        holding: Vec<TaskRef>,
    },
    /// A sign of life of a slave.
    SlaveSeen {
        /// The slave.
        slave: SlaveId,
    },
    /// A slave said goodbye; what it held is free again.
    SlaveLeft {
        /// The slave.
        slave: SlaveId,
    },

    /// Somebody wants a slave to pause, to go on, or to end.
    SlaveSteered {
        /// Who waits for the answer.
        request: RequestId,
        /// The slave.
        slave: SlaveId,
        /// What it shall do.
        how: Steering,
    },
    /// Somebody gives a slave other tags than it says of itself.
    SlaveTagged {
        /// Who waits for the answer.
        request: RequestId,
        /// The slave.
        slave: SlaveId,
        /// The tags; `None`: its own again.
        tags: Option<Vec<String>>,
    },
    /// A slave says why it takes no work.
    SlaveRests {
        /// The slave.
        slave: SlaveId,
        /// Words that follow "takes no work: "; `None`: it takes work again.
        why: Option<String>,
    },

    /// Somebody wants a slave to get nothing more of a job, or of any; what it renders of that is stopped.
    SlaveBanned {
        /// Who waits for the answer.
        request: RequestId,
        /// Of which job; `None`: of any.
        job: Option<JobId>,
        /// The slave.
        slave: SlaveId,
        /// Why, for people.
        reason: String,
    },
    /// Somebody takes slaves off a list.
    BanLifted {
        /// Who waits for the answer.
        request: RequestId,
        /// Whose list; `None`: the farm's.
        job: Option<JobId>,
        /// The slave; `None`: all that are on it.
        slave: Option<SlaveId>,
    },
    /// There is news of a task, such as more of its log: it does not hang.
    Progressed {
        /// The slave.
        slave: SlaveId,
        /// The task.
        task: TaskRef,
        /// How much of it is done, if the slave can tell.
        percent: Option<u32>,
    },

    /// A slave has a free slot and wants work, at once or by `until`.
    WorkWanted {
        /// Who waits for the answer.
        request: RequestId,
        /// The slave.
        slave: SlaveId,
        /// When to answer `NoWork` if there is none.
        until: Moment,
        /// The job whose scene this slot holds warm, if any.
        warm: Option<JobId>,
    },
    /// The connection that waited for work is gone.
    WorkUnwanted {
        /// The request that nobody waits for any more.
        request: RequestId,
    },

    /// A slave tells of a task. `Done` means that the result is safely on the master's disk.
    Report {
        /// Who waits for the answer.
        request: RequestId,
        /// The slave.
        slave: SlaveId,
        /// The task.
        task: TaskRef,
        /// What it tells.
        body: ReportBody,
    },

    /// Somebody wants jobs to be balanced by other rules from now on; the shell has checked every limit.
    RulesChanged {
        /// Who waits for the answer.
        request: RequestId,
        /// All rules.
        rules: Rules,
    },
}
