//! Where a key comes from.

use super::key::kept_key_file;
use super::{FarmKey, config_folder, own_key_file};
use crate::error::{Error, Result};
use crate::ids::{FarmId, Role};
use std::path::PathBuf;

/// Environment variable that holds a key.
pub const KEY_VARIABLE: &str = "NETRENDER_KEY";

/// A user has a handful; a folder full of something else is not read to its end.
const FARMS_MAX: usize = 100;

/// The key of a master, and the file in which another one can take its place.
#[derive(Debug, Clone)]
pub struct MasterKey {
    /// The key.
    pub key: FarmKey,
    /// Where it lies; none if it was given otherwise, and so cannot be replaced.
    pub file: Option<PathBuf>,
}

/// Where a caller looks for the key of the farm that it found.
#[derive(Debug, Clone, Default)]
pub enum KeySource {
    /// The user's configuration folder, then [`KEY_VARIABLE`] if that is set (which wins).
    #[default]
    Kept,
    /// The same for a slave, which takes a key to render first: one that is stolen with its machine opens least.
    KeptToRender,
    /// This file.
    File(PathBuf),
    /// This very key.
    Given(FarmKey),
}

impl KeySource {
    /// The key for a master that starts on this machine: the one that is given, else the user's own.
    pub fn of_master(&self) -> Result<MasterKey> {
        let unfiled = |key| MasterKey { key, file: None };
        Ok(match self {
            Self::Given(key) => unfiled(key.clone()),
            Self::File(path) => MasterKey {
                key: FarmKey::read(path)?,
                file: Some(path.clone()),
            },
            Self::Kept | Self::KeptToRender => match key_from_environment()? {
                Some(key) => unfiled(key),
                None => FarmKey::own()?,
            },
        })
    }

    /// The key for a farm, if there is one that fits it.
    pub fn find(&self, farm: FarmId) -> Result<FarmKey> {
        let key = match self {
            Self::Given(key) => Some(key.clone()),
            Self::File(path) => Some(FarmKey::read(path)?),
            Self::Kept | Self::KeptToRender => match key_from_environment()? {
                Some(key) => Some(key),
                None => find_kept(farm, self.order())?,
            },
        };
        match key {
            Some(key) if key.farm() == farm => Ok(key),
            Some(key) => Err(
                Error::unauthorized(format!("the key belongs to farm {}, the master to farm {farm}", key.farm()))
                    .hint("netrender key hand-over, on the master's machine, shows the line to keep with netrender key add LINE"),
            ),
            None => Err(Error::unauthorized(format!("no key for farm {farm}")).hint(format!(
                "netrender key hand-over, on the master's machine, shows a line: keep it here with netrender key add LINE, or give the key by --key-file or {KEY_VARIABLE}"
            ))),
        }
    }

    /// Whether nobody said which key to use.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Kept | Self::KeptToRender)
    }

    /// The same for a slave.
    #[must_use]
    pub fn to_render(self) -> Self {
        match self {
            Self::Kept => Self::KeptToRender,
            named => named,
        }
    }

    /// In which order keys of one farm are looked for.
    fn order(&self) -> [Role; 3] {
        match self {
            Self::KeptToRender => [Role::Render, Role::Admin, Role::Submit],
            _ => Role::ALL,
        }
    }
}

fn key_from_environment() -> Result<Option<FarmKey>> {
    match std::env::var(KEY_VARIABLE) {
        Ok(text) if !text.trim().is_empty() => text.parse().map(Some),
        _ => Ok(None),
    }
}

/// The farms whose keys are kept for this user, that of this machine's own masters first.
pub fn kept_farms() -> Result<Vec<FarmId>> {
    let folder = config_folder()?;
    let mut farms: Vec<FarmId> = Vec::new();
    let mut others: Vec<PathBuf> = std::fs::read_dir(folder.join("keys"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "key"))
        .take(FARMS_MAX)
        .collect();
    others.sort();
    for path in std::iter::once(folder.join("farm.key")).chain(others) {
        // One that is damaged opens nothing: whoever needs it is told.
        if let Ok(key) = FarmKey::read(&path)
            && !farms.contains(&key.farm())
        {
            farms.push(key.farm());
        }
    }
    Ok(farms)
}

fn find_kept(farm: FarmId, order: [Role; 3]) -> Result<Option<FarmKey>> {
    for role in order {
        let mut paths = vec![kept_key_file(farm, role)?];
        if role == Role::Admin {
            paths.push(own_key_file()?);
        }
        for path in paths.into_iter().filter(|path| path.exists()) {
            let key = FarmKey::read(&path)?;
            if key.farm() == farm {
                return Ok(Some(key));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_told_in_a_sentence() {
        let key = FarmKey::generate().unwrap();
        let error = KeySource::Given(key).find(FarmId::from_bits(1)).unwrap_err();
        assert!(error.to_string().contains("the key belongs to farm"), "{error}");
        assert!("abc".parse::<FarmKey>().unwrap_err().to_string().contains("no farm key"));
    }
}
