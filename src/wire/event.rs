//! What is told to whoever follows a master: names of what changed, never the things themselves.
//!
//! `GET /api/v1/events` answers with server-sent events. One named [`EVENT_RESET`] comes first, and whenever something may
//! have been missed: read anew what you show. One named [`EVENT_CHANGES`] carries [`Changes`].

use super::text;
use crate::ids::{FrameSet, JobId, SlaveId};
use serde::{Deserialize, Serialize};

/// The event that says: anything may have changed.
pub const EVENT_RESET: &str = "reset";
/// The event that carries [`Changes`].
pub const EVENT_CHANGES: &str = "changes";

/// What has changed since the last event, each thing named once. What is gone is named too: asking for it fails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Changes {
    /// Jobs whose state, settings or counts changed.
    #[serde(default, with = "text::list")]
    #[schema(value_type = Vec<String>)]
    pub jobs: Vec<JobId>,
    /// Frames that changed, by job.
    #[serde(default)]
    pub frames: Vec<FramesChanged>,
    /// Slaves that came, went or changed.
    #[serde(default, with = "text::list")]
    #[schema(value_type = Vec<String>)]
    pub slaves: Vec<SlaveId>,
    /// Whether the rules of balancing changed.
    #[serde(default)]
    pub rules: bool,
    /// Whether the settings changed.
    #[serde(default)]
    pub settings: bool,
}

/// Frames of one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FramesChanged {
    /// The job.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub job: JobId,
    /// Its frames.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "1-10,20")]
    pub frames: FrameSet,
}
