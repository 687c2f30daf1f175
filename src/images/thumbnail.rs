//! Small pictures of multilayer EXR files, for people who look through a job.
//!
//! What is shown is the Combined pass of the first view layer, from linear light to sRGB. Blender's own view transform and
//! the compositor are not applied: this is a preview, not the picture. Memory is that of one block and of the small picture.

use super::{decode, headers, png};
use crate::error::{Error, Result};
use exr::block::lines::LineRef;
use exr::block::reader::ChunksReader as _;
use exr::block::{BlockIndex, UncompressedBlock};
use exr::error::UnitResult;
use exr::meta::Headers;
use exr::meta::attribute::{ChannelDescription, ChannelList, SampleType};
use exr::prelude::f16;
use std::path::Path;

/// Narrowest and widest picture.
pub const THUMBNAIL_WIDTH_RANGE: std::ops::RangeInclusive<u32> = 16..=1920;
/// How wide a picture is if nobody says: so slaves make them ahead.
pub const THUMBNAIL_WIDTH: u32 = 240;
/// Highest picture, so that a file one pixel wide cannot ask for more memory than a broad one.
const HEIGHT_MAX: u32 = 4_096;
/// Red, green, blue, alpha.
const CHANNELS: usize = 4;

/// A picture of a file as PNG, `width` pixels wide or as wide as the file if that is less.
pub fn thumbnail(path: &Path, width: u32) -> Result<Vec<u8>> {
    let headers = headers(path)?;
    let mut painting = Painting::begin(&headers, width)
        .ok_or_else(|| Error::bad_input(format!("{} holds no picture that could be shown", path.display())))?;
    decode(path, || {
        let file = std::io::BufReader::new(std::fs::File::open(path)?);
        let reader = exr::block::read(file, false)?;
        let chunks = reader.filter_chunks(false, |_, _, block| painting.shows(block))?;
        for block in chunks.sequential_decompressor(false) {
            painting.add(&block?)?;
        }
        Ok(())
    })?;
    Ok(painting.png())
}

/// A small picture that becomes complete block by block.
pub(super) struct Painting {
    /// The part of the file that is shown, its channels, and which of them are the colours.
    part: usize,
    channels: ChannelList,
    sources: [Option<usize>; CHANNELS],
    small: Small,
}

impl Painting {
    /// An empty one of a file with these parts; none if it holds nothing that could be shown.
    pub(super) fn begin(headers: &Headers, width: u32) -> Option<Self> {
        headers.iter().enumerate().find_map(|(part, header)| {
            let sources = combined(&header.channels.list)?;
            let size = header.layer_size;
            Some(Self {
                part,
                channels: header.channels.clone(),
                sources,
                small: Small::new(size.width(), size.height(), width),
            })
        })
    }

    /// Whether anything of a block is shown: only the largest of several resolutions is.
    fn shows(&self, block: BlockIndex) -> bool {
        block.layer == self.part && block.level.x() == 0 && block.level.y() == 0
    }

    /// Takes in what is shown of a block.
    pub(super) fn add(&mut self, block: &UncompressedBlock) -> UnitResult {
        if !self.shows(block.index) {
            return Ok(());
        }
        for line in block.lines(&self.channels) {
            let channel = line.location.channel;
            let targets = (0..CHANNELS).filter(|target| self.sources[*target] == Some(channel));
            for target in targets {
                add_line(&mut self.small, target, &line, &self.channels.list[channel])?;
            }
        }
        Ok(())
    }

    /// What was taken in, as PNG.
    pub(super) fn png(&self) -> Vec<u8> {
        let has_alpha = self.sources[3].is_some();
        let channels = if has_alpha { 4 } else { 3 };
        png::encode(self.small.width, channels, &self.small.pixels(has_alpha))
    }
}

/// The places of red, green, blue and alpha among the channels. What has no colours is shown in grey.
fn combined(channels: &[ChannelDescription]) -> Option<[Option<usize>; CHANNELS]> {
    let names: Vec<String> = channels.iter().map(|channel| channel.name.to_string()).collect();
    let full = |channel: &ChannelDescription| channel.sampling.x() == 1 && channel.sampling.y() == 1;
    let place = |name: &str| names.iter().position(|it| it == name).filter(|place| full(&channels[*place]));
    let last = |name: &&String, end: &str| name.rsplit_once('.').is_some_and(|(_, last)| last == end);
    let red = names
        .iter()
        .find(|name| last(name, "R") && name.contains(".Combined."))
        .or_else(|| names.iter().find(|name| *name == "R"))
        .or_else(|| names.iter().find(|name| last(name, "R")))?;
    let stem = red.strip_suffix('R')?;
    let of = |letter: &str| place(&format!("{stem}{letter}"));
    let red = of("R")?;
    Some([Some(red), of("G").or(Some(red)), of("B").or(Some(red)), of("A")])
}

