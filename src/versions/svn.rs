//! What is asked of `svn`.

use super::program::{Answer, LOCALE, Order, Watch, last_words};
use super::xml::tags;
use crate::error::{Error, Result};
use crate::ids::{JobPath, Remote, Revision};
use crate::wire::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Numbers of its errors (they are the same in every language): a login is wanted or refused, …
const LOGIN_CODES: [&str; 5] = ["E170001", "E215004", "E175013", "E230001", "E220001"];
/// … there is no such revision, …
const REVISION_CODES: [&str; 2] = ["E160006", "E195012"];
/// … or no such path in it, …
const PATH_CODES: [&str; 4] = ["E160005", "E160013", "E170000", "E200009"];
/// … or the server is not there or not one of Subversion's.
const AWAY_CODES: [&str; 8] = [
    "E170013", "E000111", "E000110", "E000113", "E000101", "E670002", "E175012", "E210002",
];
/// How many files go into one question.
const FILES_AT_ONCE: usize = 200;

/// How a needed file stands in the artist's working copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileState {
    /// `normal`, or what is different: `modified`, `unversioned`, `added`, …
    pub(super) item: String,
    /// The revision that last changed it.
    pub(super) changed_in: Option<u64>,
    /// The revision that is here.
    pub(super) revision: Option<u64>,
}

async fn svn(folder: &Path, command: &str, arguments: &[&str], tells: bool, watch: &Watch) -> Result<Answer> {
    let mut all: Vec<OsString> = [command, "--non-interactive", "--config-option=servers:global:http-timeout=60"]
        .map(OsString::from)
        .into();
    // The user's own tunnel if there is one; it is told to ask nothing.
    let own = std::env::var("SVN_SSH").ok().filter(|own| !own.is_empty());
    let tunnel = own.unwrap_or_else(|| "ssh -q".to_owned());
    all.push(format!("--config-option=config:tunnels:ssh={tunnel} -oBatchMode=yes -oConnectTimeout=30").into());
    all.extend(arguments.iter().map(OsString::from));
    let order = Order {
        program: "svn",
        arguments: all,
        folder: folder.to_path_buf(),
        environment: vec![("LC_ALL", Some(LOCALE.into())), ("LANGUAGE", None), ("SVN_SSH", None)],
        tells,
    };
    order.run(watch).await
}

/// A file or folder of a working copy, as an argument: an `@` in its name means nothing.
fn argument(path: &str) -> String {
    format!("./{path}@")
}

// The artist's side: nothing is written.

/// The root of the working copy that a folder lies in.
pub(super) async fn top(folder: &Path, watch: &Watch) -> Result<PathBuf> {
    let root = item(folder, "wc-root", watch).await?;
    PathBuf::from(root)
        .canonicalize()
        .map_err(|error| Error::io("find", folder, &error))
}

/// The address of a folder of a working copy.
pub(super) async fn address(folder: &Path, watch: &Watch) -> Result<String> {
    item(folder, "url", watch).await
}

async fn item(folder: &Path, item: &str, watch: &Watch) -> Result<String> {
    let answer = svn(folder, "info", &["--show-item", item, "--", "."], false, watch).await?;
    if !answer.is_good {
        return Err(Error::bad_input(format!(
            "svn finds no working copy at {}: {}",
            folder.display(),
            last_words(&answer.words)
        )));
    }
    Ok(answer.text().trim().to_owned())
}

/// The youngest revision of a repository.
pub(super) async fn youngest(folder: &Path, remote: &Remote, watch: &Watch) -> Result<Revision> {
    let address = format!("{remote}@");
    let arguments = ["--show-item", "revision", "-r", "HEAD", "--", &address];
    let answer = svn(folder, "info", &arguments, false, watch).await?;
    if !answer.is_good {
        return Err(failure(&answer, remote, "HEAD"));
    }
    Ok(answer.text().trim().parse()?)
}

