//! The farm key: who has it belongs to the farm.
//!
//! The key itself never crosses the wire. A master proves that it has it by a keyed hash over the caller's nonce and the
//! address that was called; only then the caller sends a bearer token, which is derived from the key one way.
//! Keys lie in the user's own configuration folder, readable by that user alone: `farm.key` is the one that masters of
//! this user use, `keys/<farm id>.key` are those of farms elsewhere. A farm is named after its key: whoever replaces the key
//! makes another farm of it, to which the old key says nothing.

mod folders;
mod key_line;
mod known;
mod source;

pub use folders::{CONFIG_VARIABLE, cache_folder, config_folder, data_folder, write_private};
pub use key_line::{KeyLine, LineMaster};
pub use known::KnownMasters;
pub use source::{KEY_VARIABLE, KeySource, MasterKey, kept_farms};

use crate::error::{Error, Result};
use crate::ids::{FarmId, Fingerprint};
use folders::replace_private;
use std::path::{Path, PathBuf};

const BEARER_CONTEXT: &str = "netrender 2026 bearer token";
const FARM_CONTEXT: &str = "netrender 2026 farm id";
const PROOF_CONTEXT: &str = "netrender 2026 master proof";

/// Where the key of this user's own masters lies.
pub fn own_key_file() -> Result<PathBuf> {
    config_folder().map(|folder| folder.join("farm.key"))
}

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

    /// A master's proof that it has the key, for a caller who sent `nonce` to `host` ("address:port", as in the Host header)
    /// and was shown this certificate (none without TLS). Whoever passes the question on to the real master shows another
    /// certificate, or is called by another address.
    #[must_use]
    pub fn proof(&self, nonce: &str, host: &str, shown: Option<Fingerprint>) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&blake3::derive_key(PROOF_CONTEXT, &self.0));
        let shown = shown.map(|fingerprint| fingerprint.0);
        // Each part with its length: no two questions are written alike.
        for part in [nonce.as_bytes(), host.as_bytes(), shown.as_ref().map_or(&[], |bytes| bytes)] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Whether a proof is right; takes the same time wherever it differs.
    #[must_use]
    pub fn proves(&self, proof: &str, nonce: &str, host: &str, shown: Option<Fingerprint>) -> bool {
        match (
            blake3::Hash::from_hex(proof),
            blake3::Hash::from_hex(self.proof(nonce, host, shown)),
        ) {
            (Ok(proof), Ok(expected)) => proof == expected,
            _ => false,
        }
    }

    /// The key of masters of this user on this machine: read, or made at the first start.
    fn own() -> Result<MasterKey> {
        let path = own_key_file()?;
        let key = if path.exists() { Self::read(&path) } else { Self::make(&path) }?;
        Ok(MasterKey { key, file: Some(path) })
    }

    /// Puts a new key in the place of the one in this file.
    pub fn replace(path: &Path) -> Result<Self> {
        let key = Self::generate()?;
        replace_private(path, &format!("{key}\n"))?;
        Ok(key)
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
                    .hint("copy the whole line that netrender key hand-over shows on the master's machine")
            })
    }
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
    fn a_proof_fits_only_its_key_its_nonce_its_address_and_its_certificate() {
        let shown = Some(Fingerprint([1; 32]));
        let proof = key().proof("nonce", "localhost:8000", shown);
        assert!(key().proves(&proof, "nonce", "localhost:8000", shown));
        assert!(!key().proves(&proof, "other", "localhost:8000", shown));
        assert!(!key().proves(&proof, "nonce", "10.0.0.1:8000", shown));
        assert!(!key().proves(&proof, "nonce", "localhost:8000", None));
        let other = Some(Fingerprint([2; 32]));
        assert!(!key().proves(&proof, "nonce", "localhost:8000", other));
        assert!(!FarmKey::generate().unwrap().proves(&proof, "nonce", "localhost:8000", shown));
        assert!(!key().proves("", "nonce", "localhost:8000", shown));
        let shifted = key().proof("nonce\nlocalhost:8000", "", shown);
        assert!(!key().proves(&shifted, "nonce", "localhost:8000", shown));
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
    fn a_replaced_key_is_another_farms_and_as_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("farm.key");
        let first = FarmKey::make(&path).unwrap();
        let second = FarmKey::replace(&path).unwrap();
        assert_eq!(FarmKey::read(&path).unwrap(), second);
        assert_ne!(first.farm(), second.farm());
        assert!(!second.is_bearer(&first.bearer()));
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777,
            0o600
        );
    }
}
