//! With the real svn and git, and their real servers behind a socket of ours, which counts who comes.

mod bench;
mod git;
mod svn;

use super::{Copies, VersionGuess, VersionWish, Watch, guess, prove};
use crate::error::Result;
use crate::ids::JobId;
use crate::wire::Source;
use std::path::{Path, PathBuf};

fn job(number: u64) -> JobId {
    JobId::from_bits(number)
}

async fn guessed(blend: &Path) -> VersionGuess {
    guess(blend, &VersionWish::default(), &Watch::default()).await.unwrap()
}

async fn proved(guess: &VersionGuess, files: &[PathBuf]) -> Result<Source> {
    prove(guess, files, false, &Watch::default()).await
}

/// The sentence of a failed check-out.
async fn refusal(copies: &Copies, source: &Source) -> String {
    copies.check_out(job(1), source, &|_| ()).await.unwrap_err().to_string()
}

fn copies(folder: &Path) -> Copies {
    Copies::open(&folder.join("versions"), true).unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn inode(path: impl AsRef<Path>) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}
