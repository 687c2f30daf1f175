//! Where a repository is, and which of its revisions is meant: checked, because they become arguments of programs.

use super::ParseError;

/// Longest address of a repository, in bytes.
const REMOTE_BYTES_MAX: usize = 1024;
/// Longest number of a Subversion revision; they are signed 64 bits there, and far smaller in life.
const NUMBER_DIGITS_MAX: usize = 18;
/// Digits of a Git commit: SHA-1 and SHA-256.
const COMMIT_DIGITS: [usize; 2] = [40, 64];

/// A version control system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionSystem {
    /// Subversion.
    Subversion,
    /// Git.
    Git,
}

impl VersionSystem {
    /// Schemes of addresses that it may be sent to. Those that run programs (`ext::`, tunnels of one's own) are not among them.
    fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Subversion => &["https", "http", "svn", "svn+ssh", "file"],
            Self::Git => &["https", "http", "ssh", "git", "file"],
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Subversion => "Subversion",
            Self::Git => "Git",
        }
    }
}

impl std::fmt::Display for VersionSystem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Subversion => "svn",
            Self::Git => "git",
        })
    }
}

impl std::str::FromStr for VersionSystem {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "svn" => Ok(Self::Subversion),
            "git" => Ok(Self::Git),
            _ => Err(ParseError(format!("{text:?} is no version control system: svn or git"))),
        }
    }
}

/// The address of a repository, such as `https://host/repo`, `git@host:repo.git` or `svn://host/repo/trunk`: it holds no
/// password, runs no program, and no part of it can be taken for an option.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remote(String);

impl Remote {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a folder of whichever machine reads it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.scheme() == "file"
    }

    /// Whether it is reached through SSH.
    #[must_use]
    pub fn is_ssh(&self) -> bool {
        matches!(self.scheme(), "ssh" | "svn+ssh")
    }

    /// Whether this system can be sent there.
    #[must_use]
    pub fn fits(&self, system: VersionSystem) -> bool {
        system.schemes().contains(&self.scheme())
    }

    /// A folder below it.
    pub fn below(&self, folder: &str) -> Result<Self, ParseError> {
        format!("{}/{folder}", self.0).parse()
    }

    fn scheme(&self) -> &str {
        // What is left is what Git writes as `user@host:path`.
        self.0.split_once("://").map_or("ssh", |(scheme, _)| scheme)
    }
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Remote {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        // The text itself is not repeated: it may hold a password.
        let wrong = |why: &str| ParseError(format!("the address of the repository cannot be used: {why}"));
        let text = text.trim_end_matches('/');
        if text.len() > REMOTE_BYTES_MAX {
            return Err(wrong("it is longer than 1024 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(wrong("it holds a control character"));
        }
        match text.split_once("://") {
            Some((scheme, rest)) => check_url(scheme, rest),
            None => check_short(text),
        }
        .map_err(wrong)?;
        Ok(Self(text.to_owned()))
    }
}

fn check_url(scheme: &str, rest: &str) -> Result<(), &'static str> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match scheme {
        "file" if path.is_empty() => Err("it names no folder"),
        "file" if authority.is_empty() => Ok(()),
        "file" => Err("a file:// address has three slashes"),
        "http" | "https" if authority.contains('@') => {
            Err("it holds a login: leave that to the credential store of each machine")
        }
        "http" | "https" | "ssh" | "git" | "svn" | "svn+ssh" => check_authority(authority),
        _ => Err("it is none of https, http, ssh, git, svn, svn+ssh, file, or user@host:path"),
    }
}

/// What Git takes beside URLs: `user@host:path`.
fn check_short(text: &str) -> Result<(), &'static str> {
    let (authority, path) = text
        .split_once(':')
        .ok_or("it is neither a URL nor user@host:path; a folder is written as file:///folder")?;
    if path.starts_with(':') {
        return Err("an address with :: runs a program");
    }
    if authority.len() < 2 || authority.contains(['/', '\\']) {
        return Err("it is neither a URL nor user@host:path; a folder is written as file:///folder");
    }
    if path.is_empty() || path.starts_with('-') {
        return Err("its path is empty or looks like an option");
    }
    check_authority(authority)
}

fn check_authority(authority: &str) -> Result<(), &'static str> {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(':') {
        return Err("it holds a password: leave that to the credential store of each machine");
    }
    if user.starts_with('-') || host.starts_with('-') {
        return Err("its host looks like an option");
    }
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if host.is_empty() || !host.chars().all(is_plain) || !user.chars().all(is_plain) {
        return Err("it names no host");
    }
    Ok(())
}

