//! Several names in one argument, such as `gpu;fast`.

use std::str::FromStr;

const BETWEEN: char = ';';

/// The names of one argument; none if it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names(Vec<String>);

impl FromStr for Names {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<String> = text
            .split(BETWEEN)
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        if names.is_empty() && !text.trim().is_empty() {
            return Err("nothing is named; names are written as gpu;fast");
        }
        Ok(Self(names))
    }
}

/// Those of all arguments.
pub(super) fn named(arguments: Vec<Names>) -> Vec<String> {
    arguments.into_iter().flat_map(|names| names.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_between_semicolons_and_what_names_nothing_is_refused() {
        let read = |text: &str| text.parse::<Names>().map(|names| named(vec![names]));
        assert_eq!(read("gpu; fast;").unwrap(), ["gpu", "fast"]);
        assert!(read("").unwrap().is_empty());
        assert!(read(";;").is_err() && read(" ; ").is_err());
    }
}
