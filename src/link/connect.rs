//! Reaching a master, and being sure that it is one of the farm.

use super::answer::{self, READ_TIMEOUT_S, STALL_TIMEOUT_S};
use crate::access::{FarmKey, KeySource};
use crate::error::{Error, Result};
use crate::ids::FarmId;
use crate::wire::{API_VERSION, Hello, PRODUCT};
use reqwest::{Method, RequestBuilder, Url};
use std::sync::Arc;
use std::time::Duration;

/// How long a master may take to accept a connection.
const CONNECT_TIMEOUT_S: u64 = 5;
/// The port of a master if none is named.
const PORT: u16 = 8000;

/// Where a master is, as people write it: `http://node1:8000`, `node1:8000` or `node1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterAddress {
    url: Url,
    /// A broadcast told it, which anybody may send; else a person named it.
    heard: bool,
}

impl std::str::FromStr for MasterAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            || Error::bad_input(format!("{text:?} is no address of a master")).hint("write it as http://name:8000 or name:8000");
        let text = text.trim();
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let mut url = Url::parse(&with_scheme).map_err(|_| wrong())?;
        if url.scheme() != "http" || url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() {
            return Err(wrong());
        }
        // "http://name:80" says its port, "name" does not.
        if url.port().is_none() && !with_scheme.trim_end_matches('/').ends_with(":80") {
            url.set_port(Some(PORT)).map_err(|()| wrong())?;
        }
        url.set_path("/");
        url.set_query(None);
        Ok(Self { url, heard: false })
    }
}

impl std::fmt::Display for MasterAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

impl MasterAddress {
    /// The address that a broadcast told: a master there has to prove its key, whatever access it claims to give.
    pub fn heard(text: &str) -> Result<Self> {
        Ok(Self {
            heard: true,
            ..text.parse()?
        })
    }

    /// What stands in the Host header of a request to it.
    fn host(&self) -> String {
        let name = self.url.host_str().unwrap_or_default();
        self.url
            .port()
            .map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
    }
}

/// A master that has proved its key, or that a person named and that asks for none. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Link {
    clients: Arc<Clients>,
    address: MasterAddress,
    farm: FarmId,
    bearer: Option<String>,
}

#[derive(Debug)]
struct Clients {
    http: reqwest::Client,
    /// For bodies that take their time: reqwest's bound on pauses counts from the request, not from the end of its body.
    uploads: reqwest::Client,
    /// Longest pause within such a body.
    stall_timeout: Duration,
}

impl Clients {
    fn new(read_timeout: Duration, stall_timeout: Duration) -> Result<Self> {
        Ok(Self {
            http: client(Some(read_timeout))?,
            uploads: client(None)?,
            stall_timeout,
        })
    }
}

impl Link {
    /// Asks the master who it is, and has it prove the farm's key before anything of ours is told.
    pub async fn connect(address: &MasterAddress, keys: &KeySource) -> Result<Self> {
        let clients = Clients::new(Duration::from_secs(READ_TIMEOUT_S), Duration::from_secs(STALL_TIMEOUT_S))?;
        let nonce = FarmKey::generate()?.to_string();
        let hello = ask_hello(&clients.http, address, &nonce).await?;
        let bearer = check_hello(&hello, address, &nonce, keys)?;
        Ok(Self {
            clients: Arc::new(clients),
            address: address.clone(),
            farm: hello.farm,
            bearer,
        })
    }

    /// The master's address.
    #[must_use]
    pub fn address(&self) -> &MasterAddress {
        &self.address
    }

    /// The farm it belongs to.
    #[must_use]
    pub fn farm(&self) -> FarmId {
        self.farm
    }

    /// Whether the master asks for no key, and so has proved none.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.bearer.is_none()
    }

    /// A request for a short question; it needs a bound of its own.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_over(&self.clients.http, method, path)
    }

    /// A request whose body may take long; it needs bounds of its own.
    pub(super) fn upload(&self, path: &str) -> RequestBuilder {
        self.request_over(&self.clients.uploads, Method::PUT, path)
            .header("content-type", "application/octet-stream")
    }

    /// Longest pause within the body of an upload.
    pub(super) fn stall_timeout(&self) -> Duration {
        self.clients.stall_timeout
    }

    fn request_over(&self, client: &reqwest::Client, method: Method, path: &str) -> RequestBuilder {
        let request = client.request(method, format!("{}/api/v{API_VERSION}/{path}", self.address));
        match &self.bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        }
    }

    /// Sends a request; an answer other than success becomes the error that the master tells.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response> {
        let response = request
            .send()
            .await
            .map_err(|error| answer::unreachable(&self.address, &error))?;
        answer::success(response).await
    }
}

