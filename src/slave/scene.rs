//! Jobs on this disk: `<home>/jobs/<job>/…` holds what the frames at hand need, as Blender wants to find it.
//!
//! Files are hard links into the cache where the system allows it, else copies; either way read-only. All slots share the
//! folders; one stays as long as a slot has its scene. A job that comes from a version control system has no folder there: its
//! scene is opened in a working copy (`versions::Copies`).

use super::cache::{Cache, Want, Wanted};
use super::job_folder::{ANY_LEASE, JobFolder, Scene, lock, wanted};
use super::log::AttemptLog;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::ids::JobId;
use crate::link::{Backoff, Link};
use crate::versions::{Copies, WorkingCopy};
use crate::wire::{JobInfo, Manifest, Source};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Jobs whose folders stay beside those in use: they may come back.
const JOBS_KEPT_MAX: usize = 2;

/// How many downloads of a job there are at once, each of a long file or of many small ones.
const PARCELS_AT_ONCE: usize = 4;

/// How often a repository that does not answer is asked, before the frame is left to others.
const CHECK_OUT_TRIES_MAX: u32 = 4;

/// Who hears what is going on.
pub(super) struct Told<'a> {
    /// One line at a time, each in the place of the one before.
    pub(super) tell: &'a (dyn Fn(String) + Sync),
    /// For whoever wants to know later.
    pub(super) log: &'a AttemptLog,
}

/// The jobs on this disk.
#[derive(Debug)]
pub(super) struct Scenes {
    folder: PathBuf,
    cache: Arc<Cache>,
    copies: Copies,
    /// Latest first.
    jobs: Mutex<VecDeque<Arc<JobFolder>>>,
    /// One job is begun at a time.
    beginning: tokio::sync::Mutex<()>,
    /// Slots that wait for files.
    hurried: watch::Sender<usize>,
}

