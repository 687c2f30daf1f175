//! `netrender log`: what Blender printed, also while it prints.

use super::arguments::JobQuery;
use super::interrupt::Interrupt;
use super::screen::{note, say, say_json, say_part};
use super::{STATUS_OK, connect};
use crate::access::KeySource;
use crate::client::Client;
use crate::error::{Code, Result};
use crate::ids::JobId;
use crate::wire::FrameStateInfo;
use serde_json::json;
use std::time::Duration;

/// Between two looks at a log that grows.
const LOOK_MS: u64 = 500;

pub(super) fn log(query: &JobQuery, frame: i32, follow: bool, keys: &KeySource) -> Result<u8> {
    let client = connect(&query.to.master, keys)?;
    let job = client.find_job(&query.id)?;
    if follow {
        return tail(&client, job, frame);
    }
    let text = client.log(job, frame)?;
    if query.to.json {
        say_json(&json!({ "job": job.to_string(), "frame": frame, "log": text }))?;
    } else if !text.is_empty() {
        say(&text)?;
    }
    Ok(STATUS_OK)
}

/// Shows what comes until the frame is done or given up. A new attempt begins a new log.
fn tail(client: &Client, job: JobId, frame: i32) -> Result<u8> {
    let interrupt = Interrupt::listen()?;
    let (mut attempt, mut offset) = (0, 0);
    loop {
        // Before the log is read: what was printed by the time the frame was done is shown then.
        let info = client.frame(job, frame)?;
        if info.attempt != attempt {
            if attempt > 0 {
                note(&format!("attempt {}:", info.attempt));
            }
            (attempt, offset) = (info.attempt, 0);
        }
        match client.log_from(job, frame, Some(attempt), offset) {
            Ok(bytes) => {
                offset += bytes.len() as u64;
                say_part(&bytes)?;
            }
            Err(error) if error.code == Code::NotFound => {}
            Err(error) => return Err(error),
        }
        let is_over = matches!(info.state, FrameStateInfo::Done | FrameStateInfo::Failed) || client.job(job)?.state.is_over();
        if is_over || interrupt.wait(Duration::from_millis(LOOK_MS)) {
            return Ok(STATUS_OK);
        }
    }
}
