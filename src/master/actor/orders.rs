//! What slaves are told to do, kept until they have heard it.

use super::message::Reply;
use crate::farm::{Moment, TaskRef};
use crate::ids::SlaveId;
use crate::master::convert::task_name;
use crate::wire::Orders;
use std::collections::{HashMap, VecDeque};

/// Orders kept for one slave; who falls further behind registers anew and drops everything.
const ORDERS_KEPT_MAX: usize = 10_000;

/// The orders for all slaves.
#[derive(Default)]
pub(super) struct OrderBook {
    slaves: HashMap<SlaveId, SlaveOrders>,
}

/// What a slave is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// To stop a task.
    Cancel(TaskRef),
    /// To end after what it renders.
    End,
}

/// One slave's orders.
#[derive(Default)]
struct SlaveOrders {
    /// Those not confirmed yet, with their numbers.
    kept: VecDeque<(u64, Order)>,
    waiting: Option<Reply<Orders>>,
}

impl OrderBook {
    /// Adds an order, and hands it over if the slave waits. Numbers are moments made unique, so that they grow across a
    /// restart of the master.
    pub(super) fn add(&mut self, slave: SlaveId, order: Order, now: Moment) {
        let orders = self.slaves.entry(slave).or_default();
        let number = orders.kept.back().map_or(now.0, |(last, _)| now.0.max(last + 1));
        if orders.kept.len() >= ORDERS_KEPT_MAX {
            orders.kept.pop_front();
        }
        orders.kept.push_back((number, order));
        orders.deliver();
    }

    /// A slave asks for what came after a number; if there is nothing it waits, or is told so. An older question of it ends.
    pub(super) fn ask(&mut self, slave: SlaveId, after: u64, waits: bool, reply: Reply<Orders>) {
        let orders = self.slaves.entry(slave).or_default();
        while orders.kept.front().is_some_and(|(number, _)| *number <= after) {
            orders.kept.pop_front();
        }
        orders.waiting = Some(reply);
        orders.deliver();
        if !waits && let Some(reply) = orders.waiting.take() {
            // Who does not wait any more misses nothing.
            let _ = reply.send(Ok(Orders {
                number: after,
                ..Orders::default()
            }));
        }
    }

    /// Forgets a slave.
    pub(super) fn forget(&mut self, slave: SlaveId) {
        self.slaves.remove(&slave);
    }
}

impl SlaveOrders {
    fn deliver(&mut self) {
        let Some((last, _)) = self.kept.back() else { return };
        if let Some(reply) = self.waiting.take() {
            let cancelled = self.kept.iter().filter_map(|(_, order)| match order {
                Order::Cancel(task) => Some(task_name(*task)),
                Order::End => None,
            });
            // If the slave has gone meanwhile, it asks again with its old number.
            let _ = reply.send(Ok(Orders {
                number: *last,
                cancel: cancelled.collect(),
                end: self.kept.iter().any(|(_, order)| *order == Order::End),
            }));
        }
    }
}
