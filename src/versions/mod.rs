//! Version control: where a .blend lies in a working copy of Subversion or Git, whether a job can be sent as a revision, and
//! the working copies that a slave keeps.
//!
//! The real `svn` and `git` do the work, so their logins, proxies and large-file stores are those of the user. They are run
//! without a shell and without questions; what comes from outside never becomes an option, and no address is passed on that
//! would run a program of its own (`ids::Remote`). Hooks, submodules and externals are left alone.
//!
//! Absences: no HTTP, no farm, no Blender. Nothing is ever written into an artist's working copy. Nothing waits for a program
//! whose slave was killed: it ends at the next word that it says, for nobody reads it any more.

mod copies;
mod git;
mod git_words;
mod guess;
mod place;
mod program;
mod proof;
mod svn;
mod xml;

#[cfg(test)]
#[cfg(unix)]
mod tests;

pub use copies::{Copies, WorkingCopy};
pub use guess::{VersionGuess, VersionWish, guess};
pub use program::Watch;
pub use proof::prove;
