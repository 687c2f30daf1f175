//! What a job waits for, and what waits for it.

use super::job::JobStateInfo;
use super::text;
use crate::ids::{ContentHash, JobId};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/jobs/{job}/ties`: what a job waits for, and what waits for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobTies {
    /// Contents that are not on the master yet.
    #[serde(default, with = "text::list")]
    #[schema(value_type = Vec<String>)]
    pub missing: Vec<ContentHash>,
    /// Jobs that must be finished before; one that was removed has no name and no state.
    pub depends_on: Vec<JobTie>,
    /// Jobs that wait for this one.
    pub dependents: Vec<JobTie>,
}

/// A job that another one is tied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct JobTie {
    /// Which.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub id: JobId,
    /// What people call it.
    pub name: String,
    /// Where it stands; absent: it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobStateInfo>,
}
