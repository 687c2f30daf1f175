//! `netrender results`, and the waiting of `netrender submit --wait`.

use super::arguments::JobQuery;
use super::ask::state_name;
use super::bakes;
use super::interrupt::Interrupt;
use super::progress::{Meter, Unit};
use super::screen::{bytes, note, say, say_json};
use super::{STATUS_FAILED, STATUS_OK, connect};
use crate::access::KeySource;
use crate::client::{Client, Finish, FinishRequest, FinishView, Gather, GatherRequest, GatherView, Gathered};
use crate::error::{Code, Error, Result};
use crate::ids::{FrameSet, JobId};
use crate::wire::{JobInfo, JobStateInfo};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two looks at a gathering, which lies in memory.
const LOOK_MS: u64 = 100;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct ResultsArguments {
    #[command(flatten)]
    pub(super) job: JobQuery,
    /// The folder; it is made if it is not there
    pub(super) folder: PathBuf,
    /// Only these frames
    #[arg(long, allow_hyphen_values = true)]
    pub(super) frames: Option<FrameSet>,
    /// Wait for frames that are not rendered yet
    #[arg(long)]
    pub(super) wait: bool,
    /// Bring the bakes of a job that bakes: caches to lie beside the artist's .blend, in a folder of their own
    #[arg(long, group = "makes", conflicts_with_all = ["frames", "wait"])]
    pub(super) bake: bool,
    /// The artist's .blend: the folder gets a copy of it that plays the bakes back
    #[arg(long, value_name = "FILE", requires = "bake")]
    pub(super) blend: Option<PathBuf>,
    /// Make final frames of them: composited, in the scene's own format, named by its output path
    #[arg(long = "final", group = "makes")]
    pub(super) finals: bool,
    /// The Blender that makes final frames or that copy, or denoises what slaves of earlier releases left noisy; else one of
    /// the job's series on the PATH
    #[arg(long, value_name = "PATH")]
    pub(super) blender: Option<PathBuf>,
    /// Let scripts inside of the scene run while final frames are made
    #[arg(long, requires = "finals")]
    pub(super) allow_scripts: bool,
}

