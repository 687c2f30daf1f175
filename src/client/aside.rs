//! A .blend that was made for an artist takes the place of the one that was made before; not of one that was worked in since.

use crate::error::{Error, Result};
use crate::files::write_whole;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// How many earlier ones may lie beside it: as many as Blender itself keeps at most.
const KEPT_MAX: u32 = 32;

/// By what one is known again that nobody has saved since.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seal {
    size_bytes: u64,
    modified_ns: u64,
}

/// Gives a file that is whole its name, and notes beside it, in `seal`, how it is. What bears the name already and was changed
/// since it was made is kept as Blender keeps earlier versions, with a number at its end; tells where.
pub(super) fn put_in_place(made: &Path, target: &Path, seal: &Path) -> Result<Option<PathBuf>> {
    let found = seal_of(target)?;
    let kept = match &found {
        Some(found) if noted(seal).as_ref() != Some(found) => Some(keep(target)?),
        _ => None,
    };
    std::fs::rename(made, target).map_err(|error| Error::io("write", target, &error))?;
    let note = serde_json::to_vec(&seal_of(target)?).map_err(|error| Error::internal(format!("no seal: {error}")))?;
    write_whole(seal, &note)?;
    Ok(kept)
}

/// How a file is; none: there is no such file.
fn seal_of(path: &Path) -> Result<Option<Seal>> {
    let failed = |error: std::io::Error| Error::io("read", path, &error);
    let facts = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        facts => facts.map_err(failed)?,
    };
    let since = facts
        .modified()
        .map_err(failed)?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Some(Seal {
        size_bytes: facts.len(),
        modified_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
    }))
}

/// What was noted; a note that is gone or unreadable is none.
fn noted(seal: &Path) -> Option<Seal> {
    serde_json::from_slice(&std::fs::read(seal).ok()?).ok()?
}

fn keep(target: &Path) -> Result<PathBuf> {
    for number in 1..=KEPT_MAX {
        let mut name = target.as_os_str().to_owned();
        name.push(number.to_string());
        let kept = PathBuf::from(name);
        if seal_of(&kept)?.is_none() {
            std::fs::rename(target, &kept).map_err(|error| Error::io("rename", target, &error))?;
            return Ok(kept);
        }
    }
    Err(
        Error::conflict(format!("{} was changed since it was made from bakes", target.display())).hint(format!(
            "{KEPT_MAX} earlier ones lie beside it: move some of them elsewhere, then bring the bakes again"
        )),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_worked_in_is_kept_and_what_was_only_made_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (made, target) = (folder.path().join("part"), folder.path().join("shot_baked.blend"));
        let seal = folder.path().join("seal");
        let put = |text: &str| {
            std::fs::write(&made, text).unwrap();
            let kept = put_in_place(&made, &target, &seal).unwrap();
            assert_eq!(std::fs::read_to_string(&target).unwrap(), text);
            kept.map(|kept| (kept.clone(), std::fs::read_to_string(kept).unwrap()))
        };
        let kept_as = |number: u32, text: &str| Some((folder.path().join(format!("shot_baked.blend{number}")), text.to_owned()));
        assert_eq!(put("first"), None);
        assert_eq!(put("second"), None);
        std::fs::write(&target, "an artist's day").unwrap();
        assert_eq!(put("third"), kept_as(1, "an artist's day"));
        std::fs::write(&target, "the day after").unwrap();
        assert_eq!(put("fourth"), kept_as(2, "the day after"));
        std::fs::remove_file(&seal).unwrap();
        assert_eq!(put("fifth"), kept_as(3, "fourth"), "nobody knows what it is");
        assert_eq!(put("sixth"), None);
    }

    #[test]
    fn when_there_is_no_room_nothing_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (made, target) = (folder.path().join("part"), folder.path().join("a.blend"));
        for name in (1..=KEPT_MAX)
            .map(|number| format!("a.blend{number}"))
            .chain(["a.blend".to_owned()])
        {
            std::fs::write(folder.path().join(&name), &name).unwrap();
        }
        std::fs::write(&made, "new").unwrap();
        let error = put_in_place(&made, &target, &folder.path().join("seal")).unwrap_err();
        assert!(error.message.contains("was changed since"), "{error}");
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "a.blend");
    }
}
