//! What is said of version control: `netrender vcs`, and the arguments of `netrender submit`.

use super::STATUS_OK;
use super::screen::{facts, say, say_json};
use crate::client::guess_version;
use crate::error::Result;
use crate::ids::VersionSystem;
use crate::versions::VersionWish;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SystemArgument {
    /// Subversion
    Svn,
    /// Git
    Git,
    /// The one whose working copy the file lies in
    Auto,
}

#[derive(Debug, Args)]
pub(super) struct VersionArguments {
    /// Send no files: slaves check out a revision of the working copy that the file lies in
    #[arg(long, value_enum, value_name = "SYSTEM")]
    vcs: Option<SystemArgument>,
    /// What to send: a number of Subversion, HEAD, or whatever Git knows as a commit [default: what is checked out]
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// Where slaves get it from [default: where the working copy came from]
    #[arg(long, value_name = "URL")]
    remote: Option<String>,
    /// The folder that all files of the job must lie in [default: the whole working copy]
    #[arg(long, value_name = "DIR")]
    working_copy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct VcsArguments {
    /// The saved .blend
    file: PathBuf,
    #[command(flatten)]
    version: VersionArguments,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

impl VersionArguments {
    /// What is told; none: files are sent.
    pub(super) fn wish(self) -> Option<VersionWish> {
        let is_asked = self.vcs.is_some();
        let wish = VersionWish {
            system: match self.vcs {
                Some(SystemArgument::Svn) => Some(VersionSystem::Subversion),
                Some(SystemArgument::Git) => Some(VersionSystem::Git),
                Some(SystemArgument::Auto) | None => None,
            },
            remote: self.remote,
            revision: self.revision,
            working_copy: self.working_copy,
        };
        (is_asked || wish != VersionWish::default()).then_some(wish)
    }
}

pub(super) fn vcs(wanted: VcsArguments) -> Result<u8> {
    let guess = guess_version(&wanted.file, &wanted.version.wish().unwrap_or_default())?;
    let working_copy = guess.working_copy.display().to_string();
    if wanted.json {
        say_json(&json!({
            "vcs": guess.system.to_string(),
            "remote": guess.remote.to_string(),
            "revision": guess.revision.to_string(),
            "working_copy": working_copy,
            "path": guess.main.to_string(),
        }))?;
    } else {
        say(&facts(&[
            ("system", guess.system.title().to_owned()),
            ("remote", guess.remote.to_string()),
            ("revision", guess.revision.to_string()),
            ("working copy", working_copy),
            ("file in it", guess.main.to_string()),
        ]))?;
    }
    Ok(STATUS_OK)
}
