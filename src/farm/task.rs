//! A task as the farm keeps it: small, because a job may have a million of them.

use super::model::{Hold, ResultFile, TaskState};
use super::time::Moment;
use crate::ids::{Attempt, SlaveId};

/// What is kept of every task. How it failed is kept aside ([`Failures`]), because few tasks ever do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Task {
    /// The attempt that the state is about.
    pub(super) attempt: Attempt,
    /// How many attempts there were: numbers are never given twice.
    pub(super) attempts: u32,
    pub(super) state: State,
}

/// [`TaskState`] without its words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum State {
    Queued,
    Leased {
        slave: SlaveId,
        since: Moment,
        rendered: bool,
        second: Option<Hold>,
    },
    Done {
        slave: SlaveId,
        seconds: f64,
        result: Option<ResultFile>,
    },
    Failed {
        slave: SlaveId,
    },
}

/// The failed attempts of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failures {
    /// Since the last reset.
    pub(super) count: u32,
    /// The attempt that failed last: a repeated report of it is recognised by this.
    pub(super) attempt: Attempt,
    /// Who failed since the last reset, the last one last …
    pub(super) slaves: Vec<SlaveId>,
    /// … and who before.
    pub(super) before: Vec<SlaveId>,
    /// Why the last one failed.
    pub(super) reason: String,
}

impl Failures {
    /// Of a task that nobody failed yet.
    pub(super) fn none() -> Self {
        Self {
            count: 0,
            attempt: Attempt(0),
            slaves: Vec::new(),
            before: Vec::new(),
            reason: String::new(),
        }
    }
}

impl Task {
    /// Never leased.
    pub(super) const FRESH: Self = Self {
        attempt: Attempt(0),
        attempts: 0,
        state: State::Queued,
    };

    /// What slaves have of it, the first one first.
    pub(super) fn holds(self) -> impl Iterator<Item = Hold> {
        let (first, second) = match self.state {
            State::Leased {
                slave,
                since,
                rendered,
                second,
            } => {
                let attempt = self.attempt;
                let first = Hold {
                    slave,
                    attempt,
                    since,
                    rendered,
                };
                (Some(first), second)
            }
            _ => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// What a slave has of it.
    pub(super) fn hold_of(self, slave: SlaveId) -> Option<Hold> {
        self.holds().find(|hold| hold.slave == slave)
    }

    /// The task with these in the hands of slaves, of which there is at least one.
    pub(super) fn held(self, first: Hold, second: Option<Hold>) -> Self {
        Self {
            attempt: first.attempt,
            state: State::Leased {
                slave: first.slave,
                since: first.since,
                rendered: first.rendered,
                second,
            },
            ..self
        }
    }
}

impl State {
    /// The same in the words of the farm's border.
    pub(super) fn told(self, failures: Option<&Failures>) -> TaskState {
        match self {
            Self::Queued => TaskState::Queued,
            Self::Leased {
                slave,
                since,
                rendered,
                second,
            } => TaskState::Leased {
                slave,
                since,
                rendered,
                second,
            },
            Self::Done { slave, seconds, result } => TaskState::Done { slave, seconds, result },
            Self::Failed { slave } => TaskState::Failed {
                slave,
                reason: failures.map(|it| it.reason.clone()).unwrap_or_default(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_costs_less_than_a_hundred_bytes() {
        assert!(size_of::<Task>() < 100, "{}", size_of::<Task>());
    }
}
