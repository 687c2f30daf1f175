//! The datagrams by which a master is found. A hint only: anybody can forge one, so who follows it asks for the proof
//! of [`super::Hello`] first.

use super::text;
use crate::ids::{FarmId, Fingerprint};
use serde::{Deserialize, Serialize};

/// The UDP port on which masters are heard and asked, whatever their TCP port.
pub const DISCOVERY_PORT: u16 = 8000;
/// Longest datagram that is looked at.
pub const ANNOUNCEMENT_BYTES_MAX: usize = 1024;

/// "A master is here", sent every 10 s and in answer to a [`Query`]. The address is the datagram's source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Always "netrender".
    pub product: String,
    /// The master's release.
    pub version: String,
    /// The newest protocol it speaks.
    pub api: u32,
    /// Which farm it is.
    #[serde(with = "text")]
    pub farm: FarmId,
    /// The master's name.
    pub name: String,
    /// Its TCP port.
    pub port: u16,
    /// The certificate that it shows; none without TLS.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "text::option")]
    pub tls: Option<Fingerprint>,
}

/// "Which masters are there?"
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Always "netrender?".
    pub query: String,
}
