//! How far a bake is, as `baking.py` prints it.

/// What such a line begins with, and how it ends after the percentage.
const BEGIN: &str = "netrender: bake ";
const END: &str = " %)";

/// What a bake has told of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BakeProgress<'a> {
    /// Such as "frame 12 of 1-250 (4 %)".
    pub text: &'a str,
    /// How much of it is done.
    pub percent: u32,
}

impl<'a> BakeProgress<'a> {
    /// What a printed line tells; none if it is about anything else.
    #[must_use]
    pub fn of(line: &'a str) -> Option<Self> {
        let (_, text) = line.strip_prefix(BEGIN)?.rsplit_once(": ")?;
        let (_, percent) = text.strip_suffix(END)?.rsplit_once('(')?;
        let percent = percent.parse().ok().filter(|percent| *percent <= 100)?;
        Some(Self { text, percent })
    }
}

#[cfg(test)]
mod tests {
    use super::BakeProgress;

    #[test]
    fn a_bake_tells_how_far_it_is_and_nothing_else_does() {
        let of = |line| BakeProgress::of(line).map(|told| (told.text, told.percent));
        let line = "netrender: bake cloth of Flag: left: frame 12 of 1-250 (4 %)";
        assert_eq!(of(line), Some(("frame 12 of 1-250 (4 %)", 4)));
        for other in [
            "bake: frame 12 :: 250",
            "netrender: bake of Flag",
            "netrender: bake x: frame 2 (101 %)",
            "netrender: bake x: frame 2 (-1 %)",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