/// A slot waits for files as long as this lives.
pub(super) struct Hurry<'a>(&'a watch::Sender<usize>);

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Scenes {
    /// What an earlier run left is removed: the cache brings it back at no cost.
    pub(super) fn open(home: &Path, cache: Cache, copies: Copies) -> Result<Self> {
        let folder = home.join("jobs");
        remove_folder(&folder)?;
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("make the folder", &folder, &error))?;
        Ok(Self {
            folder,
            cache: Arc::new(cache),
            copies,
            jobs: Mutex::default(),
            beginning: tokio::sync::Mutex::default(),
            hurried: watch::Sender::new(0),
        })
    }

    /// Whether the job has all that this frame of a lease needs, so that no master is needed.
    pub(super) fn ready(&self, job: JobId, lease: u64, frame: i32) -> Option<Scene> {
        let found = self.known(job).filter(|found| found.is_current(lease))?;
        let is_ready = found.missing(&[frame]).is_empty() && found.needed_source().is_none();
        is_ready.then(|| JobFolder::scene(&found))
    }

    /// Brings all here that these frames of a lease of the job need, telling how far it is.
    pub(super) async fn fetch(&self, link: &Link, (job, lease): (JobId, u64), frames: &[i32], told: &Told<'_>) -> Result<Scene> {
        self.free_working_copies(job);
        let current = self.begin(link, job, lease).await?;
        let _alone = current.filling.lock().await;
        if let Some(source) = current.needed_source() {
            let copy = check_out(&self.copies, job, source, told).await?;
            current.set_copy(Some(copy));
        }
        self.fill(link, &current, frames, told.tell).await?;
        Ok(JobFolder::scene(&current))
    }

    /// The job as the master tells of it, without any of its files.
    pub(super) async fn told(&self, link: &Link, (job, lease): (JobId, u64)) -> Result<Scene> {
        Ok(JobFolder::scene(&self.begin(link, job, lease).await?))
    }

    /// Brings the files that these frames need, while something else renders.
    pub(super) async fn bring_for(&self, link: &Link, job: JobId, frames: &[i32]) -> Result<()> {
        let current = self.begin(link, job, ANY_LEASE).await?;
        let _alone = current.filling.lock().await;
        self.fill(link, &current, frames, &|_| ()).await
    }

    async fn fill(&self, link: &Link, current: &Arc<JobFolder>, frames: &[i32], tell: &(dyn Fn(String) + Sync)) -> Result<()> {
        let missing = current.missing(frames);
        let (count, mut placed) = (missing.len(), 0);
        let mut parcels = files::parcels(missing, |(_, entry)| entry.size_bytes).into_iter();
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < PARCELS_AT_ONCE
                && let Some(parcel) = parcels.next()
            {
                let (cache, link, job) = (Arc::clone(&self.cache), link.clone(), Arc::clone(current));
                under_way.spawn(async move { job.place(&cache, &link, parcel).await });
            }
            tell(format!("fetching files for {}: {placed} of {count} are here", current.name));
            match under_way.join_next().await {
                None => return Ok(()),
                Some(Ok(count)) => placed += count?,
                Some(Err(error)) => return Err(Error::internal(format!("a download ended unexpectedly: {error}"))),
            }
        }
    }

    /// The scenes of other jobs that no slot has are not open any more: their working copies are free.
    fn free_working_copies(&self, but: JobId) {
        for other in lock(&self.jobs)
            .iter()
            .filter(|it| it.job != but && Arc::strong_count(it) == 1)
        {
            other.set_copy(None);
        }
    }

    /// From now on a slot waits for files: what is brought ahead waits meanwhile.
    pub(super) fn in_a_hurry(&self) -> Hurry<'_> {
        self.hurried.send_modify(|count| *count += 1);
        Hurry(&self.hurried)
    }

    /// Waits until no slot waits for files.
    pub(super) async fn nobody_in_a_hurry(&self) {
        // The sender lives in `self`.
        let _ = self.hurried.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Brings what every frame of a job needs that may come next, as far as there is room for it.
    pub(super) async fn bring_ahead(&self, link: &Link, job: JobId) -> Result<()> {
        if self.known(job).is_some() {
            return Ok(());
        }
        let manifest: Manifest = link.get(&format!("jobs/{job}/manifest")).await?;
        let needed = manifest.files.iter().filter(|entry| entry.frames.is_none());
        let wanted: Vec<Wanted> = needed.map(|entry| wanted(&manifest, entry)).collect();
        for parcel in files::parcels(wanted, |it| it.size_bytes) {
            self.nobody_in_a_hurry().await;
            self.cache.bring(link, parcel, Want::Perhaps).await?;
        }
        Ok(())
    }

    /// The job's folder if it was begun; then it is the latest one.
    fn known(&self, job: JobId) -> Option<Arc<JobFolder>> {
        let mut jobs = lock(&self.jobs);
        let place = jobs.iter().position(|it| it.job == job)?;
        let found = jobs.remove(place)?;
        jobs.push_front(Arc::clone(&found));
        Some(found)
    }

    /// The job's folder, for a lease that came from the master before.
    async fn begin(&self, link: &Link, job: JobId, lease: u64) -> Result<Arc<JobFolder>> {
        let _alone = self.beginning.lock().await;
        let known = self.known(job);
        if let Some(known) = known.as_ref().filter(|known| known.is_current(lease)) {
            return Ok(Arc::clone(known));
        }
        let info: JobInfo = link.get(&format!("jobs/{job}")).await?;
        let mark = known.as_ref().and_then(|known| known.mark());
        let told = link.get_unless(&format!("jobs/{job}/manifest"), mark.as_deref()).await?;
        let (manifest, mark): (Manifest, _) = match (told, &known) {
            (None, Some(known)) => {
                known.note_current(lease);
                return Ok(Arc::clone(known));
            }
            (None, None) => return Err(Error::internal("the master told nothing of the job's files")),
            (Some(told), _) => told,
        };
        if let Some(known) = known.as_ref().filter(|known| known.renew(&manifest, lease)) {
            return Ok(Arc::clone(known));
        }
        self.make_room()?;
        // Where more is baked by now, another slot may still use what was there before.
        let name = known.map_or_else(|| job.to_string(), |_| format!("{job}_{lease}"));
        let folder = self.folder.join(name);
        remove_folder(&folder)?;
        let begun = Arc::new(JobFolder::new(folder, info, (manifest, mark), lease));
        lock(&self.jobs).push_front(Arc::clone(&begun));
        Ok(begun)
    }

    /// Removes the folders of jobs that nobody uses, but for the latest ones.
    fn make_room(&self) -> Result<()> {
        let mut jobs = lock(&self.jobs);
        let mut unused = 0;
        let mut kept = VecDeque::with_capacity(jobs.len());
        for it in jobs.drain(..) {
            let is_unused = Arc::strong_count(&it) == 1;
            unused += usize::from(is_unused);
            if is_unused && unused >= JOBS_KEPT_MAX {
                remove_folder(it.folder())?;
            } else {
                kept.push_back(it);
            }
        }
        *jobs = kept;
        Ok(())
    }
}

/// A working copy at the revision. A failure is the attempt's, whatever it is: the master is not to blame.
async fn check_out(copies: &Copies, job: JobId, source: &Source, told: &Told<'_>) -> Result<WorkingCopy> {
    let Source { remote, revision, .. } = source;
    told.log
        .write_lines(std::iter::once(format!("revision {revision} of {remote}").as_str()));
    let tell = |line: &str| {
        told.log.write_lines(std::iter::once(line));
        (told.tell)(format!("revision {revision} of {remote}: {line}"));
    };
    let mut backoff = Backoff::default();
    let mut tries = 1;
    loop {
        let error = match copies.check_out(job, source, &tell).await {
            Ok(copy) => return Ok(copy),
            Err(error) => error,
        };
        let code = match error.code {
            Code::Unreachable if tries < CHECK_OUT_TRIES_MAX => {
                tries += 1;
                tokio::time::sleep(backoff.next_wait()).await;
                continue;
            }
            Code::Unreachable | Code::Timeout => Code::NotFound,
            code => code,
        };
        told.log.write_lines(std::iter::once(error.to_string().as_str()));
        return Err(Error { code, ..error });
    }
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", folder, &error)),
        _ => Ok(()),
    }
}
