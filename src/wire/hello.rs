//! The first thing that two sides say.

use super::text;
use crate::ids::{FarmId, Role};
use serde::{Deserialize, Serialize};

/// The version in the path of every call.
pub const API_VERSION: u32 = 1;
/// What a netrender master calls itself, to be told from whatever else listens on a port.
pub const PRODUCT: &str = "netrender";

/// Answer to `GET /api/v1/hello?nonce=…`, the one call that needs no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hello {
    /// Always "netrender".
    pub product: String,
    /// The master's release, such as "0.1.0".
    pub version: String,
    /// The newest protocol it speaks.
    pub api: u32,
    /// Which farm it is.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub farm: FarmId,
    /// The master's name.
    pub name: String,
    /// Whether the farm asks for its key ("key") or not ("open").
    pub access: String,
    /// Proof that the master has the farm's key: a keyed hash of the caller's nonce, of the address it called (the Host
    /// header) and of the certificate that the connection shows. Checked before the caller says anything of its own. Empty if no nonce was sent.
    pub proof: String,
    /// The same for whoever has only a key to submit …
    #[serde(default)]
    pub submit_proof: String,
    /// … or to render: it follows from the farm's key, and so does not prove that.
    #[serde(default)]
    pub render_proof: String,
    /// Whether the master's disk is full: then it takes nothing in and hands nothing out.
    #[serde(default)]
    pub disk_full: bool,
}

impl Hello {
    /// The proof for whoever has the key of a role.
    #[must_use]
    pub fn proof_for(&self, role: Role) -> &str {
        match role {
            Role::Admin => &self.proof,
            Role::Submit => &self.submit_proof,
            Role::Render => &self.render_proof,
        }
    }
}

/// Answer to `POST /api/v1/key/renew`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeyRenewed {
    /// Which farm it is from now on: a farm is named after its key.
    #[serde(with = "text")]
    #[schema(value_type = String, example = "7k3vq9xd")]
    pub farm: FarmId,
}
