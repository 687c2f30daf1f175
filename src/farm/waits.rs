//! The slaves' wishes for work that could not be granted yet.

use super::event::RequestId;
use super::time::Moment;
use crate::ids::{JobId, SlaveId};
use std::collections::{BTreeMap, BTreeSet};

/// Waiting wishes, by request (a shell that counts its requests up is served first come, first served) and by end.
#[derive(Debug, Clone, Default)]
pub(super) struct Waits {
    by_request: BTreeMap<RequestId, Wait>,
    by_end: BTreeSet<(Moment, RequestId)>,
}

/// One slot that wants work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) slave: SlaveId,
    pub(super) until: Moment,
    pub(super) warm: Option<JobId>,
}

impl Waits {
    pub(super) fn insert(&mut self, request: RequestId, wait: Wait) {
        self.by_end.insert((wait.until, request));
        self.by_request.insert(request, wait);
    }

    pub(super) fn remove(&mut self, request: RequestId) -> Option<Wait> {
        let wait = self.by_request.remove(&request)?;
        self.by_end.remove(&(wait.until, request));
        Some(wait)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (RequestId, Wait)> + '_ {
        self.by_request.iter().map(|(request, wait)| (*request, *wait))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_request.is_empty()
    }

    /// Those of one slave, oldest first.
    pub(super) fn of(&self, slave: SlaveId) -> Vec<RequestId> {
        let of_slave = self.iter().filter(|(_, wait)| wait.slave == slave);
        of_slave.map(|(request, _)| request).collect()
    }

    /// When the first one ends.
    pub(super) fn first_end(&self) -> Option<Moment> {
        self.by_end.first().map(|(until, _)| *until)
    }

    /// One that has ended, if any.
    pub(super) fn ended(&self, now: Moment) -> Option<RequestId> {
        let (until, request) = *self.by_end.first()?;
        (until <= now).then_some(request)
    }

    /// Lets none wait longer than until a moment.
    pub(super) fn end_by(&mut self, latest: Moment) {
        for (request, mut wait) in std::mem::take(&mut self.by_request) {
            wait.until = wait.until.min(latest);
            self.by_end.insert((wait.until, request));
            self.by_request.insert(request, wait);
        }
        self.by_end.retain(|(until, _)| *until <= latest);
    }

    /// Whether both orders hold the same.
    pub(super) fn is_consistent(&self) -> bool {
        let by_request: BTreeSet<_> = self.iter().map(|(request, wait)| (wait.until, request)).collect();
        by_request == self.by_end
    }
}
