//! `netrender archive` and `netrender restore`.

use super::arguments::{JobQuery, Query};
use super::screen::{bytes, say, say_json};
use super::{STATUS_OK, connect};
use crate::access::KeySource;
use crate::error::Result;
use serde_json::json;
use std::path::Path;

pub(super) fn archive(query: &JobQuery, file: &Path, keys: &KeySource) -> Result<u8> {
    let client = connect(&query.to.master, keys)?;
    let job = client.find_job(&query.id)?;
    let size_bytes = client.archive(job, file)?;
    if query.to.json {
        say_json(&json!({ "job": job.to_string(), "file": file, "bytes": size_bytes }))?;
    } else {
        say(&format!("job {job} is in {} ({})", file.display(), bytes(size_bytes)))?;
    }
    Ok(STATUS_OK)
}

pub(super) fn restore(file: &Path, to: &Query, keys: &KeySource) -> Result<u8> {
    let client = connect(&to.master, keys)?;
    let job = client.job(client.restore(file)?)?;
    if to.json {
        say_json(&job)?;
    } else {
        say(&format!(
            "job {} ({}) is back: {} of {} frames",
            job.id, job.name, job.done, job.total
        ))?;
    }
    Ok(STATUS_OK)
}
