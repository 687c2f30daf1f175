//! Scripts, styles and the icon: part of the program, so that a page asks nobody else for anything.
//!
//! Their address holds a stamp of all of them together. Browsers keep what has the stamp of this master for good, and a page
//! never gets a mixture of two releases.

use crate::error::Error;
use crate::master::fault::Fault;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

/// A file with its name.
type Asset = (&'static str, &'static str);

macro_rules! assets {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!(concat!("assets/", $name)))),*] };
}

/// All of them. Scripts import each other by these names.
const ASSETS: [Asset; 32] = assets![
    "base.css",
    "parts.css",
    "pages.css",
    "icon.svg",
    "actions.js",
    "api.js",
    "chart.js",
    "columns.js",
    "dialog.js",
    "dom.js",
    "edit.js",
    "farm.js",
    "files.js",
    "frame.js",
    "grid.js",
    "histogram.js",
    "job.js",
    "jobs.js",
    "live.js",
    "log.js",
    "machines.js",
    "notify.js",
    "overview.js",
    "parts.js",
    "player.js",
    "rules.js",
    "settings.js",
    "shell.js",
    "slaves.js",
    "table.js",
    "tiles.js",
    "words.js",
];

/// Scripts that every page needs: named in the page, so that a browser asks for all of them at once.
pub(super) const SHARED: [&str; 9] = [
    "dom.js",
    "words.js",
    "api.js",
    "live.js",
    "farm.js",
    "parts.js",
    "table.js",
    "dialog.js",
    "shell.js",
];

/// How a browser keeps what can never change.
const KEEP: &str = "public, max-age=31536000, immutable";
/// How it keeps what another release asked for.
const ASK_AGAIN: &str = "no-cache";

/// Tells this set of assets from that of any other release.
static STAMP: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    ASSETS.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
});

/// The folder of the assets, as pages name it.
pub(super) fn folder() -> String {
    format!("/assets/{}", *STAMP)
}

/// One of them.
pub(super) async fn show(Path((stamp, name)): Path<(String, String)>, headers: HeaderMap) -> Result<Response, Fault> {
    let Some((_, text)) = ASSETS.iter().find(|(known, _)| *known == name) else {
        return Err(Error::not_found(format!("the monitor has no part {name:?}")).into());
    };
    let tag = format!("\"{}\"", *STAMP);
    let kept = if stamp == *STAMP { KEEP } else { ASK_AGAIN };
    let about = [
        (header::CACHE_CONTROL, kept.to_owned()),
        (header::CONTENT_TYPE, media_type(&name).to_owned()),
        (header::ETAG, tag.clone()),
    ];
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    Ok((about, *text).into_response())
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}
