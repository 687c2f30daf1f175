//! The farm's key, handed over and replaced.

use super::Client;
use crate::access::{KeyLine, KeySource, LineMaster};
use crate::discovery;
use crate::error::{Error, Result};
use crate::ids::{FarmId, Role};
use crate::wire::KeyRenewed;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long this machine may take to reach itself.
const OWN_TIMEOUT_S: u64 = 2;

impl Client {
    /// The line by which another machine gets a key and knows this master. `role`: what its holder may do; none: as much as
    /// whoever asks. `host`: the name or address by which it is
    /// reached from there; none: as it was reached here, or this machine's address if that was over the machine itself.
    pub fn key_line(&self, role: Option<Role>, host: Option<&str>, keys: &KeySource) -> Result<KeyLine> {
        if self.is_open() {
            return Err(Error::conflict(format!("the master at {} asks for no key", self.url()))
                .hint("its address is all that is needed"));
        }
        let held = keys.find(self.link.farm())?;
        let key = held.for_role(role.unwrap_or(held.role()))?;
        let reached = self.link.address().host();
        let (name, port) = reached.rsplit_once(':').unwrap_or((&reached, self.usual_port()));
        let name = match host {
            Some(host) => host.to_owned(),
            None if is_this_machine(name) => address_for_others(name, port)?,
            None => name.to_owned(),
        };
        let line = KeyLine {
            key,
            master: Some(LineMaster {
                host: format!("{name}:{port}"),
                fingerprint: self.link.fingerprint(),
            }),
        };
        // What cannot be read back is not handed over.
        line.to_string().parse()
    }

    fn usual_port(&self) -> &'static str {
        if self.link.address().is_tls() { "443" } else { "80" }
    }
}

/// Has the master replace the farm's key. Returns which farm it is from now on; this client is refused too.
pub fn renew_key(client: &Client) -> Result<FarmId> {
    let link = client.link.clone();
    let renewed = client
        .threads
        .ask(async move { link.post::<(), KeyRenewed>("key/renew", &(), Duration::ZERO).await })?;
    Ok(renewed.farm)
}

/// This machine as others call it, if its master listens there.
fn address_for_others(name: &str, port: &str) -> Result<String> {
    let (Some(ip), Ok(port)) = (discovery::own_address(), port.parse()) else {
        return Ok(name.to_owned());
    };
    let own = SocketAddr::new(ip, port);
    if TcpStream::connect_timeout(&own, Duration::from_secs(OWN_TIMEOUT_S)).is_err() {
        return Err(
            Error::conflict(format!("the master does not listen on {own}: other machines cannot reach it"))
                .hint("start it without --address, or name an address that leads to it by --host"),
        );
    }
    Ok(ip.to_string())
}

fn is_this_machine(name: &str) -> bool {
    let ip = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    name == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}
