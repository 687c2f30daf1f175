//! What Cycles renders with.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// The kinds of device that Cycles knows, as Blender spells them.
const KINDS: [&str; 6] = ["CPU", "CUDA", "OPTIX", "HIP", "ONEAPI", "METAL"];
const CPU: &str = "CPU";

/// One device that Cycles renders with, such as `cuda:0`; or `cpu`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    kind: &'static str,
    /// Its place among those of its kind.
    number: u32,
}

impl Device {
    /// Its kind in lower case, as jobs ask for it; none for the processor, which every machine has.
    #[must_use]
    pub fn gpu(self) -> Option<String> {
        (self.kind != CPU).then(|| self.kind.to_lowercase())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_lowercase();
        if self.kind == CPU {
            f.write_str(&kind)
        } else {
            write!(f, "{kind}:{}", self.number)
        }
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::bad_input(format!("{text:?} is no device that Cycles renders with"))
                .hint("name one such as cuda:0, optix:1, hip:0, oneapi:0, metal:0, or cpu")
        };
        let (kind, number) = text.split_once(':').unwrap_or((text, ""));
        let kind = KINDS.into_iter().find(|it| it.eq_ignore_ascii_case(kind)).ok_or_else(wrong)?;
        let number = match (kind, number) {
            (CPU, "") => 0,
            (CPU, _) => return Err(wrong()),
            (_, number) => number.parse().map_err(|_| wrong())?,
        };
        Ok(Self { kind, number })
    }
}

/// The devices of one slot of several: each has its own if there are enough, else they share. The processor alone is shared.
#[must_use]
pub fn devices_of(slot: usize, slots: usize, devices: &[Device]) -> Vec<Device> {
    if devices.len() < slots {
        let shared = devices.get(slot % devices.len().max(1));
        return shared.copied().into_iter().collect();
    }
    devices.iter().copied().skip(slot).step_by(slots.max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(names: &[&str]) -> Vec<Device> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn devices_are_read_and_told_alike() {
        for name in ["cpu", "cuda:0", "optix:12", "metal:1"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        for name in ["", "cuda", "cuda:", "cuda:-1", "cpu:1", "RTX 4090", "voodoo:1"] {
            assert!(name.parse::<Device>().is_err(), "{name}");
        }
    }

    #[test]
    fn slots_share_devices_out() {
        let four = devices(&["cuda:0", "cuda:1", "cuda:2", "cuda:3"]);
        let shown = |slot, slots, devices: &[Device]| -> Vec<String> {
            devices_of(slot, slots, devices).iter().map(ToString::to_string).collect()
        };
        assert_eq!(shown(0, 1, &four).len(), 4);
        assert_eq!(shown(1, 2, &four), ["cuda:1", "cuda:3"]);
        assert_eq!(shown(2, 3, &four[..2]), ["cuda:0"]);
        assert_eq!(shown(1, 2, &devices(&["cpu"])), ["cpu"]);
        assert!(shown(0, 2, &[]).is_empty());
    }
}
