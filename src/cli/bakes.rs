//! `netrender results --bake`, and what `netrender submit` does with jobs that bake.

use super::interrupt::Interrupt;
use super::results::{ResultsArguments, judge, wait, warn};
use super::screen::{note, say, say_json};
use super::{STATUS_FAILED, STATUS_OK};
use crate::client::{BakesHere, BakesRequest, Client};
use crate::error::Result;
use crate::ids::JobId;
use crate::wire::JobInfo;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Brings what is baked by now.
pub(super) fn results(client: &Client, wanted: ResultsArguments) -> Result<u8> {
    let here = client.bring_bakes(BakesRequest {
        job: client.find_job(&wanted.job.id)?,
        folder: wanted.folder.clone(),
        blend: wanted.blend,
        blender: wanted.blender,
    })?;
    warn(&here.told);
    if wanted.job.to.json {
        say_json(&json!({
            "job": here.job.id.to_string(),
            "folder": wanted.folder,
            "wanted": here.job.total,
            "here": here.bakes.len(),
            "failed": here.job.failed,
            "bakes": here.bakes.iter().map(|baked| &baked.name).collect::<Vec<_>>(),
            "files": here.files,
            "blend": here.blend,
            "warnings": here.told,
        }))?;
    } else {
        say(&summary(&here, &wanted.folder))?;
    }
    Ok(if here.job.failed > 0 { STATUS_FAILED } else { STATUS_OK })
}

/// The job once it is over, and what it baked is in the folder with a copy of the .blend, which that Blender makes.
pub(super) fn bring(
    client: &Client,
    job: JobId,
    folder: &Path,
    (blend, blender): (PathBuf, Option<PathBuf>),
    interrupt: &Interrupt,
) -> Result<JobInfo> {
    let over = wait(client, job, interrupt)?;
    let here = client.bring_bakes(BakesRequest {
        job,
        folder: folder.to_path_buf(),
        blend: Some(blend),
        blender,
    })?;
    warn(&here.told);
    note(&summary(&here, folder));
    Ok(over)
}

/// Waits until the bakes that a job is rendered with are done; a job whose bakes have failed would wait for ever.
pub(super) fn wait_for(client: &Client, (job, bakes): (JobId, JobId), interrupt: &Interrupt) -> Result<()> {
    let over = wait(client, bakes, interrupt)?;
    judge(&over).map_err(|error| {
        error.hint(format!(
            "netrender job {bakes} tells why; job {job} is rendered once netrender reset {bakes} has brought them about"
        ))
    })
}

/// What could be done about simulations that are not baked.
pub(super) fn offer(unbaked: &[String]) {
    if !unbaked.is_empty() {
        note("hint: submit --bake-first bakes them on the network before it renders");
    }
}

fn summary(here: &BakesHere, folder: &Path) -> String {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let played = here
        .blend
        .as_ref()
        .map_or_else(String::new, |blend| format!("; {} plays them back", name(blend)));
    format!(
        "{} of {} bakes ({} files) are in {}{played}",
        here.bakes.len(),
        here.job.total,
        here.files,
        folder.display()
    )
}
