//! What happened, kept for whoever drains it: bounded, the oldest is dropped first.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Most happenings kept until somebody drains them.
const HAPPENINGS_MAX: usize = 1_000;

/// How to show a happening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HappeningKind {
    /// The master listens.
    Started,
    /// It has ended.
    Stopped,
    /// Something worth a line.
    Info,
    /// Something that somebody should look at.
    Warning,
    /// Something that failed.
    Error,
}

impl HappeningKind {
    /// Its spelling for Python.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// How to show it.
    pub kind: HappeningKind,
    /// One sentence.
    pub text: String,
}

/// The happenings nobody has drained yet.
#[derive(Debug, Default)]
pub(super) struct Happenings(Mutex<VecDeque<Happening>>);

impl Happenings {
    /// Adds one; it is logged too.
    pub(super) fn add(&self, kind: HappeningKind, text: impl Into<String>) {
        let text = text.into();
        match kind {
            HappeningKind::Started | HappeningKind::Stopped | HappeningKind::Info => tracing::info!("{text}"),
            HappeningKind::Warning => tracing::warn!("{text}"),
            HappeningKind::Error => tracing::error!("{text}"),
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= HAPPENINGS_MAX {
            kept.pop_front();
        }
        kept.push_back(Happening { kind, text });
    }

    /// Takes them all, oldest first.
    pub(super) fn drain(&self) -> Vec<Happening> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}
