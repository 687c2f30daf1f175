//! Lists that come in pages, put together.

use super::PAGE;
use crate::error::{Error, Result};
use crate::ids::{FRAMES_PER_JOB_MAX, FrameSet};
use crate::link::Link;
use crate::wire::{FrameInfo, JobInfo};
use serde::de::DeserializeOwned;

/// Most entries of a list that are asked for: more than any master has.
const ENTRIES_MAX: usize = FRAMES_PER_JOB_MAX;
/// About how many bytes of a list of frames are shown in a sentence.
const SHOWN_BYTES: usize = 200;

/// A whole list.
pub(super) async fn all<T: DeserializeOwned>(link: &Link, list: &str) -> Result<Vec<T>> {
    let mut entries: Vec<T> = Vec::new();
    loop {
        let page: Vec<T> = link.get(&format!("{list}?offset={}&limit={PAGE}", entries.len())).await?;
        let is_last = page.len() < PAGE as usize;
        entries.extend(page);
        if is_last || entries.len() >= ENTRIES_MAX {
            return Ok(entries);
        }
    }
}

/// All frames of a job, also of one whose frames are too ragged to be told in one answer.
pub(super) async fn frames_of(link: &Link, job: &JobInfo) -> Result<FrameSet> {
    if let Some(whole) = job.frames.whole() {
        return Ok(whole);
    }
    let frames: Vec<FrameInfo> = all(link, &format!("jobs/{}/frames", job.id)).await?;
    FrameSet::of(frames.iter().map(|info| info.frame))
        .ok_or_else(|| Error::internal(format!("the master tells no frames of job {}", job.id)))
}

/// All frames, or those that were asked for, of a job.
pub(super) fn wanted_frames(all: &FrameSet, wanted: Option<&FrameSet>) -> Result<FrameSet> {
    let Some(wanted) = wanted else { return Ok(all.clone()) };
    FrameSet::of(wanted.iter().filter(|frame| all.place_of(*frame).is_some())).ok_or_else(|| {
        let (wanted, all) = (wanted.shortened(SHOWN_BYTES), all.shortened(SHOWN_BYTES));
        Error::bad_input(format!("none of the frames {wanted} is part of the job, which has {all}"))
    })
}
