//! Many small contents in one body: up from clients, down to slaves.

use super::body::{Asked, JsonBody};
use super::contents::{PackedQuery, blocking};
use super::receive::receive;
use super::sending::{PACKED, packed_body, plain_body};
use super::{App, Shared};
use crate::error::{Error, Result};
use crate::files::{
    BUNDLE_BYTES_MAX, BUNDLE_CONTENTS_MAX, BUNDLE_HEAD_BYTES, BUNDLED_BYTES_MAX, SAMPLE_BYTES, Unbundling, append_to_bundle,
    packed_bytes_max, packing_pays,
};
use crate::ids::ContentHash;
use crate::master::fault::Fault;
use crate::wire::{BundleTaken, BundleWanted, FaultBody};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BundleQuery {
    /// Whether the body is packed, as an LZ4 frame.
    #[serde(default)]
    packed: bool,
}

/// Uploads many small contents in one body: each its hash (32 bytes), its length (4 bytes, little-endian) and its bytes. All of
/// them are on the disk when the answer comes. The jobs that waited for them start by themselves.
#[utoipa::path(post, path = "/contents", params(BundleQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = BundleTaken), (status = "default", body = FaultBody)))]
pub(super) async fn take(State(app): Shared, Asked(query): Asked<BundleQuery>, body: Body) -> Result<Json<BundleTaken>, Fault> {
    let folders = app.folders.clone();
    let batch = receive(body, packed_bytes_max(BUNDLE_BYTES_MAX), move |incoming| {
        folders.disk.admit(BUNDLE_BYTES_MAX)?;
        let mut batch = folders.contents.begin_batch()?;
        let mut unbundling = Unbundling::default();
        incoming.for_each_plain(query.packed, BUNDLE_BYTES_MAX, |piece| {
            unbundling.take(piece, |hash, content| batch.add(hash, content))
        })?;
        unbundling.end()?;
        batch.make_safe()?;
        Ok(batch)
    });
    let batch = batch.await?;
    let arrived = batch.arrived().to_vec();
    let (count, needed) = (arrived.len(), needed(&app, arrived).await?);
    let placed = blocking(move || batch.place(|hash| needed.contains(&hash))).await?;
    let taken = placed.len();
    app.desk.arrived(placed)?;
    if taken < count {
        return Err(
            Error::not_found(format!("no job on this master needs {} of these contents", count - taken))
                .hint("announce the job first")
                .into(),
        );
    }
    Ok(Json(BundleTaken { contents: taken }))
}

/// Which of these a job needs.
pub(super) async fn needed(app: &App, hashes: Vec<ContentHash>) -> Result<HashSet<ContentHash>> {
    let look = app.desk.look(move |state| {
        let needs = |hash: &ContentHash| state.store.needs(*hash);
        let found = hashes.into_iter().map(|hash| Ok(needs(&hash)?.then_some(hash)));
        found.filter_map(Result::transpose).collect()
    });
    look.await?
}

/// Downloads many small contents in one body, in the order in which they are asked for.
#[utoipa::path(post, path = "/contents/bundle", params(PackedQuery), request_body = BundleWanted,
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = "default", body = FaultBody)))]
pub(super) async fn give(
    State(app): Shared,
    Asked(query): Asked<PackedQuery>,
    JsonBody(wanted): JsonBody<BundleWanted>,
) -> Result<Response, Fault> {
    if wanted.contents.len() > BUNDLE_CONTENTS_MAX {
        return Err(Error::bad_input(format!("a bundle has at most {BUNDLE_CONTENTS_MAX} contents")).into());
    }
    let contents = app.folders.contents.clone();
    let files: Vec<_> = wanted.contents.iter().map(|hash| (*hash, contents.path(*hash))).collect();
    let look = move || {
        let mut length_bytes = 0;
        for (hash, path) in &files {
            length_bytes += BUNDLE_HEAD_BYTES + bundled_length(*hash, path)?;
        }
        let mut sample = Vec::new();
        let beginning = Bundle::of(files.clone()).take(SAMPLE_BYTES as u64).read_to_end(&mut sample);
        let pays = query.packed && beginning.is_ok() && packing_pays(&sample);
        Ok((Bundle::of(files), length_bytes, pays))
    };
    let (bundle, length_bytes, pays) = blocking(look).await?;
    let (header, body) = if pays {
        ((header::CONTENT_ENCODING, PACKED.to_owned()), packed_body(bundle))
    } else {
        ((header::CONTENT_LENGTH, length_bytes.to_string()), plain_body(bundle))
    };
    let headers = [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), header];
    Ok((headers, body).into_response())
}

/// A bundle as it is read, one file of it in memory.
struct Bundle {
    files: std::vec::IntoIter<(ContentHash, PathBuf)>,
    piece: Vec<u8>,
    /// How much of the piece was read.
    taken: usize,
}

impl Bundle {
    fn of(files: Vec<(ContentHash, PathBuf)>) -> Self {
        Self {
            files: files.into_iter(),
            piece: Vec::new(),
            taken: 0,
        }
    }
}

impl Read for Bundle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.taken == self.piece.len() {
            let Some((hash, path)) = self.files.next() else {
                return Ok(0);
            };
            self.piece.clear();
            self.taken = 0;
            append_to_bundle(&mut self.piece, hash, &std::fs::read(path)?);
        }
        let rest = &self.piece[self.taken..];
        let length = buffer.len().min(rest.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        Ok(length)
    }
}

/// How long a content is, if it is here and short enough.
fn bundled_length(hash: ContentHash, path: &Path) -> Result<u64> {
    match std::fs::metadata(path) {
        Ok(facts) if facts.len() <= BUNDLED_BYTES_MAX => Ok(facts.len()),
        Ok(_) => Err(Error::bad_input(format!("the content {hash} is too long for a bundle")).hint("fetch it by itself")),
        Err(_) => Err(Error::not_found(format!("the content {hash} is not on this master"))),
    }
}
