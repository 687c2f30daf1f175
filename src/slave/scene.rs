//! Jobs on this disk: `<home>/jobs/<job>/…` holds what the frames at hand need, as Blender wants to find it.
//!
//! Files are hard links into the cache where the system allows it, else copies; either way read-only. A job that comes from a
//! version control system has no folder there: its scene is opened in a working copy (`versions::Copies`).

use super::cache::Cache;
use super::log::AttemptLog;
use crate::blender::SceneRequest;
use crate::error::{Code, Error, Result};
use crate::ids::{BlenderVersion, JobId};
use crate::link::{Backoff, Link};
use crate::versions::{Copies, WorkingCopy};
use crate::wire::{FileEntry, JobInfo, Manifest, Source};
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Jobs whose folders stay: the one that is rendered, and the one before, which may come back.
const JOBS_KEPT_MAX: usize = 2;

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
}

/// The jobs on this disk, latest first.
#[derive(Debug)]
pub(super) struct Scenes {
    folder: PathBuf,
    cache: Cache,
    copies: Copies,
    jobs: VecDeque<JobFolder>,
}

#[derive(Debug)]
struct JobFolder {
    job: JobId,
    folder: PathBuf,
    name: String,
    blender: Option<BlenderVersion>,
    manifest: Manifest,
    /// For each file of the manifest, whether it is in the folder.
    placed: Vec<bool>,
    revision: u32,
    /// The working copy of a job that has a source, while it is rendered here.
    copy: Option<WorkingCopy>,
}

impl Scenes {
    /// What an earlier run left is removed: the cache brings it back at no cost.
    pub(super) fn open(home: &Path, cache: Cache, copies: Copies) -> Result<Self> {
        let folder = home.join("jobs");
        remove_folder(&folder)?;
        std::fs::create_dir_all(&folder).map_err(|error| Error::io("make the folder", &folder, &error))?;
        Ok(Self {
            folder,
            cache,
            copies,
            jobs: VecDeque::new(),
        })
    }

    /// Whether the job has all that this frame needs, so that no master is needed.
    pub(super) fn ready(&mut self, job: JobId, frame: i32) -> Option<Scene> {
        let place = self.jobs.iter().position(|it| it.job == job)?;
        let found = self.jobs.remove(place)?;
        let is_ready = found.missing(&[frame]).next().is_none() && found.needed_source().is_none();
        let scene = is_ready.then(|| found.scene());
        self.jobs.push_front(found);
        scene
    }

    /// Brings all here that these frames of the job need, telling how far it is.
    pub(super) async fn fetch(&mut self, link: &Link, job: JobId, frames: &[i32], told: &Told<'_>) -> Result<Scene> {
        // Another job's scene is not open any more: its working copy is free.
        for other in self.jobs.iter_mut().filter(|it| it.job != job) {
            other.copy = None;
        }
        if self.jobs.front().is_none_or(|it| it.job != job) {
            self.begin(link, job).await?;
        }
        let Some(current) = self.jobs.front_mut() else {
            return Err(Error::internal("the job that was just begun is not there"));
        };
        if let Some(source) = current.needed_source() {
            current.copy = Some(check_out(&self.copies, job, source, told).await?);
        }
        let missing: Vec<(usize, FileEntry)> = current.missing(frames).collect();
        for (count, (place, entry)) in missing.iter().enumerate() {
            (told.tell)(format!(
                "fetching file {} of {} for {}",
                count + 1,
                missing.len(),
                current.name
            ));
            let content = match self.cache.find(entry.hash, entry.size_bytes) {
                Some(content) => content,
                None => self.cache.fetch(link, entry.hash, entry.size_bytes).await?,
            };
            link_or_copy(&content, &entry.path.below(&current.folder))?;
            current.placed[*place] = true;
            current.revision += u32::from(entry.at_opening);
        }
        Ok(current.scene())
    }

    async fn begin(&mut self, link: &Link, job: JobId) -> Result<()> {
        let info: JobInfo = link.get(&format!("jobs/{job}")).await?;
        let manifest: Manifest = link.get(&format!("jobs/{job}/manifest")).await?;
        self.jobs.retain(|it| it.job != job);
        while self.jobs.len() >= JOBS_KEPT_MAX
            && let Some(oldest) = self.jobs.pop_back()
        {
            remove_folder(&oldest.folder)?;
        }
        let folder = self.folder.join(job.to_string());
        remove_folder(&folder)?;
        self.jobs.push_front(JobFolder {
            job,
            folder,
            name: info.name,
            blender: info.blender,
            placed: vec![false; manifest.files.len()],
            revision: 0,
            copy: None,
            manifest,
        });
        Ok(())
    }
}

impl JobFolder {
    /// Files that one of these frames needs and that are not here, with their places in the manifest.
    fn missing(&self, frames: &[i32]) -> impl Iterator<Item = (usize, FileEntry)> {
        let any_in = move |window: RangeInclusive<i32>| frames.iter().any(|frame| window.contains(frame));
        let needed = move |entry: &FileEntry| entry.frames.is_none_or(|(first, last)| any_in(first..=last));
        let files = self.manifest.files.iter().zip(&self.placed).enumerate();
        files
            .filter(move |(_, (entry, placed))| !**placed && needed(entry))
            .map(|(place, (entry, _))| (place, entry.clone()))
    }

    /// What is to be checked out before the job can be opened.
    fn needed_source(&self) -> Option<&Source> {
        self.manifest.source.as_ref().filter(|_| self.copy.is_none())
    }

    fn scene(&self) -> Scene {
        let folder = self.copy.as_ref().map_or_else(|| self.folder.clone(), WorkingCopy::folder);
        Scene {
            name: self.name.clone(),
            blender: self.blender,
            request: SceneRequest {
                blend: self.manifest.main.below(&folder),
                settings: self.manifest.settings.clone(),
            },
            revision: self.revision,
        }
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

fn link_or_copy(content: &Path, target: &Path) -> Result<()> {
    let folder = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    match std::fs::hard_link(content, target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::storage(format!(
            "{} is there twice: this disk does not tell apart names that differ in case only",
            target.display()
        ))),
        // Another disk, or a file system without hard links.
        Err(_) => std::fs::copy(content, target)
            .map(drop)
            .map_err(|error| Error::io("write", target, &error)),
    }
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
        let mut job = JobFolder {
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
                settings: RenderSettings::default(),
            },
            placed: vec![false; 3],
            revision: 0,
            copy: None,
        };
        let missing = |job: &JobFolder, frames: &[i32]| -> Vec<usize> { job.missing(frames).map(|(place, _)| place).collect() };
        assert_eq!(missing(&job, &[5]), [0, 1]);
        assert_eq!(missing(&job, &[4, 5, 6]), [0, 1, 2], "a chunk needs what its frames need");
        job.placed = vec![true, true, false];
        assert!(missing(&job, &[1]).is_empty());
        assert_eq!(missing(&job, &[6]), [2]);
    }

    #[test]
    fn a_file_is_put_where_the_scene_wants_it_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let content = folder.path().join("content");
        std::fs::write(&content, b"abc").unwrap();
        let target = folder.path().join("deep/er/file");
        link_or_copy(&content, &target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"abc");
        let error = link_or_copy(&content, &target).unwrap_err().to_string();
        assert!(error.contains("is there twice"), "{error}");
    }
}
