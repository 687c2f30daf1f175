//! A key: what it opens, what it proves, and the file that holds it.

use super::folders::{replace_private, write_private};
use super::{MasterKey, config_folder, forbidden};
use crate::error::{Error, Result};
use crate::ids::{FarmId, Fingerprint, Role};
use std::path::{Path, PathBuf};

const BEARER_CONTEXT: &str = "netrender 2026 bearer token";
const FARM_CONTEXT: &str = "netrender 2026 farm id";
const PROOF_CONTEXT: &str = "netrender 2026 master proof";
const SUBMIT_CONTEXT: &str = "netrender 2026 key to submit";
const RENDER_CONTEXT: &str = "netrender 2026 key to render";

/// Where the key of this user's own masters lies.
pub fn own_key_file() -> Result<PathBuf> {
    config_folder().map(|folder| folder.join("farm.key"))
}

/// A key of a farm: 256 bits, written as 64 hexadecimal digits. Before those of a lesser role stand the role and the farm,
/// which do not follow from the digits: `submit-7k3vq9xd-<digits>`.
#[derive(Clone, PartialEq, Eq)]
pub struct FarmKey {
    role: Role,
    farm: FarmId,
    secret: [u8; 32],
}

impl FarmKey {
    /// A new farm's own key, from the system's random source.
    pub fn generate() -> Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| Error::internal(format!("the system gives no random numbers: {error}")))?;
        Ok(Self::of_farm(secret))
    }

    /// The farm's own key; the farm's name follows from it.
    fn of_farm(secret: [u8; 32]) -> Self {
        let derived = blake3::derive_key(FARM_CONTEXT, &secret);
        let bits = derived.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        Self {
            role: Role::Admin,
            farm: FarmId::from_bits(bits),
            secret,
        }
    }

    /// The farm that this key opens.
    #[must_use]
    pub fn farm(&self) -> FarmId {
        self.farm
    }

    /// What its holder may do.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The key of a role. From the farm's own key follow all; a lesser key gives nothing but itself.
    pub fn for_role(&self, role: Role) -> Result<Self> {
        let context = match (self.role, role) {
            (held, wanted) if held == wanted => return Ok(self.clone()),
            (Role::Admin, Role::Submit) => SUBMIT_CONTEXT,
            (Role::Admin, Role::Render) => RENDER_CONTEXT,
            (held, wanted) => return Err(forbidden(held, &format!("hand over a key to {wanted}"), Role::Admin)),
        };
        Ok(Self {
            role,
            farm: self.farm,
            secret: blake3::derive_key(context, &self.secret),
        })
    }

    /// What callers send as `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(&self) -> String {
        self.token().to_hex().to_string()
    }

    pub(super) fn token(&self) -> blake3::Hash {
        blake3::Hash::from(blake3::derive_key(BEARER_CONTEXT, &self.secret))
    }

    /// A master's proof that it has the key, for a caller who sent `nonce` to `host` ("address:port", as in the Host header)
    /// and was shown this certificate (none without TLS). Whoever passes the question on to the real master shows another
    /// certificate, or is called by another address.
    #[must_use]
    pub fn proof(&self, nonce: &str, host: &str, shown: Option<Fingerprint>) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&blake3::derive_key(PROOF_CONTEXT, &self.secret));
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
    pub(super) fn own() -> Result<MasterKey> {
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

    /// Keeps this key for its farm in the user's configuration folder, beside those of other roles.
    pub fn keep(&self) -> Result<PathBuf> {
        let path = kept_key_file(self.farm, self.role)?;
        write_private(&path, &format!("{self}\n"))?;
        Ok(path)
    }
}

/// Where the key of a farm elsewhere lies.
pub(super) fn kept_key_file(farm: FarmId, role: Role) -> Result<PathBuf> {
    let name = match role {
        Role::Admin => format!("{farm}.key"),
        role => format!("{farm}.{role}.key"),
    };
    Ok(config_folder()?.join("keys").join(name))
}

impl std::fmt::Display for FarmKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.role != Role::Admin {
            write!(f, "{}-{}-", self.role, self.farm)?;
        }
        self.secret.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Never shows the key: it would end up in logs.
impl std::fmt::Debug for FarmKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FarmKey(of farm {} to {})", self.farm, self.role)
    }
}

impl std::str::FromStr for FarmKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        read(text.trim()).ok_or_else(|| {
            Error::bad_input("this is no farm key: a key ends with 64 hexadecimal digits")
                .hint("copy the whole line that netrender key hand-over shows on the master's machine")
        })
    }
}

fn read(text: &str) -> Option<FarmKey> {
    let secret = |digits: &str| blake3::Hash::from_hex(digits).ok().map(|hash| *hash.as_bytes());
    let Some((role, rest)) = text.split_once('-') else {
        return secret(text).map(FarmKey::of_farm);
    };
    let (farm, digits) = rest.split_once('-')?;
    let role = role.parse().ok().filter(|role| *role != Role::Admin)?;
    Some(FarmKey {
        role,
        farm: farm.parse().ok()?,
        secret: secret(digits)?,
    })
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
    fn a_bearer_token_does_not_hold_the_key() {
        assert_ne!(key().bearer(), key().to_string());
        assert_ne!(key().bearer(), FarmKey::generate().unwrap().bearer());
        assert!(!format!("{:?}", key()).contains("0011"));
    }

    #[test]
    fn keys_of_roles_follow_from_the_farms_own_and_from_no_other() {
        let [admin, submit, render] = Role::ALL.map(|role| key().for_role(role).unwrap());
        assert_eq!(admin, key());
        assert_eq!(submit, key().for_role(Role::Submit).unwrap());
        assert_eq!([submit.farm(), render.farm()], [key().farm(); 2]);
        let all = [&admin, &submit, &render];
        for (place, one) in all.iter().enumerate() {
            for other in &all[place + 1..] {
                assert_ne!(one.secret, other.secret);
                assert_ne!(one.bearer(), other.bearer());
                let proof = one.proof("nonce", "localhost:8000", None);
                assert!(!other.proves(&proof, "nonce", "localhost:8000", None));
            }
        }
        assert_eq!(submit.for_role(Role::Submit).unwrap(), submit);
        for (held, wanted) in [(&submit, Role::Admin), (&submit, Role::Render), (&render, Role::Submit)] {
            let error = held.for_role(wanted).unwrap_err();
            assert_eq!(error.code, crate::error::Code::Forbidden, "{error}");
        }
        assert_ne!(
            FarmKey::generate().unwrap().for_role(Role::Submit).unwrap().secret,
            submit.secret
        );
    }

    #[test]
    fn a_key_is_read_back_with_its_role_and_its_farm() {
        for role in Role::ALL {
            let written = key().for_role(role).unwrap();
            let text = written.to_string();
            assert_eq!(text.len(), if role == Role::Admin { 64 } else { 64 + 16 }, "{text}");
            assert_eq!(format!(" {text}\n").parse::<FarmKey>().unwrap(), written);
        }
        let digits = key().to_string();
        for text in [
            format!("admin-7k3vq9xd-{digits}"),
            format!("owner-7k3vq9xd-{digits}"),
            format!("submit-{digits}"),
            format!("submit-7k3vq9xd-{}", &digits[1..]),
            format!("submit--{digits}"),
        ] {
            assert!(text.parse::<FarmKey>().is_err(), "{text}");
        }
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
        assert_ne!(second.bearer(), first.bearer());
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777,
            0o600
        );
    }
}
