//! `netrender compare`: are these the same pictures, bit for bit?

use super::screen::{say, say_json};
use super::{STATUS_FAILED, STATUS_OK};
use crate::error::{Error, Result};
use crate::images::{self, Comparison};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How many different frames are named.
const NAMED_MAX: usize = 10;

pub(super) fn compare(left: &Path, right: &Path, in_json: bool) -> Result<u8> {
    let pairs = pairs(left, right)?;
    let mut different = Vec::new();
    for (name, pair) in &pairs {
        let difference = match pair {
            (Some(left), Some(right)) => difference(&images::compare(left, right)?),
            (Some(_), None) => Some("only on the left".to_owned()),
            _ => Some("only on the right".to_owned()),
        };
        different.extend(difference.map(|text| (name, text)));
    }
    let identical = pairs.len() - different.len();
    if in_json {
        let different: Vec<_> = different
            .iter()
            .map(|(name, text)| json!({ "frame": name, "difference": text }))
            .collect();
        say_json(&json!({ "frames": pairs.len(), "identical": identical, "different": different }))?;
    } else {
        for (name, text) in different.iter().take(NAMED_MAX) {
            say(&format!("{name}: {text}"))?;
        }
        say(&format!("identical: {identical}/{} frames", pairs.len()))?;
    }
    Ok(if different.is_empty() { STATUS_OK } else { STATUS_FAILED })
}

type Pair = (Option<PathBuf>, Option<PathBuf>);

/// Files to compare, by name.
fn pairs(left: &Path, right: &Path) -> Result<Vec<(String, Pair)>> {
    for path in [left, right] {
        std::fs::metadata(path).map_err(|error| Error::io("read", path, &error))?;
    }
    if left.is_dir() != right.is_dir() {
        return Err(Error::bad_input("a file and a folder cannot be compared").hint("name two files or two folders"));
    }
    if !left.is_dir() {
        let name = left.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![(name, (Some(left.to_path_buf()), Some(right.to_path_buf())))]);
    }
    let (on_left, on_right) = (frames_in(left)?, frames_in(right)?);
    let place = |names: &BTreeSet<String>, folder: &Path, name: &str| names.contains(name).then(|| folder.join(name));
    let pairs: Vec<(String, Pair)> = on_left
        .union(&on_right)
        .map(|name| (name.clone(), (place(&on_left, left, name), place(&on_right, right, name))))
        .collect();
    if pairs.is_empty() {
        return Err(Error::bad_input(format!(
            "there are no EXR files in {} and {}",
            left.display(),
            right.display()
        )));
    }
    Ok(pairs)
}

fn frames_in(folder: &Path) -> Result<BTreeSet<String>> {
    let failed = |error: std::io::Error| Error::io("read the folder", folder, &error);
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        let is_frame = Path::new(&name)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("exr"));
        if is_frame && !name.starts_with('.') {
            names.insert(name);
        }
    }
    Ok(names)
}

/// How two pictures differ, in words; none if they do not.
fn difference(comparison: &Comparison) -> Option<String> {
    if comparison.is_identical() {
        return None;
    }
    let mut parts = Vec::new();
    if comparison.differing_samples > 0 {
        parts.push(format!(
            "{} samples differ by at most {}",
            comparison.differing_samples, comparison.max_difference
        ));
    }
    for (side, missing) in [("left", &comparison.missing_left), ("right", &comparison.missing_right)] {
        if let Some(first) = missing.first() {
            parts.push(format!(
                "{} channels are missing on the {side}, such as {first}",
                missing.len()
            ));
        }
    }
    Some(if parts.is_empty() {
        "no channel in common".to_owned()
    } else {
        parts.join(", ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_two_folders_are_paired_by_name() {
        let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, name) in [
            (&left, "000001.exr"),
            (&left, "000002.exr"),
            (&right, "000002.exr"),
            (&right, ".000003.exr"),
            (&left, "a.txt"),
        ] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let found = pairs(left.path(), right.path()).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|(name, (l, r))| (name.as_str(), l.is_some(), r.is_some()))
            .collect();
        assert_eq!(names, [("000001.exr", true, false), ("000002.exr", true, true)]);
        assert!(pairs(left.path(), &left.path().join("a.txt")).is_err());
        assert!(pairs(&right.path().join("gone"), right.path()).is_err());
    }
}
