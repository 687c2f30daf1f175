//! What can be changed about jobs that are known already, and about the farm.

use super::text;
use crate::ids::{FrameSet, JobId, Requirements, SlaveId};
use serde::{Deserialize, Serialize};

/// `PATCH /api/v1/jobs/{job}`: what is to be different; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobEdit {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Balancing group; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// A slave must have all of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// What slaves must be beside that, such as "cores>=8; os=linux"; empty: nothing.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub requirements: Option<Requirements>,
    /// 1 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// Frames per lease; 0: the master chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u32>,
    /// These frames and no others. Results of frames that stay are kept; a frame that comes back has its result again.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1-10,20")]
    pub frames: Option<FrameSet>,
    /// These frames too.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "11-20")]
    pub add_frames: Option<FrameSet>,
    /// Not these frames; what of them is being rendered is stopped.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "5")]
    pub remove_frames: Option<FrameSet>,
    /// Jobs that must be finished before; none: it waits for no job.
    #[serde(default, with = "text::optional_list", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub depends_on: Option<Vec<JobId>>,
    /// Failed attempts after which a frame is given up; 0: as the farm says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Seconds of silence after which a slave loses its frames; 0: as the farm says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_s: Option<u32>,
    /// Seconds without news of a frame after which its attempt fails; 0: as the farm says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_s: Option<u32>,
    /// Seconds that a frame may take; 0: as the farm says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_s: Option<u32>,
}

/// `POST /api/v1/jobs/{job}/reset`: which frames are to be rendered anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "which")]
pub enum JobReset {
    /// Those that were given up.
    Failed,
    /// All of them, finished ones too.
    All,
    /// These, whatever became of them.
    Frames {
        /// Which.
        #[serde(with = "text")]
        #[schema(value_type = String, example = "1-10,20")]
        frames: FrameSet,
        /// Of frames that are cut, only these tiles, counted from 0 at the top left, row by row; none: all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tiles: Vec<u32>,
    },
}

/// Limits of a job's frames; 0: as the farm says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobLimits {
    /// Failed attempts after which a frame is given up.
    #[serde(default)]
    pub attempts: u32,
    /// Seconds of silence after which a slave loses the job's frames, if that is less than the farm's.
    #[serde(default)]
    pub silence_s: u32,
    /// Seconds without news of a frame after which its attempt fails.
    #[serde(default)]
    pub stall_s: u32,
    /// Seconds that a frame may take.
    #[serde(default)]
    pub frame_s: u32,
}

/// `GET /api/v1/settings`: what an administrator has set for the whole farm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Settings {
    /// Failed attempts after which a frame is given up.
    pub attempts: u32,
    /// Seconds of silence after which a slave is taken for gone.
    pub silence_s: u32,
    /// Seconds without news of a frame after which its attempt fails; 0: learnt from the job's own frames.
    pub stall_s: u32,
    /// Seconds that a frame may take; 0: learnt from the job's own frames.
    pub frame_s: u32,
    /// Frames failed in a row after which a slave gets nothing more of a job; 0: never.
    pub blacklist_after: u32,
    /// For how many seconds; 0: until somebody takes it off the list.
    pub blacklist_s: u32,
    /// Frames failed in a row, of whatever jobs, after which a slave gets nothing more of any; 0: never.
    pub set_aside_after: u32,
    /// For how many seconds; 0: until somebody takes it off the list.
    pub set_aside_s: u32,
    /// A job is paused when so many of its frames were given up and none was ever done; 0: never.
    pub hopeless_after: u32,
    /// Seconds after which a job's last frames may be rendered by an idle slave too, if theirs takes far longer; 0: never.
    pub straggler_s: u32,
    /// Days for which jobs that are over are kept; 0: until somebody removes them.
    pub keep_days: u32,
    /// How many jobs that are over are kept; 0: all.
    pub keep_jobs: u32,
    /// Mebibytes of the master's disk that stay free.
    pub disk_free_mib: u32,
    /// Whether clients must upload every file.
    pub force_upload: bool,
}

/// `PUT /api/v1/settings`: what is absent stays as it is, so that a caller of an older release forgets nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the one of the same name in Settings")]
pub struct SettingsEdit {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blacklist_after: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blacklist_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside_after: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_aside_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hopeless_after: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub straggler_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_jobs: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_free_mib: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_upload: Option<bool>,
}

/// Who put a slave on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BanCauseInfo {
    /// The master, after failures.
    Failures,
    /// The slave itself, which lacks what the job takes.
    Unfit,
    /// Who sent the job.
    Client,
    /// An administrator.
    Administrator,
}

/// `PUT …/blacklist/{slave}`: why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BanReason {
    /// One sentence, or nothing.
    #[serde(default)]
    pub reason: String,
}

/// A slave on a blacklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BanInfo {
    /// Which.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub slave: SlaveId,
    /// The machine's name; empty if the master does not know it (any more).
    pub name: String,
    /// Since when, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Until when; absent: until somebody takes it off the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Who put it there.
    pub cause: BanCauseInfo,
    /// Why, in a sentence; empty if nobody said.
    pub reason: String,
}
