//! Reaching a master, and being sure that it is one of the farm.

use super::address::MasterAddress;
use super::answer::{self, READ_TIMEOUT_S, STALL_TIMEOUT_S};
use super::hello::{self, Met, Pinning};
use crate::access::{KeySource, KnownMasters, forbidden};
use crate::error::{Error, Result};
use crate::ids::{FarmId, Fingerprint, Role};
use crate::tls::{Trust, caller_config};
use crate::wire::API_VERSION;
use reqwest::{Method, RequestBuilder};
use std::sync::Arc;
use std::time::Duration;

/// How long a master may take to accept a connection.
pub(super) const CONNECT_TIMEOUT_S: u64 = 5;

/// A master that has proved its key, or that a person named and that asks for none. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Link {
    clients: Arc<Clients>,
    address: MasterAddress,
    met: Arc<Met>,
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
    fn new(read_timeout: Duration, stall_timeout: Duration, trust: &Trust) -> Result<Self> {
        Ok(Self {
            http: client(Some(read_timeout), trust.clone())?,
            uploads: client(None, trust.clone())?,
            stall_timeout,
        })
    }
}

impl Link {
    /// Asks the master who it is, and has it prove the farm's key before anything of ours is told.
    /// Its certificate, if nobody vouches for it, is kept for this user at the first meeting.
    pub async fn connect(address: &MasterAddress, keys: &KeySource) -> Result<Self> {
        Self::reach(address, keys, &KnownMasters::of_user()?, Pinning::FirstUse).await
    }

    /// The same with certificates that are kept elsewhere.
    pub async fn connect_knowing(address: &MasterAddress, keys: &KeySource, known: &KnownMasters) -> Result<Self> {
        Self::reach(address, keys, known, Pinning::FirstUse).await
    }

    /// The same, and the certificate that the master shows now takes the place of the one that was known.
    pub async fn trust_anew(address: &MasterAddress, keys: &KeySource) -> Result<Self> {
        Self::reach(address, keys, &KnownMasters::of_user()?, Pinning::Renew).await
    }

    async fn reach(address: &MasterAddress, keys: &KeySource, known: &KnownMasters, pinning: Pinning) -> Result<Self> {
        let met = hello::meet(address, keys, known, pinning).await?;
        Self::to(
            address.clone(),
            met,
            Duration::from_secs(READ_TIMEOUT_S),
            Duration::from_secs(STALL_TIMEOUT_S),
        )
    }

    fn to(address: MasterAddress, met: Met, read_timeout: Duration, stall_timeout: Duration) -> Result<Self> {
        Ok(Self {
            clients: Arc::new(Clients::new(read_timeout, stall_timeout, &met.trust)?),
            address,
            met: Arc::new(met),
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
        self.met.farm
    }

    /// Whether the master asks for no key, and so has proved none.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.met.bearer.is_none()
    }

    /// What the key allows that the master proved; everything if it asks for none.
    #[must_use]
    pub fn role(&self) -> Role {
        self.met.role
    }

    /// Refuses what the key does not allow before anybody goes to any length: `what` is for keys of this role.
    pub fn require(&self, wanted: Role, what: &str) -> Result<()> {
        match self.role() {
            Role::Admin => Ok(()),
            held if held == wanted => Ok(()),
            held => Err(forbidden(held, what, wanted)),
        }
    }

    /// The name of the master's certificate; none without TLS.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.met.shown
    }

    /// The certificate, if it was met for the first time now and is trusted from now on without anybody vouching for it.
    #[must_use]
    pub fn newly_trusted(&self) -> Option<Fingerprint> {
        self.met.shown.filter(|_| self.met.is_new)
    }

    /// A request for a short question; it needs a bound of its own.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_over(&self.clients.http, method, path)
    }

    /// A request whose body may take long; it needs bounds of its own.
    pub(super) fn upload(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_over(&self.clients.uploads, method, path)
            .header("content-type", "application/octet-stream")
    }

    /// Longest pause within the body of an upload.
    pub(super) fn stall_timeout(&self) -> Duration {
        self.clients.stall_timeout
    }

    fn request_over(&self, client: &reqwest::Client, method: Method, path: &str) -> RequestBuilder {
        let request = client.request(method, format!("{}/api/v{API_VERSION}/{path}", self.address));
        match &self.met.bearer {
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

/// A client that judges certificates in this way.
pub(super) fn client(read_timeout: Option<Duration>, trust: Trust) -> Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_S))
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .no_proxy()
        .tls_backend_preconfigured(caller_config(trust)?);
    let builder = match read_timeout {
        Some(timeout) => builder.read_timeout(timeout),
        None => builder,
    };
    builder
        .build()
        .map_err(|error| Error::internal(format!("cannot set up HTTP: {error}")))
}

/// A link to whoever listens there, without asking who it is.
#[cfg(test)]
pub(super) fn link_to(address: MasterAddress, read_timeout: Duration, stall_timeout: Duration) -> Result<Link> {
    let met = Met {
        farm: FarmId::from_bits(1),
        bearer: None,
        role: Role::Admin,
        trust: Trust::Nobody,
        shown: None,
        is_new: false,
    };
    Link::to(address, met, read_timeout, stall_timeout)
}
