//! Frames and the work that slaves do on them.

use super::slave::MachineInfo;
use super::text;
use crate::ids::{ContentHash, JobId, Piece, SlaveId, Tile, TileGrid};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Where a frame stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FrameStateInfo {
    /// Waits for a slave.
    Queued,
    /// A slave renders it.
    Rendering,
    /// Rendered; its result is on the way to the master.
    Delivering,
    /// Its result is here.
    Done,
    /// Given up.
    Failed,
}

/// A frame as `GET /api/v1/jobs/{job}/frames?offset=&limit=` shows it, or a tile of one as
/// `GET /api/v1/jobs/{job}/frames/{frame}/tiles` does. What a frame of tiles says is the sum of what they say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FrameInfo {
    /// Its number.
    pub frame: i32,
    /// Which tile of it this is about, such as "5/4x3": of a grid of 4 columns and 3 rows the second tile of the second row.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "5/4x3")]
    pub tile: Option<Tile>,
    /// How it is cut into tiles, and how many of them are done; none: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiles: Option<TilesInfo>,
    /// What it bakes, if its job does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "cloth of Flag")]
    pub bake: Option<String>,
    /// Where it stands.
    pub state: FrameStateInfo,
    /// How often it was leased.
    pub attempt: u32,
    /// Who has it, rendered it or failed at it.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub slave: Option<SlaveId>,
    /// How much of it is done, in percent, while a slave that can tell has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// Seconds of rendering.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The result's length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// BLAKE3 of the result; of a frame of tiles that no slave denoises, of the hashes of all its tiles one after the other.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub hash: Option<ContentHash>,
    /// Why the latest failed attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl FrameInfo {
    /// What it is about.
    #[must_use]
    pub fn piece(&self) -> Piece {
        Piece {
            frame: self.frame,
            tile: self.tile,
        }
    }
}

/// The tiles of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TilesInfo {
    /// Columns and rows, such as "4x3"; with a "t" the rows become lower from the first to the last.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "4x3")]
    pub grid: TileGrid,
    /// How many are done.
    pub done: u32,
    /// Where the denoising of the whole frame stands, which a slave does once all tiles are done: then the frame's state, result,
    /// log and picture are its own. None: no slave does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denoising: Option<FrameStateInfo>,
}

/// One attempt at one frame, as every report names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaskName {
    /// The job.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub job: JobId,
    /// The task's place in the job, from 0.
    pub task: u32,
    /// Which lease is meant.
    pub attempt: u32,
}

/// What happened to a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ReportKind {
    /// Rendered; the result follows by `PUT …/result`.
    Rendered,
    /// Done, without a result file (a measurement). Refused for jobs that have files.
    Done {
        /// Seconds of rendering.
        seconds: f64,
    },
    /// It could not be rendered.
    Failed {
        /// One sentence.
        reason: String,
    },
    /// This slave lacks what the job takes: no failure, but it gets nothing more of the job for a time.
    Unfit {
        /// One sentence.
        reason: String,
    },
    /// Given back unrendered: no failure.
    Returned,
}

/// A report on one task.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ReportInfo {
    /// Which.
    #[serde(flatten)]
    pub task: TaskName,
    /// What.
    #[serde(flatten)]
    pub kind: ReportKind,
}

/// Read by hand: serde reads a flattened enum by way of a tree of what might come, and each frame of a farm is reported.
impl<'de> Deserialize<'de> for ReportInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let FlatReport {
            job,
            task,
            attempt,
            kind,
            seconds,
            reason,
        } = FlatReport::deserialize(deserializer)?;
        let missing = |field| move || D::Error::missing_field(field);
        let kind = match kind {
            FlatKind::Rendered => ReportKind::Rendered,
            FlatKind::Done => ReportKind::Done {
                seconds: seconds.ok_or_else(missing("seconds"))?,
            },
            FlatKind::Failed => ReportKind::Failed {
                reason: reason.ok_or_else(missing("reason"))?,
            },
            FlatKind::Unfit => ReportKind::Unfit {
                reason: reason.ok_or_else(missing("reason"))?,
            },
            FlatKind::Returned => ReportKind::Returned,
        };
        let task = TaskName { job, task, attempt };
        Ok(Self { task, kind })
    }
}

