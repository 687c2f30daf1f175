//! Finding masters, and the one that is meant when none is named.

use super::pending::Alone;
use crate::access::KeySource;
use crate::discovery::{self, Found};
use crate::error::{Error, Result};
use crate::ids::FarmId;
use crate::link::MasterAddress;
use crate::wire::API_VERSION;
use std::time::Duration;

/// Masters on a local network answer within a fraction of this.
const SEARCH_TIMEOUT_S: u64 = 2;

/// A master that answered on the local network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterFound {
    /// Its address.
    pub url: String,
    /// Its name.
    pub name: String,
    /// Which farm it is.
    pub farm: FarmId,
    /// Its release.
    pub version: String,
    /// Whether it speaks our version and we have its farm's key.
    pub usable: bool,
}

/// Asks the local network for masters and returns those that answered in time.
pub fn find_masters(timeout: Duration) -> Result<Vec<MasterFound>> {
    start_find_masters(timeout)?.answer()
}

/// The same without waiting.
pub fn start_find_masters(timeout: Duration) -> Result<Alone<Vec<MasterFound>>> {
    Alone::begin(all(KeySource::Kept, timeout))
}

/// All that answer in time.
pub(super) async fn all(keys: KeySource, timeout: Duration) -> Result<Vec<MasterFound>> {
    let found = tokio::task::spawn_blocking(move || discovery::find(timeout))
        .await
        .map_err(|error| Error::internal(format!("the search for masters ended unexpectedly: {error}")))??;
    Ok(found.into_iter().map(|it| judge(it, &keys)).collect())
}

/// The one master on this network that we can talk to.
pub(super) async fn one(keys: KeySource, timeout: Duration) -> Result<MasterAddress> {
    let timeout = timeout.min(Duration::from_secs(SEARCH_TIMEOUT_S));
    MasterAddress::heard(&choose(&all(keys, timeout).await?)?.url)
}

fn judge(found: Found, keys: &KeySource) -> MasterFound {
    let said = found.announcement;
    MasterFound {
        usable: said.api == API_VERSION && keys.find(said.farm).is_ok(),
        url: found.url,
        name: said.name,
        farm: said.farm,
        version: said.version,
    }
}

fn choose(found: &[MasterFound]) -> Result<&MasterFound> {
    let hint = "name the master, such as --master http://node1:8000";
    let usable: Vec<&MasterFound> = found.iter().filter(|it| it.usable).collect();
    match (usable.as_slice(), found) {
        ([only], _) => Ok(only),
        ([], []) => Err(Error::unreachable("no master answered on this network").hint(hint)),
        // Why it cannot be used is what its own answer will tell.
        ([], [only]) => Ok(only),
        ([], several) => {
            let count = several.len();
            Err(Error::unauthorized(format!(
                "{count} masters answered, and none of them is of a farm whose key is here"
            ))
            .hint(hint))
        }
        (several, _) => {
            let names: Vec<String> = several.iter().map(|it| format!("{} at {}", it.name, it.url)).collect();
            Err(Error::bad_input(format!("several masters answered: {}", names.join(", "))).hint(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(name: &str, usable: bool) -> MasterFound {
        MasterFound {
            url: format!("http://{name}:8000"),
            name: name.to_owned(),
            farm: FarmId::from_bits(1),
            version: "0.1.0".to_owned(),
            usable,
        }
    }

    #[test]
    fn the_one_master_that_can_be_used_is_meant() {
        assert_eq!(choose(&[master("a", false), master("b", true)]).unwrap().name, "b");
        assert_eq!(choose(&[master("a", false)]).unwrap().name, "a");
        for (found, words) in [
            (vec![], "no master answered"),
            (vec![master("a", false), master("b", false)], "none of them"),
            (vec![master("a", true), master("b", true)], "a at http://a:8000, b at"),
        ] {
            let error = choose(&found).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
