//! Files: content by hash, written whole or not at all.

mod hash;
mod whole;

pub use hash::hash_file;
pub use whole::write_whole;
