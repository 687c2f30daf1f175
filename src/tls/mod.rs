//! TLS: the certificate that a master shows, and how a caller judges it.
//!
//! A master reads its certificate and key from PEM files ([`Identity`]) or makes a pair of its own once ([`self_signed`]), and shows
//! it through [`Certificates`], which takes a new pair without a restart. A caller first notes what it is shown
//! ([`Trust::Note`]), and from then on insists on it ([`Trust::Only`]) or on the system's roots ([`Trust::Roots`]).
//!
//! Absences: no sockets and no clock; who calls hands the time in. No global state: the provider of cryptography is named
//! wherever one is needed, because another extension in the same Blender may have installed its own.

mod caller;
mod certificates;
mod identity;
mod own;
mod pem;

pub use caller::{Noted, Notes, Trust, caller_config, speaks_no_tls};
pub use certificates::Certificates;
pub use identity::Identity;
pub use own::self_signed;

use crate::ids::Fingerprint;
use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// The one place that chooses who computes: ring needs nothing but a C compiler.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The name of a certificate.
fn fingerprint(der: &[u8]) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
    Fingerprint(bytes)
}
