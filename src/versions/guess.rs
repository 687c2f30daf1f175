//! Where a .blend lies in a working copy: what is not told is found out from the working copy itself.

use super::place::{in_real_folder, relative};
use super::program::Watch;
use super::{git, svn};
use crate::error::{Error, Result};
use crate::ids::{JobPath, Remote, Revision, VersionSystem};
use std::path::{Path, PathBuf};

/// What is told of a working copy; the rest is guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionWish {
    /// The system; none: the one whose working copy the file lies in.
    pub system: Option<VersionSystem>,
    /// Where slaves get it from; none: where the working copy came from.
    pub remote: Option<String>,
    /// A number of Subversion or `HEAD`; whatever Git knows as a commit. None: what is checked out.
    pub revision: Option<String>,
    /// The folder that all files of the job must lie in; none: the whole working copy.
    pub working_copy: Option<PathBuf>,
}

/// A .blend in a working copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionGuess {
    /// The system.
    pub system: VersionSystem,
    /// Where slaves get it from.
    pub remote: Remote,
    /// What is checked out, or was asked for.
    pub revision: Revision,
    /// The folder on this disk that the remote is a copy of.
    pub working_copy: PathBuf,
    /// The .blend below it.
    pub main: JobPath,
}

/// Finds out what is not told.
pub async fn guess(blend: &Path, wish: &VersionWish, watch: &Watch) -> Result<VersionGuess> {
    let blend = in_real_folder(blend)?;
    if !blend.is_file() {
        return Err(Error::bad_input(format!("there is no file {}", blend.display())));
    }
    let system = match wish.system {
        Some(system) => system,
        None => nearest(&blend)?,
    };
    if let Some(revision) = &wish.revision {
        check_name(revision)?;
    }
    let (working_copy, main) = root(system, &blend, wish, watch).await?;
    let remote = match &wish.remote {
        Some(given) => given.clone(),
        None if system == VersionSystem::Git => git_remote(&working_copy, watch).await?,
        None => svn::address(&working_copy, watch).await?,
    };
    let remote: Remote = remote.parse()?;
    if !remote.fits(system) {
        return Err(Error::bad_input(format!("{remote} is no address of {}", system.title())));
    }
    let revision = match system {
        VersionSystem::Git => git::commit(&working_copy, wish.revision.as_deref().unwrap_or("HEAD"), watch).await?,
        VersionSystem::Subversion => svn_revision(&working_copy, &remote, &main, wish, watch).await?,
    };
    Ok(VersionGuess {
        system,
        remote,
        revision,
        working_copy,
        main,
    })
}

/// The system of the nearest folder above that is a working copy.
fn nearest(blend: &Path) -> Result<VersionSystem> {
    for folder in blend.ancestors().skip(1) {
        for (mark, system) in [(".git", VersionSystem::Git), (".svn", VersionSystem::Subversion)] {
            if folder.join(mark).exists() {
                return Ok(system);
            }
        }
    }
    Err(
        Error::bad_input(format!("{} lies in no working copy of Subversion or Git", blend.display()))
            .hint("check it out, or send the files themselves"),
    )
}

fn check_name(revision: &str) -> Result<()> {
    const NAME_BYTES_MAX: usize = 256;
    if revision.is_empty() || revision.len() > NAME_BYTES_MAX || revision.starts_with('-') || revision.contains(char::is_control)
    {
        return Err(Error::bad_input(format!("{revision:?} is no revision")));
    }
    Ok(())
}

/// The folder that is sent as a revision, and where the .blend lies in it.
async fn root(system: VersionSystem, blend: &Path, wish: &VersionWish, watch: &Watch) -> Result<(PathBuf, JobPath)> {
    let folder = blend.parent().unwrap_or(Path::new("/"));
    let top = match system {
        VersionSystem::Git => git::top(folder, watch).await?,
        VersionSystem::Subversion => svn::top(folder, watch).await?,
    };
    let root = match &wish.working_copy {
        None => top,
        Some(given) => {
            let root = given.canonicalize().map_err(|error| Error::io("find", given, &error))?;
            let fits = match system {
                VersionSystem::Git => root == top,
                VersionSystem::Subversion => root.starts_with(&top),
            };
            if !fits {
                return Err(
                    Error::bad_input(format!("{} is no working copy of this file", given.display()))
                        .hint(format!("{} is", top.display())),
                );
            }
            root
        }
    };
    let main = relative(&root, blend).ok_or_else(|| {
        Error::bad_input(format!(
            "{} does not lie in the working copy {}",
            blend.display(),
            root.display()
        ))
    })?;
    Ok((root, main.parse()?))
}

/// The remote of a working copy, as slaves can use it: a folder as a URL, and without the user's own login.
async fn git_remote(root: &Path, watch: &Watch) -> Result<String> {
    let found = git::remote(root, watch).await?;
    if let Some((scheme @ ("http" | "https"), rest)) = found.split_once("://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        return Ok(format!("{scheme}://{host}/{path}"));
    }
    let folder = root.join(&found);
    if found.contains("://") || !folder.is_dir() {
        return Ok(found);
    }
    let folder = folder.canonicalize().map_err(|error| Error::io("find", &folder, &error))?;
    let path = folder.to_string_lossy().replace('\\', "/");
    Ok(format!("file://{}{path}", if path.starts_with('/') { "" } else { "/" }))
}

/// What is asked for, else what the .blend is at; a younger one is found when all files are known (`proof`).
async fn svn_revision(root: &Path, remote: &Remote, main: &JobPath, wish: &VersionWish, watch: &Watch) -> Result<Revision> {
    match wish.revision.as_deref() {
        Some("HEAD") => svn::youngest(root, remote, watch).await,
        Some(number) => Ok(number.trim_start_matches('r').parse()?),
        None => {
            let states = svn::states(root, &[main.clone()].into(), watch).await?;
            let revision = states.get(main.as_str()).and_then(|state| state.revision);
            let revision = revision.ok_or_else(|| {
                Error::bad_input(format!("{main} is not under version control")).hint("add and commit it first")
            })?;
            Ok(revision.to_string().parse()?)
        }
    }
}
