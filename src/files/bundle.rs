//! A bundle: many small contents one after the other in one body, because a request for each would cost more than its bytes.
//!
//! Each is its hash (32 bytes), its length (4 bytes, little-endian), then its bytes. Nothing of it is believed: who takes one
//! apart checks every hash.

use crate::error::{Error, Result};
use crate::ids::ContentHash;

/// Longest content of a bundle.
pub const BUNDLED_BYTES_MAX: u64 = 256 << 10;
/// Longest bundle.
pub const BUNDLE_BYTES_MAX: u64 = 8 << 20;
/// Most contents of a bundle.
pub const BUNDLE_CONTENTS_MAX: usize = 2_048;
/// What a content adds to a bundle beyond its bytes.
pub const BUNDLE_HEAD_BYTES: u64 = 36;

const HASH_BYTES: usize = 32;
const HEAD_BYTES: usize = 36;

/// Appends a content to a bundle.
pub fn append_to_bundle(bundle: &mut Vec<u8>, hash: ContentHash, content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    bundle.extend(hash.0);
    bundle.extend(length.to_le_bytes());
    bundle.extend(content);
}

/// Takes a bundle apart as its pieces come.
#[derive(Debug, Default)]
pub struct Unbundling {
    /// The content that is not complete yet, with its head.
    begun: Vec<u8>,
    contents: usize,
}

impl Unbundling {
    /// Takes the next piece, and hands over each content that is complete with it.
    pub fn take(&mut self, mut piece: &[u8], mut found: impl FnMut(ContentHash, &[u8]) -> Result<()>) -> Result<()> {
        while !piece.is_empty() {
            let wanted = match self.length()? {
                None => HEAD_BYTES - self.begun.len(),
                Some(length) => HEAD_BYTES + length - self.begun.len(),
            };
            let (taken, rest) = piece.split_at(wanted.min(piece.len()));
            self.begun.extend_from_slice(taken);
            piece = rest;
            if let Some(length) = self.length()?
                && self.begun.len() == HEAD_BYTES + length
            {
                self.hand_over(&mut found)?;
            }
        }
        Ok(())
    }

    /// The bundle is over. Fails if it ends within a content.
    pub fn end(self) -> Result<usize> {
        if self.begun.is_empty() {
            return Ok(self.contents);
        }
        Err(Error::bad_input("the bundle ends within a content"))
    }

    /// Length of the content that has begun; none while its head is not complete.
    fn length(&self) -> Result<Option<usize>> {
        let Some(length) = self.begun.get(HASH_BYTES..HEAD_BYTES) else {
            return Ok(None);
        };
        let length = length.try_into().map_or(u32::MAX, u32::from_le_bytes);
        if u64::from(length) > BUNDLED_BYTES_MAX {
            return Err(Error::bad_input(format!(
                "a content of {length} bytes is too long for a bundle: {BUNDLED_BYTES_MAX} at most"
            ))
            .hint("send it by itself"));
        }
        Ok(usize::try_from(length).ok())
    }

    fn hand_over(&mut self, found: &mut impl FnMut(ContentHash, &[u8]) -> Result<()>) -> Result<()> {
        self.contents += 1;
        if self.contents > BUNDLE_CONTENTS_MAX {
            return Err(Error::bad_input(format!(
                "a bundle has at most {BUNDLE_CONTENTS_MAX} contents"
            )));
        }
        let (head, content) = self.begun.split_at(HEAD_BYTES);
        let mut announced = [0; HASH_BYTES];
        announced.copy_from_slice(&head[..HASH_BYTES]);
        let (announced, hash) = (ContentHash(announced), ContentHash(*blake3::hash(content).as_bytes()));
        if hash != announced {
            return Err(
                Error::bad_input(format!("what arrived has the hash {hash} where {announced} was announced"))
                    .hint("the file may have been changed while it was sent; send it again"),
            );
        }
        found(hash, content)?;
        self.begun.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8]) -> ContentHash {
        ContentHash(*blake3::hash(bytes).as_bytes())
    }

    fn bundle(contents: &[&[u8]]) -> Vec<u8> {
        let mut bundle = Vec::new();
        for content in contents {
            append_to_bundle(&mut bundle, hash(content), content);
        }
        bundle
    }

    fn taken_apart(bundle: &[u8], piece_bytes: usize) -> Result<Vec<Vec<u8>>> {
        let (mut unbundling, mut found) = (Unbundling::default(), Vec::new());
        for piece in bundle.chunks(piece_bytes) {
            unbundling.take(piece, |hash, content| {
                assert_eq!(hash, self::hash(content));
                found.push(content.to_vec());
                Ok(())
            })?;
        }
        assert_eq!(unbundling.end()?, found.len());
        Ok(found)
    }

    #[test]
    fn what_goes_into_a_bundle_comes_out_of_it_however_it_is_cut() {
        let contents: [&[u8]; 4] = [b"wood", b"", b"bark and branches", b"w"];
        let bundle = bundle(&contents);
        for piece_bytes in 1..=bundle.len() {
            assert_eq!(taken_apart(&bundle, piece_bytes).unwrap(), contents);
        }
        assert!(taken_apart(b"", 1).unwrap().is_empty());
    }

    #[test]
    fn a_bundle_that_is_not_what_it_says_is_refused() {
        let whole = bundle(&[b"wood", b"bark"]);
        let sentence = |bundle: &[u8]| taken_apart(bundle, 7).unwrap_err().to_string();
        assert!(sentence(&whole[..whole.len() - 1]).contains("ends within a content"));
        assert!(sentence(&whole[..50]).contains("ends within a content"));
        let mut other = whole.clone();
        *other.last_mut().unwrap() ^= 1;
        assert!(sentence(&other).contains("has the hash"));
        let mut long = whole.clone();
        long[34] = 0xff;
        assert!(sentence(&long).contains("too long for a bundle"));
        let many = bundle(&vec![&b""[..]; BUNDLE_CONTENTS_MAX + 1]);
        assert!(sentence(&many).contains("at most 2048 contents"));
    }
}
