//! The nouns of the farm as they cross its border: what comes in with events, what is recorded, what queries show.

use super::bakes::Bake;
use super::event::TaskRef;
use super::settings::Limits;
use super::time::Moment;
use crate::ids::{Attempt, BlenderVersion, ContentHash, FrameLayout, FrameSet, JobId, Requirements, Role, SlaveId, TileGrid};
use std::collections::BTreeSet;

/// Lowest and highest priority of a job.
pub const PRIORITY_RANGE: std::ops::RangeInclusive<u32> = 1..=10;
/// Most tasks in one chunk.
pub const CHUNK_TASKS_MAX: u32 = 65_535;

/// A job as announced; the shell has checked every bound.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its id, chosen by the shell.
    pub id: JobId,
    /// What people call it.
    pub name: String,
    /// With which key it was sent: a [`Role::Submit`] one changes only those that such a key sent. Never changes.
    pub sent_by: Role,
    /// Balancing group; empty for none.
    pub category: String,
    /// A slave must have all of these.
    pub tags: Vec<String>,
    /// What else a slave must be.
    pub requirements: Requirements,
    /// Weight when slaves are shared out, in [`PRIORITY_RANGE`].
    pub priority: u32,
    /// Tasks per lease; 0 lets the farm choose.
    pub chunk_tasks: u32,
    /// What to render. Of the job's tasks, those of other frames were taken out.
    pub frames: FrameSet,
    /// How each frame is cut into tasks; never changes.
    pub tiles: TileGrid,
    /// Whether each frame that is cut has one more task, which denoises the whole once its tiles are done. Never changes.
    pub denoises: bool,
    /// The Blender that collected it: slaves need one of the same series.
    pub blender: Option<BlenderVersion>,
    /// Whether scripts inside of its scene are to run, which slaves may not allow.
    pub runs_scripts: bool,
    /// Whether files are still missing: then it waits for [`super::Event::JobFilesReady`].
    pub files_missing: bool,
    /// Jobs that must be finished before a task of this one is leased.
    pub depends_on: Vec<JobId>,
    /// Where it wants other limits than the farm's.
    pub limits: Limits,
    /// Slaves that its sender does not want.
    pub unwanted: Vec<SlaveId>,
    /// What its tasks bake, one for each; empty for a job that renders. Never changes. None waits for itself.
    pub bakes: Vec<Bake>,
}

/// What is to be different about a job; what is `None` stays as it is. The shell has checked every bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobEdit {
    /// What people call it.
    pub name: Option<String>,
    /// Balancing group.
    pub category: Option<String>,
    /// Tags that slaves need.
    pub tags: Option<Vec<String>>,
    /// What slaves must be beside that.
    pub requirements: Option<Requirements>,
    /// In [`PRIORITY_RANGE`].
    pub priority: Option<u32>,
    /// Tasks per lease.
    pub chunk_tasks: Option<u32>,
    /// These frames and no others …
    pub frames: Option<FrameSet>,
    /// … and these too …
    pub add_frames: Option<FrameSet>,
    /// … but not these.
    pub remove_frames: Option<FrameSet>,
    /// Jobs to be finished before.
    pub depends_on: Option<Vec<JobId>>,
    /// Limits.
    pub attempts_max: Option<u32>,
    /// See [`Limits`].
    pub silence_s: Option<u32>,
    /// See [`Limits`].
    pub stall_s: Option<u32>,
    /// See [`Limits`].
    pub frame_s: Option<u32>,
}

/// Which tasks of a job are to be rendered anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reset {
    /// Those that were given up.
    Failed,
    /// All, finished ones too.
    All,
    /// Those of these frames, whatever their state …
    Frames(FrameSet),
    /// … or of these tiles of them, each by its number in the grid.
    Tiles(FrameSet, BTreeSet<u32>),
}

/// Why a slave gets nothing of a job, or of any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Since when.
    pub since: Moment,
    /// Until when; `None`: until somebody lifts it.
    pub until: Option<Moment>,
    /// Who wanted it.
    pub cause: BanCause,
    /// Why, for people; empty if nobody said.
    pub reason: String,
}

/// Who wanted a ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BanCause {
    /// The farm, after failures.
    Failures,
    /// The slave itself: it lacks what the job takes.
    Unfit,
    /// Who sent the job.
    Client,
    /// An administrator.
    Administrator,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Files are missing, or a job that it depends on is not finished.
    Waiting,
    /// Has, or may have again, tasks to lease.
    Queued,
    /// Nothing more of it is started until it is resumed.
    Paused,
    /// Every task is done.
    Finished,
    /// No task is left to do, and at least one failed for good.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

impl JobState {
    /// Whether nothing more will happen unless somebody asks for it.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Cancelled)
    }

    /// The state in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One step in the life of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Moment,
    /// Into which state.
    pub state: JobState,
}

/// What a task's state is, with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskState {
    /// Free to be leased.
    Queued,
    /// A slave has it, under the task's attempt.
    Leased {
        /// Who.
        slave: SlaveId,
        /// Since when.
        since: Moment,
        /// Whether it is rendered and its result is on the way.
        rendered: bool,
        /// Another one that has it too, because the first one takes so long.
        second: Option<Hold>,
    },
    /// Its result is here.
    Done {
        /// Who rendered it.
        slave: SlaveId,
        /// Seconds of rendering.
        seconds: f64,
        /// The result; `None` for a task that has no file (a measurement).
        result: Option<ResultFile>,
    },
    /// Given up after too many failed attempts.
    Failed {
        /// Who failed last.
        slave: SlaveId,
        /// Its words.
        reason: String,
    },
}

