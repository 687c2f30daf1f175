//! Contents packed on their way (LZ4 frames): where they get so much smaller that it pays, and never on the disk.
//!
//! The hash is always that of the plain content. Nothing is believed of a packed body: who unpacks it says how long it may get.

use crate::error::{Error, Result};
use lz4_flex::frame::{BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use std::io::{Read, Write};

/// What is packed to see whether it pays.
pub const SAMPLE_BYTES: usize = 64 << 10;
/// It pays if no more than so many of a hundred bytes are left.
const LEFT_PERCENT_MAX: usize = 85;
/// Unpacked at once.
const PIECE_BYTES: usize = 256 << 10;

/// Whether packing pays, judged by the beginning of a content. What is packed already (a .blend saved with compression, a PNG)
/// or short shows no gain.
#[must_use]
pub fn packing_pays(sample: &[u8]) -> bool {
    let sample = &sample[..sample.len().min(SAMPLE_BYTES)];
    let packed = lz4_flex::block::compress(sample);
    !sample.is_empty() && packed.len() * 100 <= sample.len() * LEFT_PERCENT_MAX
}

/// How long so many bytes are at most when packed: a body that is longer is none of ours.
#[must_use]
pub fn packed_bytes_max(plain_bytes: u64) -> u64 {
    plain_bytes + plain_bytes / 1_024 + 4_096
}

/// Packs what comes out of `source` into `sink`; `packed` hears the plain bytes.
pub fn pack(mut source: impl Read, sink: impl Write, mut packed: impl FnMut(u64)) -> std::io::Result<()> {
    let mut info = FrameInfo::new();
    info.block_size = BlockSize::Max256KB;
    let mut encoder = FrameEncoder::with_frame_info(info, sink);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        encoder.write_all(&piece[..length])?;
        packed(length as u64);
    }
    encoder.finish().map(drop).map_err(std::io::Error::other)
}

/// Unpacks a body, handing over each piece. Fails if it is no packed body, becomes longer than `plain_bytes_max`, or has more
/// behind its end.
pub fn unpack(source: impl Read, plain_bytes_max: u64, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let failed = |error: &std::io::Error| Error::bad_input(format!("the packed body cannot be unpacked: {error}"));
    let mut decoder = FrameDecoder::new(source);
    let (mut piece, mut plain_bytes) = (vec![0; PIECE_BYTES], 0);
    loop {
        let length = match decoder.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(&error)),
        };
        plain_bytes += length as u64;
        if plain_bytes > plain_bytes_max {
            return Err(Error::bad_input(format!(
                "the packed body is longer than the {plain_bytes_max} bytes that were announced"
            )));
        }
        take(&piece[..length])?;
    }
    match decoder.into_inner().read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Error::bad_input("the packed body has more behind its end")),
        Err(error) => Err(failed(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let (mut packed, mut told) = (Vec::new(), 0);
        pack(plain, &mut packed, |bytes| told += bytes).unwrap();
        assert_eq!(told, plain.len() as u64);
        assert!(packed.len() as u64 <= packed_bytes_max(plain.len() as u64));
        packed
    }

    fn unpacked(packed: &[u8], plain_bytes_max: u64) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        unpack(packed, plain_bytes_max, |piece| {
            plain.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(plain)
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(7);
        std::iter::repeat_with(|| random.u8(..)).take(bytes).collect()
    }

    #[test]
    fn what_is_packed_is_unpacked_the_same() {
        for plain in [Vec::new(), b"v 0.1 0.2 0.3\n".repeat(100_000), noise(1 << 20)] {
            assert_eq!(unpacked(&packed(&plain), plain.len() as u64).unwrap(), plain);
        }
    }

    #[test]
    fn a_packed_body_that_is_not_what_it_says_is_refused_within_its_bounds() {
        let sentence = |packed: &[u8], max| unpacked(packed, max).unwrap_err().to_string();
        let bomb = packed(&vec![0; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert!(sentence(&bomb, 1_000).contains("longer than the 1000 bytes"));
        let whole = packed(&noise(100_000));
        assert!(sentence(&whole[..whole.len() / 2], 100_000).contains("cannot be unpacked"));
        assert!(sentence(b"no LZ4 at all, whatever they say", 100).contains("cannot be unpacked"));
        let longer = [&whole[..], &b"x"[..]].concat();
        assert!(!sentence(&longer, 100_000).is_empty());
    }

    #[test]
    fn packing_pays_for_what_gets_smaller() {
        assert!(packing_pays(&b"v 0.1 0.2 0.3\n".repeat(1_000)));
        assert!(!packing_pays(&noise(SAMPLE_BYTES)));
        assert!(!packing_pays(b"") && !packing_pays(b"short"));
    }
}