/// How large a picture is made that is to be so wide.
pub(super) fn small_size(wide: usize, high: usize, width: u32) -> (u32, u32) {
    let (wide, high) = (wide.max(1), high.max(1));
    let width = usize::try_from(width).unwrap_or(1).clamp(1, wide);
    let height = (high * width).div_ceil(wide).clamp(1, HEIGHT_MAX as usize).min(high);
    (u32::try_from(width).unwrap_or(1), u32::try_from(height).unwrap_or(1))
}

/// Sums of the samples that fall on each small pixel.
struct Small {
    source: (usize, usize),
    width: u32,
    height: u32,
    sums: Vec<[f32; CHANNELS]>,
}

impl Small {
    fn new(source_width: usize, source_height: usize, width: u32) -> Self {
        let (width, height) = small_size(source_width, source_height, width);
        Self {
            source: (source_width.max(1), source_height.max(1)),
            width,
            height,
            sums: vec![[0.0; CHANNELS]; width as usize * height as usize],
        }
    }

    fn add(&mut self, channel: usize, x: usize, y: usize, sample: f32) {
        let (wide, high) = self.source;
        let (width, height) = (self.width as usize, self.height as usize);
        let place = (y.min(high - 1) * height / high) * width + x.min(wide - 1) * width / wide;
        // What is no number, or endless, would spoil all its neighbours.
        let sample = if sample.is_finite() { sample } else { 0.0 };
        self.sums[place][channel] += sample;
    }

    /// How many samples fall on the small pixel at a place of a side.
    fn count(place: usize, small: usize, large: usize) -> usize {
        let first = |place: usize| (place * large).div_ceil(small);
        first(place + 1) - first(place)
    }

    /// The bytes of all pixels in sRGB. With alpha, colours are no longer multiplied by it, as PNG wants them.
    fn pixels(&self, has_alpha: bool) -> Vec<u8> {
        let (width, height) = (self.width as usize, self.height as usize);
        let mut bytes = Vec::with_capacity(self.sums.len() * CHANNELS);
        for (place, sums) in self.sums.iter().enumerate() {
            let columns = Self::count(place % width, width, self.source.0);
            let rows = Self::count(place / width, height, self.source.1);
            let means = sums.map(|sum| sum / (columns * rows) as f32);
            let alpha = if has_alpha { means[3].clamp(0.0, 1.0) } else { 1.0 };
            let scale = if alpha > 0.0 { 1.0 / alpha } else { 0.0 };
            bytes.extend(means[..3].iter().map(|mean| byte_of(srgb(mean * scale))));
            if has_alpha {
                bytes.push(byte_of(alpha));
            }
        }
        bytes
    }
}

fn add_line(small: &mut Small, target: usize, line: &LineRef<'_>, channel: &ChannelDescription) -> UnitResult {
    let (left, y) = (line.location.position.x(), line.location.position.y());
    let mut add = |x: usize, sample: f32| small.add(target, left + x, y, sample);
    match channel.sample_type {
        SampleType::F32 => {
            for (x, sample) in line.read_samples::<f32>().enumerate() {
                add(x, sample?);
            }
        }
        SampleType::F16 => {
            for (x, sample) in line.read_samples::<f16>().enumerate() {
                add(x, sample?.to_f32());
            }
        }
        // Numbers of objects and materials: no colours.
        SampleType::U32 => {}
    }
    Ok(())
}

