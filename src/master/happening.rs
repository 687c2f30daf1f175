//! What happened in a master: kept for whoever drains it, and logged.

use crate::happening::{self, Happening, HappeningKind};

/// The happenings nobody has drained yet.
#[derive(Debug, Default)]
pub(super) struct Happenings(happening::Happenings);

impl Happenings {
    /// Adds one and logs it.
    pub(super) fn add(&self, kind: HappeningKind, text: impl Into<String>) {
        let text = text.into();
        match kind {
            HappeningKind::Log => tracing::debug!("{text}"),
            HappeningKind::Started | HappeningKind::Stopped | HappeningKind::Info => tracing::info!("{text}"),
            HappeningKind::Warning => tracing::warn!("{text}"),
            HappeningKind::Error => tracing::error!("{text}"),
        }
        self.0.add(kind, text);
    }

    /// Takes them all, oldest first.
    pub(super) fn drain(&self) -> Vec<Happening> {
        self.0.drain()
    }
}
