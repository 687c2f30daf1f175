//! The client: sends jobs to a master, asks about them, and brings their results back.
//!
//! A [`Client`] owns two threads. Most questions block the caller, each for a bounded time; a [`Pending`] question, a
//! [`Submission`] and a [`Gather`] go on in the client's threads and are looked at whenever one likes.
//!
//! Absences: no callbacks, no output, no idea of Blender's interface; nothing here decides what is rendered where.

mod ahead;
mod archive;
mod aside;
mod bakes;
mod board;
mod bring;
mod denoise;
mod download;
mod entrust;
mod fetch;
mod find;
mod finish;
mod finishing;
mod gather;
mod look;
mod manage;
mod packed;
mod pages;
mod pending;
mod round;
mod rules;
mod send;
mod submit;
mod table;
mod threads;
mod tiles;
mod transfer;
mod versions;
mod watch;
mod work_folder;

pub use bakes::BakeWish;
pub use board::{Progress, Stage};
pub use bring::{BakesHere, BakesRequest};
pub use download::{Download, download};
pub use entrust::renew_key;
pub use find::{MasterFound, find_masters, start_find_masters};
pub use finish::{Finish, FinishRequest, FinishView};
pub use gather::{Gather, GatherRequest, GatherView, Gathered, prepare_folder};
pub use pending::{Alone, Pending};
pub use rules::{RuleSetting, RulesChange};
pub use submit::{Submission, SubmitRequest};
pub use table::{GatheredFrame, GatheredState};
pub use tiles::TilesWish;
pub use versions::{guess_version, start_guess};
pub use watch::Watch;

use crate::access::KeySource;
use crate::error::{Code, Error, Result};
use crate::ids::{Fingerprint, JobId, JobPath, Role, SlaveId};
use crate::link::{Link, MasterAddress};
use crate::wire::{FrameInfo, JobInfo, Manifest, Source};
use std::sync::Arc;
use std::time::Duration;
use threads::{Lent, Threads};

/// The word for "find the master by its broadcast".
pub const AUTO: &str = "auto";
/// How many jobs, frames or slaves are asked for at once.
pub(crate) const PAGE: u32 = 1000;

/// A connection to one master that has proved the farm's key.
#[derive(Debug)]
pub struct Client {
    link: Link,
    threads: Arc<Threads>,
}

/// A connection that is being made. Dropped, it is given up.
#[derive(Debug)]
pub struct Connecting {
    // Given up first, then its threads end.
    link: Pending<Link>,
    threads: Lent,
}

impl Client {
    /// Finds the master (`master`: an address, or [`AUTO`]), has it prove the farm's key, and checks its version.
    pub fn connect(master: &str, keys: &KeySource, timeout: Duration) -> Result<Self> {
        Self::begin(named_master(master)?, keys, timeout, false)?.finish()
    }

    /// The same in threads of its own; returns at once.
    pub fn start_connect(master: &str, keys: &KeySource, timeout: Duration) -> Result<Connecting> {
        Self::begin(named_master(master)?, keys, timeout, false)
    }

    /// The same, and the certificate that the master shows now takes the place of the one that was known. The master has to be
    /// named: nobody trusts whoever happens to answer.
    pub fn trust(master: &str, keys: &KeySource, timeout: Duration) -> Result<Self> {
        Self::begin(Some(master.parse()?), keys, timeout, true)?.finish()
    }

    /// The same in threads of its own; returns at once.
    pub fn start_trust(master: &str, keys: &KeySource, timeout: Duration) -> Result<Connecting> {
        Self::begin(Some(master.parse()?), keys, timeout, true)
    }

    fn begin(address: Option<MasterAddress>, keys: &KeySource, timeout: Duration, anew: bool) -> Result<Connecting> {
        let threads = Arc::new(Threads::start()?);
        let keys = keys.clone();
        let link = threads.begin(async move {
            let reach = async {
                let address = match address {
                    Some(address) => address,
                    None => find::one(keys.clone(), timeout).await?,
                };
                if anew {
                    Link::trust_anew(&address, &keys).await
                } else {
                    Link::connect(&address, &keys).await
                }
            };
            // Looking around may take the whole time by itself; the answer then gets as long again.
            tokio::time::timeout(timeout * 2, reach)
                .await
                .unwrap_or_else(|_| Err(Error::timeout("the master does not answer in time")))
        })?;
        Ok(Connecting {
            link,
            threads: Lent(threads),
        })
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

    /// What the key that is used allows.
    #[must_use]
    pub fn role(&self) -> Role {
        self.link.role()
    }

    /// The name of the master's certificate; none without TLS.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.link.fingerprint()
    }

