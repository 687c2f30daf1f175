//! Small pictures for people, written as PNG.
//!
//! Absences: only what previews need can be written, 8 bits a channel, with or without alpha, and only what is written so is read.

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Effort of the compression, 1 to 10: beyond this, previews hardly shrink any more.
const LEVEL: u8 = 6;
const BITS: u8 = 8;
const COLOR_RGB: u8 = 2;
const COLOR_RGBA: u8 = 6;
/// Each byte as its difference to the same channel of the pixel before: pictures compress well so.
const FILTER_SUB: u8 = 1;
/// Most pixels that are read back: more than any preview has.
const PIXELS_MAX: u64 = 1 << 23;

/// A picture that was read back.
#[derive(Debug)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    channels: usize,
    bytes: Vec<u8>,
}

impl Pixels {
    /// Red, green, blue and alpha of a place in it.
    pub(super) fn pixel(&self, x: usize, y: usize) -> [u8; 4] {
        let at = (y * self.width as usize + x) * self.channels;
        match self.bytes.get(at..at + self.channels) {
            Some([red, green, blue, alpha]) => [*red, *green, *blue, *alpha],
            Some([red, green, blue]) => [*red, *green, *blue, u8::MAX],
            _ => [0; 4],
        }
    }
}

/// A PNG of rows from top to bottom, each of `width` pixels with `channels` (3 or 4) bytes in sRGB.
pub(super) fn encode(width: u32, channels: usize, pixels: &[u8]) -> Vec<u8> {
    let row_bytes = width as usize * channels;
    let mut filtered = Vec::with_capacity(pixels.len() + pixels.len() / row_bytes.max(1));
    for row in pixels.chunks_exact(row_bytes.max(1)) {
        filtered.push(FILTER_SUB);
        let before = std::iter::repeat_n(&0, channels).chain(row);
        filtered.extend(row.iter().zip(before).map(|(byte, before)| byte.wrapping_sub(*before)));
    }
    let height = u32::try_from(pixels.len() / row_bytes.max(1)).unwrap_or(0);
    let color = if channels == 4 { COLOR_RGBA } else { COLOR_RGB };
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([BITS, color, 0, 0, 0]);

    let mut file = SIGNATURE.to_vec();
    push_chunk(&mut file, *b"IHDR", &header);
    push_chunk(&mut file, *b"sRGB", &[0]);
    push_chunk(&mut file, *b"IDAT", &compress_to_vec_zlib(&filtered, LEVEL));
    push_chunk(&mut file, *b"IEND", &[]);
    file
}

/// Width and height of a PNG that begins and ends as those of [`encode`] do; none for anything else.
#[must_use]
pub fn png_size(file: &[u8]) -> Option<(u32, u32)> {
    let mut end = Vec::new();
    push_chunk(&mut end, *b"IEND", &[]);
    let header = file.strip_prefix(&SIGNATURE)?.strip_prefix(b"\0\0\0\rIHDR")?;
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    let size = (number(0)?, number(4)?);
    file.ends_with(&end).then_some(size)
}

/// A file as [`encode`] writes them; none for any other, such as one that is cut short.
pub(super) fn decode(file: &[u8]) -> Option<Pixels> {
    let (width, height) = png_size(file)?;
    let channels = match file.get(24..29)? {
        [BITS, COLOR_RGB, 0, 0, 0] => 3,
        [BITS, COLOR_RGBA, 0, 0, 0] => 4,
        _ => return None,
    };
    if width == 0 || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return None;
    }
    let row_bytes = 1 + width as usize * channels;
    let packed = file.get(8..).and_then(content_of)?;
    let rows = decompress_to_vec_zlib_with_limit(packed, row_bytes * height as usize).ok()?;
    let mut bytes = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(row_bytes) {
        let (FILTER_SUB, row) = row.split_first().map(|(filter, row)| (*filter, row))? else {
            return None;
        };
        let begin = bytes.len();
        for (place, difference) in row.iter().enumerate() {
            let before = if place < channels {
                0
            } else {
                bytes[begin + place - channels]
            };
            bytes.push(difference.wrapping_add(before));
        }
    }
    (bytes.len() == (row_bytes - 1) * height as usize).then_some(Pixels {
        width,
        height,
        channels,
        bytes,
    })
}

/// The first IDAT among chunks; [`encode`] writes one.
fn content_of(mut chunks: &[u8]) -> Option<&[u8]> {
    loop {
        let (length, rest) = chunks.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        if kind == b"IDAT" {
            return rest.get(..length);
        }
        // The checksum follows.
        chunks = rest.get(length.checked_add(4)?..)?;
    }
}

fn push_chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let begin = file.len();
    file.extend(kind);
    file.extend(data);
    let sum = crc32(&file[begin..]);
    file.extend(sum.to_be_bytes());
}

/// The checksum that PNG asks for. Bit by bit: previews are small.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let step = |sum: u32, _| (sum >> 1) ^ (POLYNOMIAL * (sum & 1));
    !bytes
        .iter()
        .fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_picture_is_read_back_as_it_was() {
        let pixels: Vec<u8> = (0..2 * 3 * 4).map(|byte| byte * 9).collect();
        let file = encode(2, 4, &pixels);
        assert!(file.starts_with(&SIGNATURE) && file.ends_with(b"IEND\xaeB`\x82"));
        assert_eq!(png_size(&file), Some((2, 3)));
        assert!((0..file.len()).all(|length| png_size(&file[..length]).is_none()), "cut short");
        let read = decode(&file).unwrap();
        assert_eq!((read.width, read.height, read.bytes), (2, 3, pixels));
        let opaque = decode(&encode(1, 3, &[1, 2, 3])).unwrap();
        assert_eq!((opaque.pixel(0, 0), opaque.pixel(0, 1)), ([1, 2, 3, 255], [0; 4]));
        assert!((0..file.len()).all(|length| decode(&file[..length]).is_none()));
    }
}
