//! A task as the farm keeps it: small, because a job may have a million of them.

use super::model::{ResultFile, TaskState};
use super::time::Moment;
use crate::ids::{Attempt, SlaveId};

/// What is kept of every task. How it failed is kept aside ([`Failures`]), because few tasks ever do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Task {
    /// How often it was leased; the last lease has this number.
    pub(super) attempt: Attempt,
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

impl Task {
    /// Never leased.
    pub(super) const FRESH: Self = Self {
        attempt: Attempt(0),
        state: State::Queued,
    };
}

impl State {
    /// The same in the words of the farm's border.
    pub(super) fn told(self, failures: Option<&Failures>) -> TaskState {
        match self {
            Self::Queued => TaskState::Queued,
            Self::Leased { slave, since, rendered } => TaskState::Leased { slave, since, rendered },
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
