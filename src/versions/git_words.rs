//! What `git` says went wrong, as a sentence of ours.

use super::program::{Answer, last_words};
use crate::error::{Error, Result};
use crate::ids::{Remote, Revision};
use crate::wire::Source;

/// Words by which git tells that a login is wanted, …
const LOGIN_WORDS: [&str; 6] = [
    "could not read Username",
    "could not read Password",
    "Authentication failed",
    "Permission denied",
    "Host key verification failed",
    "The requested URL returned error: 403",
];

/// … that it has no such revision, …
const NO_REVISION_WORDS: [&str; 2] = ["not our ref", "couldn't find remote ref"];

/// … that nobody answers, …
const AWAY_WORDS: [&str; 8] = [
    "Could not resolve host",
    "Connection refused",
    "Connection timed out",
    "Failed to connect",
    "unable to connect",
    "No route to host",
    "Network is unreachable",
    "Operation too slow",
];

/// … that there is no such repository, …
const NO_REPOSITORY_WORDS: [&str; 5] = [
    "does not appear to be a git repository",
    "repository not exported",
    "not found",
    "no such repository",
    "Could not read from remote repository",
];

pub(super) fn good(answer: &Answer, source: &Source) -> Result<()> {
    if answer.is_good {
        return Ok(());
    }
    Err(failure(answer, &source.remote, &source.revision))
}

pub(super) fn has(answer: &Answer, words: &[&str]) -> bool {
    words.iter().any(|words| answer.words.contains(words))
}

/// What went wrong, in a sentence.
pub(super) fn failure(answer: &Answer, remote: &Remote, revision: &Revision) -> Error {
    let why = last_words(&answer.words);
    if has(answer, &LOGIN_WORDS) {
        return Error::unauthorized(format!(
            "{remote} asks for a login that git does not have on this machine: {why}"
        ))
        .hint("give git there a credential helper or an SSH key of its own");
    }
    if has(answer, &["dubious ownership"]) {
        return Error::unauthorized(format!("git does not read {remote}, because it belongs to somebody else"))
            .hint("git config --global --add safe.directory FOLDER trusts it");
    }
    if has(answer, &NO_REVISION_WORDS) {
        return no_revision(remote, revision);
    }
    if has(answer, &["not allowed"]) {
        return Error::bad_input(format!("git does not go to {remote}: {why}"));
    }
    if has(answer, &AWAY_WORDS) {
        return Error::unreachable(format!("{remote} does not answer: {why}"));
    }
    if has(answer, &NO_REPOSITORY_WORDS) {
        return Error::not_found(format!("there is no Git repository at {remote}: {why}"));
    }
    Error::storage(format!("git failed on {remote}: {why}"))
}

pub(super) fn no_revision(remote: &Remote, revision: &Revision) -> Error {
    Error::not_found(format!("{remote} has no revision {revision}")).hint("push it, or name another one")
}
