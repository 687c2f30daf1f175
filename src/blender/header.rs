//! The first bytes of a .blend: whether it is one, and which Blender saved it.

use crate::error::{Error, Result};
use crate::ids::BlenderVersion;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

const HEADER_BYTES: u64 = 17;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Refuses what this Blender cannot open, before it tries: missing, empty, no .blend, or saved by a newer one.
pub(super) fn check(blend: &Path, own: BlenderVersion) -> Result<()> {
    refuse_newer(blend, read(blend)?, own)
}

/// Which Blender saved the file, if it was one from 3.0 on or did not compress; refuses what no Blender can open.
pub(super) fn read(blend: &Path) -> Result<Option<BlenderVersion>> {
    if blend.is_dir() {
        return Err(Error::bad_input(format!("{} is a folder, not a .blend", blend.display())));
    }
    let mut head = beginning(blend).map_err(|error| Error::io("read", blend, &error))?;
    if head.starts_with(ZSTD) {
        head = beginning_unpacked(blend);
    }
    // Only Blenders before 3.0 pack like this, and every Blender in use opens what they saved.
    if head.starts_with(GZIP) {
        return Ok(None);
    }
    let name = blend.file_name().unwrap_or_default().to_string_lossy();
    saved_by(&head)
        .map(Some)
        .ok_or_else(|| Error::bad_input(format!("{name} is no .blend file")).hint("give a file that Blender has saved"))
}

/// Refuses a file that a newer Blender saved: most of them open, but not all that is in them is there then.
pub(super) fn refuse_newer(blend: &Path, saved: Option<BlenderVersion>, own: BlenderVersion) -> Result<()> {
    let name = blend.file_name().unwrap_or_default().to_string_lossy();
    match saved {
        Some(saved) if (saved.major, saved.minor) > (own.major, own.minor) => Err(Error::blender(format!(
            "{name} was saved by Blender {}, which is newer than this Blender {own}",
            saved.series()
        ))
        .hint("use a Blender that is at least as new as the file")),
        _ => Ok(()),
    }
}

fn beginning(blend: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(blend)?.take(HEADER_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

/// The first bytes of a compressed .blend; nothing if it cannot be unpacked, for then it is none.
fn beginning_unpacked(blend: &Path) -> Vec<u8> {
    let unpack = || {
        let mut packed = File::open(blend).ok()?;
        let mut unpacked = ruzstd::decoding::StreamingDecoder::new(&mut packed).ok()?;
        let mut head = vec![0; usize::try_from(HEADER_BYTES).ok()?];
        unpacked.read_exact(&mut head).ok()?;
        Some(head)
    };
    // The file may be anything: a decoder that panics has said what it thinks of it.
    std::panic::catch_unwind(unpack).ok().flatten().unwrap_or_default()
}

/// Reads `BLENDER-v304` (before 5.0) or `BLENDER17-01v0500`.
fn saved_by(head: &[u8]) -> Option<BlenderVersion> {
    let rest = std::str::from_utf8(head.get(..12)?).ok()?.strip_prefix("BLENDER")?;
    let digits = if rest.starts_with(['-', '_']) {
        rest.get(2..5)?
    } else {
        std::str::from_utf8(head.get(13..17)?).ok()?
    };
    let number: u16 = digits.parse().ok()?;
    Some(BlenderVersion {
        major: number / 100,
        minor: number % 100,
        patch: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: BlenderVersion = BlenderVersion {
        major: 3,
        minor: 4,
        patch: 1,
    };

    #[test]
    fn both_kinds_of_header_are_read() {
        let version = |head: &[u8]| saved_by(head).map(BlenderVersion::series);
        assert_eq!(version(b"BLENDER-v304RENDH").as_deref(), Some("3.4"));
        assert_eq!(version(b"BLENDER_V279REND").as_deref(), Some("2.79"));
        assert_eq!(version(b"BLENDER17-01v0500").as_deref(), Some("5.0"));
        assert_eq!(version(b"BLENDER"), None);
        assert_eq!(version("BLENDER-vö4RENDH".as_bytes()), None);
        assert_eq!(version(b"#!/usr/bin/python"), None);
    }

    #[test]
    fn what_blender_could_not_open_is_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |content: &[u8]| {
            let path = folder.path().join("a.blend");
            std::fs::write(&path, content).unwrap();
            check(&path, OWN).unwrap_err().to_string()
        };
        assert!(refused(b"").contains("a.blend is no .blend file"));
        assert!(refused(b"\x89PNG\r\n\x1a\nabcdefghijkl").contains("is no .blend file"));
        let newer = refused(b"BLENDER17-01v0500");
        assert!(
            newer.contains("saved by Blender 5.0") && newer.contains("this Blender 3.4.1"),
            "{newer}"
        );
        assert!(check(folder.path(), OWN).unwrap_err().to_string().contains("is a folder"));
        assert!(
            check(&folder.path().join("none.blend"), OWN)
                .unwrap_err()
                .to_string()
                .contains("cannot read")
        );
    }
}
