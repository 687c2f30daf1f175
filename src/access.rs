//! The farm key: who has it belongs to the farm.
//!
//! The key itself never crosses the wire. A master proves that it has it by a keyed hash over the caller's nonce and the
//! address that was called; only then the caller sends a bearer token, which is derived from the key one way.
//! Keys lie in the user's own configuration folder, readable by that user alone: `farm.key` is the one that masters of
//! this user use, `keys/<farm id>.key` are those of farms elsewhere.

use crate::error::{Error, Result};
use crate::ids::FarmId;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Environment variable that names another configuration folder.
pub const CONFIG_VARIABLE: &str = "NETRENDER_CONFIG";
/// Environment variable that holds a key.
pub const KEY_VARIABLE: &str = "NETRENDER_KEY";

const BEARER_CONTEXT: &str = "netrender 2026 bearer token";
const FARM_CONTEXT: &str = "netrender 2026 farm id";
const PROOF_CONTEXT: &str = "netrender 2026 master proof";

/// 256 random bits, written as 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct FarmKey([u8; 32]);

impl FarmKey {
    /// A new key from the system's random source.
    pub fn generate() -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| Error::internal(format!("the system gives no random numbers: {error}")))?;
        Ok(Self(key))
    }

    /// The farm that this key opens.
    #[must_use]
    pub fn farm(&self) -> FarmId {
        let derived = blake3::derive_key(FARM_CONTEXT, &self.0);
        FarmId::from_bits(derived.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }

    /// What callers send as `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(&self) -> String {
        blake3::Hash::from(blake3::derive_key(BEARER_CONTEXT, &self.0))
            .to_hex()
            .to_string()
    }

    /// Whether this is the farm's bearer token; takes the same time wherever it differs.
    #[must_use]
    pub fn is_bearer(&self, token: &str) -> bool {
        blake3::Hash::from_hex(token).is_ok_and(|token| token == blake3::Hash::from(blake3::derive_key(BEARER_CONTEXT, &self.0)))
    }

    /// A master's proof that it has the key, for a caller who sent `nonce` to `host` ("address:port", as in the Host header).
    #[must_use]
    pub fn proof(&self, nonce: &str, host: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&blake3::derive_key(PROOF_CONTEXT, &self.0));
        hasher.update(nonce.as_bytes()).update(b"\n").update(host.as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    /// Whether a proof is right; takes the same time wherever it differs.
    #[must_use]
    pub fn proves(&self, proof: &str, nonce: &str, host: &str) -> bool {
        match (blake3::Hash::from_hex(proof), blake3::Hash::from_hex(self.proof(nonce, host))) {
            (Ok(proof), Ok(expected)) => proof == expected,
            _ => false,
        }
    }

    /// The key of masters of this user on this machine: read, or made at the first start.
    pub fn own() -> Result<Self> {
        let path = config_folder()?.join("farm.key");
        if path.exists() { Self::read(&path) } else { Self::make(&path) }
    }

    fn make(path: &Path) -> Result<Self> {
        let key = Self::generate()?;
        write_private(path, &format!("{key}\n"))?;
        // Two masters may start at once: what lies in the file is the key, whoever wrote it.
        Self::read(path)
    }

    /// Reads a key file: the key on its first line.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read the key file", path, &error))?;
        let line = text.lines().next().unwrap_or_default().trim();
        line.parse().map_err(|error: Error| Error {
            message: format!("{}: {}", path.display(), error.message),
            ..error
        })
    }

    /// Keeps this key for its farm in the user's configuration folder.
    pub fn keep(&self) -> Result<PathBuf> {
        let path = config_folder()?.join("keys").join(format!("{}.key", self.farm()));
        write_private(&path, &format!("{self}\n"))?;
        Ok(path)
    }
}

impl std::fmt::Display for FarmKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Never shows the key: it would end up in logs.
impl std::fmt::Debug for FarmKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FarmKey(of farm {})", self.farm())
    }
}

impl std::str::FromStr for FarmKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        blake3::Hash::from_hex(text.trim())
            .map(|hash| Self(*hash.as_bytes()))
            .map_err(|_| {
                Error::bad_input("this is no farm key: a key is 64 hexadecimal digits")
                    .hint("copy the whole line that netrender key shows on the master's machine")
            })
    }
}

