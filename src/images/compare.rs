//! Whether two files hold the same picture, channel by channel, bit by bit.

use super::{headers, read};
use crate::error::Result;
use exr::prelude::{FlatSamples, f16};
use std::collections::BTreeMap;
use std::path::Path;

/// How two files differ. Same picture: [`Comparison::is_identical`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// Channels that both have.
    pub channels: usize,
    /// Samples of those that differ in any bit (all of a channel whose size or type differs).
    pub differing_samples: u64,
    /// Channels that only the right one has.
    pub missing_left: Vec<String>,
    /// Channels that only the left one has.
    pub missing_right: Vec<String>,
    /// Largest difference of two samples; infinite where only one is a number.
    pub max_difference: f64,
}

impl Comparison {
    /// Whether both have the same channels with the same bits.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.channels > 0 && self.differing_samples == 0 && self.missing_left.is_empty() && self.missing_right.is_empty()
    }
}

/// Compares every channel of two EXR files, however they are cut into parts or compressed; attributes are not looked at.
pub fn compare(left: &Path, right: &Path) -> Result<Comparison> {
    let (left, mut right) = (channels(left)?, channels(right)?);
    let mut comparison = Comparison::default();
    for (name, ours) in left {
        match right.remove(&name) {
            Some(theirs) => {
                comparison.channels += 1;
                compare_samples(&mut comparison, &ours, &theirs);
            }
            None => comparison.missing_right.push(name),
        }
    }
    comparison.missing_left.extend(right.into_keys());
    Ok(comparison)
}

type Channel = ((usize, usize), FlatSamples);

fn channels(path: &Path) -> Result<BTreeMap<String, Channel>> {
    // Claims beyond the limits are refused before memory is taken for them.
    headers(path)?;
    let image = read(path)?;
    let mut channels = BTreeMap::new();
    for layer in image.layer_data {
        let size = (layer.size.width(), layer.size.height());
        for channel in layer.channel_data.list {
            channels.insert(channel.name.to_string(), (size, channel.sample_data));
        }
    }
    Ok(channels)
}

fn compare_samples(comparison: &mut Comparison, left: &Channel, right: &Channel) {
    if left.0 == right.0 {
        match (&left.1, &right.1) {
            (FlatSamples::F16(left), FlatSamples::F16(right)) => {
                return add(comparison, left, right, |sample| sample.to_bits().into(), f16::to_f64);
            }
            (FlatSamples::F32(left), FlatSamples::F32(right)) => {
                return add(comparison, left, right, f32::to_bits, f64::from);
            }
            (FlatSamples::U32(left), FlatSamples::U32(right)) => return add(comparison, left, right, |sample| sample, f64::from),
            _ => {}
        }
    }
    comparison.differing_samples += left.1.len().max(right.1.len()) as u64;
    comparison.max_difference = f64::INFINITY;
}

fn add<T: Copy>(comparison: &mut Comparison, left: &[T], right: &[T], bits: impl Fn(T) -> u32, number: impl Fn(T) -> f64) {
    for (left, right) in left.iter().zip(right) {
        if bits(*left) != bits(*right) {
            comparison.differing_samples += 1;
            let difference = (number(*left) - number(*right)).abs();
            let difference = if difference.is_nan() { f64::INFINITY } else { difference };
            comparison.max_difference = comparison.max_difference.max(difference);
        }
    }
}
