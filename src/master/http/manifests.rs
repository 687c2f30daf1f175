//! What the manifest of a job may say.

use super::validate::{check_count, check_name};
use crate::error::{Error, Result};
use crate::ids::{ContentHash, JobPath};
use crate::wire::{Manifest, RenderSettings, Source};
use std::collections::{BTreeMap, HashSet};

const FILES_MAX: usize = 50_000;
/// Files that play back bakes: only jobs that come back from an archive name so many themselves.
const BAKED_FILES_MAX: usize = 1_000_000;
const FILE_BYTES_MAX: u64 = 1 << 40;
const FOLDER_BYTES_MAX: usize = 4_096;
const WANTS_MAX: usize = 100;
const PERCENT_MAX: u32 = 32_767;

/// Checks the files of a job; returns each content that they need once.
pub(super) fn check(manifest: &Manifest) -> Result<Vec<ContentHash>> {
    let baked = manifest.baked.iter().map(|baked| baked.files.len()).sum();
    check_count("baked files", baked, BAKED_FILES_MAX)?;
    check_count("files", manifest.files.len().saturating_sub(baked), FILES_MAX)?;
    check_settings(&manifest.settings)?;
    if manifest.artist_folder.as_ref().is_some_and(|it| it.len() > FOLDER_BYTES_MAX) {
        return Err(Error::bad_input(format!(
            "the artist's folder has more than {FOLDER_BYTES_MAX} bytes"
        )));
    }
    let mut paths = HashSet::new();
    let mut sizes = BTreeMap::new();
    for file in &manifest.files {
        if !paths.insert(file.path.as_str()) {
            return Err(Error::bad_input(format!("the job has two files {:?}", file.path.as_str())));
        }
        if file.size_bytes > FILE_BYTES_MAX {
            return Err(Error::bad_input(format!("the file {:?} is too large", file.path.as_str())));
        }
        if *sizes.entry(file.hash).or_insert(file.size_bytes) != file.size_bytes {
            return Err(Error::bad_input(format!(
                "the file {:?} has the same hash as another one of another length",
                file.path.as_str()
            )));
        }
        if file.frames.is_some_and(|(first, last)| first > last) {
            return Err(Error::bad_input(format!(
                "the frames that need {:?} run backwards",
                file.path.as_str()
            )));
        }
    }
    if let Some(source) = &manifest.source {
        check_source(source, manifest)?;
    } else if !paths.contains(manifest.main.as_str()) {
        return Err(Error::bad_input(format!(
            "the main file {:?} is not among the job's files",
            manifest.main.as_str()
        )));
    }
    check_folders(manifest.files.iter().map(|file| &file.path), &paths)?;
    Ok(sizes.into_keys().collect())
}

/// What a version control system is asked for; an address or a revision by itself was checked when it was read.
fn check_source(source: &Source, manifest: &Manifest) -> Result<()> {
    let Source {
        system,
        remote,
        revision,
        folder,
    } = source;
    if !manifest.files.is_empty() {
        return Err(Error::bad_input(
            "the files of a job come from the master or from a repository, not from both",
        ));
    }
    if !remote.fits(*system) {
        return Err(Error::bad_input(format!("{remote} is no address of {}", system.title())));
    }
    if !revision.fits(*system) {
        return Err(Error::bad_input(format!("{revision} is no revision of {}", system.title())));
    }
    let is_inside = |folder: &JobPath| {
        let rest = manifest.main.as_str().strip_prefix(folder.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    match folder {
        Some(folder) if !is_inside(folder) => Err(Error::bad_input(format!(
            "the main file {:?} does not lie in the folder {:?}",
            manifest.main.as_str(),
            folder.as_str()
        ))),
        _ => Ok(()),
    }
}

/// No path may be both a file and the folder of another.
fn check_folders<'a>(files: impl Iterator<Item = &'a JobPath>, paths: &HashSet<&str>) -> Result<()> {
    for file in files {
        let mut folder = file.as_str();
        while let Some((above, _)) = folder.rsplit_once('/') {
            if paths.contains(above) {
                return Err(Error::bad_input(format!("{above:?} is both a file and a folder of the job")));
            }
            folder = above;
        }
    }
    Ok(())
}

fn check_settings(settings: &RenderSettings) -> Result<()> {
    if let Some(scene) = &settings.scene {
        check_name("scene", scene)?;
    }
    let is_engine = |engine: &str| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !engine.is_empty() && engine.len() <= 64 && engine.chars().all(is_letter)
    };
    match &settings.engine {
        Some(engine) if !is_engine(engine) => return Err(Error::bad_input(format!("{engine:?} is no render engine"))),
        _ => {}
    }
    match settings.resolution_percent {
        Some(percent) if !(1..=PERCENT_MAX).contains(&percent) => {
            return Err(Error::bad_input(format!("a size of {percent} % cannot be rendered")));
        }
        _ => {}
    }
    if settings.samples == Some(0) {
        return Err(Error::bad_input("0 samples cannot be rendered"));
    }
    let wants = &settings.wants;
    check_count("scripts", wants.scripts.len(), WANTS_MAX)?;
    check_count("types of nodes", wants.nodes.len(), WANTS_MAX)?;
    wants.scripts.iter().try_for_each(|it| check_name("name of a script", it))?;
    wants.nodes.iter().try_for_each(|it| check_name("type of a node", it))
}
