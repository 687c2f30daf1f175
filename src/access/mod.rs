//! The farm key: who has it belongs to the farm.
//!
//! The key itself never crosses the wire. A master proves that it has it by a keyed hash over the caller's nonce and the
//! address that was called; only then the caller sends a bearer token, which is derived from the key one way.
//! From the farm's own key those for artists and for machines are derived, one way too ([`Role`](crate::ids::Role)): the master
//! knows them without keeping them, and a new key takes all of them out of use. It proves each by itself, so that who has a
//! lesser key cannot pose as the master to those with a better one.
//!
//! Keys lie in the user's own configuration folder, readable by that user alone: `farm.key` is the one that masters of
//! this user use, `keys/<farm id>.key` (`keys/<farm id>.<role>.key`) are those of farms elsewhere. A farm is named after its
//! key: whoever replaces the key makes another farm of it, to which the old key says nothing.

mod folders;
mod key;
mod key_line;
mod known;
mod roles;
mod source;

pub use folders::{CONFIG_VARIABLE, cache_folder, config_folder, data_folder, write_private};
pub use key::{FarmKey, own_key_file};
pub use key_line::{KeyLine, LineMaster};
pub use known::KnownMasters;
pub use roles::{Tokens, forbidden};
pub use source::{KEY_VARIABLE, KeySource, MasterKey, kept_farms};