fn client(read_timeout: Option<Duration>) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_S))
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .no_proxy();
    let builder = match read_timeout {
        Some(timeout) => builder.read_timeout(timeout),
        None => builder,
    };
    builder
        .build()
        .map_err(|error| Error::internal(format!("cannot set up HTTP: {error}")))
}

async fn ask_hello(http: &reqwest::Client, address: &MasterAddress, nonce: &str) -> Result<Hello> {
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

/// What to send as bearer token, after the master's proof is found right.
fn check_hello(hello: &Hello, address: &MasterAddress, nonce: &str, keys: &KeySource) -> Result<Option<String>> {
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
    if hello.access == "open" && matches!(keys, KeySource::Kept) {
        if address.heard {
            // Else whoever answers a broadcast would get whole projects, from those who have a key too.
            return Err(Error::unauthorized(format!(
                "the master at {address} was only heard on the network, and proves no key because its access is open"
            ))
            .hint(format!("if it is yours, name it: --master {address}")));
        }
        return Ok(None);
    }
    let key = keys.find(hello.farm)?;
    if key.proves(&hello.proof, nonce, &address.host()) {
        return Ok(Some(key.bearer()));
    }
    Err(Error::unauthorized(format!(
        "the master at {address} could not prove that it has the key of farm {}",
        hello.farm
    ))
    .hint("somebody may be posing as your master: check the address"))
}

/// A link to whoever listens there, without asking who it is.
#[cfg(test)]
pub(super) fn link_to(address: MasterAddress, read_timeout: Duration, stall_timeout: Duration) -> Result<Link> {
    Ok(Link {
        clients: Arc::new(Clients::new(read_timeout, stall_timeout)?),
        address,
        farm: FarmId::from_bits(1),
        bearer: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, address, host) in [
            ("http://node1:8000", "http://node1:8000", "node1:8000"),
            ("node1", "http://node1:8000", "node1:8000"),
            ("node1:9000/", "http://node1:9000", "node1:9000"),
            (" 10.0.0.1:8000 ", "http://10.0.0.1:8000", "10.0.0.1:8000"),
            ("http://[::1]:8000/html/newui", "http://[::1]:8000", "[::1]:8000"),
            ("http://node1:80", "http://node1", "node1"),
        ] {
            let read: MasterAddress = text.parse().unwrap();
            assert_eq!(read.to_string(), address);
            assert_eq!(read.host(), host);
        }
        for text in ["", "http://", "ftp://node1", "node1:port", "http://user@node1:8000"] {
            assert!(
                text.parse::<MasterAddress>()
                    .unwrap_err()
                    .to_string()
                    .contains("no address of a master"),
                "{text}"
            );
        }
    }

    fn hello(key: &FarmKey) -> Hello {
        Hello {
            product: PRODUCT.to_owned(),
            version: "9.9.9".to_owned(),
            api: API_VERSION,
            farm: key.farm(),
            name: "node1".to_owned(),
            access: "key".to_owned(),
            proof: key.proof("nonce", "node1:8000"),
        }
    }

    #[test]
    fn only_a_master_that_proves_the_key_gets_the_token() {
        let key = FarmKey::generate().unwrap();
        let keys = KeySource::Given(key.clone());
        let address = "node1".parse().unwrap();
        assert_eq!(
            check_hello(&hello(&key), &address, "nonce", &keys).unwrap(),
            Some(key.bearer())
        );
        let forged = Hello {
            proof: FarmKey::generate().unwrap().proof("nonce", "node1:8000"),
            ..hello(&key)
        };
        assert!(
            check_hello(&forged, &address, "nonce", &keys)
                .unwrap_err()
                .to_string()
                .contains("could not prove")
        );
        let relayed = "node2".parse().unwrap();
        assert!(
            check_hello(&hello(&key), &relayed, "nonce", &keys).is_err(),
            "a proof for another address was taken"
        );
        let open = Hello {
            access: "open".to_owned(),
            proof: String::new(),
            ..hello(&key)
        };
        assert!(
            check_hello(&open, &address, "nonce", &keys).is_err(),
            "who has a key wants it proved"
        );
    }

    #[test]
    fn an_open_master_is_trusted_only_if_a_person_named_it() {
        let open = Hello {
            access: "open".to_owned(),
            proof: String::new(),
            ..hello(&FarmKey::generate().unwrap())
        };
        let named = "node1".parse().unwrap();
        assert_eq!(check_hello(&open, &named, "nonce", &KeySource::Kept).unwrap(), None);
        let heard = MasterAddress::heard("http://node1:8000").unwrap();
        let error = check_hello(&open, &heard, "nonce", &KeySource::Kept).unwrap_err();
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
        let error = check_hello(&newer, &"node1".parse().unwrap(), "nonce", &KeySource::Given(key)).unwrap_err();
        assert!(error.to_string().ends_with("update netrender on this machine"), "{error}");
    }
}
