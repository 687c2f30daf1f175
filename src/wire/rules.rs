//! The rules of balancing, and why things are as they are.

use serde::{Deserialize, Serialize};

/// One rule of balancing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RuleInfo {
    /// Whether it holds.
    #[schema(example = true)]
    pub enabled: bool,
    /// Its limit, in the unit of the rule.
    #[schema(example = 75)]
    pub limit: u32,
}

/// `GET` and `PUT /api/v1/rules`: all rules of balancing that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RulesInfo {
    /// A job may not use more than this percentage of the slaves, unless it is the only one. 1 to 100.
    pub share: RuleInfo,
    /// First come jobs with fewer frames dispatched than this, so that errors are seen early. 1 to 1,000,000.
    pub new_first: RuleInfo,
    /// First come jobs that have had no slave for more than this number of minutes since their last dispatch, so that none
    /// starves. 1 to 10,080.
    pub starving_first: RuleInfo,
}

/// `GET /api/v1/jobs/{job}/explain` and `GET /api/v1/slaves/{slave}/explain`: the reasons of the code that decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Explanation {
    /// What it does, or why it does nothing, in sentences.
    #[schema(example = json!(["waiting: uses 75 % of 8 slaves, limit 75 %"]))]
    pub explanation: Vec<String>,
}
