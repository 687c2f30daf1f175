//! What others see of a slave: its state in one line, and what happened since the last look. Both from memory.

use crate::happening::{Happening, HappeningKind, Happenings};
use crate::ids::SlaveId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a slave does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SlaveState {
    /// Looks for its master.
    Connecting,
    /// Waits for work.
    Idle,
    /// Fetches the files of a job, or opens its scene.
    Fetching,
    /// Renders.
    Rendering,
    /// Has ended.
    Stopped,
}

impl SlaveState {
    /// The state's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Idle => "idle",
            Self::Fetching => "fetching",
            Self::Rendering => "rendering",
            Self::Stopped => "stopped",
        }
    }
}

/// A slave at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlaveStatus {
    /// What it does.
    pub state: SlaveState,
    /// One line for people, such as "rendering frame 12 of the flight".
    pub text: String,
    /// The master's address, once found.
    pub master: Option<String>,
    /// The id that the master gave it.
    pub id: Option<SlaveId>,
    /// Frames finished, and safe at the master, since it started.
    pub done: u64,
}

/// What a slave's parts tell, and others read. Locked for moments only.
#[derive(Debug, Default)]
pub(super) struct Board {
    shown: Mutex<Shown>,
    happenings: Happenings,
}

#[derive(Debug, Default)]
struct Shown {
    /// What the slots do, by their numbers; those that do nothing are not there.
    activities: BTreeMap<usize, (SlaveState, String)>,
    /// Why there is no master at present; none while there is one.
    away: Option<String>,
    master: Option<String>,
    id: Option<SlaveId>,
    done: u64,
    stopped: bool,
}

impl Shown {
    /// What the slots do, in one line: the busiest state, and what each is at.
    fn activity(&self) -> Option<(SlaveState, String)> {
        let texts: Vec<&str> = self.activities.values().map(|(_, text)| text.as_str()).collect();
        let rank = |state: SlaveState| {
            [SlaveState::Idle, SlaveState::Fetching, SlaveState::Rendering]
                .iter()
                .position(|it| *it == state)
        };
        let state = self
            .activities
            .values()
            .map(|(state, _)| *state)
            .max_by_key(|state| rank(*state))?;
        Some((state, texts.join("; ")))
    }
}

impl Board {
    pub(super) fn status(&self) -> SlaveStatus {
        let shown = self.lock();
        let (state, text) = match (shown.activity(), &shown.away, &shown.master) {
            _ if shown.stopped => (SlaveState::Stopped, "stopped".to_owned()),
            (Some(activity), None, _) => activity,
            (Some((state, text)), Some(_), _) => (state, format!("{text} (the master is away)")),
            (None, None, Some(_)) => (SlaveState::Idle, "waiting for work".to_owned()),
            (None, Some(why), _) => (SlaveState::Connecting, why.clone()),
            (None, None, None) => (SlaveState::Connecting, "looking for a master".to_owned()),
        };
        SlaveStatus {
            state,
            text,
            master: shown.master.clone(),
            id: shown.id,
            done: shown.done,
        }
    }

    pub(super) fn drain(&self) -> Vec<Happening> {
        self.happenings.drain()
    }

    pub(super) fn tell(&self, kind: HappeningKind, text: impl Into<String>) {
        self.happenings.add(kind, text);
    }

    /// A master took the slave in; `open`: one that asks nobody for a key.
    pub(super) fn connected(&self, master: String, id: SlaveId, open: bool) {
        let mut shown = self.lock();
        if shown.away.take().is_some() || shown.master.as_ref() != Some(&master) || shown.id != Some(id) {
            self.happenings
                .add(HappeningKind::Info, format!("slave {id} works for the master at {master}"));
            if open {
                self.happenings.add(
                    HappeningKind::Warning,
                    format!("access to the master at {master} is open: everybody who reaches it can send jobs to this machine"),
                );
            }
        }
        shown.master = Some(master);
        shown.id = Some(id);
    }

    /// There is no master for now. Told once for each reason.
    pub(super) fn away(&self, why: &str) {
        let mut shown = self.lock();
        if shown.away.as_deref() != Some(why) {
            shown.away = Some(why.to_owned());
            self.happenings.add(HappeningKind::Warning, why.to_owned());
        }
    }

    pub(super) fn fetching(&self, slot: usize, text: String) {
        self.lock().activities.insert(slot, (SlaveState::Fetching, text));
    }

    pub(super) fn rendering(&self, slot: usize, text: String) {
        self.lock().activities.insert(slot, (SlaveState::Rendering, text));
    }

    /// It renders nothing for a while, and why.
    pub(super) fn resting(&self, slot: usize, text: String) {
        self.lock().activities.insert(slot, (SlaveState::Idle, text));
    }

    pub(super) fn idle(&self, slot: usize) {
        self.lock().activities.remove(&slot);
    }

    pub(super) fn frame_done(&self) {
        self.lock().done += 1;
    }

    pub(super) fn stopped(&self, text: &str) {
        let mut shown = self.lock();
        if !shown.stopped {
            shown.stopped = true;
            self.happenings.add(HappeningKind::Stopped, text.to_owned());
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        // Plain values: a thread that panicked left nothing half done here.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_a_missing_master_is_told_once() {
        let board = Board::default();
        for _ in 0..3 {
            board.away("cannot reach the master");
        }
        board.away("wrong key");
        assert_eq!(board.status().state, SlaveState::Connecting);
        assert_eq!(board.status().text, "wrong key");
        board.connected("http://node1:8000".to_owned(), SlaveId::from_bits(7), false);
        board.connected("http://node1:8000".to_owned(), SlaveId::from_bits(7), false);
        assert_eq!(board.status().state, SlaveState::Idle);
        assert_eq!(board.drain().len(), 3);
    }
}
