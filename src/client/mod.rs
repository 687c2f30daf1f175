//! The client: sends jobs to a master, asks about them, and brings their results back.
//!
//! A [`Client`] owns two threads. Questions block the caller, each for a bounded time; a [`Submission`] and a [`Gather`] go
//! on in the client's threads and are looked at whenever one likes.
//!
//! Absences: no callbacks, no output, no idea of Blender's interface; nothing here decides what is rendered where.

mod board;
mod fetch;
mod find;
mod gather;
mod round;
mod send;
mod submit;
mod table;
mod threads;
mod transfer;

pub use board::{Progress, Stage};
pub use find::MasterFound;
pub use gather::{Gather, GatherRequest, GatherView, prepare_folder};
pub use submit::{Submission, SubmitRequest};
pub use table::{GatheredFrame, GatheredState};

use crate::access::KeySource;
use crate::error::{Error, Result};
use crate::ids::{FrameSet, JobId};
use crate::link::{Link, MasterAddress};
use crate::wire::{FrameInfo, JobInfo, SlaveInfo};
use std::sync::mpsc;
use std::time::Duration;
use threads::Threads;

/// The word for "find the master by its broadcast".
pub const AUTO: &str = "auto";
/// How many jobs, frames or slaves are asked for at once.
pub(crate) const PAGE: u32 = 1000;

/// A connection to one master that has proved the farm's key.
#[derive(Debug)]
pub struct Client {
    link: Link,
    threads: Threads,
}

impl Client {
    /// Finds the master (`master`: an address, or [`AUTO`]), has it prove the farm's key, and checks its version.
    pub fn connect(master: &str, keys: &KeySource, timeout: Duration) -> Result<Self> {
        let address = named_master(master)?;
        let threads = Threads::start()?;
        let keys = keys.clone();
        let link = threads.ask(async move {
            let reach = async {
                let address = match address {
                    Some(address) => address,
                    None => find::one(keys.clone(), timeout).await?,
                };
                Link::connect(&address, &keys).await
            };
            // Looking around may take the whole time by itself; the answer then gets as long again.
            tokio::time::timeout(timeout * 2, reach)
                .await
                .unwrap_or_else(|_| Err(Error::timeout("the master does not answer in time")))
        })?;
        Ok(Self { link, threads })
    }

    /// The master's address.
    #[must_use]
    pub fn url(&self) -> String {
        self.link.address().to_string()
    }