    /// The certificate, if it was met for the first time now and nobody but the master itself vouches for it.
    #[must_use]
    pub fn newly_trusted(&self) -> Option<Fingerprint> {
        self.link.newly_trusted()
    }

    /// Starts to send a saved .blend with all that it needs; returns at once.
    pub fn submit(&self, request: SubmitRequest) -> Result<Submission> {
        submit::start(&self.threads, &self.link, request)
    }

    /// Asks for the job once, then brings its results into a folder as they get done.
    pub fn gather(&self, request: GatherRequest) -> Result<Arc<Gather>> {
        self.start_gather(request)?.answer()
    }

    /// The same without waiting for the job.
    pub fn start_gather(&self, request: GatherRequest) -> Result<Pending<Arc<Gather>>> {
        self.threads.begin(gather::start(self.link.clone(), request))
    }

    /// Asks for the job once, then makes the final files of its frames in a folder as they get done.
    pub fn finish(&self, request: FinishRequest) -> Result<Arc<Finish>> {
        self.start_finish(request)?.answer()
    }

    /// The same without waiting for the job.
    pub fn start_finish(&self, request: FinishRequest) -> Result<Pending<Arc<Finish>>> {
        self.threads.begin(finish::start(self.link.clone(), request))
    }

    /// All jobs, newest first.
    pub fn jobs(&self) -> Result<Vec<JobInfo>> {
        self.ask_jobs()?.answer()
    }

    /// The same without waiting.
    pub fn ask_jobs(&self) -> Result<Pending<Vec<JobInfo>>> {
        let link = self.link.clone();
        self.threads.begin(async move { pages::all(&link, "jobs").await })
    }

    /// One job.
    pub fn job(&self, job: JobId) -> Result<JobInfo> {
        self.ask_job(job)?.answer()
    }

    /// The same without waiting.
    pub fn ask_job(&self, job: JobId) -> Result<Pending<JobInfo>> {
        self.get(format!("jobs/{job}"))
    }

    /// Watches a job until it is over; returns at once.
    pub fn watch(&self, job: JobId) -> Result<Watch> {
        watch::start(&self.threads, &self.link, job)
    }

    /// Frames of a job in ascending order, from a place on.
    pub fn frames(&self, job: JobId, offset: u32, limit: u32) -> Result<Vec<FrameInfo>> {
        self.ask_frames(job, offset, limit)?.answer()
    }

    /// The same without waiting.
    pub fn ask_frames(&self, job: JobId, offset: u32, limit: u32) -> Result<Pending<Vec<FrameInfo>>> {
        self.get(format!("jobs/{job}/frames?offset={offset}&limit={limit}"))
    }

    /// Where slaves get a job's files from, and the .blend in it; none: from the master.
    pub fn source(&self, job: JobId) -> Result<Option<(Source, JobPath)>> {
        match self.get::<Manifest>(format!("jobs/{job}/manifest"))?.answer() {
            Ok(Manifest { source, main, .. }) => Ok(source.map(|source| (source, main))),
            // A job without files, or no job at all.
            Err(error) if error.code == Code::NotFound => self.job(job).map(|_| None),
            Err(error) => Err(error),
        }
    }

    /// One frame of a job.
    pub fn frame(&self, job: JobId, frame: i32) -> Result<FrameInfo> {
        self.get(format!("jobs/{job}/frames/{frame}"))?.answer()
    }

    /// The job whose id is, or begins with, this text.
    pub fn find_job(&self, text: &str) -> Result<JobId> {
        if let Ok(job) = text.parse() {
            return Ok(job);
        }
        let ids = self.jobs()?.iter().map(|job| job.id.to_string()).collect();
        let found = by_beginning(text, ids, "job")?
            .ok_or_else(|| Error::not_found(format!("no job's id begins with {text:?}")).hint("netrender jobs lists them"))?;
        Ok(found.parse()?)
    }

    /// The slave whose id is, or begins with, this text, or whose name it is.
    pub fn find_slave(&self, text: &str) -> Result<SlaveId> {
        if let Ok(slave) = text.parse() {
            return Ok(slave);
        }
        let slaves = self.slaves()?;
        let named: Vec<(SlaveId, bool)> = slaves
            .iter()
            .filter(|slave| slave.name == text)
            .map(|slave| (slave.id, slave.online))
            .collect();
        if let Some(slave) = the_only_one(text, &named)? {
            return Ok(slave);
        }
        let ids = slaves.iter().map(|slave| slave.id.to_string()).collect();
        let found = by_beginning(text, ids, "slave")?.ok_or_else(|| {
            Error::not_found(format!("no slave has the name {text:?} or an id that begins so"))
                .hint("netrender slaves lists them")
        })?;
        Ok(found.parse()?)
    }