/// From linear light to sRGB.
fn srgb(linear: f32) -> f32 {
    if linear <= 0.003_130_8 {
        linear * 12.92
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 255"
)]
fn byte_of(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::verify_and_show;
    use exr::prelude::{AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, LayerAttributes, WritableImage as _};

    /// An EXR whose channels are given by a function of their place.
    fn picture(path: &Path, size: (usize, usize), channels: &[&str], sample: impl Fn(usize, usize, usize) -> f32) {
        let list = channels.iter().enumerate().map(|(channel, name)| {
            let samples = (0..size.0 * size.1).map(|place| sample(channel, place % size.0, place / size.0));
            AnyChannel::new(*name, FlatSamples::F32(samples.collect()))
        });
        let layer = Layer::new(
            size,
            LayerAttributes::default(),
            Encoding::SMALL_LOSSLESS,
            AnyChannels::sort(list.collect()),
        );
        Image::from_layer(layer).write().to_file(path).unwrap();
    }

    /// Width, height, colour type and unfiltered pixels of a PNG of ours.
    fn read(png: &[u8]) -> (u32, u32, Vec<Vec<u8>>) {
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        let (width, height) = (number(16), number(20));
        let channels = if png[25] == 6 { 4 } else { 3 };
        let at = png.windows(4).position(|it| it == b"IDAT").unwrap();
        let length = number(at - 4) as usize;
        let mut rows = miniz_oxide::inflate::decompress_to_vec_zlib(&png[at + 4..at + 4 + length]).unwrap();
        let mut pixels = Vec::new();
        for row in rows.chunks_exact_mut(1 + width as usize * channels) {
            for place in 1 + channels..row.len() {
                row[place] = row[place].wrapping_add(row[place - channels]);
            }
            pixels.extend(row[1..].chunks(channels).map(<[u8]>::to_vec));
        }
        (width, height, pixels)
    }

    #[test]
    fn the_combined_pass_is_shown_and_shrunk_to_means() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.exr");
        let names = [
            "V.Combined.R",
            "V.Combined.G",
            "V.Combined.B",
            "V.Combined.A",
            "V.AO.R",
            "V.Depth.Z",
        ];
        // Left half red, right half a half-transparent green; the other passes would be seen at once.
        picture(&path, (8, 4), &names, |channel, x, _| match (channel, x < 4) {
            (0 | 3, true) => 1.0,
            (1 | 3, false) => 0.5,
            (4 | 5, _) => 9.0,
            _ => 0.0,
        });
        let (width, height, pixels) = read(&thumbnail(&path, 2).unwrap());
        assert_eq!((width, height), (2, 1));
        assert_eq!(pixels, [[255, 0, 0, 255], [0, 255, 0, 128]]);
    }

    #[test]
    fn grey_odd_sizes_and_what_is_no_number_are_shown_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.exr");
        picture(&path, (7, 5), &["L.Combined.R"], |_, x, y| match (x, y) {
            (0, 0) => f32::NAN,
            (1, 0) => f32::INFINITY,
            _ => 0.214_041_14,
        });
        let (width, height, pixels) = read(&thumbnail(&path, 1920).unwrap());
        assert_eq!((width, height), (7, 5), "nothing is made larger");
        assert_eq!(
            (&pixels[0], &pixels[1], &pixels[2]),
            (&vec![0; 3], &vec![0; 3], &vec![128, 128, 128])
        );
        for wanted in 2..7 {
            let (width, _, pixels) = read(&thumbnail(&path, wanted).unwrap());
            assert_eq!(width, wanted);
            assert_eq!(
                pixels.last(),
                Some(&vec![128, 128, 128]),
                "each pixel is the mean of its own samples"
            );
        }
    }

    #[test]
    fn a_file_that_is_checked_is_shown_as_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.exr");
        picture(&path, (9, 7), &["L.Combined.R", "L.Depth.Z"], |channel, x, y| {
            (x * y + channel) as f32 / 64.0
        });
        let shown = verify_and_show(&path, Some((9, 7)), 4).unwrap();
        assert_eq!(shown, Some(thumbnail(&path, 4).unwrap()));
        picture(&path, (9, 7), &["L.Depth.Z"], |_, _, _| 1.0);
        assert_eq!(verify_and_show(&path, None, 4).unwrap(), None);
        std::fs::write(&path, &std::fs::read(&path).unwrap()[..300]).unwrap();
        assert!(verify_and_show(&path, None, 4).is_err());
    }

    #[test]
    fn what_is_no_picture_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.exr");
        picture(&path, (2, 2), &["L.Depth.Z"], |_, _, _| 1.0);
        assert!(
            thumbnail(&path, 2)
                .unwrap_err()
                .message
                .contains("no picture that could be shown")
        );
        std::fs::write(&path, b"no picture").unwrap();
        assert!(thumbnail(&path, 2).is_err());
    }
}