/// How files stand in the working copy; one that it does not know is not among the answers.
pub(super) async fn states(root: &Path, files: &BTreeSet<JobPath>, watch: &Watch) -> Result<BTreeMap<String, FileState>> {
    let mut states = BTreeMap::new();
    let all: Vec<String> = files.iter().map(|file| argument(file.as_str())).collect();
    for some in all.chunks(FILES_AT_ONCE) {
        let mut arguments = vec!["--xml", "--verbose", "--no-ignore", "--depth=empty", "--"];
        arguments.extend(some.iter().map(String::as_str));
        // A file that lies in an unversioned folder is a warning, and no entry.
        let answer = svn(root, "status", &arguments, false, watch).await?;
        states.extend(read_states(&answer.text()));
    }
    Ok(states)
}

fn read_states(document: &str) -> BTreeMap<String, FileState> {
    let mut states = BTreeMap::new();
    let mut path = String::new();
    for tag in tags(document) {
        let number = |name| tag.attribute(name).and_then(|text| text.parse().ok());
        match tag.name {
            "entry" => {
                let found = tag.attribute("path").unwrap_or_default().replace('\\', "/");
                found.trim_start_matches("./").clone_into(&mut path);
            }
            "wc-status" => {
                let props = tag.attribute("props").unwrap_or_default();
                let item = tag.attribute("item").unwrap_or_default();
                let is_switched = tag.attribute("switched").is_some() || tag.attribute("file-external").is_some();
                let item = match item.as_str() {
                    "normal" if props == "modified" => props,
                    "normal" if is_switched => "switched".to_owned(),
                    _ => item,
                };
                let state = FileState {
                    item,
                    changed_in: None,
                    revision: number("revision"),
                };
                states.insert(path.clone(), state);
            }
            "commit" => {
                if let Some(state) = states.get_mut(&path) {
                    state.changed_in = number("revision");
                }
            }
            _ => {}
        }
    }
    states
}

/// Every file below an address as of a revision, and the revision that last changed it.
pub(super) async fn list(folder: &Path, remote: &Remote, revision: &Revision, watch: &Watch) -> Result<BTreeMap<String, u64>> {
    let address = format!("{remote}@{revision}");
    let arguments = ["--xml", "--recursive", "-r", revision.as_str(), "--", &address];
    let answer = svn(folder, "list", &arguments, false, watch).await?;
    if !answer.is_good {
        // Servers answer a list of what is not there in ways of their own; a plain question tells what is wrong.
        let arguments = ["--show-item", "revision", "-r", revision.as_str(), "--", &address];
        let plain = svn(folder, "info", &arguments, false, watch).await?;
        let why = if plain.is_good { answer } else { plain };
        return Err(failure(&why, remote, revision.as_str()));
    }
    let document = answer.text();
    let mut files = BTreeMap::new();
    let mut name = String::new();
    for tag in tags(&document) {
        match tag.name {
            "name" => name = tag.text(),
            "commit" => {
                let changed_in = tag.attribute("revision").and_then(|text| text.parse().ok());
                files.extend(changed_in.map(|revision| (std::mem::take(&mut name), revision)));
            }
            _ => {}
        }
    }
    Ok(files)
}

// The slave's side: the copy is nobody else's.

/// Makes a working copy without a file in an empty folder.
pub(super) async fn make(copy: &Path, source: &Source, watch: &Watch) -> Result<()> {
    let address = format!("{}@{}", source.remote, source.revision);
    let arguments = [
        "--depth=empty",
        "--ignore-externals",
        "-r",
        source.revision.as_str(),
        "--",
        &address,
        ".",
    ];
    let answer = svn(copy, "checkout", &arguments, true, watch).await?;
    good(&answer, source)
}

/// Whether the folder still is what [`make`] made.
pub(super) fn is_copy(copy: &Path) -> bool {
    copy.join(".svn/wc.db").is_file()
}

