//! Words for people and JSON for programs, on the standard output; trouble on the standard error.
//!
//! A reader who went away (a closed pipe) is no failure: what is left to say is dropped.

use crate::error::{Error, Result};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};

const SECONDS_PER_MINUTE: u64 = 60;
const SECONDS_PER_HOUR: u64 = 3_600;
const SECONDS_PER_DAY: u64 = 86_400;

/// Writes lines for people.
pub(super) fn say(text: &str) -> Result<()> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    say_part(format!("{text}{end}").as_bytes())
}

/// Writes a part of a text as it came, without a line's end of our own.
pub(super) fn say_part(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::storage(format!("cannot write to the standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a value for programs.
pub(super) fn say_json<T: Serialize>(value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::internal(format!("cannot write JSON: {error}")))?;
    say(&text)
}

/// Writes a line for people beside the output.
pub(super) fn note(text: &str) {
    // There is nowhere left to tell of a standard error that cannot be written.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Columns under their titles, each as wide as its widest cell; no blanks at line ends.
pub(super) fn table<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = titles.map(width);
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&titles.map(str::to_owned)).chain(rows) {
        let mut line = String::new();
        for (cell, width_max) in row.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width_max - width(cell) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

/// Names and their values, one a line.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let widest = facts.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    facts.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:widest$}  {value}");
        text
    })
}

/// "12.3 MB"
pub(super) fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 999.5 {
            let decimals = usize::from(unit != "B" && size < 99.95);
            return format!("{size:.decimals$} {unit}");
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

/// "0.42 s", "12 s", "3 min 5 s", "2 h 10 min", "4 d 3 h"
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 9.995 {
        return format!("{:.2} s", seconds.max(0.0));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds of any length that people see, and not negative"
    )]
    let (days, hours, minutes, seconds) = clock(seconds.round() as u64);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {seconds} s"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// "3 min ago" for a time in milliseconds since the Unix epoch.
pub(super) fn ago(at_ms: u64, now_ms: u64) -> String {
    match clock(now_ms.saturating_sub(at_ms) / 1000) {
        (0, 0, 0, 0 | 1) => "now".to_owned(),
        (0, 0, 0, seconds) => format!("{seconds} s ago"),
        (0, 0, minutes, _) => format!("{minutes} min ago"),
        (0, hours, ..) => format!("{hours} h ago"),
        (days, ..) => format!("{days} d ago"),
    }
}

/// Days, hours, minutes and seconds.
fn clock(seconds: u64) -> (u64, u64, u64, u64) {
    (
        seconds / SECONDS_PER_DAY,
        seconds % SECONDS_PER_DAY / SECONDS_PER_HOUR,
        seconds % SECONDS_PER_HOUR / SECONDS_PER_MINUTE,
        seconds % SECONDS_PER_MINUTE,
    )
}

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the command is the shell that knows what time it is")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_end_without_blanks() {
        let rows = [["7k3vq9xd".to_owned(), "Öl".to_owned()], ["a".to_owned(), String::new()]];
        assert_eq!(table(["JOB", "NAME"], &rows), "JOB       NAME\n7k3vq9xd  Öl\na\n");
    }

    #[test]
    fn sizes_and_times_are_short_and_round_well() {
        assert_eq!(
            [0, 999, 1000, 99_940, 12_345_678, 999_600].map(bytes),
            ["0 B", "999 B", "1.0 kB", "99.9 kB", "12.3 MB", "1.0 MB"]
        );
        assert_eq!(
            [0.424, 9.996, 59.4, 185.0, 7_800.0, 356_400.0].map(duration),
            ["0.42 s", "10 s", "59 s", "3 min 5 s", "2 h 10 min", "4 d 3 h"]
        );
        assert_eq!(ago(0, 61_000), "1 min ago");
        assert_eq!(ago(5_000, 1_000), "now", "clocks of two machines differ");
    }
}
