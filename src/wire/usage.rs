//! How the farm was used over time, as a chart shows it.

use super::text;
use crate::ids::JobId;
use serde::{Deserialize, Serialize};

/// `GET /api/v1/usage`: samples of the farm, oldest first, each with one place in every list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UsageInfo {
    /// When each was taken, in milliseconds since the Unix epoch; a gap tells that the master did not run.
    pub samples_ms: Vec<u64>,
    /// Slots of the slaves that were there.
    pub slots: Vec<f64>,
    /// The jobs that used most.
    pub jobs: Vec<JobUsage>,
    /// Slots that all other jobs had.
    pub others: Vec<f64>,
}

/// What one job used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobUsage {
    /// Which.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub id: JobId,
    /// What people call it; empty if it was removed.
    pub name: String,
    /// Slots that it had.
    pub slots: Vec<f64>,
}
