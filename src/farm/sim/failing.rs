//! What tests say of slaves that fail.

use super::trial::Trial;
use crate::farm::TaskRef;
use crate::ids::SlaveId;

impl Trial {
    /// The first task that the slave holds.
    pub(in crate::farm) fn held(&self, slave: SlaveId) -> TaskRef {
        self.farm.slave(slave).unwrap().leased[0]
    }

    /// Lets a slave fail the first task of the next chunk that it gets, after all rests.
    pub(in crate::farm) fn fail_next(&mut self, slave: SlaveId) {
        self.let_rest();
        let task = self.leased(slave)[0];
        self.fail(slave, task);
    }

    /// Lets so much time pass that no job rests anywhere.
    pub(in crate::farm) fn let_rest(&mut self) {
        while let Some((until, ..)) = self.farm.rest_ends.last().copied() {
            self.pass(until.millis_since(self.now));
        }
    }
}
