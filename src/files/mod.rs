//! Files of jobs: content by hash, bundles of small ones, manifests, logs, zips of results and of whole jobs, small files written
//! whole or not at all.
//!
//! Absences: no async and no network; who has a stream feeds it in piece by piece.

mod baked;
mod batch;
mod bundle;
pub mod content;
mod hash;
mod incoming;
mod log;
mod manifest;
mod packing;
mod parcels;
pub mod part;
mod remembered;
mod shared;
mod unzip;
mod whole;
mod zip;
mod zip_reader;

pub use baked::BakedZip;
pub use batch::Batch;
pub use bundle::{BUNDLE_BYTES_MAX, BUNDLE_CONTENTS_MAX, BUNDLE_HEAD_BYTES, BUNDLED_BYTES_MAX, Unbundling, append_to_bundle};
pub use hash::{hash_file, hash_of_hashes};
pub use incoming::Incoming;
pub use log::{LOG_BYTES_MAX, LOG_KEPT_BYTES_MAX, LogPart, Logs};
pub use manifest::{BuiltManifest, ContentFile, Hashing, SourceFile, build};
pub use packing::{SAMPLE_BYTES, pack, packed_bytes_max, packing_pays, unpack};
pub use parcels::parcels;
pub use remembered::{FileKey, Remembered};
pub use shared::{shared_name, take_shared};
pub use unzip::{unzip, zip_names};
pub use whole::{write_cached, write_whole};
pub use zip::{Make, ZipEntry, ZipSource, write_zip, zip_length_bytes};
pub use zip_reader::ZipReader;
