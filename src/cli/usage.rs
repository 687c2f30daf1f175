//! What is told of a command that was not written as it must be.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::num::{IntErrorKind, ParseIntError};

/// One sentence: in our own words where a number is wrong, else in those of clap.
pub(super) fn sentence(error: &clap::Error) -> String {
    wrong_number(error).or_else(|| misplaced_number(error)).unwrap_or_else(|| {
        let text = error.to_string();
        let lines: Vec<&str> = text
            .lines()
            .take_while(|line| !line.trim().is_empty())
            .map(str::trim)
            .collect();
        let sentence = lines.join(" ");
        sentence.strip_prefix("error: ").unwrap_or(&sentence).to_owned()
    })
}

/// Of a value that is no number, or not one that the argument takes.
fn wrong_number(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::ValueValidation {
        return None;
    }
    let (argument, value) = (
        named(error, ContextKind::InvalidArg)?,
        named(error, ContextKind::InvalidValue)?,
    );
    let source = error.source()?;
    match source.downcast_ref::<ParseIntError>().map(ParseIntError::kind) {
        Some(IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) => {
            Some(format!("{argument} wants a whole number, and {value} is too large for one"))
        }
        Some(_) => Some(format!("{argument} wants a whole number, not '{value}'")),
        None => {
            let bounds = source.to_string();
            let range = range(bounds.split_once(" is not in ")?.1)?;
            Some(format!("{argument} wants a whole number {range}, not {value}"))
        }
    }
}

/// Bounds as clap writes them, such as `1..=64`, in words; the largest number that a machine holds is no bound.
fn range(bounds: &str) -> Option<String> {
    let (first, last) = bounds.split_once("..")?;
    let first: i64 = first.parse().ok()?;
    let last: u64 = match last.strip_prefix('=') {
        Some(last) => last.parse().ok()?,
        None => last.parse::<u64>().ok()?.saturating_sub(1),
    };
    Some(if last < u64::from(u32::MAX) {
        format!("from {first} to {last}")
    } else {
        format!("from {first} on")
    })
}

/// Of a number below 0 that is taken for an option.
fn misplaced_number(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let number: i64 = named(error, ContextKind::InvalidArg)?.parse().ok()?;
    Some(format!("a number below 0 has no place where {number} stands"))
}

fn named(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::arguments::Arguments;
    use super::*;
    use clap::Parser as _;

    fn told(line: &str) -> String {
        sentence(&Arguments::try_parse_from(line.split(' ')).unwrap_err())
    }

    #[test]
    fn a_wrong_number_is_told_in_words_of_ours() {
        for (line, words) in [
            (
                "submit a --priority high",
                "--priority <PRIORITY> wants a whole number, not 'high'",
            ),
            ("submit a --chunks=1.5", "--chunks <CHUNKS> wants a whole number, not '1.5'"),
            ("submit a --chunks -1", "a number below 0 has no place where -1 stands"),
            (
                "submit a --chunks=-1",
                "--chunks <CHUNKS> wants a whole number from 0 on, not -1",
            ),
            (
                "submit a --attempts 0",
                "--attempts <ATTEMPTS> wants a whole number from 1 on, not 0",
            ),
            (
                "submit a --samples 99999999999999999999",
                "--samples <SAMPLES> wants a whole number, and 99999999999999999999 is too large for one",
            ),
            ("slave --slots 0", "--slots <SLOTS> wants a whole number from 1 to 256, not 0"),
            ("slave --cache-gib x", "--cache-gib <GIB> wants a whole number, not 'x'"),
            (
                "slave --hang-timeout 0",
                "--hang-timeout <SECONDS> wants a whole number from 1 on, not 0",
            ),
            (
                "master --port 65536",
                "--port <PORT> wants a whole number from 0 to 65535, not 65536",
            ),
            ("log 7k3vq9xd 1 --tile 0", "--tile <N> wants a whole number from 1 on, not 0"),
        ] {
            assert_eq!(told(&format!("netrender {line}")), words, "{line}");
        }
    }

    #[test]
    fn every_other_wrong_word_is_told_in_one_line() {
        assert_eq!(told("netrender jobs --jason"), "unexpected argument '--jason' found");
        assert!(told("netrender submit a --tags ;;").ends_with("nothing is named; names are written as gpu;fast"));
    }
}
