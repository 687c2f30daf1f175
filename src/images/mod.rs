//! Multilayer EXR files: what is in them, whether they are whole, whether two hold the same picture, what they look like, how
//! tiles become one picture, large or small.
//!
//! Files come from other machines: whatever they claim is checked before memory is taken for it, and a decoder that panics
//! is an answer like any other.

mod assemble;
mod bands;
mod compare;
mod crop;
mod denoised;
mod inspect;
mod mosaic;
mod png;
mod render_time;
mod thumbnail;
mod verify;

pub use assemble::{assemble, assembled_bytes};
pub use compare::{Comparison, compare};
pub use crop::{crop, cut};
pub use denoised::{DenoisedPicture, take_denoised};
pub use inspect::{ExrInfo, inspect};
pub use mosaic::Mosaic;
pub use png::png_size;
pub use thumbnail::{THUMBNAIL_WIDTH, THUMBNAIL_WIDTH_RANGE, thumbnail};
pub use verify::{verify, verify_and_show};

use crate::error::{Error, Result};
use exr::prelude::{AnyChannels, FlatSamples, Image, Layers, ReadChannels as _, ReadLayers as _, WritableImage as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Largest picture that is looked at: 64k by 16k pixels.
const PIXELS_MAX: u64 = 1 << 30;
/// Most channels over all parts: far beyond what any scene of a hundred passes and layers has.
const CHANNELS_MAX: usize = 16_384;

/// Most samples over all channels and parts: 32 GiB, which a file of a few bytes could claim.
const SAMPLES_MAX: u64 = 1 << 33;

/// Runs a decoder; its errors and panics become one sentence about the file.
fn decode<T>(path: &Path, decoder: impl FnOnce() -> exr::error::Result<T>) -> Result<T> {
    let damaged = |why: &str| Error::bad_input(format!("{} is cut short, damaged or no EXR file: {why}", path.display()));
    match catch_unwind(AssertUnwindSafe(decoder)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(exr::error::Error::Io(error))) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Error::io("read", path, &error))
        }
        Ok(Err(error)) => Err(damaged(&error.to_string())),
        Err(_) => Err(damaged("it cannot be decoded")),
    }
}

/// A picture with all its parts and channels.
type Picture = Image<Layers<AnyChannels<FlatSamples>>>;

/// Reads a whole picture. Its claims are to be checked before ([`headers`]).
fn read(path: &Path) -> Result<Picture> {
    decode(path, || {
        exr::prelude::read()
            .no_deep_data()
            .largest_resolution_level()
            .all_channels()
            .all_layers()
            .all_attributes()
            .non_parallel()
            .from_file(path)
    })
}

/// Writes a picture; the file is not whole before this returns.
fn write(picture: &Picture, output: &Path) -> Result<()> {
    picture.write().to_file(output).map_err(|error| unwritten(output, error))
}

fn unwritten(output: &Path, error: exr::error::Error) -> Error {
    match error {
        exr::error::Error::Io(error) => Error::io("write", output, &error),
        error => Error::internal(format!("{} could not be written: {error}", output.display())),
    }
}

/// Reads the headers of all parts and refuses claims beyond the limits.
fn headers(path: &Path) -> Result<exr::meta::Headers> {
    let headers = decode(path, || Ok(exr::meta::MetaData::read_from_file(path, false)?.headers))?;
    let channels: usize = headers.iter().map(|header| header.channels.list.len()).sum();
    let pixels = headers
        .iter()
        .map(|header| header.layer_size.area() as u64)
        .max()
        .unwrap_or(0);
    check_claims(channels, pixels, &path.display().to_string())?;
    Ok(headers)
}

