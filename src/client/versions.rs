//! Jobs that are sent as a revision of a working copy: it is looked at before Blender starts, and everything that Blender then
//! finds in the scene must be in that revision as it is here. No content of a file leaves this machine.

use super::board::Board;
use super::pending::Alone;
use super::submit::SubmitRequest;
use crate::blender::Collected;
use crate::error::{Error, Result};
use crate::files::BuiltManifest;
use crate::versions::{self, VersionGuess, VersionWish, Watch};
use crate::wire::{Manifest, RenderSettings};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Finds out in which working copy a .blend lies, and at which revision; what is told is not guessed. Blocks.
pub fn guess_version(blend: &Path, wish: &VersionWish) -> Result<VersionGuess> {
    start_guess(blend, wish)?.answer()
}

/// The same without waiting.
pub fn start_guess(blend: &Path, wish: &VersionWish) -> Result<Alone<VersionGuess>> {
    let (blend, wish) = (blend.to_path_buf(), wish.clone());
    Alone::begin(async move { versions::guess(&blend, &wish, &Watch::default()).await })
}

/// The same for a job that is being sent.
pub(super) async fn guess(request: &SubmitRequest, wish: &VersionWish, board: &Board) -> Result<VersionGuess> {
    board.say("looking at the working copy");
    versions::guess(&request.blend, wish, &Watch::default()).await
}

/// A manifest without files, if slaves find in the revision what the scene needs.
pub(super) async fn prove(
    guess: &VersionGuess,
    collected: &Collected,
    (request, settings): (&SubmitRequest, RenderSettings),
    board: &Board,
) -> Result<BuiltManifest> {
    board.say(format!("comparing with revision {} of {}", guess.revision, guess.remote));
    let all = || std::iter::once(&collected.main).chain(&collected.files);
    // A copy is made of what names others by absolute paths.
    if let Some(file) = all().find(|file| file.is_copy) {
        let name = file.virtual_path.rsplit('/').next().unwrap_or_default();
        return Err(Error::bad_input(format!(
            "{name} names files by absolute paths, which lead nowhere in the working copy of a slave"
        ))
        .hint("in Blender: File > External Data > Make All Paths Relative; save, commit, and send again"));
    }
    let files: Vec<PathBuf> = all().map(|file| file.disk_path.clone()).collect();
    let is_exact = request.version.as_ref().is_some_and(|wish| wish.revision.is_some());
    let source = versions::prove(guess, &files, is_exact, &Watch::default()).await?;
    Ok(BuiltManifest {
        manifest: Manifest {
            main: guess.main.clone(),
            files: Vec::new(),
            source: Some(source),
            artist_folder: None,
            settings,
            bakes: Vec::new(),
            bakes_from: None,
            baked: Vec::new(),
        },
        contents: BTreeMap::new(),
    })
}