    /// Ends all that goes on in this client's threads, within `timeout`. A second call does nothing.
    pub fn stop(&self, timeout: Duration) {
        self.threads.stop(timeout);
    }

    fn get<T: serde::de::DeserializeOwned + Send + 'static>(&self, path: String) -> Result<Pending<T>> {
        let link = self.link.clone();
        self.threads.begin(async move { link.get(&path).await })
    }

    fn act(&self, path: String) -> Result<Pending<()>> {
        let link = self.link.clone();
        self.threads.begin(async move { link.act(&path).await })
    }
}

impl Connecting {
    fn finish(self) -> Result<Client> {
        Ok(Client {
            link: self.link.answer()?,
            threads: Arc::clone(&self.threads.0),
        })
    }

    /// The connection, or none if it is not made after `timeout`; 0 never blocks. Once made, stopping it at one place stops
    /// it at all.
    pub fn wait(&self, timeout: Duration) -> Result<Option<Client>> {
        let link = self.link.wait(timeout)?;
        Ok(link.map(|link| Client {
            link,
            threads: Arc::clone(&self.threads.0),
        }))
    }

    /// Gives it up, unless it is made already.
    pub fn stop(&self) {
        self.link.stop();
    }
}

/// The slave of a name, if there is one. Of two, the one that is there is meant: the other may have gone for good, with what
/// its machine was before. If both are there, they are told apart by their ids.
fn the_only_one(name: &str, named: &[(SlaveId, bool)]) -> Result<Option<SlaveId>> {
    let online: Vec<SlaveId> = named.iter().filter(|(_, online)| *online).map(|(slave, _)| *slave).collect();
    match (named, online.as_slice()) {
        ([], _) => Ok(None),
        ([(slave, _)], _) | (_, [slave]) => Ok(Some(*slave)),
        _ => {
            let ids: Vec<String> = named.iter().map(|(slave, _)| slave.to_string()).collect();
            let message = format!("{} slaves are called {name}: {}", ids.len(), ids.join(" and "));
            Err(Error::bad_input(message).hint("name the one that you mean by its id"))
        }
    }
}

/// The one id that begins with a text, if there is one.
fn by_beginning(text: &str, ids: Vec<String>, noun: &str) -> Result<Option<String>> {
    let prefix = text.trim().to_ascii_lowercase();
    let mut fitting: Vec<String> = ids
        .into_iter()
        .filter(|id| !prefix.is_empty() && id.starts_with(&prefix))
        .collect();
    match fitting.as_slice() {
        [] | [_] => Ok(fitting.pop()),
        [first, second, ..] => Err(Error::bad_input(format!(
            "{text:?} begins the ids of {} {noun}s, such as {first} and {second}",
            fitting.len()
        ))
        .hint("write more letters of the id")),
    }
}

/// The address of the master that is named; none for [`AUTO`].
pub fn named_master(text: &str) -> Result<Option<MasterAddress>> {
    match text.trim() {
        "" | AUTO => Ok(None),
        address => address.parse().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_slaves_of_one_name_are_told_by_their_ids() {
        let [one, other] = [1, 2].map(SlaveId::from_bits);
        assert_eq!(the_only_one("node1", &[]).unwrap(), None);
        assert_eq!(the_only_one("node1", &[(one, false)]).unwrap(), Some(one));
        let of_two = |one_is_there, other_is_there| the_only_one("node1", &[(one, one_is_there), (other, other_is_there)]);
        assert_eq!(of_two(false, true).unwrap(), Some(other), "the other one has gone");
        for both in [false, true] {
            let told = of_two(both, both).unwrap_err().to_string();
            assert!(
                told.contains(&format!("2 slaves are called node1: {one} and {other}")),
                "{told}"
            );
        }
    }

    #[test]
    fn an_id_is_known_by_its_beginning_if_that_is_no_other_ones() {
        let found = |text: &str| by_beginning(text, ["7k3vq9xd", "7kaaaaaa"].map(str::to_owned).to_vec(), "slave");
        assert_eq!(found(" 7K3 ").unwrap().as_deref(), Some("7k3vq9xd"));
        assert_eq!((found("node1").unwrap(), found("").unwrap()), (None, None));
        assert!(found("7k").unwrap_err().message.contains("begins the ids of 2 slaves"));
    }
}
