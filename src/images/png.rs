//! Small pictures for people, written as PNG.
//!
//! Absences: no pixel is read here, and only what previews need can be written: 8 bits a channel, with or without alpha.

use miniz_oxide::deflate::compress_to_vec_zlib;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Effort of the compression, 1 to 10: beyond this, previews hardly shrink any more.
const LEVEL: u8 = 6;
const BITS: u8 = 8;
const COLOR_RGB: u8 = 2;
const COLOR_RGBA: u8 = 6;
/// Each byte as its difference to the same channel of the pixel before: pictures compress well so.
const FILTER_SUB: u8 = 1;

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
        let at = file.windows(4).position(|it| it == b"IDAT").unwrap();
        let length = u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize;
        let mut rows = miniz_oxide::inflate::decompress_to_vec_zlib(&file[at + 4..at + 4 + length]).unwrap();
        for row in rows.chunks_exact_mut(1 + 2 * 4) {
            assert_eq!(row[0], FILTER_SUB);
            for place in 5..row.len() {
                row[place] = row[place].wrapping_add(row[place - 4]);
            }
        }
        let read: Vec<u8> = rows.chunks_exact(9).flat_map(|row| row[1..].to_vec()).collect();
        assert_eq!(read, pixels);
    }
}
