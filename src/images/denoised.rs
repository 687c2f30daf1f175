//! A frame whose noisy pictures give way to denoised ones, as if it had been denoised while it was rendered.

use super::{headers, read, write};
use crate::error::{Error, Result};
use exr::prelude::{AnyChannel, AnyChannels, FlatSamples, Text};
use std::path::Path;

/// A Blender's compositor calls its own result so.
const COMPOSITED: &str = "Composite";

/// The denoised picture of a view layer.
#[derive(Debug, Clone, Copy)]
pub struct DenoisedPicture<'a> {
    /// The view layer.
    pub layer: &'a str,
    /// Where it lies.
    pub path: &'a Path,
    /// Whether what the denoiser looked at stays in the frame.
    pub keeps_data: bool,
}

/// Writes a frame with the denoised pictures of these view layers; the noisy ones stay in it as passes `Noisy Image`, as
/// Cycles has them. The file is not whole before this returns: give it a temporary name.
pub fn take_denoised(frame: &Path, pictures: &[DenoisedPicture<'_>], output: &Path) -> Result<()> {
    headers(frame)?;
    let mut whole = read(frame)?;
    for denoised in pictures {
        let layer = denoised.layer;
        let lacks = |what: &str| Error::bad_input(format!("{} has no {what} of the view layer {layer:?}", frame.display()));
        let part = whole
            .layer_data
            .iter_mut()
            .find(|part| find(&part.channel_data.list, &format!("{layer}.Combined.R")).is_some())
            .ok_or_else(|| lacks("picture"))?;
        let mut channels: Vec<AnyChannel<FlatSamples>> = part.channel_data.list.drain(..).collect();
        if !denoised.keeps_data {
            let data = format!("{layer}.Denoising ");
            channels.retain(|channel| !channel.name.as_slice().starts_with(data.as_bytes()));
        }
        for letter in ["R", "G", "B", "A"] {
            let place = find(&channels, &format!("{layer}.Combined.{letter}")).ok_or_else(|| lacks("colour"))?;
            let mut noisy = channels[place].clone();
            noisy.name = Text::from_bytes_unchecked(format!("{layer}.Noisy Image.{letter}").into_bytes().into());
            channels.push(noisy);
        }
        headers(denoised.path)?;
        let mut found = read(denoised.path)?;
        for letter in ["R", "G", "B"] {
            let name = format!("{COMPOSITED}.Combined.{letter}");
            let mut samples = found.layer_data.iter_mut().filter_map(|part| {
                let place = find(&part.channel_data.list, &name)?;
                Some(part.channel_data.list.swap_remove(place).sample_data)
            });
            let samples = samples
                .next()
                .filter(|samples| samples.len() == part.size.area())
                .ok_or_else(|| Error::blender(format!("Blender left a denoised picture of {layer:?} that does not fit")))?;
            if let Some(place) = find(&channels, &format!("{layer}.Combined.{letter}")) {
                channels[place].sample_data = samples;
            }
        }
        part.channel_data = AnyChannels::sort(channels.into_iter().collect());
    }
    write(&whole, output)
}

fn find(channels: &[AnyChannel<FlatSamples>], name: &str) -> Option<usize> {
    channels.iter().position(|channel| channel.name.as_slice() == name.as_bytes())
}
