//! One job's folder on this disk, and what of it is there.
//!
//! A job whose manifest may change, because it bakes or is rendered with bakes, is asked for anew with each lease; if more is
//! baked by then, it gets another folder, so that nothing changes under a Blender that has the old one open.

use super::cache::{Cache, Want, Wanted};
use crate::blender::{Playback, SceneRequest};
use crate::error::Result;
use crate::ids::{BlenderVersion, JobId, JobPath};
use crate::link::Link;
use crate::versions::WorkingCopy;
use crate::wire::{BakeTask, FileEntry, JobInfo, Manifest, Source};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// For what no slave waits for: however old the manifest is, it will do.
pub(super) const ANY_LEASE: u64 = 0;

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
    folder: Arc<JobFolder>,
}

impl Scene {
    /// Where its .blend lies for the artist.
    pub(super) fn artist_blend(&self) -> String {
        self.folder.manifest.artist_blend()
    }

    /// Whether a Blender that has one open has the other one open as well.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.revision == other.revision && self.request.blend == other.request.blend
    }

    /// What a task bakes, if the job does that: its number, as if it were a frame.
    pub(super) fn bake(&self, number: i32) -> Option<&BakeTask> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.folder.manifest.bakes.get(place)
    }

    /// Where its .blend lies inside the job.
    pub(super) fn main(&self) -> &JobPath {
        &self.folder.manifest.main
    }
}

/// What of a job is in its folder.
#[derive(Debug)]
struct Placed {
    /// For each file of the manifest, whether it is there.
    files: Vec<bool>,
    revision: u32,
}

/// What there is of one job.
#[derive(Debug)]
pub(super) struct JobFolder {
    pub(super) job: JobId,
    folder: PathBuf,
    pub(super) name: String,
    blender: Option<BlenderVersion>,
    manifest: Manifest,
    /// By which the master knows this manifest from a later one.
    mark: Option<String>,
    /// The latest lease for which the manifest was still the same.
    checked_for: Mutex<u64>,
    placed: Mutex<Placed>,
    /// One slot fills the folder at a time.
    pub(super) filling: tokio::sync::Mutex<()>,
    /// The working copy of a job that has a source, while it is rendered here.
    copy: Mutex<Option<WorkingCopy>>,
}

impl JobFolder {
    /// A folder with nothing in it yet.
    pub(super) fn new(folder: PathBuf, info: JobInfo, (manifest, mark): (Manifest, Option<String>), lease: u64) -> Self {
        Self {
            job: info.id,
            folder,
            name: info.name,
            blender: info.blender,
            checked_for: Mutex::new(lease),
            placed: Mutex::new(Placed {
                files: vec![false; manifest.files.len()],
                revision: 0,
            }),
            manifest,
            mark,
            filling: tokio::sync::Mutex::default(),
            copy: Mutex::default(),
        }
    }

    /// Where it lies.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether its manifest is surely what the master had when it gave this lease. Leases are numbered as they come.
    pub(super) fn is_current(&self, lease: u64) -> bool {
        !self.manifest.may_change() || *lock(&self.checked_for) >= lease
    }

    /// Notes that the manifest is this one at the time of a lease; false if it has changed.
    pub(super) fn renew(&self, manifest: &Manifest, lease: u64) -> bool {
        let is_same = self.manifest == *manifest;
        if is_same {
            self.note_current(lease);
        }
        is_same
    }

    /// Notes that the manifest had not changed at the time of a lease.
    pub(super) fn note_current(&self, lease: u64) {
        let mut checked_for = lock(&self.checked_for);
        *checked_for = lease.max(*checked_for);
    }

    /// By which the master knows its manifest.
    pub(super) fn mark(&self) -> Option<String> {
        self.mark.clone()
    }

    /// Has its scene in a working copy from now on, or not any more.
    pub(super) fn set_copy(&self, copy: Option<WorkingCopy>) {
        *lock(&self.copy) = copy;
    }

    /// Files that one of these frames needs and that are not here, with their places in the manifest.
    pub(super) fn missing(&self, frames: &[i32]) -> Vec<(usize, FileEntry)> {
        let any_in = |window: RangeInclusive<i32>| frames.iter().any(|frame| window.contains(frame));
        // A bake goes through all frames; its number is none of them.
        let bakes = !self.manifest.bakes.is_empty();
        let needed = |entry: &FileEntry| bakes || entry.frames.is_none_or(|(first, last)| any_in(first..=last));
        let placed = lock(&self.placed);
        let files = self.manifest.files.iter().zip(&placed.files).enumerate();
        files
            .filter(|(_, (entry, placed))| !**placed && needed(entry))
            .map(|(place, (entry, _))| (place, entry.clone()))
            .collect()
    }

