//! What the headers of a multilayer EXR say.

use super::headers;
use crate::error::Result;
use exr::meta::attribute::{AttributeValue, Text};
use std::collections::BTreeMap;
use std::path::Path;

/// EXR keeps channels sorted by name; Blender has them in this order.
const CHANNEL_ORDER: &str = "RGBAXYZWrgbaxyzwUV";

/// What is in a multilayer EXR of Blender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExrInfo {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// View layer → pass → its channels in Blender's own order, such as `RGBA` or `XYZ`.
    pub layers: BTreeMap<String, BTreeMap<String, String>>,
    /// Text attributes, such as cryptomatte's manifests.
    pub metadata: BTreeMap<String, String>,
}

/// Reads the headers of a file, of one part or of many; no pixel is looked at.
pub fn inspect(path: &Path) -> Result<ExrInfo> {
    let mut info = ExrInfo::default();
    for header in headers(path)? {
        info.width = info.width.max(u32::try_from(header.layer_size.width()).unwrap_or(u32::MAX));
        info.height = info.height.max(u32::try_from(header.layer_size.height()).unwrap_or(u32::MAX));
        for channel in &header.channels.list {
            let (layer, pass, letter) = split_name(&unicode(&channel.name));
            info.layers
                .entry(layer)
                .or_default()
                .entry(pass)
                .or_default()
                .push_str(&letter);
        }
        let attributes = header.shared_attributes.other.iter().chain(&header.own_attributes.other);
        for (name, value) in attributes {
            if let AttributeValue::Text(text) = value {
                info.metadata.insert(unicode(name), unicode(text));
            }
        }
    }
    for channels in info.layers.values_mut().flat_map(BTreeMap::values_mut) {
        let mut letters: Vec<char> = channels.chars().collect();
        letters.sort_by_key(|letter| CHANNEL_ORDER.find(*letter).unwrap_or(CHANNEL_ORDER.len()));
        *channels = letters.into_iter().collect();
    }
    Ok(info)
}

/// Blender writes UTF-8, where the library would read one letter from each byte.
fn unicode(text: &Text) -> String {
    String::from_utf8_lossy(text.as_slice()).into_owned()
}

/// `View Layer.Combined.R` in its three parts; a view layer's name may hold dots, a pass's may not.
fn split_name(name: &str) -> (String, String, String) {
    let mut parts = name.rsplitn(3, '.').map(str::to_owned);
    let letter = parts.next().unwrap_or_default();
    let pass = parts.next().unwrap_or_else(|| "Combined".to_owned());
    (parts.next().unwrap_or_default(), pass, letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_script_are_read_as_blender_wrote_them() {
        let name = Text::from_slice_unchecked("Größe 影.Combined.R".as_bytes());
        assert_eq!(split_name(&unicode(&name)).0, "Größe 影");
    }

    #[test]
    fn channel_names_are_split_from_their_end() {
        let split = |name| {
            let (layer, pass, letter) = split_name(name);
            format!("{layer}|{pass}|{letter}")
        };
        assert_eq!(split("View.Layer 2.Combined.R"), "View.Layer 2|Combined|R");
        assert_eq!(split("R"), "|Combined|R");
        assert_eq!(split("Depth.Z"), "|Depth|Z");
    }
}
