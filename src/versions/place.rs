//! Files and the folder that they have to lie in.

use crate::error::{Error, Result};
use crate::ids::JobPath;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How many files an error names.
const NAMED_MAX: usize = 5;

/// Where each file lies below `root`; those that lie elsewhere are told by name. A link counts twice: where it is, and what
/// it leads to.
pub(super) fn below(root: &Path, files: &[PathBuf]) -> Result<BTreeSet<JobPath>> {
    let mut inside = BTreeSet::new();
    let mut outside = BTreeSet::new();
    for file in files {
        let real = file.canonicalize().map_err(|error| Error::io("find", file, &error))?;
        for place in [in_real_folder(file)?, real] {
            match relative(root, &place) {
                Some(path) => {
                    inside.insert(path.parse::<JobPath>()?);
                }
                None => {
                    outside.insert(place.display().to_string());
                }
            }
        }
    }
    if outside.is_empty() {
        return Ok(inside);
    }
    let verb = if outside.len() == 1 { "lies" } else { "lie" };
    Err(Error::bad_input(format!(
        "{} {verb} outside of the working copy {}",
        named(&outside),
        root.display()
    ))
    .hint("move what the scene needs into the working copy, or send the files themselves"))
}

/// The file itself, links in its folders resolved.
pub(super) fn in_real_folder(file: &Path) -> Result<PathBuf> {
    let file = std::path::absolute(file).map_err(|error| Error::io("find", file, &error))?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let real = folder.canonicalize().map_err(|error| Error::io("find", folder, &error))?;
    Ok(real.join(file.file_name().unwrap_or_default()))
}

/// A path below a folder, with `/` between names.
pub(super) fn relative(root: &Path, path: &Path) -> Option<String> {
    let names = path.strip_prefix(root).ok()?.components();
    let names: Option<Vec<&str>> = names.map(|name| name.as_os_str().to_str()).collect();
    names.map(|names| names.join("/"))
}

/// The folder that holds all of these; none: the root itself.
pub(super) fn common_folder<'a>(paths: impl Iterator<Item = &'a JobPath>) -> Option<JobPath> {
    let folder = |path: &'a JobPath| path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let shared = paths.map(folder).reduce(|shared, other| {
        let same = shared.split('/').zip(other.split('/')).take_while(|(a, b)| a == b);
        let length = same.map(|(name, _)| name.len() + 1).sum::<usize>();
        shared.get(..length.saturating_sub(1)).unwrap_or(shared)
    })?;
    shared.parse().ok()
}

/// Some of the names, and how many more there are.
pub(super) fn named<T: std::fmt::Display>(names: &BTreeSet<T>) -> String {
    let first: Vec<String> = names.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    match names.len().saturating_sub(NAMED_MAX) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(texts: &[&str]) -> Vec<JobPath> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn the_common_folder_ends_at_a_name() {
        for (texts, expected) in [
            (&["shots/010/a.blend", "shots/011/b.png"][..], Some("shots")),
            (&["shots/010/a.blend", "shots/010/tex/b.png"], Some("shots/010")),
            (&["shots/010/a.blend"], Some("shots/010")),
            (&["a.blend", "tex/b.png"], None),
            (&["shots/a.blend", "shop/b.png"], None),
        ] {
            let paths = paths(texts);
            let folder = common_folder(paths.iter());
            assert_eq!(folder.as_ref().map(JobPath::as_str), expected, "{texts:?}");
        }
    }

    #[test]
    fn files_outside_are_told_by_name_and_links_count_twice() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let (root, beside) = (base.join("root"), base.join("root beside"));
        std::fs::create_dir_all(root.join("deep")).unwrap();
        std::fs::create_dir_all(&beside).unwrap();
        std::fs::write(root.join("deep/a.png"), "a").unwrap();
        std::fs::write(beside.join("b.png"), "b").unwrap();
        let inside = below(&root, &[root.join("deep/../deep/a.png")]).unwrap();
        assert_eq!(inside, BTreeSet::from(["deep/a.png".parse().unwrap()]));
        let error = below(&root, &[root.join("deep/a.png"), beside.join("b.png")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("b.png lies outside of the working copy"), "{error}");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(beside.join("b.png"), root.join("link.png")).unwrap();
            assert!(below(&root, &[root.join("link.png")]).is_err());
            std::os::unix::fs::symlink(root.join("deep/a.png"), root.join("good.png")).unwrap();
            assert_eq!(below(&root, &[root.join("good.png")]).unwrap().len(), 2);
        }
    }
}
