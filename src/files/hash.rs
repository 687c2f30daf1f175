//! What a file's content is called.

use crate::error::{Error, Result};
use crate::ids::ContentHash;
use std::path::Path;

/// The hash of a file's content, read in constant memory.
pub fn hash_file(path: &Path) -> Result<ContentHash> {
    let mut hasher = blake3::Hasher::new();
    std::fs::File::open(path)
        .and_then(|file| hasher.update_reader(file).map(|hasher| hasher.finalize()))
        .map(|hash| ContentHash(*hash.as_bytes()))
        .map_err(|error| Error::io("read", path, &error))
}

/// The hash of several contents: of their hashes, one after the other.
#[must_use]
pub fn hash_of_hashes(parts: &[ContentHash]) -> ContentHash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&part.0);
    }
    ContentHash(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_hash_of_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"content").unwrap();
        assert_eq!(hash_file(&path).unwrap(), ContentHash(*blake3::hash(b"content").as_bytes()));
        assert!(hash_file(&folder.path().join("none")).is_err());
    }
}
