//! `netrender results`, and the waiting of `netrender submit --wait`.

use super::arguments::ResultsArguments;
use super::ask::state_name;
use super::interrupt::Interrupt;
use super::progress::{Meter, Unit};
use super::screen::{bytes, note, say, say_json};
use super::{STATUS_FAILED, STATUS_OK, connect};
use crate::access::KeySource;
use crate::client::{Client, Gather, GatherRequest, GatherView};
use crate::error::{Code, Error, Result};
use crate::ids::JobId;
use crate::wire::{JobInfo, JobStateInfo};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Between two looks at a gathering, which lies in memory.
const LOOK_MS: u64 = 100;
/// Between two questions to the master.
const ASK_MS: u64 = 500;

pub(super) fn results(wanted: ResultsArguments, keys: &KeySource) -> Result<u8> {
    let client = connect(&wanted.job.to.master, keys)?;
    let interrupt = Interrupt::listen()?;
    let gather = client.gather(GatherRequest {
        job: client.find_job(&wanted.job.id)?,
        folder: wanted.folder.clone(),
        frames: wanted.frames,
        follow: wanted.wait,
    })?;
    let view = follow(&gather, &interrupt)?;
    if wanted.job.to.json {
        say_json(&json!({
            "job": view.job.id.to_string(),
            "folder": wanted.folder,
            "wanted": view.wanted,
            "here": view.here,
            "failed": view.failed,
            "bytes": view.here_bytes,
        }))?;
    } else {
        say(&summary(&view, &wanted.folder))?;
    }
    Ok(if view.failed > 0 { STATUS_FAILED } else { STATUS_OK })
}

/// Shows a gathering until nothing is left to be had.
pub(super) fn follow(gather: &Gather, interrupt: &Interrupt) -> Result<GatherView> {
    let mut meter = Meter::new(Unit::Frames);
    loop {
        let interrupted = interrupt.wait(Duration::from_millis(LOOK_MS));
        let view = gather.view();
        if view.complete {
            return Ok(view);
        }
        if let Some(error) = view.ended {
            return Err(error);
        }
        if interrupted {
            return Err(Error::cancelled(format!(
                "interrupted: {} of {} frames are here, the job goes on",
                view.here, view.wanted
            ))
            .hint(format!("netrender cancel {} ends the job", view.job.id)));
        }
        meter.show(
            view.here.into(),
            view.wanted.into(),
            &what_goes_on(&view.job, view.trouble.as_ref()),
        );
    }
}

/// Waits for the end of a job, without its results.
pub(super) fn wait(client: &Client, job: JobId, interrupt: &Interrupt) -> Result<JobInfo> {
    let mut meter = Meter::new(Unit::Frames);
    let mut seen = client.job(job)?;
    let mut trouble = None;
    while !seen.state.is_over() {
        meter.show(
            (seen.done + seen.failed).into(),
            seen.total.into(),
            &what_goes_on(&seen, trouble.as_ref()),
        );
        trouble = match ask_again(client, job, interrupt)? {
            Ok(now) => {
                seen = now;
                None
            }
            Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout) => Some(error),
            Err(error) => return Err(error),
        };
    }
    Ok(seen)
}

/// Asks for the job after a while. A master that is long in answering does not keep an interruption waiting.
fn ask_again(client: &Client, job: JobId, interrupt: &Interrupt) -> Result<Result<JobInfo>> {
    let interrupted =
        || Error::cancelled(format!("interrupted: job {job} goes on")).hint(format!("netrender cancel {job} ends it"));
    if interrupt.wait(Duration::from_millis(ASK_MS)) {
        return Err(interrupted());
    }
    let answer = client.ask_job(job)?;
    loop {
        match answer.wait(Duration::from_millis(LOOK_MS)) {
            Ok(Some(job)) => return Ok(Ok(job)),
            Ok(None) if interrupt.wait(Duration::ZERO) => return Err(interrupted()),
            Ok(None) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// What became of a job that is over: its frames, or why there are none.
pub(super) fn judge(job: &JobInfo) -> Result<()> {
    let fault = match job.state {
        JobStateInfo::Failed => format!("{} of its {} frames failed", job.failed, job.total),
        JobStateInfo::Cancelled => "it was cancelled".to_owned(),
        _ => return Ok(()),
    };
    Err(
        Error::blender(format!("job {} ({}) is not complete: {fault}", job.id, job.name))
            .hint(format!("netrender job {} tells more", job.id)),
    )
}

fn summary(view: &GatherView, folder: &Path) -> String {
    let failed = match view.failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    let open = match view.wanted - view.here - view.failed {
        0 => String::new(),
        open => format!(", {open} are not rendered (the job is {})", state_name(view.job.state)),
    };
    let size = bytes(view.here_bytes);
    format!(
        "{} of {} frames ({size}) are in {}{failed}{open}",
        view.here,
        view.wanted,
        folder.display()
    )
}

fn what_goes_on(job: &JobInfo, trouble: Option<&Error>) -> String {
    match (trouble, job.state) {
        (Some(error), _) => format!("{}, trying again", error.message),
        (None, JobStateInfo::Waiting | JobStateInfo::Paused) => format!("the job is {}", state_name(job.state)),
        (None, JobStateInfo::Queued) if job.rendering == 0 && job.done == 0 => {
            job.explanation.first().cloned().unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// Warnings of a submission, one a line.
pub(super) fn warn(warnings: &[String]) {
    for warning in warnings {
        note(&format!("warning: {warning}"));
    }
}
