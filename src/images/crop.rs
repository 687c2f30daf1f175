//! A tile without what was rendered around it.

use super::{headers, read, write};
use crate::error::{Error, Result};
use exr::prelude::{FlatSamples, IntegerBounds, Vec2};
use std::path::Path;

/// Cuts so many pixels off a picture at its left, top, right and bottom, after which it has this size; refuses one that is of
/// another size. The file is replaced as a whole.
pub fn crop(path: &Path, margins: [u32; 4], size: (u32, u32)) -> Result<()> {
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
    let mut picture = read(path)?;
    picture.attributes.display_window = IntegerBounds::from_dimensions(inner);
    for layer in &mut picture.layer_data {
        layer.size = inner;
        for channel in &mut layer.channel_data.list {
            if channel.sampling != Vec2(1, 1) {
                return Err(Error::bad_input(format!("{} has channels of other sizes", path.display())));
            }
            let keep = |row: usize| (row * outer.width() + left)..(row * outer.width() + left + inner.width());
            let rows = (top..top + inner.height()).map(keep);
            channel.sample_data = match &channel.sample_data {
                FlatSamples::F16(samples) => FlatSamples::F16(rows.flat_map(|row| samples[row].iter().copied()).collect()),
                FlatSamples::F32(samples) => FlatSamples::F32(rows.flat_map(|row| samples[row].iter().copied()).collect()),
                FlatSamples::U32(samples) => FlatSamples::U32(rows.flat_map(|row| samples[row].iter().copied()).collect()),
            };
        }
    }
    let part = path.with_extension("part");
    write(&picture, &part)?;
    std::fs::rename(&part, path).map_err(|error| Error::io("write", path, &error))
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