/// Refuses a picture that is larger than any render.
fn check_claims(channels: usize, pixels: u64, what: &str) -> Result<()> {
    if channels > CHANNELS_MAX || pixels > PIXELS_MAX || pixels.saturating_mul(channels as u64) > SAMPLES_MAX {
        return Err(Error::bad_input(format!(
            "{what} claims {channels} channels of {pixels} pixels, more than any render has"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use exr::prelude::{AnyChannel, AnyChannels, Encoding, FlatSamples, Image, Layer, LayerAttributes};
    use std::path::PathBuf;

    const NAN_OF_ANOTHER_KIND: u32 = 0x7fc0_0001;

    /// An EXR of 4x3 pixels with these channels, each of one value but for its last sample.
    fn picture(folder: &Path, name: &str, channels: &[(&str, f32)]) -> PathBuf {
        let list = channels.iter().map(|(name, last)| {
            let mut samples = vec![0.5; 12];
            samples[11] = *last;
            AnyChannel::new(*name, FlatSamples::F32(samples))
        });
        let channels = AnyChannels::sort(list.collect());
        let layer = Layer::new((4, 3), LayerAttributes::default(), Encoding::SMALL_LOSSLESS, channels);
        let path = folder.join(name);
        Image::from_layer(layer).write().to_file(&path).unwrap();
        path
    }

    #[test]
    fn one_sample_in_one_channel_makes_the_difference() {
        let folder = tempfile::tempdir().unwrap();
        let nan = f32::from_bits(NAN_OF_ANOTHER_KIND);
        let left = picture(
            folder.path(),
            "left",
            &[("L.Combined.R", nan), ("L.Combined.G", 1.0), ("L.Depth.Z", 9.0)],
        );
        let right = picture(
            folder.path(),
            "right",
            &[("L.Combined.R", nan), ("L.Combined.G", 1.25), ("L.Mist.Z", 9.0)],
        );
        assert!(compare(&left, &left).unwrap().is_identical());
        let expected = Comparison {
            channels: 2,
            differing_samples: 1,
            missing_left: vec!["L.Mist.Z".to_owned()],
            missing_right: vec!["L.Depth.Z".to_owned()],
            max_difference: 0.25,
        };
        assert_eq!(compare(&left, &right).unwrap(), expected);
        let other_nan = picture(
            folder.path(),
            "nan",
            &[("L.Combined.R", f32::NAN), ("L.Combined.G", 1.0), ("L.Depth.Z", 9.0)],
        );
        assert_eq!(compare(&left, &other_nan).unwrap().differing_samples, 1);
    }

    #[test]
    fn layers_passes_and_channels_are_told_in_the_order_of_blender() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["A", "B", "G", "R"].map(|letter| format!("View.Layer.Combined.{letter}"));
        let channels: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), 1.0))
            .chain([("Other.UV.V", 1.0), ("Other.UV.U", 1.0)])
            .collect();
        let info = inspect(&picture(folder.path(), "many", &channels)).unwrap();
        assert_eq!((info.width, info.height), (4, 3));
        assert_eq!(info.layers["View.Layer"]["Combined"], "RGBA");
        assert_eq!(info.layers["Other"]["UV"], "UV");
    }

    #[test]
    fn whole_files_pass_and_every_shortened_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = picture(folder.path(), "whole", &[("L.Combined.R", 1.0), ("L.Depth.Z", 9.0)]);
        verify(&path, Some((4, 3))).unwrap();
        assert!(
            verify(&path, Some((3, 4)))
                .unwrap_err()
                .message
                .contains("is 4x3 pixels, not 3x4")
        );
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(verify(&path, None).is_err(), "cut to {length} of {} bytes", whole.len());
        }
    }

    #[test]
    fn damage_anywhere_is_an_answer_and_never_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = picture(folder.path(), "whole", &[("L.Combined.R", 1.0)]);
        let whole = std::fs::read(&path).unwrap();
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..500 {
            let mut damaged = whole.clone();
            damaged[random.usize(..whole.len())] = random.u8(..);
            std::fs::write(&path, damaged).unwrap();
            // Either answer will do: a changed pixel is no damage that a file could show.
            let _ = (inspect(&path), verify(&path, None), compare(&path, &path));
        }
    }
}
