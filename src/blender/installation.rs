//! Which Blenders there are on this machine.

use super::process::tree_command;
use crate::error::{Error, Result};
use crate::ids::BlenderVersion;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

/// Environment variable that names a Python which has the `bpy` module.
const PYTHON_VARIABLE: &str = "NETRENDER_BPY_PYTHON";
/// Importing `bpy` reads half a gigabyte, on a cold disk.
const PROBE_TIMEOUT_S: u64 = 60;
/// What a Blender says about itself is far shorter.
const PROBE_BYTES_MAX: u64 = 64 * 1024;
/// Says the version of `bpy`. The current folder is taken off the path: it may be anybody's.
const ASK_MODULE: &str = "import sys; sys.path[:] = [p for p in sys.path if p]; import bpy; print('bpy', *bpy.app.version)";

/// What kind of Blender a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The `blender` program.
    Executable,
    /// A Python with the `bpy` module.
    Module,
}

/// A Blender that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The program.
    pub program: PathBuf,
    /// What the program is.
    pub kind: Kind,
    /// Its version.
    pub version: BlenderVersion,
}

/// Asks a program whether it is a Blender, or a Python with `bpy`.
pub async fn probe(path: &Path) -> Result<Installation> {
    let shown = path.display();
    if path.is_dir() {
        return Err(
            Error::blender(format!("{shown} is a folder, not the program of a Blender")).hint("name the blender program in it")
        );
    }
    let says = say(path, vec![path.into(), "--version".into()]).await?;
    if let Some(version) = version_after("Blender ", &says) {
        return Ok(Installation {
            program: path.to_owned(),
            kind: Kind::Executable,
            version,
        });
    }
    if !says.starts_with("Python ") {
        return Err(Error::blender(format!("{shown} is neither Blender nor Python"))
            .hint("give the blender program, or a Python that has the bpy module"));
    }
    let says = say(path, vec![path.into(), "-c".into(), ASK_MODULE.into()]).await?;
    let version = says.lines().find_map(|line| version_after("bpy ", line)).ok_or_else(|| {
        Error::blender(format!("the Python {shown} cannot import bpy")).hint("install Blender's module into it: pip install bpy")
    })?;
    Ok(Installation {
        program: path.to_owned(),
        kind: Kind::Module,
        version,
    })
}

/// The Blenders to use: those that were given, which must all work, else the first that is found.
pub async fn find_installations(given: &[PathBuf]) -> Result<Vec<Installation>> {
    let mut found = Vec::new();
    for path in given {
        found.push(probe(path).await?);
    }
    if !found.is_empty() {
        return Ok(found);
    }
    for path in candidates() {
        if let Ok(installation) = probe(&path).await {
            return Ok(vec![installation]);
        }
    }
    Err(none_found())
}

/// A Blender that finishes what others of its series rendered: the given one, else the first one here that is of this series.
pub async fn choose_installation(given: Option<&Path>, wanted: Option<BlenderVersion>) -> Result<Installation> {
    let fits = |version: BlenderVersion| wanted.is_none_or(|wanted| wanted.same_series(version));
    let series = wanted.map(BlenderVersion::series).unwrap_or_default();
    if let Some(path) = given {
        let found = probe(path).await?;
        return if fits(found.version) {
            Ok(found)
        } else {
            Err(Error::blender(format!(
                "{} is Blender {}, the job was rendered by Blender {series}: pictures differ between them",
                path.display(),
                found.version
            ))
            .hint(format!("name a Blender {series} by --blender")))
        };
    }
    for path in candidates() {
        if let Ok(found) = probe(&path).await
            && fits(found.version)
        {
            return Ok(found);
        }
    }
    Err(match wanted {
        None => none_found(),
        Some(_) => Error::blender(format!("there is no Blender {series} on this machine's PATH"))
            .hint("name one by --blender: pictures differ between series"),
    })
}

