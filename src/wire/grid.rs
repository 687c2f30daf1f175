//! Many frames at a glance: columns instead of a list, so that ten thousand of them are one small answer.

use super::text;
use crate::ids::{FrameSet, SlaveId};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/jobs/{job}/grid`: frames in ascending order, each with one place in every column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FrameGrid {
    /// Which frames; none if none of those asked for is part of the job.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1-10,20")]
    pub frames: Option<FrameSet>,
    /// A letter for each: `q`ueued, `r`endering, on its way (`v`), `d`one, `f`ailed.
    pub states: String,
    /// Seconds of rendering of those that are done, rounded to milliseconds.
    pub seconds: Vec<Option<f64>>,
    /// Who has it, rendered it or failed at it: places in `slaves`.
    pub by: Vec<Option<u32>>,
    /// Who that is.
    pub slaves: Vec<GridSlave>,
}

/// A slave as a grid names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GridSlave {
    /// Its id.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub id: SlaveId,
    /// The machine's name; empty if the master does not know it (any more).
    pub name: String,
}