/// What one slave has of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Who.
    pub slave: SlaveId,
    /// Under which attempt.
    pub attempt: Attempt,
    /// Since when.
    pub since: Moment,
    /// Whether it is rendered and its result is on the way.
    pub rendered: bool,
}

/// A result on the master's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultFile {
    /// Its content.
    pub hash: ContentHash,
    /// Its length in bytes.
    pub size_bytes: u64,
}

/// A task with its history, as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    /// The attempt that its state is about: the one that made the result, the first one that is at work, or else the last
    /// one that came to nothing. 0: none.
    pub attempt: Attempt,
    /// How many attempts there were; the last one has this number.
    pub attempts: u32,
    /// How many attempts failed since it was reset last.
    pub failures: u32,
    /// Its state.
    pub state: TaskState,
    /// Why the last failed attempt failed, if any did, for people to read while it is tried again.
    pub last_failure: Option<String>,
    /// Who failed it since then, the last one last …
    pub failed_on: Vec<SlaveId>,
    /// … and who before.
    pub failed_before: Vec<SlaveId>,
}

/// A job as stored (its task records come beside it).
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// As announced, with what was edited since.
    pub job: NewJob,
    /// What each task renders, also those that were taken out.
    pub layout: FrameLayout,
    /// How often tasks of it were reset, added or taken out: whoever knew them before looks at them anew.
    pub resets: u32,
    /// When it came.
    pub submitted: Moment,
    /// Its life so far; the last is its state now. Never empty.
    pub transitions: Vec<Transition>,
    /// When a task of it was last leased.
    pub last_dispatched: Option<Moment>,
}

/// What a slave tells about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The machine's name.
    pub name: String,
    /// What jobs may ask for.
    pub tags: Vec<String>,
    /// The Blenders it has.
    pub blenders: Vec<BlenderVersion>,
    /// How many chunks it renders at once.
    pub slots: u32,
    /// Logical cores.
    pub cores: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Operating system and release, such as "Linux (Debian GNU/Linux 12)".
    pub os: String,
    /// What it renders with beside the processor, such as "cuda" or a device's name.
    pub gpus: Vec<String>,
    /// Whether scripts inside of scenes run there.
    pub allows_scripts: bool,
    /// Whether its release can denoise frames out of their tiles.
    pub denoises: bool,
}

/// A slave as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlaveRecord {
    /// Its id.
    pub id: SlaveId,
    /// What it is.
    pub machine: Machine,
    /// Whether somebody wants it to get nothing for now.
    pub paused: bool,
    /// What it says of its tags, if somebody gave it others: those of its machine are the given ones then.
    pub own_tags: Option<Vec<String>>,
}

/// What people can want of a slave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    /// It finishes what it renders, and gets nothing more.
    Pause,
    /// A paused slave gets work again.
    Resume,
    /// It finishes what it renders, and ends.
    End,
    /// It is not known any more, nor what was set about it; if it still runs, it comes anew.
    Forget,
}

/// What a slave tells about a task.
#[derive(Debug, Clone, PartialEq)]
pub enum ReportBody {
    /// Rendered; the result is on its way, the slot is free.
    Rendered,
    /// Finished, and the result is safe on the master's disk.
    Done {
        /// Seconds of rendering.
        seconds: f64,
        /// The result, if it has a file.
        result: Option<ResultFile>,
    },
    /// It could not be rendered.
    Failed {
        /// One sentence, for people.
        reason: String,
    },
    /// The slave lacks what the job takes: no failure, but it gets nothing more of the job for a time.
    Unfit {
        /// One sentence, for people.
        reason: String,
    },
    /// Given back unrendered (the slave is about to stop): no failure, free for others at once.
    Returned,
}

/// A job as queries show it. Counts add up to `tasks`.
#[derive(Debug, Clone, PartialEq)]
pub struct JobView<'a> {
    /// As stored.
    pub record: &'a JobRecord,
    /// Its state now.
    pub state: JobState,
    /// How many tasks it has, without those that were taken out.
    pub tasks: u32,
    /// … of which wait for a slave, or for others of them,
    pub queued: u32,
    /// … are with a slave,
    pub leased: u32,
    /// … are done,
    pub done: u32,
    /// … were given up.
    pub failed: u32,
    /// How many slaves get nothing of it.
    pub banned: u32,
    /// Slots of slaves that it has right now.
    pub slots: u32,
    /// Share of the farm's slots that it has used lately, 0 to 1.
    pub usage: f64,
    /// Median seconds of its last rendered frames (of at most the last 64).
    pub task_seconds: Option<f64>,
    /// How much of its bakes is done, those under way counted as far as they have come; none if it does not bake.
    pub percent: Option<u32>,
}

/// A slave as queries show it.
#[derive(Debug, Clone, PartialEq)]
pub struct SlaveView<'a> {
    /// As stored.
    pub record: &'a SlaveRecord,
    /// When it last gave a sign of life.
    pub last_seen: Moment,
    /// Whether it is thought to be there.
    pub online: bool,
    /// Whether it fell silent since the master started, and said no goodbye.
    pub lost: bool,
    /// Whether it gets nothing of any job.
    pub set_aside: bool,
    /// Why it takes no work, as it says.
    pub resting: Option<&'a str>,
    /// What it has.
    pub leased: Vec<TaskRef>,
    /// How fast it renders, compared with others: 2 for half of their time; 1 while nothing tells.
    pub speed: f64,
    /// Tasks it has finished since the master started.
    pub done: u64,
    /// Attempts of it that failed since the master started.
    pub failed: u64,
    /// The last task that it delivered since the master started.
    pub latest: Option<TaskRef>,
}