    /// Brings files that go together, and puts them in their places; how many these are.
    pub(super) async fn place(&self, cache: &Cache, link: &Link, parcel: Vec<(usize, FileEntry)>) -> Result<usize> {
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
    pub(super) fn needed_source(&self) -> Option<&Source> {
        self.manifest.source.as_ref().filter(|_| lock(&self.copy).is_none())
    }

    /// The job, ready to be opened.
    pub(super) fn scene(this: &Arc<Self>) -> Scene {
        let folder = lock(&this.copy)
            .as_ref()
            .map_or_else(|| this.folder.clone(), WorkingCopy::folder);
        Scene {
            name: this.name.clone(),
            blender: this.blender,
            request: SceneRequest {
                blend: this.manifest.main.below(&folder),
                settings: this.manifest.settings.clone(),
                playback: Playback {
                    root: folder,
                    baked: this.manifest.baked.clone(),
                },
            },
            revision: lock(&this.placed).revision,
            folder: Arc::clone(this),
        }
    }
}

/// A file of a job, as the cache knows it.
pub(super) fn wanted(manifest: &Manifest, entry: &FileEntry) -> Wanted {
    let folder = manifest.artist_folder.as_ref().map(Path::new);
    Wanted {
        hash: entry.hash,
        size_bytes: entry.size_bytes,
        at_artist: folder.map(|folder| entry.path.below(folder)),
    }
}

/// Plain values: a thread that panicked left nothing half done in them.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ContentHash;
    use crate::wire::RenderSettings;

    fn folder(manifest: Manifest) -> JobFolder {
        JobFolder {
            job: JobId::from_bits(1),
            folder: PathBuf::from("jobs/1"),
            name: "flight".to_owned(),
            blender: None,
            checked_for: Mutex::new(1),
            mark: None,
            placed: Mutex::new(Placed {
                files: vec![false; manifest.files.len()],
                revision: 0,
            }),
            manifest,
            filling: tokio::sync::Mutex::default(),
            copy: Mutex::default(),
        }
    }

    #[test]
    fn only_what_a_frame_needs_is_missing_for_it() {
        let entry = |path: &str, frames| FileEntry {
            path: path.parse().unwrap(),
            size_bytes: 1,
            hash: ContentHash([1; 32]),
            frames,
            at_opening: false,
        };
        let manifest = Manifest {
            main: "a.blend".parse().unwrap(),
            files: vec![
                entry("a.blend", None),
                entry("cache_1", Some((1, 5))),
                entry("cache_6", Some((6, 9))),
            ],
            source: None,
            artist_folder: None,
            settings: RenderSettings::default(),
            bakes: Vec::new(),
            bakes_from: None,
            baked: Vec::new(),
        };
        let job = folder(manifest.clone());
        let missing = |frames: &[i32]| -> Vec<usize> { job.missing(frames).iter().map(|(place, _)| *place).collect() };
        assert_eq!(missing(&[5]), [0, 1]);
        assert_eq!(missing(&[4, 5, 6]), [0, 1, 2], "a chunk needs what its frames need");
        lock(&job.placed).files = vec![true, true, false];
        assert!(missing(&[1]).is_empty());
        assert_eq!(missing(&[6]), [2]);
    }

    #[test]
    fn a_manifest_that_may_change_is_asked_for_with_each_lease() {
        let mut manifest = Manifest {
            main: "a.blend".parse().unwrap(),
            files: Vec::new(),
            source: None,
            artist_folder: None,
            settings: RenderSettings::default(),
            bakes: Vec::new(),
            bakes_from: None,
            baked: Vec::new(),
        };
        assert!(folder(manifest.clone()).is_current(9), "it cannot change");
        manifest.bakes_from = Some(JobId::from_bits(2));
        let job = folder(manifest.clone());
        assert!(job.is_current(ANY_LEASE) && job.is_current(1) && !job.is_current(2));
        assert!(job.renew(&manifest, 3) && job.is_current(2));
        manifest.main = "b.blend".parse().unwrap();
        assert!(!job.renew(&manifest, 4) && !job.is_current(4));
    }
}
