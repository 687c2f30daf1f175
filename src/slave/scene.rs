//! Jobs on this disk: `<home>/jobs/<job>/…` holds what the frames at hand need, as Blender wants to find it.
//!
//! Files are hard links into the cache where the system allows it, else copies; either way read-only. All slots share the
//! folders; one stays as long as a slot has its scene. A job that comes from a version control system has no folder there: its
//! scene is opened in a working copy (`versions::Copies`).

use super::cache::{Cache, Want, Wanted};
use super::log::AttemptLog;
use crate::blender::SceneRequest;
use crate::error::{Code, Error, Result};
use crate::files;
use crate::ids::{BlenderVersion, JobId};
use crate::link::{Backoff, Link};
use crate::versions::{Copies, WorkingCopy};
use crate::wire::{FileEntry, JobInfo, Manifest, Source};
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// A job that is ready to be opened for a frame.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    /// What people call the job.
    pub(super) name: String,
    /// The Blender that collected it.
    pub(super) blender: Option<BlenderVersion>,
    pub(super) request: SceneRequest,
    /// Goes up with files that a Blender which has the scene open would not notice.
    pub(super) revision: u32,
    /// As long as somebody has it, the folder stays.
    _folder: Arc<JobFolder>,
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

/// What of a job is in its folder.
#[derive(Debug)]
struct Placed {
    /// For each file of the manifest, whether it is there.
    files: Vec<bool>,
    revision: u32,
}

/// A slot waits for files as long as this lives.
pub(super) struct Hurry<'a>(&'a watch::Sender<usize>);

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[derive(Debug)]
struct JobFolder {
    job: JobId,
    folder: PathBuf,
    name: String,
    blender: Option<BlenderVersion>,
    manifest: Manifest,
    placed: Mutex<Placed>,
    /// One slot fills the folder at a time.
    filling: tokio::sync::Mutex<()>,
    /// The working copy of a job that has a source, while it is rendered here.
    copy: Mutex<Option<WorkingCopy>>,
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

    /// Whether the job has all that this frame needs, so that no master is needed.
    pub(super) fn ready(&self, job: JobId, frame: i32) -> Option<Scene> {
        let found = self.known(job)?;
        let is_ready = found.missing(&[frame]).is_empty() && found.needed_source().is_none();
        is_ready.then(|| JobFolder::scene(&found))
    }

    /// Brings all here that these frames of the job need, telling how far it is.
    pub(super) async fn fetch(&self, link: &Link, job: JobId, frames: &[i32], told: &Told<'_>) -> Result<Scene> {
        self.free_working_copies(job);
        let current = self.begin(link, job).await?;
        let _alone = current.filling.lock().await;
        if let Some(source) = current.needed_source() {
            let copy = check_out(&self.copies, job, source, told).await?;
            *lock(&current.copy) = Some(copy);
        }
        self.fill(link, &current, frames, told.tell).await?;
        Ok(JobFolder::scene(&current))
    }

    /// Brings the files that these frames need, while something else renders.
    pub(super) async fn bring_for(&self, link: &Link, job: JobId, frames: &[i32]) -> Result<()> {
        let current = self.begin(link, job).await?;
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
            *lock(&other.copy) = None;
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

    async fn begin(&self, link: &Link, job: JobId) -> Result<Arc<JobFolder>> {
        let _alone = self.beginning.lock().await;
        if let Some(known) = self.known(job) {
            return Ok(known);
        }
        let info: JobInfo = link.get(&format!("jobs/{job}")).await?;
        let manifest: Manifest = link.get(&format!("jobs/{job}/manifest")).await?;
        self.make_room()?;
        let folder = self.folder.join(job.to_string());
        remove_folder(&folder)?;
        let begun = Arc::new(JobFolder {
            job,
            folder,
            name: info.name,
            blender: info.blender,
            placed: Mutex::new(Placed {
                files: vec![false; manifest.files.len()],
                revision: 0,
            }),
            manifest,
            filling: tokio::sync::Mutex::default(),
            copy: Mutex::default(),
        });
        lock(&self.jobs).push_front(Arc::clone(&begun));
        Ok(begun)
    }

    /// Removes the folders of jobs that nobody uses, but for the latest ones.
    fn make_room(&self) -> Result<()> {
        let mut jobs = lock(&self.jobs);
        let unused: Vec<JobId> = jobs.iter().filter(|it| Arc::strong_count(it) == 1).map(|it| it.job).collect();
        for job in unused.into_iter().skip(JOBS_KEPT_MAX - 1) {
            if let Some(place) = jobs.iter().position(|it| it.job == job)
                && let Some(oldest) = jobs.remove(place)
            {
                remove_folder(&oldest.folder)?;
            }
        }
        Ok(())
    }
}

impl JobFolder {
    /// Files that one of these frames needs and that are not here, with their places in the manifest.
    fn missing(&self, frames: &[i32]) -> Vec<(usize, FileEntry)> {
        let any_in = |window: RangeInclusive<i32>| frames.iter().any(|frame| window.contains(frame));
        let needed = |entry: &FileEntry| entry.frames.is_none_or(|(first, last)| any_in(first..=last));
        let placed = lock(&self.placed);
        let files = self.manifest.files.iter().zip(&placed.files).enumerate();
        files
            .filter(|(_, (entry, placed))| !**placed && needed(entry))
            .map(|(place, (entry, _))| (place, entry.clone()))
            .collect()
    }