/// Moves what is here to the revision.
pub(super) async fn switch(copy: &Path, source: &Source, watch: &Watch) -> Result<()> {
    clean(copy, source, watch).await?;
    let arguments = [
        "--ignore-externals",
        "--accept=theirs-full",
        "-r",
        source.revision.as_str(),
        "--",
        ".",
    ];
    let answer = svn(copy, "update", &arguments, true, watch).await?;
    good(&answer, source)
}

/// Brings the wanted folder (or everything) of the revision that is here.
pub(super) async fn widen(copy: &Path, source: &Source, watch: &Watch) -> Result<()> {
    let folder = source
        .folder
        .as_ref()
        .map_or_else(|| ".".to_owned(), |folder| argument(folder.as_str()));
    let mut arguments = vec!["--ignore-externals", "--set-depth=infinity", "-r", source.revision.as_str()];
    if source.folder.is_some() {
        arguments.push("--parents");
    }
    arguments.extend(["--", &folder]);
    let answer = svn(copy, "update", &arguments, true, watch).await?;
    good(&answer, source)?;
    match &source.folder {
        // A folder that is not there is no failure to svn.
        Some(folder) if !folder.below(copy).is_dir() => Err(Error::not_found(format!(
            "{} has no folder {folder} in revision {}",
            source.remote, source.revision
        ))),
        _ => Ok(()),
    }
}

/// Has every file as the revision has it, and no others; reaches no server.
pub(super) async fn clean(copy: &Path, source: &Source, watch: &Watch) -> Result<()> {
    // The first one takes away the locks of a svn that was killed.
    for (command, arguments) in [
        ("cleanup", &["--", "."][..]),
        ("revert", &["--quiet", "--recursive", "--", "."]),
        ("cleanup", &["--quiet", "--remove-unversioned", "--remove-ignored", "--", "."]),
    ] {
        let answer = svn(copy, command, arguments, true, watch).await?;
        good(&answer, source)?;
    }
    Ok(())
}

fn good(answer: &Answer, source: &Source) -> Result<()> {
    if answer.is_good {
        return Ok(());
    }
    Err(failure(answer, &source.remote, source.revision.as_str()))
}

/// What went wrong, in a sentence.
fn failure(answer: &Answer, remote: &Remote, revision: &str) -> Error {
    let has = |codes: &[&str]| codes.iter().any(|code| answer.words.contains(code));
    let why = last_words(&answer.words);
    if has(&LOGIN_CODES) {
        return Error::unauthorized(format!(
            "{remote} asks for a login that svn does not have on this machine: {why}"
        ))
        .hint("log in there once by hand, with the same user");
    }
    if has(&REVISION_CODES) {
        return Error::not_found(format!("{remote} has no revision {revision}"));
    }
    if has(&PATH_CODES) {
        return Error::not_found(format!("{remote} has no such folder in revision {revision}: {why}"));
    }
    if has(&AWAY_CODES) {
        return Error::unreachable(format!("{remote} does not answer: {why}"));
    }
    Error::storage(format!("svn failed on {remote}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_file_is_read() {
        let document = "<status><target path=\"a@b\"><entry path=\"./x/a@b\"><wc-status item=\"normal\" props=\"none\" revision=\"5\">\
                        <commit revision=\"3\"></commit></wc-status></entry></target>\
                        <target path=\"c\"><entry path=\"c\"><wc-status props=\"none\" item=\"unversioned\"></wc-status></entry></target>\
                        <target path=\"d\"><entry path=\"d\"><wc-status props=\"modified\" item=\"normal\" revision=\"5\">\
                        <commit revision=\"4\"></commit></wc-status></entry></target></status>";
        let states = read_states(document);
        let told: Vec<_> = states
            .iter()
            .map(|(path, it)| (path.as_str(), it.item.as_str(), it.changed_in))
            .collect();
        assert_eq!(
            told,
            [
                ("c", "unversioned", None),
                ("d", "modified", Some(4)),
                ("x/a@b", "normal", Some(3))
            ]
        );
    }
}
