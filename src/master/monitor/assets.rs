//! Scripts, styles and the icon: part of the program, so that a page asks nobody else for anything.
//!
//! Their address holds a stamp of all of them together. Browsers keep what has the stamp of this master for good, and a page
//! never gets a mixture of two releases.

use crate::error::Error;
use crate::master::fault::Fault;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

/// A file with its name.
type Asset = (&'static str, &'static str);

/// One sheet out of three: a page waits for it before it shows anything.
const STYLE: &str = concat!(
    include_str!("assets/base.css"),
    include_str!("assets/parts.css"),
    include_str!("assets/pages.css")
);

macro_rules! assets {
    ($($name:literal),* $(,)?) => { [("style.css", STYLE), $(($name, include_str!(concat!("assets/", $name)))),*] };
}

/// All of them. Scripts import each other by these names.
const ASSETS: [Asset; 33] = assets![
    "icon.svg",
    "actions.js",
    "api.js",
    "bakes.js",
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
    "ties.js",
    "tiles.js",
    "webhooks.js",
    "words.js",
];

/// What each page's script imports, and what that imports: named in the page, so that a browser asks for all of it at once
/// instead of finding one by the other.
static NEEDED: LazyLock<BTreeMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let pages = ASSETS.iter().filter_map(|(name, _)| name.strip_suffix(".js"));
    pages.map(|page| (page, needed(page))).collect()
});

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

/// The scripts that a page's own one needs.
pub(super) fn scripts_of(page: &str) -> &'static [&'static str] {
    NEEDED.get(page).map_or(&[], Vec::as_slice)
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

/// Follows the imports of a page's script.
fn needed(page: &str) -> Vec<&'static str> {
    let own = format!("{page}.js");
    let mut found: Vec<&'static str> = imports(&own).collect();
    let mut read = 0;
    while let Some(next) = found.get(read) {
        let more: Vec<_> = imports(next).filter(|name| *name != own && !found.contains(name)).collect();
        found.extend(more);
        read += 1;
    }
    found
}

/// What a script imports, as it stands in its first lines.
fn imports(name: &str) -> impl Iterator<Item = &'static str> {
    let text = ASSETS.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
    let lines = text.lines().filter(|line| line.starts_with("import "));
    lines.filter_map(|line| line.rsplit_once("\"./")?.1.strip_suffix("\";"))
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_says_so() {
        let text_of = |name| ASSETS.iter().find(|(known, _)| *known == name).unwrap().1;
        let exported = text_of("actions.js").lines().filter_map(|line| line.strip_prefix("export "));
        let deeds = exported.map(|line| {
            let name = line
                .trim_start_matches("async ")
                .trim_start_matches("function ")
                .trim_start_matches("const ");
            name.split([' ', '(']).next().unwrap()
        });
        // These two only help with what others do.
        let deeds: Vec<&str> = deeds.filter(|name| !["words", "chooseJob"].contains(name)).collect();
        assert!(deeds.contains(&"pause") && deeds.contains(&"cancelAll"), "{deeds:?}");
        for (name, text) in &ASSETS {
            let mut pressed = text
                .lines()
                .filter(|line| line.contains("onclick:") || line.contains("onchange:"));
            let unsaid = pressed.find(|line| {
                let mut words = line.split(|letter: char| !letter.is_alphanumeric());
                words.any(|word| deeds.contains(&word)) && !line.contains("changes: true")
            });
            assert_eq!(
                unsaid, None,
                "{name}: whoever may not change anything gets this too: see dom.js"
            );
        }
    }

    #[test]
    fn a_page_names_every_script_that_it_will_need() {
        for (name, text) in ASSETS
            .iter()
            .filter(|(name, _)| media_type(name).starts_with("text/javascript"))
        {
            let found: Vec<_> = imports(name).collect();
            assert_eq!(
                found.len(),
                text.matches(" from \"").count(),
                "{name}: an import is not one line, or leads elsewhere"
            );
            for import in found {
                assert!(ASSETS.iter().any(|(known, _)| *known == import), "{name} imports {import}");
            }
        }
        let overview = scripts_of("overview");
        assert!(overview.contains(&"words.js") && overview.contains(&"api.js"), "{overview:?}");
        assert!(!overview.contains(&"overview.js") && !overview.contains(&"grid.js"));
    }
}
