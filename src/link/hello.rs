//! The first question to a master: who it is, whether it has the key, and whether its certificate is the one it should be.

use super::address::MasterAddress;
use super::answer;
use super::connect::{CONNECT_TIMEOUT_S, client};
use crate::access::{FarmKey, KeySource, KnownMasters};
use crate::error::{Error, Result};
use crate::ids::{FarmId, Fingerprint, Role};
use crate::tls::{Noted, Notes, Trust};
use crate::wire::{API_VERSION, Hello, PRODUCT};
use std::sync::Arc;
use std::time::Duration;

/// What to do with the certificate that a master shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pinning {
    /// Keep that of a master that was never met; refuse another one than is known.
    FirstUse,
    /// Keep it, whatever was known: a person says so.
    Renew,
}

/// A master that may be talked to.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) farm: FarmId,
    /// What to send as bearer token; none if it asks for no key.
    pub(super) bearer: Option<String>,
    /// What the key that it proved allows.
    pub(super) role: Role,
    /// How its certificate is judged from now on.
    pub(super) trust: Trust,
    /// The certificate that it shows.
    pub(super) shown: Option<Fingerprint>,
    /// Whether nobody but the master itself vouches for it, and it was never seen before.
    pub(super) is_new: bool,
}

/// Asks the master who it is. Nothing of ours is told but a random number.
pub(super) async fn meet(address: &MasterAddress, keys: &KeySource, known: &KnownMasters, pinning: Pinning) -> Result<Met> {
    let nonce = FarmKey::generate()?.to_string();
    let seen = Arc::new(Notes::default());
    let trust = if address.is_tls() {
        Trust::Note(Arc::clone(&seen))
    } else {
        Trust::Nobody
    };
    let timeout = Some(Duration::from_secs(CONNECT_TIMEOUT_S));
    let hello = ask(&client(timeout, trust)?, address, &nonce).await?;
    let noted = if address.is_tls() {
        Some(seen.only().ok_or_else(|| changing(address))?)
    } else {
        None
    };
    let shown = noted.map(|noted| noted.fingerprint);
    let key = check(&hello, address, &nonce, shown, keys)?;
    let (trust, is_new) = match noted {
        None => (Trust::Nobody, false),
        Some(noted) => judge(noted, address, hello.farm, known, pinning)?,
    };
    Ok(Met {
        farm: hello.farm,
        bearer: key.as_ref().map(FarmKey::bearer),
        role: key.as_ref().map_or(Role::Admin, FarmKey::role),
        trust,
        shown,
        is_new,
    })
}

/// Whether a certificate is the one that it should be; one that nobody vouches for is kept when it is first met.
fn judge(noted: Noted, address: &MasterAddress, farm: FarmId, known: &KnownMasters, pinning: Pinning) -> Result<(Trust, bool)> {
    if noted.by_roots {
        return Ok((Trust::Roots, false));
    }
    let (host, shown) = (address.host(), noted.fingerprint);
    match known.find(&host)? {
        Some(kept) if kept == shown => return Ok((Trust::Only(shown), false)),
        Some(kept) if pinning == Pinning::FirstUse => {
            return Err(Error::unauthorized(format!(
                "the master at {address} shows another certificate ({shown}) than the one known here ({kept})"
            ))
            .hint(format!(
                "if it was renewed on purpose: netrender trust {address}; else somebody may stand between you and the master"
            )));
        }
        _ => {}
    }
    known.keep(&host, farm, shown)?;
    Ok((Trust::Only(shown), true))
}

fn changing(address: &MasterAddress) -> Error {
    Error::unauthorized(format!("what answers at {address} shows one certificate and then another"))
        .hint("if it has just been renewed, try again; else somebody may stand between you and the master")
}

async fn ask(http: &reqwest::Client, address: &MasterAddress, nonce: &str) -> Result<Hello> {
    let url = format!("{address}/api/v{API_VERSION}/hello?nonce={nonce}");
    let request = http.get(url).timeout(Duration::from_secs(CONNECT_TIMEOUT_S));
    let response = request.send().await.map_err(|error| answer::unreachable(address, &error))?;
    let stranger = || {
        Error::unreachable(format!("what answers at {address} is no netrender master"))
            .hint("check the address and the port of the master")
    };
    if response.status() == reqwest::StatusCode::NOT_FOUND {
        return Err(stranger());
    }
    let hello: Hello = answer::json(answer::success(response).await?).await.map_err(|_| stranger())?;
    if hello.product == PRODUCT {
        Ok(hello)
    } else {
        Err(stranger())
    }
}