    /// Brings files that go together, and puts them in their places; how many these are.
    async fn place(&self, cache: &Cache, link: &Link, parcel: Vec<(usize, FileEntry)>) -> Result<usize> {
        let needed = parcel.iter().map(|(_, entry)| wanted(&self.manifest, entry));
        cache.bring(link, needed.collect(), Want::Now).await?;
        for (place, entry) in &parcel {
            let target = entry.path.below(&self.folder);
            cache.place(link, &wanted(&self.manifest, entry), &target).await?;
            let mut placed = lock(&self.placed);
            placed.files[*place] = true;
            placed.revision += u32::from(entry.at_opening);
        }
        Ok(parcel.len())
    }

    /// What is to be checked out before the job can be opened.
    fn needed_source(&self) -> Option<&Source> {
        self.manifest.source.as_ref().filter(|_| lock(&self.copy).is_none())
    }

    fn scene(this: &Arc<Self>) -> Scene {
        let folder = lock(&this.copy)
            .as_ref()
            .map_or_else(|| this.folder.clone(), WorkingCopy::folder);
        Scene {
            name: this.name.clone(),
            blender: this.blender,
            request: SceneRequest {
                blend: this.manifest.main.below(&folder),
                settings: this.manifest.settings.clone(),
            },
            revision: lock(&this.placed).revision,
            _folder: Arc::clone(this),
        }
    }
}

/// A file of a job, as the cache knows it.
fn wanted(manifest: &Manifest, entry: &FileEntry) -> Wanted {
    let folder = manifest.artist_folder.as_ref().map(Path::new);
    Wanted {
        hash: entry.hash,
        size_bytes: entry.size_bytes,
        at_artist: folder.map(|folder| entry.path.below(folder)),
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

/// Plain values: a thread that panicked left nothing half done in them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", folder, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ContentHash;
    use crate::wire::RenderSettings;

    #[test]
    fn only_what_a_frame_needs_is_missing_for_it() {
        let entry = |path: &str, frames| FileEntry {
            path: path.parse().unwrap(),
            size_bytes: 1,
            hash: ContentHash([1; 32]),
            frames,
            at_opening: false,
        };
        let job = JobFolder {
            job: JobId::from_bits(1),
            folder: PathBuf::from("jobs/1"),
            name: "flight".to_owned(),
            blender: None,
            manifest: Manifest {
                main: "a.blend".parse().unwrap(),
                files: vec![
                    entry("a.blend", None),
                    entry("cache_1", Some((1, 5))),
                    entry("cache_6", Some((6, 9))),
                ],
                source: None,
                artist_folder: None,
                settings: RenderSettings::default(),
            },
            placed: Mutex::new(Placed {
                files: vec![false; 3],
                revision: 0,
            }),
            filling: tokio::sync::Mutex::default(),
            copy: Mutex::default(),
        };
        let missing = |frames: &[i32]| -> Vec<usize> { job.missing(frames).iter().map(|(place, _)| *place).collect() };
        assert_eq!(missing(&[5]), [0, 1]);
        assert_eq!(missing(&[4, 5, 6]), [0, 1, 2], "a chunk needs what its frames need");
        lock(&job.placed).files = vec![true, true, false];
        assert!(missing(&[1]).is_empty());
        assert_eq!(missing(&[6]), [2]);
    }
}