/// Where a caller looks for the key of the farm that it found.
#[derive(Debug, Clone, Default)]
pub enum KeySource {
    /// The user's configuration folder, then [`KEY_VARIABLE`] if that is set (which wins).
    #[default]
    Kept,
    /// This file.
    File(PathBuf),
    /// This very key.
    Given(FarmKey),
}

impl KeySource {
    /// The key for a master that starts on this machine: the one that is given, else the user's own.
    pub fn of_master(&self) -> Result<FarmKey> {
        match self {
            Self::Given(key) => Ok(key.clone()),
            Self::File(path) => FarmKey::read(path),
            Self::Kept => key_from_environment()?.map_or_else(FarmKey::own, Ok),
        }
    }

    /// The key for a farm, if there is one that fits it.
    pub fn find(&self, farm: FarmId) -> Result<FarmKey> {
        let key = match self {
            Self::Given(key) => Some(key.clone()),
            Self::File(path) => Some(FarmKey::read(path)?),
            Self::Kept => match key_from_environment()? {
                Some(key) => Some(key),
                None => find_kept(farm)?,
            },
        };
        match key {
            Some(key) if key.farm() == farm => Ok(key),
            Some(key) => Err(
                Error::unauthorized(format!("the key belongs to farm {}, the master to farm {farm}", key.farm()))
                    .hint("use this master's key: netrender key shows it on the master's machine"),
            ),
            None => Err(Error::unauthorized(format!("no key for farm {farm}")).hint(format!(
                "netrender key shows it on the master's machine; keep it here with netrender key add KEY, or give it by --key-file or {KEY_VARIABLE}"
            ))),
        }
    }
}

fn key_from_environment() -> Result<Option<FarmKey>> {
    match std::env::var(KEY_VARIABLE) {
        Ok(text) if !text.trim().is_empty() => text.parse().map(Some),
        _ => Ok(None),
    }
}

fn find_kept(farm: FarmId) -> Result<Option<FarmKey>> {
    let folder = config_folder()?;
    for path in [folder.join("keys").join(format!("{farm}.key")), folder.join("farm.key")] {
        if path.exists() {
            let key = FarmKey::read(&path)?;
            if key.farm() == farm {
                return Ok(Some(key));
            }
        }
    }
    Ok(None)
}

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

/// Writes a file that only this user can read, whole or not at all; one that is there already stays.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    let temporary = path.with_extension(format!("{}.part", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match std::fs::hard_link(&temporary, path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            // A file system without hard links: a rename may replace, but never tears.
            Err(_) => std::fs::rename(&temporary, path),
            Ok(()) => Ok(()),
        }
    };
    let result = write().map_err(|error| Error::io("write the key file", path, &error));
    // It is gone already if it was renamed.
    let _ = std::fs::remove_file(&temporary);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> FarmKey {
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
            .parse()
            .unwrap()
    }

    #[test]
    fn a_proof_fits_only_its_key_its_nonce_and_its_address() {
        let proof = key().proof("nonce", "localhost:8000");
        assert!(key().proves(&proof, "nonce", "localhost:8000"));
        assert!(!key().proves(&proof, "other", "localhost:8000"));
        assert!(!key().proves(&proof, "nonce", "10.0.0.1:8000"));
        assert!(!FarmKey::generate().unwrap().proves(&proof, "nonce", "localhost:8000"));
        assert!(!key().proves("", "nonce", "localhost:8000"));
    }

    #[test]
    fn a_bearer_token_opens_its_farm_and_does_not_hold_the_key() {
        assert!(key().is_bearer(&key().bearer()));
        assert!(!key().is_bearer(&FarmKey::generate().unwrap().bearer()));
        assert!(!key().is_bearer(""));
        assert_ne!(key().bearer(), key().to_string());
        assert!(!format!("{:?}", key()).contains("0011"));
    }

    #[test]
    fn a_key_file_is_private_and_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/farm.key");
        let first = FarmKey::make(&path).unwrap();
        assert_eq!(FarmKey::make(&path).unwrap(), first);
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777,
            0o600
        );
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "a temporary file was left"
        );
    }

    #[test]
    fn a_wrong_key_is_told_in_a_sentence() {
        let error = KeySource::Given(key()).find(FarmId::from_bits(1)).unwrap_err();
        assert!(error.to_string().contains("the key belongs to farm"), "{error}");
        assert!("abc".parse::<FarmKey>().unwrap_err().to_string().contains("no farm key"));
    }
}
