//! The render times that Blender writes into a picture's attributes: those of tiles add up.
//!
//! Times are written as Blender and Cycles do, `02:03.45` or `01:02:03.45`; what is no time is left alone.

use exr::meta::attribute::{AttributeValue, Text};
use std::collections::HashMap;

type Attributes = HashMap<Text, AttributeValue>;

/// Makes all times none.
pub(super) fn forget(attributes: &mut Attributes) {
    for (_, value) in attributes.iter_mut().filter(|(name, _)| is_time(name)) {
        if seconds(value).is_some() {
            *value = text(0.0);
        }
    }
}

/// Adds the times of a tile.
pub(super) fn add(whole: &mut Attributes, tile: &Attributes) {
    for (name, value) in whole.iter_mut().filter(|(name, _)| is_time(name)) {
        if let Some((sum, more)) = seconds(value).zip(tile.get(name).and_then(seconds)) {
            *value = text(sum + more);
        }
    }
}

/// `RenderTime`, and of each layer `cycles.View Layer.total_time` and its like.
fn is_time(name: &Text) -> bool {
    let name = name.as_slice();
    let ends = |end: &str| name.len() >= end.len() && name.iter().rev().zip(end.bytes().rev()).all(|(a, b)| *a == b);
    ends("RenderTime") || ends("_time")
}

fn seconds(value: &AttributeValue) -> Option<f64> {
    let AttributeValue::Text(text) = value else { return None };
    let text = String::from_utf8(text.as_slice().to_vec()).ok()?;
    let parts: Option<Vec<f64>> = text.split(':').map(|part| part.parse().ok()).collect();
    let parts = parts.filter(|parts| (2..=3).contains(&parts.len()))?;
    Some(parts.into_iter().fold(0.0, |sum, part| sum * 60.0 + part))
}

fn text(seconds: f64) -> AttributeValue {
    let hundredths = (seconds * 100.0).round();
    let (minutes, rest) = ((hundredths / 6_000.0).floor(), hundredths % 6_000.0 / 100.0);
    let (hours, minutes) = ((minutes / 60.0).floor(), minutes % 60.0);
    let written = if hours > 0.0 {
        format!("{hours:02}:{minutes:02}:{rest:05.2}")
    } else {
        format!("{minutes:02}:{rest:05.2}")
    };
    AttributeValue::Text(Text::from(written.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[(&str, &str)]) -> Attributes {
        let pair = |(name, value): &(&str, &str)| (Text::from(*name), AttributeValue::Text(Text::from(*value)));
        times.iter().map(pair).collect()
    }

    #[test]
    fn times_add_up_and_all_else_stays() {
        let tile = of(&[
            ("RenderTime", "59:59.99"),
            ("cycles.Layer.total_time", "00:01.50"),
            ("cycles.Layer.samples", "4"),
            ("my_time", "noon"),
        ]);
        let mut whole = tile.clone();
        forget(&mut whole);
        for _ in 0..2 {
            add(&mut whole, &tile);
        }
        let expected = of(&[
            ("RenderTime", "01:59:59.98"),
            ("cycles.Layer.total_time", "00:03.00"),
            ("cycles.Layer.samples", "4"),
            ("my_time", "noon"),
        ]);
        assert_eq!(whole, expected);
    }
}
