//! Contents: how they come to the master, and from it to slaves, beside one by one.

use super::text;
use crate::ids::ContentHash;
use serde::{Deserialize, Serialize};

/// `GET /api/v1/contents/{hash}/status`: how much of a content is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ContentStatus {
    /// Bytes that need not be sent again: go on from here.
    pub present_bytes: u64,
    /// Whether it is complete.
    pub complete: bool,
}

/// How a master takes contents beside one by one. A master that does not say so takes them in no other way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Accepts {
    /// Many small ones in one body: `POST /api/v1/contents`.
    #[serde(default)]
    pub bundles: bool,
    /// Packed, as LZ4 frames: `?packed=true`.
    #[serde(default)]
    pub packed: bool,
    /// Those that it can read by itself, from a shared disk: `POST /api/v1/contents/offers`. Not if clients must upload all.
    #[serde(default)]
    pub paths: bool,
}

/// A file that a client has, by the name under which another machine may have it too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OfferInfo {
    /// What it holds.
    #[serde(with = "text")]
    #[schema(value_type = String)]
    pub hash: ContentHash,
    /// How long it is.
    pub size_bytes: u64,
    /// Its absolute path on the client's machine.
    pub path: String,
}

/// `POST /api/v1/contents/offers`: files that need not be uploaded if the master can read them by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Offers {
    /// The files.
    pub offers: Vec<OfferInfo>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OffersTaken {
    /// Contents that the master has now; the others are to be uploaded.
    #[serde(with = "text::list")]
    #[schema(value_type = Vec<String>)]
    pub contents: Vec<ContentHash>,
}

/// `POST /api/v1/contents`: all contents of the bundle are on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BundleTaken {
    /// How many that are.
    pub contents: usize,
}

/// `POST /api/v1/contents/bundle`: which contents are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BundleWanted {
    /// Their hashes; the bundle has them in this order.
    #[serde(with = "text::list")]
    #[schema(value_type = Vec<String>)]
    pub contents: Vec<ContentHash>,
}
