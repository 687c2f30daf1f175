//! The one body of every answer that is no success.

use serde::{Deserialize, Serialize};

/// What went wrong: a code for programs, a sentence for people, a hint of what to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FaultBody {
    /// One of the codes of `error.rs`, such as `not_found`.
    #[schema(example = "not_found")]
    pub code: String,
    /// What failed, on what.
    #[schema(example = "there is no job 7k3vq9xd on this master")]
    pub message: String,
    /// What to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
