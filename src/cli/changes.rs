//! What can be written to change jobs and the farm.

use super::arguments::{JobQuery, Query};
use super::names::Names;
use crate::ids::{FrameSet, Requirements};
use crate::wire::{JobLimits, SettingsEdit};
use clap::Args;

/// Limits of a new job's frames.
#[derive(Debug, Args)]
pub(super) struct LimitArguments {
    /// Failed attempts after which a frame is given up [default: as the farm says]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: Option<u32>,
    /// Seconds that a frame may take [default: learnt from the job's own]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    frame_time: Option<u32>,
    /// Seconds without news of a frame after which its attempt fails [default: learnt from the job's own]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    stall_time: Option<u32>,
    /// Seconds of silence after which a slave loses the job's frames [default: as the farm says]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    silence_time: Option<u32>,
}

impl LimitArguments {
    pub(super) fn limits(&self) -> JobLimits {
        JobLimits {
            attempts: self.attempts.unwrap_or_default(),
            silence_s: self.silence_time.unwrap_or_default(),
            stall_s: self.stall_time.unwrap_or_default(),
            frame_s: self.frame_time.unwrap_or_default(),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct EditArguments {
    #[command(flatten)]
    pub(super) job: JobQuery,
    /// What to call it
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Group for load balancing; an empty one is none
    #[arg(long)]
    pub(super) category: Option<String>,
    /// Tags that slaves must have, such as gpu;fast; an empty one is none
    #[arg(long)]
    pub(super) tags: Option<Vec<Names>>,
    /// What slaves must be beside that, such as "cores>=8; os=linux"; an empty one is nothing
    #[arg(long)]
    pub(super) requirements: Option<Requirements>,
    /// 1 to 10
    #[arg(long)]
    pub(super) priority: Option<u32>,
    /// Frames that a slave gets at once; 0 lets the master choose
    #[arg(long)]
    pub(super) chunks: Option<u32>,
    /// These frames and no others; results of those that stay are kept
    #[arg(long, allow_hyphen_values = true)]
    pub(super) frames: Option<FrameSet>,
    /// These frames too
    #[arg(long, value_name = "FRAMES", allow_hyphen_values = true)]
    pub(super) add_frames: Option<FrameSet>,
    /// Not these frames
    #[arg(long, value_name = "FRAMES", allow_hyphen_values = true)]
    pub(super) remove_frames: Option<FrameSet>,
    /// Render it only once this job is finished; may be repeated
    #[arg(long, value_name = "JOB")]
    pub(super) after: Vec<String>,
    /// Wait for no other job
    #[arg(long, conflicts_with = "after")]
    pub(super) after_none: bool,
    /// Failed attempts after which a frame is given up; 0: as the farm says
    #[arg(long)]
    pub(super) attempts: Option<u32>,
    /// Seconds that a frame may take; 0: as the farm says
    #[arg(long, value_name = "SECONDS")]
    pub(super) frame_time: Option<u32>,
    /// Seconds without news of a frame after which its attempt fails; 0: as the farm says
    #[arg(long, value_name = "SECONDS")]
    pub(super) stall_time: Option<u32>,
    /// Seconds of silence after which a slave loses the job's frames; 0: as the farm says
    #[arg(long, value_name = "SECONDS")]
    pub(super) silence_time: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct ResetArguments {
    #[command(flatten)]
    pub(super) job: JobQuery,
    /// All frames, finished ones too
    #[arg(long, conflicts_with = "frames")]
    pub(super) all: bool,
    /// These frames, whatever became of them
    #[arg(long, allow_hyphen_values = true)]
    pub(super) frames: Option<FrameSet>,
    /// Only this tile of them, counted from 1 at the top left, row by row; may be repeated
    #[arg(long, value_name = "NUMBER", requires = "frames", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) tile: Vec<u32>,
}

#[derive(Debug, Args)]
pub(super) struct BlacklistArguments {
    /// The job's id, or enough of its beginning [default: the farm's list]
    #[arg(id = "job_id", value_name = "JOB")]
    pub(super) id: Option<String>,
    /// Put this slave on the list (its name or id); may be repeated
    #[arg(long, value_name = "SLAVE")]
    pub(super) add: Vec<String>,
    /// Why
    #[arg(long, default_value = "", hide_default_value = true, requires = "add")]
    pub(super) reason: String,
    /// Take this slave off the list; may be repeated
    #[arg(long, value_name = "SLAVE")]
    pub(super) remove: Vec<String>,
    /// Take all of them off the list
    #[arg(long, conflicts_with_all = ["add", "remove"])]
    pub(super) clear: bool,
    #[command(flatten)]
    pub(super) to: Query,
}

/// Every setting is optional: without one they are only shown.
#[derive(Debug, Args)]
pub(super) struct SettingsArguments {
    #[command(flatten)]
    pub(super) to: Query,
    /// Failed attempts after which a frame is given up
    #[arg(long)]
    attempts: Option<u32>,
    /// Seconds of silence after which a slave is taken for gone
    #[arg(long, value_name = "SECONDS")]
    silence_time: Option<u32>,
    /// Seconds without news of a frame after which its attempt fails; 0: learnt from the job's own
    #[arg(long, value_name = "SECONDS")]
    stall_time: Option<u32>,
    /// Seconds that a frame may take; 0: learnt from the job's own
    #[arg(long, value_name = "SECONDS")]
    frame_time: Option<u32>,
    /// Frames failed in a row after which a slave gets nothing more of a job; 0: never
    #[arg(long, value_name = "FRAMES")]
    blacklist_after: Option<u32>,
    /// For how many seconds; 0: until somebody takes it off the list
    #[arg(long, value_name = "SECONDS")]
    blacklist_time: Option<u32>,
    /// Frames failed in a row after which a slave gets nothing more of any job; 0: never
    #[arg(long, value_name = "FRAMES")]
    set_aside_after: Option<u32>,
    /// For how many seconds; 0: until somebody takes it off the list
    #[arg(long, value_name = "SECONDS")]
    set_aside_time: Option<u32>,
    /// Frames given up, with none done, after which a job is paused; 0: never
    #[arg(long, value_name = "FRAMES")]
    hopeless_after: Option<u32>,
    /// Seconds after which one of a job's last frames may be rendered by an idle slave too; 0: never
    #[arg(long, value_name = "SECONDS")]
    straggler_time: Option<u32>,
    /// Days for which jobs that are over are kept; 0: until somebody removes them
    #[arg(long, value_name = "DAYS")]
    keep_days: Option<u32>,
    /// How many jobs that are over are kept; 0: all
    #[arg(long, value_name = "JOBS")]
    keep_jobs: Option<u32>,
    /// Mebibytes of the master's disk that stay free; by default no more than a twentieth of a small disk
    #[arg(long, value_name = "MIB")]
    disk_free: Option<u32>,
    /// Whether clients must upload every file
    #[arg(long, value_name = "YES")]
    force_upload: Option<bool>,
}

impl SettingsArguments {
    pub(super) fn edit(&self) -> SettingsEdit {
        SettingsEdit {
            attempts: self.attempts,
            silence_s: self.silence_time,
            stall_s: self.stall_time,
            frame_s: self.frame_time,
            blacklist_after: self.blacklist_after,
            blacklist_s: self.blacklist_time,
            set_aside_after: self.set_aside_after,
            set_aside_s: self.set_aside_time,
            hopeless_after: self.hopeless_after,
            straggler_s: self.straggler_time,
            keep_days: self.keep_days,
            keep_jobs: self.keep_jobs,
            disk_free_mib: self.disk_free,
            force_upload: self.force_upload,
        }
    }
}
