//! What is asked of `git`.

use super::git_words::{failure, good, has, no_revision};
use super::program::{Answer, LOCALE, Order, Watch, last_words};
use crate::error::{Error, Result};
use crate::ids::{JobPath, Remote, Revision};
use crate::wire::Source;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Said to every run: nothing of a repository runs, nothing goes on in the background, and a server that says nothing for a
/// minute is given up.
const SETTINGS: [&str; 9] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "protocol.ext.allow=never",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "advice.detachedHead=false",
    "submodule.recurse=false",
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
];

/// Where git may go: what an address may begin with (`ids::Remote`), whatever redirections and rules of the user make of it.
const PROTOCOLS: &str = "https:http:ssh:git";

/// What a repository around us (a hook that started this program) would put in the place of the one that is meant.
const TAKEN_OUT: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "LANGUAGE",
];

/// … and that it has, but gives it only as part of a branch, or only with all that came before.
const WHOLE_ONLY_WORDS: [&str; 3] = ["unadvertised object", "does not support shallow", "dumb http transport"];

/// Runs git in a folder; `remote` is where this run may go beside what is reached by its name.
async fn git(folder: &Path, remote: Option<&Remote>, arguments: &[&str], tells: bool, watch: &Watch) -> Result<Answer> {
    let mut all: Vec<OsString> = Vec::with_capacity(2 * SETTINGS.len() + arguments.len() + 2);
    for setting in SETTINGS {
        all.extend(["-c".into(), setting.into()]);
    }
    all.extend(arguments.iter().map(OsString::from));
    let mut protocols = PROTOCOLS.to_owned();
    if remote.is_some_and(Remote::is_local) {
        protocols.push_str(":file");
    }
    let mut environment: Vec<(&'static str, Option<OsString>)> = TAKEN_OUT.map(|name| (name, None)).into();
    environment.extend([
        ("LC_ALL", Some(LOCALE.into())),
        ("GIT_TERMINAL_PROMPT", Some("0".into())),
        // Set, but empty: no window asks either.
        ("GIT_ASKPASS", Some(OsString::new())),
        ("SSH_ASKPASS", Some(OsString::new())),
        ("GIT_OPTIONAL_LOCKS", Some("0".into())),
        ("GIT_ALLOW_PROTOCOL", Some(protocols.into())),
        ("GIT_LFS_SKIP_SMUDGE", None),
    ]);
    if remote.is_some_and(Remote::is_ssh) {
        environment.push(("GIT_SSH_COMMAND", Some(ssh_command())));
    }
    let order = Order {
        program: "git",
        arguments: all,
        folder: folder.to_path_buf(),
        environment,
        tells,
    };
    order.run(watch).await
}

/// The user's own ssh command if there is one, told to ask nothing.
fn ssh_command() -> OsString {
    let mut command = std::env::var_os("GIT_SSH_COMMAND")
        .filter(|own| !own.is_empty())
        .unwrap_or_else(|| "ssh".into());
    command.push(" -oBatchMode=yes -oConnectTimeout=30");
    command
}

// The artist's side: nothing is written.

/// The folder that holds the repository's files, and the commit that `revision` (or what is checked out) names.
pub(super) async fn top(folder: &Path, watch: &Watch) -> Result<PathBuf> {
    let answer = git(folder, None, &["rev-parse", "--show-toplevel"], false, watch).await?;
    if answer.is_good {
        return PathBuf::from(answer.text())
            .canonicalize()
            .map_err(|error| Error::io("find", folder, &error));
    }
    if answer.words.contains("dubious ownership") {
        return Err(Error::bad_input(format!(
            "git does not read {}, because it belongs to somebody else",
            folder.display()
        ))
        .hint("git config --global --add safe.directory FOLDER trusts it"));
    }
    Err(Error::bad_input(format!(
        "git finds no working copy at {}: {}",
        folder.display(),
        last_words(&answer.words)
    )))
}

/// The whole commit that a name stands for, such as `HEAD`, a branch, or the beginning of a commit; the name is no option.
pub(super) async fn commit(root: &Path, name: &str, watch: &Watch) -> Result<Revision> {
    let wanted = format!("{name}^{{commit}}");
    let arguments = ["rev-parse", "--verify", "--quiet", &wanted];
    let answer = git(root, None, &arguments, false, watch).await?;
    if !answer.is_good {
        return Err(
            Error::bad_input(format!("the working copy {} knows no revision {name:?}", root.display()))
                .hint("commit first, or fetch it"),
        );
    }
    Ok(answer.text().parse()?)
}

/// The address that the working copy came from: that of the branch's own remote, of `origin`, or of the only one.
pub(super) async fn remote(root: &Path, watch: &Watch) -> Result<String> {
    let ask = async |arguments: &[&str]| -> Result<String> { Ok(git(root, None, arguments, false, watch).await?.text()) };
    let names = ask(&["remote"]).await?;
    let names: Vec<&str> = names.lines().collect();
    let branch = ask(&["symbolic-ref", "--short", "--quiet", "HEAD"]).await?;
    let own = ask(&["config", "--get", &format!("branch.{branch}.remote")]).await?;
    let name = match names.as_slice() {
        names if names.contains(&own.as_str()) => own.as_str(),
        names if names.contains(&"origin") => "origin",
        [only] => only,
        _ => {
            return Err(Error::bad_input(format!(
                "the repository at {} has no remote that slaves could get it from",
                root.display()
            ))
            .hint("name one, and push to it"));
        }
    };
    ask(&["remote", "get-url", "--", name]).await
}

/// The files of a commit.
pub(super) async fn files(root: &Path, revision: &Revision, watch: &Watch) -> Result<BTreeSet<String>> {
    let arguments = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", revision.as_str()];
    names(&git(root, None, &arguments, false, watch).await?)
}

/// The files that are not as in this commit.
pub(super) async fn changed(root: &Path, revision: &Revision, watch: &Watch) -> Result<BTreeSet<String>> {
    let plain = ["--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules"];
    let mut arguments = vec!["diff", "--name-only", "-z"];
    arguments.extend(plain);
    arguments.extend([revision.as_str(), "--"]);
    names(&git(root, None, &arguments, false, watch).await?)
}

fn names(answer: &Answer) -> Result<BTreeSet<String>> {
    if !answer.is_good {
        return Err(Error::bad_input(format!(
            "git cannot read the working copy: {}",
            last_words(&answer.words)
        )));
    }
    let names = answer.output.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// Whether the remote has the commit: as the last fetch or push saw it, else as the remote says now.
pub(super) async fn is_pushed(root: &Path, remote: &Remote, revision: &Revision, watch: &Watch) -> Result<bool> {
    let tips = git(
        root,
        Some(remote),
        &["ls-remote", "--quiet", "--", remote.as_str()],
        false,
        watch,
    )
    .await?;
    if !tips.is_good {
        return Err(failure(&tips, remote, revision));
    }
    let tips = tips.text();
    let tips: BTreeSet<&str> = tips.lines().filter_map(|line| line.split_whitespace().next()).collect();
    if tips.contains(revision.as_str()) {
        return Ok(true);
    }
    // Of the tips, those that are known here are what it may be part of.
    for tips in tips.into_iter().collect::<Vec<_>>().chunks(TIPS_AT_ONCE) {
        let mut arguments = vec!["rev-list", "--max-count=1", "--ignore-missing", revision.as_str(), "--not"];
        arguments.extend(tips);
        arguments.push("--");
        let beyond = git(root, None, &arguments, false, watch).await?;
        if beyond.is_good && beyond.output.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many tips go into one question.
const TIPS_AT_ONCE: usize = 500;

// The slave's side: the copy is nobody else's.

/// Makes an empty repository in an empty folder.
pub(super) async fn make(copy: &Path, source: &Source, watch: &Watch) -> Result<()> {
    // No template: it would bring hooks.
    let answer = git(copy, None, &["init", "--quiet", "--template="], false, watch).await?;
    good(&answer, source)
}

/// Whether the folder still is what [`make`] made.
pub(super) fn is_copy(copy: &Path) -> bool {
    copy.join(".git/HEAD").is_file()
}

/// Has the revision here, though not its files; what is here already is not fetched.
pub(super) async fn bring(copy: &Path, source: &Source, watch: &Watch) -> Result<()> {
    let revision = source.revision.as_str();
    let commit = format!("{revision}^{{commit}}");
    let known = ["rev-parse", "--verify", "--quiet", &commit];
    if !inside(copy, None, &known, watch).await?.is_good {
        fetch(copy, source, watch).await?;
        if !inside(copy, None, &known, watch).await?.is_good {
            return Err(no_revision(&source.remote, &source.revision));
        }
    }
    Ok(())
}

/// From the next [`clean`] on, only the files below these folders are there; an empty text stands for all.
pub(super) fn narrow(copy: &Path, folders: &[String]) -> Result<()> {
    let pattern = |folder: &String| match folder.as_str() {
        "" => "/*\n".to_owned(),
        folder => format!("/{}/\n", folder.replace('[', "\\[").replace(']', "\\]")),
    };
    let attributes = ".gitattributes\n".to_owned();
    let patterns: String = std::iter::once(attributes).chain(folders.iter().map(pattern)).collect();
    let (folder, path) = (copy.join(".git/info"), copy.join(".git/info/sparse-checkout"));
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&path, patterns))
        .map_err(|error| Error::io("write", &path, &error))
}

/// Has every wanted file as the revision has it, and no others. Reaches no server but for large files (LFS) that are not here
/// yet.
pub(super) async fn clean(copy: &Path, source: &Source, watch: &Watch) -> Result<()> {
    remove_locks(copy)?;
    let revision = source.revision.as_str();
    let checkout = [
        "checkout",
        "--force",
        "--detach",
        "--no-recurse-submodules",
        "--progress",
        revision,
        "--",
    ];
    good(&inside(copy, Some(&source.remote), &checkout, watch).await?, source)?;
    good(&inside(copy, None, &["clean", "-ffdxq"], watch).await?, source)?;
    match &source.folder {
        Some(folder) if !folder.below(copy).is_dir() => Err(Error::not_found(format!(
            "{} has no folder {folder} in revision {revision}",
            source.remote
        ))),
        _ => Ok(()),
    }
}

/// Runs git on the copy, where its output is progress.
async fn inside(copy: &Path, remote: Option<&Remote>, arguments: &[&str], watch: &Watch) -> Result<Answer> {
    in_copy(copy, remote, arguments, true, watch).await
}

/// Runs git on the copy and on no repository around it, whoever owns its folder.
async fn in_copy(copy: &Path, remote: Option<&Remote>, arguments: &[&str], tells: bool, watch: &Watch) -> Result<Answer> {
    let owned = format!("safe.directory={}", copy.display());
    let narrow = "core.sparseCheckout=true";
    let own = ["-c", owned.as_str(), "-c", narrow, "--git-dir=.git", "--work-tree=."];
    git(copy, remote, &[&own[..], arguments].concat(), tells, watch).await
}

/// Fetches the revision alone; from servers that do not give single revisions, all branches.
async fn fetch(copy: &Path, source: &Source, watch: &Watch) -> Result<()> {
    const PLAIN: [&str; 4] = ["fetch", "--progress", "--no-recurse-submodules", "--no-write-fetch-head"];
    remove_locks(copy)?;
    let (remote, revision) = (source.remote.as_str(), source.revision.as_str());
    let alone = [&PLAIN[..], &["--no-tags", "--depth=1", "--", remote, revision]].concat();
    let answer = inside(copy, Some(&source.remote), &alone, watch).await?;
    if answer.is_good || !has(&answer, &WHOLE_ONLY_WORDS) {
        return good(&answer, source);
    }
    let branches = ["--", remote, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
    let whole = [&PLAIN[..], &["--update-head-ok"], &branches].concat();
    good(&inside(copy, Some(&source.remote), &whole, watch).await?, source)
}

/// Refuses a copy in which large files are only pointers, because this machine cannot fetch them: the picture would be wrong.
pub(super) async fn refuse_pointers(copy: &Path, source: &Source, watch: &Watch) -> Result<()> {
    let large = format!(":(attr:filter=lfs){}", source.folder.as_ref().map_or("", JobPath::as_str));
    let large = in_copy(copy, None, &["ls-files", "-z", "--", &large], false, watch).await?;
    if large.output.is_empty() {
        return Ok(());
    }
    for setting in ["filter.lfs.process", "filter.lfs.smudge"] {
        if in_copy(copy, None, &["config", "--get", setting], false, watch)
            .await?
            .is_good
        {
            return Ok(());
        }
    }
    Err(
        Error::not_found("the repository keeps large files in Git LFS, which this machine lacks")
            .hint("install git-lfs there, and run: git lfs install"),
    )
}

/// What a killed git left; nobody else works in the copy.
fn remove_locks(copy: &Path) -> Result<()> {
    let folder = copy.join(".git");
    let entries = std::fs::read_dir(&folder).map_err(|error| Error::io("read", &folder, &error))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "lock") {
            std::fs::remove_file(&path).map_err(|error| Error::io("remove", &path, &error))?;
        }
    }
    Ok(())
}