/// What a program is by its name, without asking it: none if the name does not tell.
pub(super) fn guess(path: &Path) -> Option<Kind> {
    let name = path.file_stem()?.to_string_lossy().to_lowercase();
    if name.starts_with("python") {
        Some(Kind::Module)
    } else {
        name.contains("blender").then_some(Kind::Executable)
    }
}

pub(super) fn none_found() -> Error {
    Error::blender("there is no Blender on this machine's PATH, and no Python with bpy").hint(format!(
        "give one by --blender, or set {PYTHON_VARIABLE} to a Python that has the bpy module"
    ))
}

/// Where a Blender may be: on the PATH, the named Python, beside this program (a virtual environment), on the PATH.
pub(super) fn candidates() -> Vec<PathBuf> {
    let named = std::env::var_os(PYTHON_VARIABLE).filter(|value| !value.is_empty());
    let beside = std::env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.join(program("python3"))));
    on_path("blender")
        .into_iter()
        .chain(named.map(PathBuf::from))
        .chain(beside.filter(|path| path.is_file()))
        .chain(on_path("python3"))
        .collect()
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program(name)))
        .find(|path| path.is_file())
}

fn program(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

/// What a program prints in a bounded time, up to a bounded length; its whole process group is gone afterwards.
async fn say(path: &Path, arguments: Vec<OsString>) -> Result<String> {
    let mut child = tree_command(&arguments, |_| {})
        .spawn()
        .map_err(|error| Error::blender(Error::io("start", path, &error).message))?;
    let mut printed = Vec::new();
    let reading = async {
        if let Some(stream) = child.stdout().take() {
            // What was read so far is enough to judge by.
            let _ = stream.take(PROBE_BYTES_MAX).read_to_end(&mut printed).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(PROBE_TIMEOUT_S), reading).await;
    let _ = child.start_kill();
    let _ = tokio::time::timeout(Duration::from_secs(1), child.wait()).await;
    match in_time {
        Ok(()) => Ok(String::from_utf8_lossy(&printed).into_owned()),
        Err(_) => Err(Error::blender(format!(
            "{} did not tell its version within {PROBE_TIMEOUT_S} s",
            path.display()
        ))),
    }
}

/// Reads "Blender 3.4.1 …" or "bpy 5 0 1".
fn version_after(name: &str, text: &str) -> Option<BlenderVersion> {
    let numbers: Vec<&str> = text
        .strip_prefix(name)?
        .split(|c: char| !c.is_ascii_digit())
        .take(3)
        .collect();
    numbers.join(".").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_blender_prints_them() {
        let version = |text: &str| version_after("Blender ", text).map(|version| version.to_string());
        assert_eq!(version("Blender 3.4.1\n\tbuild date: 2023").as_deref(), Some("3.4.1"));
        assert_eq!(version("Blender 4.2.3 LTS").as_deref(), Some("4.2.3"));
        assert_eq!(version("Blender is here"), None);
        assert_eq!(
            version_after("bpy ", "bpy 5 0 1")
                .map(|version| version.to_string())
                .as_deref(),
            Some("5.0.1")
        );
    }

    #[test]
    fn a_programs_name_mostly_tells_what_it_is() {
        let guessed = |path: &str| guess(Path::new(path));
        assert_eq!(guessed("/opt/blender-4.2.3/blender"), Some(Kind::Executable));
        assert_eq!(guessed("Blender.exe"), Some(Kind::Executable));
        assert_eq!(guessed("/opt/blender/bin/python3.11"), Some(Kind::Module));
        assert_eq!(guessed("/opt/blender/start.sh"), None);
        assert_eq!(guessed("/"), None);
    }

    #[tokio::test]
    async fn what_is_no_blender_is_told_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let missing = probe(&folder.path().join("none")).await.unwrap_err();
        assert!(missing.message.starts_with("cannot start"), "{missing}");
        assert_eq!(missing.code, crate::error::Code::Blender);
        assert!(probe(folder.path()).await.unwrap_err().message.contains("is a folder"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_that_is_something_else_is_refused() {
        let error = probe(Path::new("/bin/sh")).await.unwrap_err();
        assert!(error.message.contains("neither Blender nor Python"), "{error}");
    }
}