pub(super) fn results(wanted: ResultsArguments, keys: &KeySource) -> Result<u8> {
    let client = connect(&wanted.job.to.master, keys)?;
    let interrupt = Interrupt::listen()?;
    if wanted.bake {
        return bakes::results(&client, wanted);
    }
    if wanted.finals {
        return finals(&client, wanted, &interrupt);
    }
    let gather = client.gather(GatherRequest {
        job: client.find_job(&wanted.job.id)?,
        folder: wanted.folder.clone(),
        frames: wanted.frames,
        follow: wanted.wait,
        what: Gathered::Layers,
        blender: wanted.blender,
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

/// Gathers, and makes what a local render would have written.
fn finals(client: &Client, wanted: ResultsArguments, interrupt: &Interrupt) -> Result<u8> {
    let finish = client.finish(FinishRequest {
        job: client.find_job(&wanted.job.id)?,
        folder: wanted.folder.clone(),
        frames: wanted.frames,
        follow: wanted.wait,
        blender: wanted.blender,
        allow_scripts: wanted.allow_scripts,
    })?;
    let view = follow_finish(&finish, interrupt)?;
    let job = &view.gathered.job;
    if wanted.job.to.json {
        say_json(&json!({
            "job": job.id.to_string(),
            "folder": wanted.folder,
            "wanted": view.gathered.wanted,
            "finished": view.finished,
            "files": view.files,
            "failed": view.gathered.failed,
        }))?;
    } else {
        let failed = failed_too(view.gathered.failed);
        let open = still_open(job, view.gathered.wanted - view.finished - view.gathered.failed);
        say(&format!(
            "{} of {} frames are finished, {} files are in {}{failed}{open}",
            view.finished,
            view.gathered.wanted,
            view.files,
            wanted.folder.display()
        ))?;
    }
    Ok(if view.gathered.failed > 0 { STATUS_FAILED } else { STATUS_OK })
}

/// Shows a finishing until nothing is left to be had.
pub(super) fn follow_finish(finish: &Finish, interrupt: &Interrupt) -> Result<FinishView> {
    let mut meter = Meter::new(Unit::Frames);
    loop {
        let view = finish.wait(Duration::from_millis(LOOK_MS));
        if view.complete {
            return Ok(view);
        }
        if let Some(error) = view.ended {
            return Err(error);
        }
        if interrupt.wait(Duration::ZERO) {
            let made = format!("{} of {} frames are finished here", view.finished, view.gathered.wanted);
            return Err(interrupted_at(&made, &view.gathered.job));
        }
        meter.show(view.finished.into(), view.gathered.wanted.into(), &view.text);
    }
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
            return Err(interrupted_at(
                &format!("{} of {} frames are here", view.here, view.wanted),
                &view.job,
            ));
        }
        meter.show(
            view.here.into(),
            view.wanted.into(),
            &what_goes_on(&view.job, view.trouble.as_ref()),
        );
    }
}

/// What an interruption leaves behind.
fn interrupted_at(made: &str, job: &JobInfo) -> Error {
    if job.state.is_over() {
        return Error::cancelled(format!("interrupted: {made}")).hint("the same once more brings the others");
    }
    Error::cancelled(format!("interrupted: {made}, the job goes on")).hint(format!("netrender cancel {} ends the job", job.id))
}

/// Waits for the end of a job, without its results. A master that is long in answering does not keep an interruption waiting.
pub(super) fn wait(client: &Client, job: JobId, interrupt: &Interrupt) -> Result<JobInfo> {
    let watch = client.watch(job)?;
    let (mut seen, mut trouble) = (client.job(job)?, None);
    let mut meter = Meter::new(Unit::of(&seen));
    while !seen.state.is_over() {
        match watch.next(Duration::from_millis(LOOK_MS)) {
            None => {}
            Some(Ok(now)) => (seen, trouble) = (now, None),
            Some(Err(error)) if matches!(error.code, Code::Unreachable | Code::Timeout) => trouble = Some(error),
            Some(Err(error)) => return Err(error),
        }
        if interrupt.wait(Duration::ZERO) {
            return Err(
                Error::cancelled(format!("interrupted: job {job} goes on")).hint(format!("netrender cancel {job} ends it"))
            );
        }
        let text = what_goes_on(&seen, trouble.as_ref());
        match seen.percent {
            Some(percent) => {
                let parts = [format!("{} of {} bakes", seen.done, seen.total), text];
                let said = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
                meter.show(percent.into(), 100, &said.join("; "));
            }
            None => meter.show((seen.done + seen.failed).into(), seen.total.into(), &text),
        }
    }
    Ok(seen)
}

/// What became of a job that is over: its frames, or why there are none.
pub(super) fn judge(job: &JobInfo) -> Result<()> {
    let fault = match job.state {
        JobStateInfo::Failed => {
            let noun = Unit::of(job).noun().unwrap_or_default();
            format!("{} of its {} {noun} failed", job.failed, job.total)
        }
        JobStateInfo::Cancelled => "it was cancelled".to_owned(),
        _ => return Ok(()),
    };
    Err(
        Error::blender(format!("job {} ({}) is not complete: {fault}", job.id, job.name))
            .hint(format!("netrender job {} tells more", job.id)),
    )
}

fn summary(view: &GatherView, folder: &Path) -> String {
    let failed = failed_too(view.failed);
    let open = still_open(&view.job, view.wanted - view.here - view.failed);
    let size = bytes(view.here_bytes);
    format!(
        "{} of {} frames ({size}) are in {}{failed}{open}",
        view.here,
        view.wanted,
        folder.display()
    )
}

fn failed_too(frames: u32) -> String {
    match frames {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    }
}

fn still_open(job: &JobInfo, frames: u32) -> String {
    match frames {
        0 => String::new(),
        open => format!(", {open} are not rendered (the job is {})", state_name(job)),
    }
}

fn what_goes_on(job: &JobInfo, trouble: Option<&Error>) -> String {
    match (trouble, job.state) {
        (Some(error), _) => format!("{}, trying again", error.message),
        (None, JobStateInfo::Waiting) => job.explanation.first().cloned().unwrap_or_default(),
        (None, JobStateInfo::Paused) => format!("the job is {}", state_name(job)),
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
