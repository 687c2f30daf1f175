//! A bar on a terminal; a line now and then where there is none.

use super::screen::note;
use crate::wire::{JobInfo, JobKind};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;

/// Lines between nothing and everything where no bar can be drawn.
const LINES: u64 = 10;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes of the stage that the text names.
    Bytes,
    /// Frames of a job.
    Frames,
    /// How much of a job's bakes is done, in percent.
    Bakes,
}

impl Unit {
    /// What a job is counted in.
    pub(super) fn of(job: &JobInfo) -> Self {
        match job.kind {
            JobKind::Render => Self::Frames,
            JobKind::Bake => Self::Bakes,
        }
    }

    /// What is counted, if it is no bytes.
    pub(super) fn noun(self) -> Option<&'static str> {
        match self {
            Self::Bytes => None,
            Self::Frames => Some("frames"),
            Self::Bakes => Some("bakes"),
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Bytes => "{bar:30} {bytes:>10} of {total_bytes:10} {wide_msg}",
            Self::Frames => "{bar:30} {pos:>5} of {len} frames  {eta:>4} left  {wide_msg}",
            Self::Bakes => "{bar:30} {pos:>3} %  {wide_msg}",
        }
    }
}

/// Shows how far something is.
pub(super) struct Meter {
    unit: Unit,
    bar: ProgressBar,
    has_terminal: bool,
    said: String,
    line: u64,
}

impl Meter {
    pub(super) fn new(unit: Unit) -> Self {
        let has_terminal = std::io::stderr().is_terminal();
        let target = if has_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        // The templates are ours: one that cannot be read would be found by the test below.
        let style = ProgressStyle::with_template(unit.template()).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        Self {
            unit,
            bar,
            has_terminal,
            said: String::new(),
            line: 0,
        }
    }

    /// How far it is now.
    pub(super) fn show(&mut self, done: u64, total: u64, text: &str) {
        if self.has_terminal {
            self.bar.set_length(total.max(done));
            self.bar.set_position(done);
            self.bar.set_message(text.to_owned());
        } else if let Some(noun) = self.unit.noun() {
            self.show_line(done, total, noun, text);
        } else if self.said != text {
            note(text);
            text.clone_into(&mut self.said);
        }
    }

    fn show_line(&mut self, done: u64, total: u64, noun: &str, text: &str) {
        let line = done * LINES / total.max(1);
        if line != self.line || !is_alike(&self.said, text) {
            self.line = line;
            text.clone_into(&mut self.said);
            let space = if text.is_empty() { "" } else { "; " };
            let far = match self.unit {
                Unit::Bakes => format!("{done} %"),
                _ => format!("{done} of {total} {noun}"),
            };
            note(&format!("{far}{space}{text}"));
        }
    }
}

/// Whether two lines tell the same but for their numbers: a line for each number would fill a log.
fn is_alike(one: &str, other: &str) -> bool {
    let words = |text: &str| text.chars().filter(|it| !it.is_ascii_digit()).collect::<String>();
    words(one) == words(other)
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_understood() {
        for unit in [Unit::Bytes, Unit::Frames, Unit::Bakes] {
            assert!(ProgressStyle::with_template(unit.template()).is_ok());
        }
    }
}
