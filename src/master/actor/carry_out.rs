//! What is done once a batch is durable: answers, orders, and the removal of what is gone.

use super::orders::Order;
use super::work::{Lost, Work};
use super::{Actor, Deed, Pending};
use crate::farm::{Effect, Event, Moment, Refusal, ReportBody, RequestId, TaskRef};
use crate::happening::HappeningKind;
use crate::ids::{JobId, SlaveId};
use crate::master::convert;

impl Actor {
    /// Carries out all deeds, in order. What follows from them waits for the next commit.
    pub(super) fn carry_out(&mut self, now: Moment) {
        for deed in std::mem::take(&mut self.deeds) {
            match deed {
                Deed::Effect(effect) => self.carry_out_effect(now, effect),
                // Who does not wait any more misses nothing.
                Deed::Reply(reply) => drop(reply.send(Ok(()))),
                Deed::Look(look) => look(&self.state),
                Deed::Release(contents) => self.release(&contents),
                Deed::Finish(first) => self.finish(now, first),
            }
        }
    }

    fn carry_out_effect(&mut self, now: Moment, effect: Effect) {
        match effect {
            // Sorted out before: they are durable by now.
            Effect::Record(_) => {}
            Effect::Accept { request } | Effect::NoWork { request } => self.accept(now, request),
            Effect::Lease { request, slave, lease } => {
                self.pending.remove(&request);
                match self.works.get_mut(&request) {
                    Some(work) => {
                        work.lease(&lease, &self.state);
                        let (round, asked) = work.asked;
                        if round == self.round {
                            self.metrics.lease.add(self.clock.micros().saturating_sub(asked));
                        }
                        self.finish(now, request);
                    }
                    None => self.give_back(
                        now,
                        slave,
                        lease
                            .tasks
                            .iter()
                            .map(|(task, attempt)| TaskRef {
                                job: lease.job,
                                task: *task,
                                attempt: *attempt,
                            })
                            .collect(),
                    ),
                }
            }
            Effect::Refuse { request, refusal } => self.refuse(now, request, &refusal),
            Effect::Cancel { slave, task } => self.orders.add(slave, Order::Cancel(task), now),
            Effect::End { slave } => self.orders.add(slave, Order::End, now),
            Effect::Forget { job, keep_results } => self.forget(job, keep_results),
        }
    }

    fn accept(&mut self, now: Moment, request: RequestId) {
        match self.pending.remove(&request) {
            Some(Pending::Plain(reply)) => drop(reply.send(Ok(()))),
            Some(Pending::Announce(reply, missing)) => drop(reply.send(Ok(missing))),
            Some(Pending::Restore(reply, job)) => drop(reply.send(Ok(job))),
            Some(Pending::Register(reply, slave)) => drop(reply.send(Ok(slave))),
            Some(Pending::Work(first)) => {
                if let Some(work) = self.works.get_mut(&first) {
                    work.accept();
                    self.finish(now, first);
                }
            }
            // A lease given back on behalf of a slave that has gone.
            None => {}
        }
    }

    fn refuse(&mut self, now: Moment, request: RequestId, refusal: &Refusal) {
        let error = || convert::refused(refusal);
        match self.pending.remove(&request) {
            Some(Pending::Plain(reply)) => drop(reply.send(Err(error()))),
            Some(Pending::Announce(reply, _)) => drop(reply.send(Err(error()))),
            Some(Pending::Restore(reply, _)) => drop(reply.send(Err(error()))),
            Some(Pending::Register(reply, _)) => drop(reply.send(Err(error()))),
            Some(Pending::Work(first)) => {
                if let Some(work) = self
                    .works
                    .remove(&first)
                    .and_then(|work| work.refuse(first, request, refusal))
                {
                    self.works.insert(first, work);
                    self.finish(now, first);
                }
            }
            None => {}
        }
    }

    /// Answers a request for work if nothing of it is open any more.
    fn finish(&mut self, now: Moment, first: RequestId) {
        if self.works.get(&first).is_none_or(|work| !work.is_complete()) {
            return;
        }
        if let Some(Err(Lost { slave, tasks })) = self.works.remove(&first).map(Work::finish) {
            self.give_back(now, slave, tasks);
        }
    }

    /// Nobody was there to take a lease: it is free again at once, under a request that nobody waits for.
    fn give_back(&mut self, now: Moment, slave: SlaveId, tasks: Vec<TaskRef>) {
        for task in tasks {
            let body = ReportBody::Returned;
            self.handle(
                now,
                Event::Report {
                    request: RequestId(0),
                    slave,
                    task,
                    body,
                },
            );
        }
    }

    fn forget(&mut self, job: JobId, keep_results: bool) {
        self.state.jobs.remove(&job);
        let folder = self.home.folders.job(job);
        let moved = if keep_results {
            self.home.keep_results(&folder)
        } else {
            Ok(())
        };
        if let Err(error) = moved.and_then(|()| self.home.discard(&folder)) {
            self.happenings.add(HappeningKind::Warning, error.to_string());
        }
    }
}
