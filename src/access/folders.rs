//! The user's own folders, and files in them that nobody else may read.

use crate::error::{Error, Result};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Environment variable that names another configuration folder.
pub const CONFIG_VARIABLE: &str = "NETRENDER_CONFIG";

/// The user's configuration folder of netrender.
pub fn config_folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set(CONFIG_VARIABLE) {
        return Ok(folder);
    }
    let base = if cfg!(windows) {
        set("APPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
    };
    base.map(|base| base.join("netrender")).ok_or_else(|| {
        Error::bad_input("this user has no home folder to keep the farm key in")
            .hint(format!("set {CONFIG_VARIABLE} to a folder"))
    })
}

/// The user's data folder of netrender: where masters and slaves work if no path is given.
pub fn data_folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join("netrender"))
        .ok_or_else(|| Error::bad_input("this user has no home folder to work in").hint("give a folder by --path"))
}

/// The user's folder for what can be made again; with a configuration folder of its own, in there. None: no home folder.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set(CONFIG_VARIABLE) {
        return Some(folder.join("cache"));
    }
    let base = if cfg!(windows) {
        set("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| home.join("Library/Caches"))
    } else {
        set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))
    };
    base.map(|base| base.join("netrender"))
}

/// Writes a file that only this user can read, whole or not at all; one that is there already stays.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    write_beside(path, text, |temporary| match std::fs::hard_link(temporary, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        // A file system without hard links: a rename may replace, but never tears.
        Err(_) => std::fs::rename(temporary, path),
        Ok(()) => Ok(()),
    })
}

/// Writes a file that only this user can read, whole or not at all, in the place of what is there.
pub(super) fn replace_private(path: &Path, text: &str) -> Result<()> {
    write_beside(path, text, |temporary| std::fs::rename(temporary, path))
}

fn write_beside(path: &Path, text: &str, put: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    // Two threads may write the same file; without random numbers the process's own name has to do.
    let random = getrandom::u32().unwrap_or_default();
    let temporary = path.with_extension(format!("{}-{random:08x}.part", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        put(&temporary)?;
        // What was told to be there is there after a power cut.
        #[cfg(unix)]
        std::fs::File::open(folder)?.sync_all()?;
        Ok(())
    };
    let result = write().map_err(|error| Error::io("write", path, &error));
    // It is gone already if it was renamed.
    let _ = std::fs::remove_file(&temporary);
    result
}