/// One revision, exactly: a number of Subversion or a whole commit of Git. No branch, no `HEAD`: those move.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(String);

impl Revision {
    /// The revision as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this system has revisions like it.
    #[must_use]
    pub fn fits(&self, system: VersionSystem) -> bool {
        match system {
            VersionSystem::Subversion => self.0.len() <= NUMBER_DIGITS_MAX,
            VersionSystem::Git => COMMIT_DIGITS.contains(&self.0.len()),
        }
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Revision {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_number = (1..=NUMBER_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_commit = COMMIT_DIGITS.contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_number || is_commit {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError(format!(
            "{:?} is no revision: a number of Subversion, or the 40 digits of a Git commit",
            text.chars().take(COMMIT_DIGITS[1]).collect::<String>()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_kept_and_fit_their_system() {
        use VersionSystem::{Git, Subversion};
        for (text, systems) in [
            ("https://example.org/film/repo.git", &[Subversion, Git][..]),
            ("http://example.org:8080/svn/film", &[Subversion, Git]),
            ("git@example.org:film/repo.git", &[Git]),
            ("example.org:repo", &[Git]),
            ("ssh://git@example.org:2222/~/repo", &[Git]),
            ("git://127.0.0.1:9418/repo", &[Git]),
            ("svn://[::1]:3690/film/trunk", &[Subversion]),
            ("svn+ssh://anna@example.org/film", &[Subversion]),
            ("file:///srv/film with blanks", &[Subversion, Git]),
        ] {
            let remote: Remote = text.parse().unwrap();
            assert_eq!(remote.as_str(), text);
            for system in [Subversion, Git] {
                assert_eq!(remote.fits(system), systems.contains(&system), "{text} and {system}");
            }
        }
        let remote: Remote = "svn://host/film//".parse().unwrap();
        assert_eq!(remote.below("shots").unwrap().as_str(), "svn://host/film/shots");
        assert!("file:///srv/x".parse::<Remote>().unwrap().is_local() && !remote.is_local());
    }

    #[test]
    fn addresses_that_run_programs_look_like_options_or_hold_passwords_are_refused() {
        let long = format!("https://host/{}", "x".repeat(1024));
        for text in [
            "",
            "-",
            "--upload-pack=touch x",
            "-oProxyCommand=touch x",
            "ext::sh -c touch% x",
            "ext::sh -c 'touch x' ://",
            "fd::17/foo",
            "transport::address",
            "ssh://-oProxyCommand=touch%20x/repo",
            "ssh://user@-oProxyCommand=touch/repo",
            "ssh://-ouser@host/repo",
            "svn+ssh://-oProxyCommand=touch/repo",
            "svn+evil://host/repo",
            "-oProxyCommand=touch:repo",
            "git@host:-repo",
            "git@host:",
            "https://user:secret@host/repo",
            "https://token@host/repo",
            "ssh://user:secret@host/repo",
            "ftp://host/repo",
            "FILE:///srv",
            "file://server/share",
            "file://",
            "/srv/repo",
            "../repo",
            "C:\\repo",
            "C:/repo",
            "https://",
            "https://ho st/repo",
            "https://host/re\npo",
            &long,
        ] {
            let error = text.parse::<Remote>().expect_err(text).to_string();
            assert!(!error.contains("secret") && !error.contains("token"), "{error}");
        }
    }

    #[test]
    fn a_revision_is_exact() {
        use VersionSystem::{Git, Subversion};
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (text, system) in [("0", Subversion), ("123456", Subversion), (commit, Git)] {
            let revision: Revision = text.parse().unwrap();
            assert!(revision.fits(system) && revision.as_str() == text);
        }
        assert!(!"12".parse::<Revision>().unwrap().fits(Git));
        assert!(!commit.parse::<Revision>().unwrap().fits(Subversion));
        for text in [
            "",
            "HEAD",
            "main",
            "-1",
            "--all",
            "{2020-01-01}",
            "12:14",
            &commit.to_uppercase(),
        ] {
            assert!(text.parse::<Revision>().is_err(), "{text:?}");
        }
        assert_eq!("svn".parse(), Ok(Subversion));
        assert!("cvs".parse::<VersionSystem>().is_err());
    }
}
