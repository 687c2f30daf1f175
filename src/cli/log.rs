//! `netrender log`: what Blender printed, also while it prints.

use super::arguments::JobQuery;
use super::interrupt::Interrupt;
use super::screen::{note, say, say_json, say_part};
use super::{STATUS_OK, connect};
use crate::access::KeySource;
use crate::client::Client;
use crate::error::{Code, Error, Result};
use crate::ids::JobId;
use crate::wire::{FrameInfo, FrameStateInfo};
use serde_json::json;
use std::time::Duration;

/// Between two looks at a log that grows.
const LOOK_MS: u64 = 500;

pub(super) fn log(query: &JobQuery, frame: i32, tile: Option<u32>, follow: bool, keys: &KeySource) -> Result<u8> {
    let client = connect(&query.to.master, keys)?;
    let job = client.find_job(&query.id)?;
    // People count from 1.
    let tile = tile.map(|tile| tile - 1);
    if follow {
        return tail(&client, job, frame, tile);
    }
    if tile.is_some() {
        look(&client, job, frame, tile)?;
    }
    let text = client.log(job, frame, tile)?;
    if query.to.json {
        say_json(&json!({ "job": job.to_string(), "frame": frame, "log": text }))?;
    } else if !text.is_empty() {
        say(&text)?;
    }
    Ok(STATUS_OK)
}

/// Shows what comes until the frame, or its tile, is done or given up. A new attempt begins a new log.
fn tail(client: &Client, job: JobId, frame: i32, tile: Option<u32>) -> Result<u8> {
    let interrupt = Interrupt::listen()?;
    let (mut attempt, mut offset) = (0, 0);
    loop {
        // Before the log is read: what was printed by the time the frame was done is shown then.
        let info = look(client, job, frame, tile)?;
        if info.attempt != attempt {
            if attempt > 0 {
                note(&format!("attempt {}:", info.attempt));
            }
            (attempt, offset) = (info.attempt, 0);
        }
        let printed = match tile {
            None => client.log_from(job, frame, Some(attempt), offset),
            Some(tile) => client.log_of_tile_from(job, (frame, tile), attempt, offset),
        };
        match printed {
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

fn look(client: &Client, job: JobId, frame: i32, tile: Option<u32>) -> Result<FrameInfo> {
    let Some(number) = tile else {
        return client.frame(job, frame);
    };
    let tiles = client.tiles(job, frame)?;
    if tiles.iter().all(|info| info.tile.is_none()) {
        return Err(Error::not_found(format!("frame {frame} of job {job} is not cut into tiles")).hint("leave --tile out"));
    }
    let found = tiles
        .into_iter()
        .find(|info| info.tile.is_some_and(|tile| tile.number() == number));
    found.ok_or_else(|| Error::not_found(format!("frame {frame} of job {job} has no tile {}", number + 1)))
}
