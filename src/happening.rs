//! What happened in a service, kept for whoever drains it: bounded, and trouble is kept longer than talk.
//!
//! Absences: no threads, no callbacks, no log; whoever adds something decides whether it is logged as well.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most happenings kept until somebody drains them; the oldest that tell of no trouble go first.
const HAPPENINGS_MAX: usize = 1000;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HappeningKind {
    /// The service runs.
    Started,
    /// The service has ended; nothing comes after it.
    Stopped,
    /// For information.
    Info,
    /// Something that somebody should look at; it goes on.
    Warning,
    /// Something failed for good.
    Error,
    /// A line that Blender printed.
    Log,
}

impl HappeningKind {
    /// The kind's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Log => "log",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What kind of thing.
    pub kind: HappeningKind,
    /// One sentence, or a line of Blender's output.
    pub text: String,
}

/// The happenings that nobody has drained yet. Locked for moments only.
#[derive(Debug, Default)]
pub struct Happenings(Mutex<VecDeque<Happening>>);

impl Happenings {
    /// Adds one.
    pub fn add(&self, kind: HappeningKind, text: impl Into<String>) {
        let mut kept = self.lock();
        if kept.len() >= HAPPENINGS_MAX {
            let unimportant = |it: &Happening| matches!(it.kind, HappeningKind::Log | HappeningKind::Info);
            let place = kept.iter().position(unimportant);
            kept.remove(place.unwrap_or(0));
        }
        kept.push_back(Happening { kind, text: text.into() });
    }

    /// Takes them all, oldest first.
    pub fn drain(&self) -> Vec<Happening> {
        self.lock().drain(..).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Happening>> {
        // Plain values: a thread that panicked left nothing half done here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_log_lines_does_not_wash_away_an_error() {
        let happenings = Happenings::default();
        happenings.add(HappeningKind::Error, "the disk is full");
        for line in 0..3 * HAPPENINGS_MAX {
            happenings.add(HappeningKind::Log, format!("line {line}"));
        }
        happenings.add(HappeningKind::Stopped, "stopped");
        let drained = happenings.drain();
        assert_eq!(drained.len(), HAPPENINGS_MAX);
        assert_eq!(drained[0].text, "the disk is full");
        assert_eq!(drained.last().map(|it| it.kind), Some(HappeningKind::Stopped));
        assert!(happenings.drain().is_empty());
    }
}
