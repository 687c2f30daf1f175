//! Blender's version number.

use super::ParseError;

/// A version of Blender, such as 3.4.1. Pictures and pass names differ between series, so a job belongs to one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlenderVersion {
    /// 3 of 3.4.1
    pub major: u16,
    /// 4 of 3.4.1
    pub minor: u16,
    /// 1 of 3.4.1
    pub patch: u16,
}

impl BlenderVersion {
    /// Whether both render the same way: same major and minor number.
    #[must_use]
    pub fn same_series(self, other: Self) -> bool {
        (self.major, self.minor) == (other.major, other.minor)
    }

    /// "3.4" of 3.4.1.
    #[must_use]
    pub fn series(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

impl std::fmt::Display for BlenderVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl std::str::FromStr for BlenderVersion {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError(format!("{text:?} is not a Blender version such as 3.4.1"));
        let mut numbers = text.split('.').map(|number| number.parse().map_err(|_| wrong()));
        let version = Self {
            major: numbers.next().ok_or_else(wrong)??,
            minor: numbers.next().ok_or_else(wrong)??,
            patch: numbers.next().unwrap_or(Ok(0))?,
        };
        if numbers.next().is_some() { Err(wrong()) } else { Ok(version) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_back_and_compared_by_series() {
        let version: BlenderVersion = "3.4.1".parse().unwrap();
        assert_eq!(version.to_string(), "3.4.1");
        assert!(version.same_series("3.4".parse().unwrap()));
        assert!(!version.same_series("3.5.1".parse().unwrap()));
        for text in ["", "3", "3.x", "3.4.1.2", "-3.4"] {
            assert!(text.parse::<BlenderVersion>().is_err(), "{text}");
        }
    }
}