/// A [`ReportInfo`] as it is written.
#[derive(Deserialize)]
struct FlatReport {
    #[serde(with = "text")]
    job: JobId,
    task: u32,
    attempt: u32,
    kind: FlatKind,
    seconds: Option<f64>,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FlatKind {
    Rendered,
    Done,
    Failed,
    Unfit,
    Returned,
}

/// `POST /api/v1/slaves/{slave}/work`: reports, and the wish for the next chunk, in one request. The answer comes as soon
/// as there is work, else after `wait_ms`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkWanted {
    /// What happened; carried out, and durable, before the answer.
    #[serde(default)]
    pub reports: Vec<ReportInfo>,
    /// Whether a chunk is wanted; without it the answer comes at once.
    #[serde(default)]
    pub want: bool,
    /// How long to wait for work, at most 60,000.
    #[serde(default)]
    pub wait_ms: u64,
    /// The job whose scene the slave holds open.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub warm: Option<JobId>,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkAnswer {
    /// Work, if it was wanted and there is some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseInfo>,
    /// Reports that were refused: drop whatever they belong to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<TaskName>,
}

/// A chunk: frames of one job, to be rendered in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeaseInfo {
    /// The job; its files and settings are at `GET /api/v1/jobs/{job}/manifest`.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub job: JobId,
    /// The frames.
    pub tasks: Vec<LeasedTask>,
    /// Whether they are tiles of one frame that are to be rendered as one: they make a rectangle.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_one: bool,
}

/// One frame of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LeasedTask {
    /// The task's place in the job.
    pub task: u32,
    /// The attempt that reports must name.
    pub attempt: u32,
    /// The frame to render.
    pub frame: i32,
    /// The tile of it, if it is not the whole.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "5/4x3")]
    pub tile: Option<Tile>,
    /// How the frame is cut, if it is not to be rendered but put together out of its tiles, which are done, and denoised, as the
    /// manifest's `settings.denoising` says.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "4x3")]
    pub denoise: Option<TileGrid>,
}

/// `POST /api/v1/slaves/{slave}/orders`: a sign of life; the answer comes at once if there is something to cancel, else
/// after `wait_ms`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrdersWanted {
    /// How long to wait, at most 60,000.
    #[serde(default)]
    pub wait_ms: u64,
    /// Number of the last orders that arrived; those up to it are not repeated.
    #[serde(default)]
    pub after: u64,
    /// How the machine does now, if it is to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<MachineInfo>,
    /// Why it takes no work just now, in words that follow "takes no work: ".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resting: Option<String>,
}

/// What a slave shall stop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Orders {
    /// Number of these orders, for the next `after`.
    pub number: u64,
    /// Stop these, at once, and report nothing more of them.
    pub cancel: Vec<TaskName>,
    /// End, after what is being rendered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub end: bool,
}

/// Answer to `PUT …/log?offset=`: how long the log is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogAppended {
    /// Bytes of log here; go on from there.
    pub size_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(kind: ReportKind) -> ReportInfo {
        let job = "7k3vq9xd".parse().unwrap();
        ReportInfo {
            task: TaskName {
                job,
                task: 3,
                attempt: 2,
            },
            kind,
        }
    }

    #[test]
    fn every_report_is_read_as_it_was_written() {
        let reason = "no camera".to_owned();
        for kind in [
            ReportKind::Rendered,
            ReportKind::Done { seconds: 1.5 },
            ReportKind::Failed { reason },
            ReportKind::Returned,
        ] {
            let written = serde_json::to_string(&report(kind.clone())).unwrap();
            assert_eq!(serde_json::from_str::<ReportInfo>(&written).unwrap(), report(kind));
        }
    }

    #[test]
    fn a_report_without_what_its_kind_needs_is_refused_by_the_name_of_what_is_missing() {
        for (kind, field) in [("done", "seconds"), ("failed", "reason")] {
            let text = format!(r#"{{"job": "7k3vq9xd", "task": 3, "attempt": 2, "kind": "{kind}"}}"#);
            let error = serde_json::from_str::<ReportInfo>(&text).unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
        let text = r#"{"job": "7k3vq9xd", "task": 3, "attempt": 2, "kind": "eaten"}"#;
        assert!(serde_json::from_str::<ReportInfo>(text).is_err());
    }
}
