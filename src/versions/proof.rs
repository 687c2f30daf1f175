//! Whether a revision holds what lies on this disk: every file that the job needs, unchanged, and where slaves can get it.

use super::guess::VersionGuess;
use super::place::{below, common_folder, named};
use super::program::Watch;
use super::{git, svn};
use crate::error::{Error, Result};
use crate::ids::{JobPath, Revision, VersionSystem};
use crate::wire::Source;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Makes sure that slaves that check the revision out find these files as they are here; else says which are different.
/// `is_exact`: the revision was asked for; else a younger one may be taken that holds all of them.
pub async fn prove(guess: &VersionGuess, files: &[PathBuf], is_exact: bool, watch: &Watch) -> Result<Source> {
    let mut needed = below(&guess.working_copy, files)?;
    needed.insert(guess.main.clone());
    let folder = common_folder(needed.iter());
    let revision = match guess.system {
        VersionSystem::Git => prove_git(guess, &needed, watch).await?,
        VersionSystem::Subversion => prove_svn(guess, &needed, folder.as_ref(), is_exact, watch).await?,
    };
    Ok(Source {
        system: guess.system,
        remote: guess.remote.clone(),
        revision,
        folder,
    })
}

async fn prove_git(guess: &VersionGuess, needed: &BTreeSet<JobPath>, watch: &Watch) -> Result<Revision> {
    let (root, revision) = (&guess.working_copy, &guess.revision);
    let known = git::files(root, revision, watch).await?;
    refuse_absent(guess, revision, needed.iter().filter(|file| !known.contains(file.as_str())))?;
    let changed = git::changed(root, revision, watch).await?;
    refuse_changed(revision, needed.iter().filter(|file| changed.contains(file.as_str())))?;
    if !git::is_pushed(root, &guess.remote, revision, watch).await? {
        return Err(Error::bad_input(format!("the revision {revision} is not at {}", guess.remote)).hint("push it first"));
    }
    Ok(revision.clone())
}

async fn prove_svn(
    guess: &VersionGuess,
    needed: &BTreeSet<JobPath>,
    folder: Option<&JobPath>,
    is_exact: bool,
    watch: &Watch,
) -> Result<Revision> {
    let here = svn::states(&guess.working_copy, needed, watch).await?;
    let state = |file: &JobPath| here.get(file.as_str());
    let is_known = |file: &JobPath| state(file).is_some_and(|it| it.changed_in.is_some() && it.item != "added");
    refuse_absent(guess, &guess.revision, needed.iter().filter(|file| !is_known(file)))?;
    let is_changed = |file: &&JobPath| state(file).is_some_and(|it| it.item != "normal");
    refuse_changed(&guess.revision, needed.iter().filter(is_changed))?;
    // Files that were committed or updated by themselves are younger than what lies around them.
    let youngest = needed.iter().filter_map(|file| state(file)?.revision).max();
    let revision = match youngest {
        Some(youngest) if !is_exact => youngest.to_string().parse()?,
        _ => guess.revision.clone(),
    };
    let (address, cut) = match folder {
        Some(folder) => (guess.remote.below(&encoded(folder))?, folder.as_str().len() + 1),
        None => (guess.remote.clone(), 0),
    };
    let there = svn::list(&guess.working_copy, &address, &revision, watch).await?;
    let is_same = |file: &JobPath| {
        let changed_in = state(file).and_then(|it| it.changed_in);
        changed_in.is_some() && there.get(file.as_str().get(cut..).unwrap_or_default()).copied() == changed_in
    };
    refuse_changed(&revision, needed.iter().filter(|file| !is_same(file)))?;
    Ok(revision)
}

fn refuse_absent<'a>(guess: &VersionGuess, revision: &Revision, absent: impl Iterator<Item = &'a JobPath>) -> Result<()> {
    let absent: BTreeSet<&JobPath> = absent.collect();
    if absent.is_empty() {
        return Ok(());
    }
    let verb = if absent.len() == 1 { "is" } else { "are" };
    let title = guess.system.title();
    Err(Error::bad_input(format!(
        "{} {verb} not in the revision {revision} of {title}, but the scene needs {}",
        named(&absent),
        if absent.len() == 1 { "it" } else { "them" },
    ))
    .hint("add and commit first"))
}

fn refuse_changed<'a>(revision: &Revision, changed: impl Iterator<Item = &'a JobPath>) -> Result<()> {
    let changed: BTreeSet<&JobPath> = changed.collect();
    if changed.is_empty() {
        return Ok(());
    }
    let verb = if changed.len() == 1 { "is" } else { "are" };
    Err(
        Error::bad_input(format!("{} {verb} not as in the revision {revision}", named(&changed)))
            .hint("commit and send again, or name the revision that is checked out"),
    )
}

/// A path as part of a URL.
fn encoded(path: &JobPath) -> String {
    use std::fmt::Write as _;
    path.as_str().bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
