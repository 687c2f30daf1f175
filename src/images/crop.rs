//! Tiles out of what was rendered: without what lies around them, and each by itself where several were rendered as one.

use super::{Picture, headers, read, write};
use crate::error::{Error, Result};
use crate::ids::Rectangle;
use exr::prelude::{AnyChannel, AnyChannels, FlatSamples, IntegerBounds, Layer, Vec2};
use std::path::{Path, PathBuf};

/// Cuts so many pixels off a picture at its left, top, right and bottom, after which it has this size; refuses one that is of
/// another size. The file is replaced as a whole.
pub fn crop(path: &Path, margins: [u32; 4], size: (u32, u32)) -> Result<()> {
    let all = Rectangle {
        columns: 0..size.0,
        rows: 0..size.1,
    };
    cut(path, margins, size, &[(all, path.to_path_buf())])
}

/// Writes parts of a picture to files, each of which is there as a whole or not at all; pixels are counted without the margins.
/// Refuses a picture of another size.
pub fn cut(path: &Path, margins: [u32; 4], size: (u32, u32), parts: &[(Rectangle, PathBuf)]) -> Result<()> {
    let [left, top, right, bottom] = margins.map(|pixels| pixels as usize);
    let inner = Vec2(size.0 as usize, size.1 as usize);
    let outer = Vec2(inner.width() + left + right, inner.height() + top + bottom);
    for header in headers(path)? {
        if header.layer_size != outer {
            return Err(Error::bad_input(format!(
                "{} is {}x{} pixels, not {}x{} and the overlap of its tile",
                path.display(),
                header.layer_size.width(),
                header.layer_size.height(),
                size.0,
                size.1
            )));
        }
    }
    let picture = read(path)?;
    let is_sampled = |layer: &Layer<AnyChannels<FlatSamples>>| {
        let mut channels = layer.channel_data.list.iter();
        channels.any(|channel| channel.sampling != Vec2(1, 1))
    };
    if picture.layer_data.iter().any(is_sampled) {
        return Err(Error::bad_input(format!("{} has channels of other sizes", path.display())));
    }
    for (place, output) in parts {
        let columns = place.columns.start as usize + left..place.columns.end as usize + left;
        let rows = place.rows.start as usize + top..place.rows.end as usize + top;
        if columns.is_empty() || rows.is_empty() || columns.end > left + inner.width() || rows.end > top + inner.height() {
            return Err(Error::internal(format!("{} has no such part", path.display())));
        }
        write(&part(&picture, outer, columns, rows), &unfinished(output))?;
    }
    for (_, output) in parts {
        std::fs::rename(unfinished(output), output).map_err(|error| Error::io("write", output, &error))?;
    }
    Ok(())
}

fn unfinished(output: &Path) -> PathBuf {
    output.with_extension("part")
}

fn part(picture: &Picture, outer: Vec2<usize>, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> Picture {
    let size = Vec2(columns.len(), rows.len());
    let mut attributes = picture.attributes.clone();
    attributes.display_window = IntegerBounds::from_dimensions(size);
    let kept = |channel: &AnyChannel<FlatSamples>| {
        let rows = rows
            .clone()
            .map(|row| row * outer.width() + columns.start..row * outer.width() + columns.end);
        let sample_data = match &channel.sample_data {
            FlatSamples::F16(samples) => FlatSamples::F16(rows.flat_map(|row| samples[row].iter().copied()).collect()),
            FlatSamples::F32(samples) => FlatSamples::F32(rows.flat_map(|row| samples[row].iter().copied()).collect()),
            FlatSamples::U32(samples) => FlatSamples::U32(rows.flat_map(|row| samples[row].iter().copied()).collect()),
        };
        AnyChannel {
            name: channel.name.clone(),
            sample_data,
            ..*channel
        }
    };
    let layers = picture.layer_data.iter().map(|layer| Layer {
        channel_data: AnyChannels {
            list: layer.channel_data.list.iter().map(kept).collect(),
        },
        attributes: layer.attributes.clone(),
        size,
        encoding: layer.encoding,
    });
    Picture {
        attributes,
        layer_data: layers.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::{inspect, verify};
    use exr::prelude::{AnyChannel, AnyChannels, Encoding, Image, Layer, LayerAttributes, f16};

    #[test]
    fn what_was_rendered_around_a_tile_is_cut_off_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tile.exr");
        let places = (0..7_u32).flat_map(|row| (0..9_u32).map(move |column| row * 100 + column));
        let channels = AnyChannels::sort(
            [
                AnyChannel::new("L.A.X", FlatSamples::U32(places.clone().collect())),
                AnyChannel::new("L.B.X", FlatSamples::F32(places.clone().map(|it| it as f32).collect())),
                AnyChannel::new("L.C.X", FlatSamples::F16(places.map(|it| f16::from_f32(it as f32)).collect())),
            ]
            .into_iter()
            .collect(),
        );
        let layer = Layer::new((9, 7), LayerAttributes::default(), Encoding::SMALL_LOSSLESS, channels);
        let picture = Image {
            attributes: exr::prelude::ImageAttributes::with_size((9, 7)),
            layer_data: [layer].into_iter().collect(),
        };
        write(&picture, &path).unwrap();
        let refusal = crop(&path, [2, 1, 0, 3], (7, 2)).unwrap_err().message;
        assert!(
            refusal.ends_with("is 9x7 pixels, not 7x2 and the overlap of its tile"),
            "{refusal}"
        );
        let halves = [
            (0..3, folder.path().join("left.exr")),
            (3..7, folder.path().join("right.exr")),
        ];
        let halves = halves.map(|(columns, path)| (Rectangle { columns, rows: 1..3 }, path));
        cut(&path, [2, 1, 0, 3], (7, 3), &halves).unwrap();
        for (place, output) in &halves {
            verify(output, Some(place.size())).unwrap();
            let samples = read(output).unwrap().layer_data[0].channel_data.list[0].sample_data.clone();
            let expected = (2_u8..4).flat_map(|row| {
                let columns = place.columns.clone();
                columns.map(move |column| f32::from(row) * 100.0 + 2.0 + column as f32)
            });
            assert!(samples.values_as_f32().eq(expected), "{place:?}");
        }
        let beyond = (
            Rectangle {
                columns: 0..8,
                rows: 0..3,
            },
            path.clone(),
        );
        cut(&path, [2, 1, 0, 3], (7, 3), &[beyond]).unwrap_err();
        crop(&path, [2, 1, 0, 3], (7, 3)).unwrap();
        verify(&path, Some((7, 3))).unwrap();
        assert_eq!(inspect(&path).unwrap().layers["L"].len(), 3);
        let expected: Vec<f32> = (1_u8..4)
            .flat_map(|row| (2_u8..9).map(move |column| f32::from(row) * 100.0 + f32::from(column)))
            .collect();
        for channel in &read(&path).unwrap().layer_data[0].channel_data.list {
            let found: Vec<f32> = channel.sample_data.values_as_f32().collect();
            assert_eq!(found, expected, "{}", channel.name);
        }
    }
}
