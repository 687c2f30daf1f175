//! Who may come in: the Host that was called, the Origin it comes from, the key, and what its role allows.

use super::fault::Fault;
use super::lock::Lock;
use super::roles::{self, OfSender};
use crate::error::Error;
use crate::ids::Role;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, header};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

/// The cookie of the monitor: the bearer token, once somebody has entered the key.
pub(super) const COOKIE: &str = "netrender";

/// What needs no key: the proof that callers ask for first, and the page that asks for the key …
const OPEN_PATHS: [&str; 2] = ["/api/v1/hello", "/login"];
/// … with what it looks like, which is the same for everybody.
const OPEN_FOLDER: &str = "/assets/";

/// Whoever was let in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    /// What they may do; none: they asked for what needs no key, and showed none.
    pub(super) role: Option<Role>,
    /// What is to be asked of the farm before they do what they want.
    pub(super) of_sender: Option<OfSender>,
}

/// The rules by which callers are let in.
#[derive(Debug)]
pub(super) struct Gate {
    lock: Arc<Lock>,
    /// The address listened on, if it is a certain one.
    bound: IpAddr,
    /// Names by which this machine may be called, in lower case.
    names: Vec<String>,
    /// This machine's addresses, as of the last call to one that was not among them: asking the system each time would cost
    /// more than the rest of a request.
    own: RwLock<Vec<IpAddr>>,
}

impl Gate {
    /// The rules for a master that listens at `bound` and may be called by these names.
    pub(super) fn new(lock: Arc<Lock>, bound: IpAddr, names: Vec<String>) -> Self {
        Self {
            lock,
            bound,
            names,
            own: RwLock::default(),
        }
    }

    /// The key that opens.
    pub(super) fn lock(&self) -> &Arc<Lock> {
        &self.lock
    }

    /// Lets a request in that came over TLS or not, or says why not.
    pub(super) fn admit<B>(&self, request: &Request<B>, is_tls: bool) -> Result<Pass, Fault> {
        let headers = request.headers();
        let host = host(headers)?;
        self.check_host(&host)?;
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if changes {
            check_origin(headers, &host, is_tls)?;
        }
        let path = request.uri().path();
        if OPEN_PATHS.contains(&path) || (!changes && path.starts_with(OPEN_FOLDER)) {
            return Ok(Pass {
                role: None,
                of_sender: None,
            });
        }
        let role = self.role_of(headers, changes)?;
        Ok(Pass {
            role: Some(role),
            of_sender: roles::judge(role, request.method(), path)?,
        })
    }

    /// A page of somebody else's, whose name was made to point here, must not speak for whoever looks at it; and the proof
    /// of the key is given for addresses of this machine only.
    pub(super) fn check_host(&self, host: &Authority) -> Result<(), Fault> {
        let name = host.host().trim_matches(['[', ']']).to_lowercase();
        let is_known = match name.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback() || ip == self.bound || self.is_own(ip) || self.names.contains(&name),
            Err(_) => self.names.contains(&name),
        };
        if is_known {
            return Ok(());
        }
        Err(Error::unauthorized(format!("this master does not go by the name {name:?}"))
            .hint("call it by its address, or start it with --host-name")
            .into())
    }

    fn is_own(&self, ip: IpAddr) -> bool {
        if self.own.read().unwrap_or_else(PoisonError::into_inner).contains(&ip) {
            return true;
        }
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let own: Vec<_> = interfaces.iter().map(if_addrs::Interface::ip).collect();
        let is_own = own.contains(&ip);
        *self.own.write().unwrap_or_else(PoisonError::into_inner) = own;
        is_own
    }

    /// Where no key is asked for, everybody may do everything.
    fn role_of(&self, headers: &HeaderMap, changes: bool) -> Result<Role, Fault> {
        if self.lock.is_open() {
            return Ok(Role::Admin);
        }
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        if let Some(token) = bearer {
            return self.lock.role(token).ok_or_else(wrong_key);
        }
        match cookie(headers) {
            // Browsers send the cookie for whoever asks, but name who asks whenever something is to be changed.
            Some(_) if changes && !headers.contains_key(header::ORIGIN) => Err(foreign_origin()),
            Some(token) => self.lock.role(token).ok_or_else(wrong_key),
            None => Err(Error::unauthorized("this master asks for the farm's key")
                .hint("netrender key hand-over, on the master's machine, shows a line: keep it with netrender key add LINE")
                .into()),
        }
    }
}

/// The names by which a master that people call `name` may be called, in lower case.
pub(super) fn names(name: &str, host_names: &[String]) -> Vec<String> {
    let machine = super::machine_name().to_lowercase();
    let mut names = vec![
        "localhost".to_owned(),
        format!("{machine}.local"),
        machine,
        name.to_lowercase(),
    ];
    names.extend(host_names.iter().map(|name| name.to_lowercase()));
    names
}

/// The host that was called, as the caller wrote it.
pub(super) fn host(headers: &HeaderMap) -> Result<Authority, Fault> {
    headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.parse().ok())
        .ok_or_else(|| Error::bad_input("the request does not say which host it calls").into())
}

fn check_origin(headers: &HeaderMap, host: &Authority, is_tls: bool) -> Result<(), Fault> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let caller = origin.strip_prefix(if is_tls { "https://" } else { "http://" });
    if caller.is_some_and(|caller| caller.eq_ignore_ascii_case(host.as_str())) {
        Ok(())
    } else {
        Err(foreign_origin())
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

fn wrong_key() -> Fault {
    Error::unauthorized("this is not the farm's key")
        .hint("netrender key hand-over, on the master's machine, shows the line to keep with netrender key add LINE")
        .into()
}

fn foreign_origin() -> Fault {
    Error::unauthorized("another site's page may not change anything here")
        .hint("use the monitor of this master")
        .into()
}