/// The key whose bearer token may be sent, because the master's proof of it is right.
fn check(
    hello: &Hello,
    address: &MasterAddress,
    nonce: &str,
    shown: Option<Fingerprint>,
    keys: &KeySource,
) -> Result<Option<FarmKey>> {
    if hello.api != API_VERSION {
        let older = if hello.api < API_VERSION {
            "the master"
        } else {
            "this machine"
        };
        return Err(Error::version_mismatch(format!(
            "the master at {address} speaks version {} of the protocol ({}), this is version {API_VERSION} ({})",
            hello.api,
            hello.version,
            env!("CARGO_PKG_VERSION")
        ))
        .hint(format!("update netrender on {older}")));
    }
    if hello.access == "open" && keys.is_kept() {
        if address.is_heard() {
            // Else whoever answers a broadcast would get whole projects, from those who have a key too.
            return Err(Error::unauthorized(format!(
                "the master at {address} was only heard on the network, and proves no key because its access is open"
            ))
            .hint(format!("if it is yours, name it: --master {address}")));
        }
        return Ok(None);
    }
    let key = keys.find(hello.farm)?;
    if key.proves(hello.proof_for(key.role()), nonce, &address.host(), shown) {
        return Ok(Some(key));
    }
    Err(Error::unauthorized(format!(
        "the master at {address} could not prove that it has the key of farm {}",
        hello.farm
    ))
    .hint("somebody may be posing as your master, or stand between you and it: check the address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(key: &FarmKey) -> Hello {
        let proof = |role| key.for_role(role).unwrap().proof("nonce", "node1:8000", None);
        Hello {
            product: PRODUCT.to_owned(),
            version: "9.9.9".to_owned(),
            api: API_VERSION,
            farm: key.farm(),
            name: "node1".to_owned(),
            access: "key".to_owned(),
            disk_full: false,
            proof: proof(Role::Admin),
            submit_proof: proof(Role::Submit),
            render_proof: proof(Role::Render),
        }
    }

    #[test]
    fn only_a_master_that_proves_the_key_gets_the_token() {
        let key = FarmKey::generate().unwrap();
        let keys = KeySource::Given(key.clone());
        let address = "node1".parse().unwrap();
        assert_eq!(
            check(&hello(&key), &address, "nonce", None, &keys).unwrap(),
            Some(key.clone())
        );
        let forged = Hello {
            proof: FarmKey::generate().unwrap().proof("nonce", "node1:8000", None),
            ..hello(&key)
        };
        assert!(
            check(&forged, &address, "nonce", None, &keys)
                .unwrap_err()
                .to_string()
                .contains("could not prove")
        );
        let relayed = "node2".parse().unwrap();
        assert!(
            check(&hello(&key), &relayed, "nonce", None, &keys).is_err(),
            "a proof for another address was taken"
        );
        let open = Hello {
            access: "open".to_owned(),
            proof: String::new(),
            ..hello(&key)
        };
        assert!(
            check(&open, &address, "nonce", None, &keys).is_err(),
            "who has a key wants it proved"
        );
    }

    #[test]
    fn who_has_a_lesser_key_wants_that_one_proved() {
        let key = FarmKey::generate().unwrap();
        let address = "node1".parse().unwrap();
        let submit = key.for_role(Role::Submit).unwrap();
        let keys = KeySource::Given(submit.clone());
        assert_eq!(
            check(&hello(&key), &address, "nonce", None, &keys).unwrap(),
            Some(submit.clone())
        );
        // Somebody with a lesser key cannot prove the farm's own, nor that of the other role.
        let posing = submit.proof("nonce", "node1:8000", None);
        let posing = Hello {
            proof: posing.clone(),
            submit_proof: posing.clone(),
            render_proof: posing,
            ..hello(&key)
        };
        for better in [key.clone(), key.for_role(Role::Render).unwrap()] {
            let keys = KeySource::Given(better);
            assert!(check(&posing, &address, "nonce", None, &keys).is_err());
        }
    }

    #[test]
    fn an_open_master_is_trusted_only_if_a_person_named_it() {
        let open = Hello {
            access: "open".to_owned(),
            proof: String::new(),
            ..hello(&FarmKey::generate().unwrap())
        };
        let named = "node1".parse().unwrap();
        assert_eq!(check(&open, &named, "nonce", None, &KeySource::Kept).unwrap(), None);
        let heard = MasterAddress::heard("http://node1:8000").unwrap();
        let error = check(&open, &heard, "nonce", None, &KeySource::Kept).unwrap_err();
        assert_eq!(error.code, crate::error::Code::Unauthorized);
        assert!(error.to_string().contains("--master http://node1:8000"), "{error}");
    }

    #[test]
    fn a_master_of_another_version_is_told_apart() {
        let key = FarmKey::generate().unwrap();
        let newer = Hello {
            api: API_VERSION + 1,
            ..hello(&key)
        };
        let error = check(&newer, &"node1".parse().unwrap(), "nonce", None, &KeySource::Given(key)).unwrap_err();
        assert!(error.to_string().ends_with("update netrender on this machine"), "{error}");
    }
}