    /// Whether the master lets in everybody.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.link.is_open()
    }

    /// Starts to send a saved .blend with all that it needs; returns at once.
    pub fn submit(&self, request: SubmitRequest) -> Result<Submission> {
        submit::start(&self.threads, &self.link, request)
    }

    /// Starts to bring results into a folder as they get done; returns at once.
    pub fn gather(&self, request: GatherRequest) -> Result<Gather> {
        gather::start(&self.threads, &self.link, request)
    }

    /// All jobs, newest first.
    pub fn jobs(&self) -> Result<Vec<JobInfo>> {
        let link = self.link.clone();
        self.threads.ask(async move {
            let mut jobs: Vec<JobInfo> = Vec::new();
            loop {
                let page: Vec<JobInfo> = link.get(&format!("jobs?offset={}&limit={PAGE}", jobs.len())).await?;
                let last = page.is_empty();
                jobs.extend(page);
                if last || jobs.len() < PAGE as usize {
                    return Ok(jobs);
                }
            }
        })
    }

    /// One job.
    pub fn job(&self, job: JobId) -> Result<JobInfo> {
        self.get(format!("jobs/{job}"))
    }

    /// Asks for a job without waiting: the answer comes through the channel, which closes without one if the client stops.
    pub fn ask_job(&self, job: JobId) -> Result<mpsc::Receiver<Result<JobInfo>>> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let link = self.link.clone();
        self.threads.spawn(async move {
            // Whoever asked may be gone.
            let _ = sender.send(link.get(&format!("jobs/{job}")).await);
        })?;
        Ok(receiver)
    }

    /// Frames of a job in ascending order, from a place on.
    pub fn frames(&self, job: JobId, offset: u32, limit: u32) -> Result<Vec<FrameInfo>> {
        self.get(format!("jobs/{job}/frames?offset={offset}&limit={limit}"))
    }

    /// The slaves that the master knows.
    pub fn slaves(&self) -> Result<Vec<SlaveInfo>> {
        self.get("slaves".to_owned())
    }

    /// Lets no more frames of a job begin.
    pub fn pause(&self, job: JobId) -> Result<()> {
        self.act(format!("jobs/{job}/pause"))
    }

    /// Lets a paused job go on.
    pub fn resume(&self, job: JobId) -> Result<()> {
        self.act(format!("jobs/{job}/resume"))
    }

    /// Ends a job now; finished frames stay.
    pub fn cancel(&self, job: JobId) -> Result<()> {
        self.act(format!("jobs/{job}/cancel"))
    }

    /// Cancels a job and deletes all that the master has of it.
    pub fn remove(&self, job: JobId) -> Result<()> {
        let link = self.link.clone();
        self.threads.ask(async move { link.delete(&format!("jobs/{job}")).await })
    }

    /// What Blender printed in the latest attempt at a frame.
    pub fn log(&self, job: JobId, frame: i32) -> Result<String> {
        let link = self.link.clone();
        self.threads
            .ask(async move { link.get_text(&format!("jobs/{job}/frames/{frame}/log")).await })
    }

    /// The job whose id is, or begins with, this text.
    pub fn find_job(&self, text: &str) -> Result<JobId> {
        if let Ok(job) = text.parse() {
            return Ok(job);
        }
        let prefix = text.trim().to_ascii_lowercase();
        let ids: Vec<String> = self.jobs()?.iter().map(|job| job.id.to_string()).collect();
        let fitting: Vec<&String> = ids
            .iter()
            .filter(|id| !prefix.is_empty() && id.starts_with(&prefix))
            .collect();
        match fitting.as_slice() {
            [id] => Ok(id.parse()?),
            [] => Err(Error::not_found(format!("no job's id begins with {text:?}")).hint("netrender jobs lists them")),
            [first, second, ..] => Err(Error::bad_input(format!(
                "{text:?} begins the ids of {} jobs, such as {first} and {second}",
                fitting.len()
            ))
            .hint("write more letters of the id")),
        }
    }

    /// Ends all that goes on in this client's threads, within `timeout`. A second call does nothing.
    pub fn stop(&self, timeout: Duration) {
        self.threads.stop(timeout);
    }

    fn get<T: serde::de::DeserializeOwned + Send + 'static>(&self, path: String) -> Result<T> {
        let link = self.link.clone();
        self.threads.ask(async move { link.get(&path).await })
    }

    fn act(&self, path: String) -> Result<()> {
        let link = self.link.clone();
        self.threads.ask(async move { link.act(&path).await })
    }
}

/// The address of the master that is named; none for [`AUTO`].
pub fn named_master(text: &str) -> Result<Option<MasterAddress>> {
    match text.trim() {
        "" | AUTO => Ok(None),
        address => address.parse().map(Some),
    }
}

/// Asks the local network for masters and returns those that answered in time.
pub fn find_masters(timeout: Duration) -> Result<Vec<MasterFound>> {
    Threads::start()?.ask(find::all(KeySource::Kept, timeout))
}

/// All frames, or those that were asked for, of a job.
fn wanted_frames(all: &FrameSet, wanted: Option<&FrameSet>) -> Result<FrameSet> {
    let Some(wanted) = wanted else { return Ok(all.clone()) };
    FrameSet::of(wanted.iter().filter(|frame| all.place_of(*frame).is_some()))
        .ok_or_else(|| Error::bad_input(format!("none of the frames {wanted} is part of the job, which has {all}")))
}
