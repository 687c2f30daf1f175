//! Paths inside a job: always `/`, always relative, never upwards. They never mix with paths on a disk.

use super::ParseError;

/// Longest path inside a job, in bytes of UTF-8. Leaves room for the slave's own folder within every system's limit.
pub const JOB_PATH_BYTES_MAX: usize = 1024;
/// Longest single name; what common file systems take.
const NAME_BYTES_MAX: usize = 255;

/// A path inside a job, such as `shots/010/main.blend`: relative, `/` between names, no `..`, no drive, no device name,
/// at most [`JOB_PATH_BYTES_MAX`] bytes. Safe to join to a folder on any system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobPath(String);

impl JobPath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last name of the path.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Where this path lies below a folder on this disk.
    #[must_use]
    pub fn below(&self, folder: &std::path::Path) -> std::path::PathBuf {
        self.0.split('/').fold(folder.to_path_buf(), |path, name| path.join(name))
    }
}

impl std::fmt::Display for JobPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for JobPath {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |why: &str| ParseError(format!("the path {text:?} cannot be part of a job: {why}"));
        if text.len() > JOB_PATH_BYTES_MAX {
            return Err(wrong("it is longer than 1024 bytes"));
        }
        text.split('/').try_for_each(|name| check_name(name).map_err(wrong))?;
        Ok(Self(text.to_owned()))
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name == "." || name == ".." {
        return Err("every part needs a name other than . and ..");
    }
    if name.len() > NAME_BYTES_MAX {
        return Err("a name in it is longer than 255 bytes");
    }
    if name
        .chars()
        .any(|c| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|'))
    {
        return Err("it holds a character that not every system allows in a file name");
    }
    if name.ends_with(['.', ' ']) {
        return Err("a name in it ends with a dot or a space, which not every system keeps");
    }
    if is_device(name) {
        return Err("a name in it means a device on Windows");
    }
    Ok(())
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    // Windows reads the small raised digits as digits, too.
    let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³');
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.chars().count() == 1 && rest.chars().all(is_digit))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_kept_as_they_are() {
        for text in [
            "a.blend",
            "shots/010/main.blend",
            "tex/Größe ä.png",
            "…/u.1001.png",
            "_drive_c/x",
            "com/lpt10.txt",
            "console/nullable.txt",
            ".hidden/..config",
            "~user/x",
        ] {
            assert_eq!(text.parse::<JobPath>().map(|path| path.to_string()).as_deref(), Ok(text));
        }
        let path: JobPath = "a/b.blend".parse().unwrap();
        assert_eq!(path.below(std::path::Path::new("/x")), std::path::Path::new("/x/a/b.blend"));
        assert_eq!(path.file_name(), "b.blend");
    }

    #[test]
    fn paths_that_could_leave_the_job_or_mean_something_else_are_refused() {
        let long = "a/".repeat(600) + "a";
        let wide = "n".repeat(256);
        for text in [
            "",
            "/etc/passwd",
            "../up",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "c:/x",
            "a\\b",
            "nul",
            "CON",
            "aux.txt",
            "a/Prn.tar.gz",
            "NUL .txt",
            "a/COM1.txt",
            "lpt²",
            "conout$",
            "a:b",
            "file.txt::$DATA",
            "//server/share",
            "\\\\server\\share",
            "~/../x",
            "a/..",
            "a/. ./b",
            "a/.../b",
            "a\0b",
            "dot.",
            "space ",
            &long,
            &wide,
        ] {
            assert!(text.parse::<JobPath>().is_err(), "{text:?}");
        }
    }
}
