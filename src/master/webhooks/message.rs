//! What webhooks are told, in a sentence and for programs.

use crate::farm::{JobState, JobView, Moment, SlaveView};
use crate::master::convert;
use crate::wire::{WebhookEvent, WebhookJob, WebhookMessage, WebhookSlave};

/// A job is over; nothing if it is not.
pub(super) fn job_over(master: &str, job: &JobView<'_>, at: Moment) -> Option<WebhookMessage> {
    let name = &job.record.job.name;
    let JobView { tasks, done, failed, .. } = job;
    let (event, text) = match job.state {
        JobState::Finished => (WebhookEvent::JobFinished, format!("“{name}” is finished: {done} done")),
        JobState::Failed => (
            WebhookEvent::JobFailed,
            format!("“{name}” failed: {failed} given up, {done} of {tasks} done"),
        ),
        JobState::Cancelled => (
            WebhookEvent::JobCancelled,
            format!("“{name}” was cancelled: {done} of {tasks} done"),
        ),
        JobState::Waiting | JobState::Queued | JobState::Paused => return None,
    };
    let about = WebhookJob {
        id: job.record.job.id,
        name: name.clone(),
        state: convert::job_state(job.state),
        total: *tasks,
        done: *done,
        failed: *failed,
    };
    Some(WebhookMessage {
        job: Some(about),
        ..plain(event, master, at, &text)
    })
}

/// A slave has been silent for too long.
pub(super) fn slave_lost(master: &str, slave: &SlaveView<'_>, at: Moment) -> WebhookMessage {
    let name = slave.record.machine.name.clone();
    let text = format!("the slave {name} is lost: nothing was heard of it for too long");
    let about = WebhookSlave {
        id: slave.record.id,
        name,
    };
    WebhookMessage {
        slave: Some(about),
        ..plain(WebhookEvent::SlaveLost, master, at, &text)
    }
}

/// Somebody tries a webhook. It tells of no moment: nothing has happened.
pub(super) fn test(master: &str) -> String {
    let message = plain(WebhookEvent::Test, master, Moment(0), "this webhook works");
    // Texts and numbers can always be written.
    serde_json::to_string(&message).unwrap_or_default()
}

fn plain(event: WebhookEvent, master: &str, at: Moment, text: &str) -> WebhookMessage {
    WebhookMessage {
        event,
        master: master.to_owned(),
        at_ms: at.0,
        text: format!("{master}: {text}"),
        job: None,
        slave: None,
    }
}
