//! Webhooks: addresses that the master tells what happened.

use super::job::JobStateInfo;
use super::text;
use crate::ids::{JobId, SlaveId};
use serde::{Deserialize, Serialize};

/// `POST /api/v1/webhooks`: an address to tell from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookWanted {
    /// Where to post to; https or http.
    #[schema(example = "https://chat.example.org/hooks/3f9a")]
    pub url: String,
}

/// A webhook as lists show it. Whoever knows all of its address may write there, so only the beginning of it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WebhookInfo {
    /// Its number on this master.
    pub id: u32,
    /// Its scheme and host.
    #[schema(example = "https://chat.example.org/…")]
    pub address: String,
    /// Messages that it took since the master started,
    pub told: u64,
    /// … and that it did not take, however often they were tried.
    pub failed: u64,
    /// Why it did not take the last one; absent: it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What a webhook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookEvent {
    /// Every frame of a job is done.
    JobFinished,
    /// A job is over, and frames of it were given up.
    JobFailed,
    /// Somebody ended a job.
    JobCancelled,
    /// A slave has been silent for too long.
    SlaveLost,
    /// Somebody tries the webhook.
    Test,
}

/// What is posted to a webhook. `text` says all of it in one sentence, which is what chats show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookMessage {
    /// What happened.
    pub event: WebhookEvent,
    /// The name of the master.
    pub master: String,
    /// When it happened, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// One sentence.
    pub text: String,
    /// The job that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<WebhookJob>,
    /// The slave that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slave: Option<WebhookSlave>,
}

/// A job, in a message to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookJob {
    /// Its id.
    #[serde(with = "text")]
    pub id: JobId,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub state: JobStateInfo,
    /// How many frames (or tiles) it has,
    pub total: u32,
    /// … of which are done,
    pub done: u32,
    /// … were given up.
    pub failed: u32,
}

/// A slave, in a message to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSlave {
    /// Its id.
    #[serde(with = "text")]
    pub id: SlaveId,
    /// The machine's name.
    pub name: String,
}
