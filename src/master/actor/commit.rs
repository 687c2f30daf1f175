//! Messages into events, and batches into transactions.

use super::message::{Message, Reply, stopped};
use super::state::{JobNotes, SlaveFacts};
use super::work::{self, Work};
use super::{Actor, Deed, Pending};
use crate::error::{Error, Result};
use crate::farm::{Ban, Change, Event, JobState, Moment, NewJob, RequestId};
use crate::happening::HappeningKind;
use crate::ids::{ContentHash, JobId, SlaveId};
use crate::master::actor::{Announced, no_job};
use crate::master::convert;
use crate::master::feed::Changed;
use crate::store::Write;
use crate::wire::{Orders, OrdersWanted, Registration, WorkWanted};

impl Actor {
    /// Lets a message happen. Whoever waits for an answer gets it after the commit.
    pub(super) fn take(&mut self, message: Message) {
        let now = self.clock.now();
        match message {
            Message::Ask { request, event, reply } => {
                self.pending.insert(request, Pending::Plain(reply));
                self.handle(now, event);
            }
            Message::Baked {
                request,
                report,
                files,
                reply,
            } => self.baked(now, request, report, *files, reply),
            Message::Tell { event, reply } => {
                if let Event::SlaveLeft { slave } = event {
                    self.feed.add([Changed::Slave(slave)]);
                    // Who says goodbye is not lost.
                    self.online.remove(&slave);
                }
                self.handle(now, event);
                self.deeds.push(Deed::Reply(reply));
            }
            Message::Announce {
                request,
                announced,
                reply,
            } => self.announce(now, request, *announced, reply),
            Message::Restore {
                request,
                restored,
                fresh,
                reply,
            } => self.restore(now, request, *restored, fresh, reply),
            Message::Release { contents } => self.deeds.push(Deed::Release(contents)),
            Message::Register {
                request,
                registration,
                fresh,
                address,
                reply,
            } => {
                self.register(now, request, *registration, fresh, address, reply);
            }
            Message::Work {
                first,
                slave,
                wanted,
                reply,
            } => self.work(now, first, slave, wanted, reply),
            Message::Unwanted { first } => {
                if self.works.remove(&first).is_some() {
                    self.pending.remove(&first);
                    self.handle(now, Event::WorkUnwanted { request: first });
                }
            }
            Message::Orders { slave, wanted, reply } => self.orders(now, slave, wanted, reply),
            Message::Note { name, value, reply } => {
                self.writes.push(Write::Note { name, value });
                self.deeds.push(Deed::Reply(reply));
            }
            Message::Arrived { hashes } => self.arrived(now, hashes),
            Message::Look(look) => self.deeds.push(Deed::Look(look)),
            Message::Stop => {}
        }
    }

    fn announce(&mut self, now: Moment, request: RequestId, announced: Announced, reply: Reply<Vec<ContentHash>>) {
        let Announced {
            mut job,
            manifest,
            contents,
            bakes_from,
        } = announced;
        let id = job.id;
        if self.state.jobs.contains_key(&id) {
            self.announce_again(&job, manifest.as_deref(), contents, reply);
            return;
        }
        let missing: Vec<_> = contents
            .iter()
            .filter(|hash| !self.state.present.contains(hash))
            .copied()
            .collect();
        job.files_missing = !missing.is_empty();
        let notes = JobNotes {
            has_files: manifest.is_some(),
            missing: missing.iter().copied().collect(),
            dispatched: false,
        };
        self.state.jobs.insert(id, notes);
        self.pending.insert(request, Pending::Announce(reply, missing));
        self.handle(now, Event::JobSubmitted { request, job });
        if self.state.farm.job(id).is_none() {
            // Refused, for what it depends on; the answer is on its way.
            self.state.jobs.remove(&id);
            return;
        }
        if let Some(document) = manifest {
            self.writes.push(Write::Manifest {
                job: id,
                document,
                contents,
                bakes_from,
            });
        }
    }

    /// An announcement whose answer was lost is answered as if it were the first; another job of its id is refused.
    fn announce_again(
        &mut self,
        job: &NewJob,
        manifest: Option<&str>,
        contents: Vec<ContentHash>,
        reply: Reply<Vec<ContentHash>>,
    ) {
        let id = job.id;
        match self.is_repeat(job, manifest) {
            // The first one may be of this very batch: only what is durable is told.
            Ok(true) => self.deeds.push(Deed::Look(Box::new(move |state| {
                let missing = state.jobs.get(&id).map(|notes| {
                    let missing = contents.into_iter().filter(|hash| notes.missing.contains(hash));
                    missing.collect()
                });
                let _ = reply.send(missing.ok_or_else(|| no_job(id)));
            }))),
            Ok(false) => {
                let other = Error::conflict(format!("there is another job {id} already"));
                let _ = reply.send(Err(other.hint("try again: it gets another id")));
            }
            Err(error) => {
                let _ = reply.send(Err(error));
            }
        }
    }

    /// Whether the job of this id renders the same; what people may have changed since then does not count.
    fn is_repeat(&self, job: &NewJob, manifest: Option<&str>) -> Result<bool> {
        let Some(known) = self.state.farm.job(job.id) else {
            return Ok(false);
        };
        let known = &known.record.job;
        if (&known.frames, &known.blender) != (&job.frames, &job.blender) {
            return Ok(false);
        }
        let written = self.writes.iter().find_map(|write| match write {
            Write::Manifest { job: id, document, .. } if *id == job.id => Some(document.as_str()),
            _ => None,
        });
        if written.is_some() {
            return Ok(written == manifest);
        }
        Ok(self.state.store.manifest(job.id)?.as_deref() == manifest)
    }

    fn register(
        &mut self,
        now: Moment,
        request: RequestId,
        registration: Registration,
        fresh: SlaveId,
        address: String,
        reply: Reply<SlaveId>,
    ) {
        let slave = self.id_for(&registration, fresh);
        let facts = SlaveFacts {
            address,
            machine: registration.machine.clone(),
        };
        let document = serde_json::to_string(&facts).unwrap_or_default();
        self.state.slaves.insert(slave, facts);
        self.pending.insert(request, Pending::Register(reply, slave));
        let (machine, holding) = convert::machine(registration);
        self.handle(
            now,
            Event::SlaveRegistered {
                request,
                slave,
                machine,
                holding,
            },
        );
        self.writes.push(Write::Facts { slave, document });
    }

    /// The id that a slave offers is its own, unless another machine goes by it just now (a copied folder).
    fn id_for(&self, registration: &Registration, fresh: SlaveId) -> SlaveId {
        let Some(offered) = registration.id else { return fresh };
        match self.state.farm.slave(offered) {
            Some(known) if known.online && known.record.machine.name != registration.name => fresh,
            _ => offered,
        }
    }

    fn work(&mut self, now: Moment, first: RequestId, slave: SlaveId, wanted: WorkWanted, reply: Reply<crate::wire::WorkAnswer>) {
        let mut work = Work::new(slave, &wanted, reply, (self.round, self.clock.micros()));
        if work.is_complete() {
            // Nothing told, nothing wanted: a sign of life.
            if self.state.farm.slave(slave).is_none() {
                return work.fail(convert::no_slave(slave));
            }
            self.state.farm.handle(now, Event::SlaveSeen { slave });
        }
        let until = now.plus_millis(wanted.wait_ms.min(super::message::WAIT_MS_MAX));
        for event in work::events(first, slave, wanted, until) {
            if let Some(task) = work::is_done_without_its_file(&event, &self.state) {
                work.refuse_report(task);
                continue;
            }
            let (Event::Report { request, .. } | Event::WorkWanted { request, .. }) = &event else {
                continue;
            };
            self.pending.insert(*request, Pending::Work(first));
            self.state.farm.handle(now, event);
        }
        if work.is_complete() {
            self.deeds.push(Deed::Finish(first));
        }
        self.works.insert(first, work);
        self.collect();
    }

    fn orders(&mut self, now: Moment, slave: SlaveId, wanted: OrdersWanted, reply: Reply<Orders>) {
        let Some(known) = self.state.farm.slave(slave) else {
            let _ = reply.send(Err(convert::no_slave(slave)));
            return;
        };
        let rests_anew = known.resting != wanted.resting.as_deref();
        if let Some(machine) = wanted.machine {
            self.state.slaves.entry(slave).or_default().machine = machine;
        }
        if rests_anew {
            let why = wanted.resting;
            self.handle(now, Event::SlaveRests { slave, why });
        }
        self.handle(now, Event::SlaveSeen { slave });
        self.orders.ask(slave, wanted.after, wanted.wait_ms > 0, reply);
    }

    /// Makes the batch durable. If that fails, everybody who waits is told so, and the farm is again what is durable; only
    /// if even that fails, this does.
    pub(super) fn commit(&mut self, now: Moment) -> Result<()> {
        let writes = std::mem::take(&mut self.writes);
        let began = self.clock.micros();
        let error = match self.state.store.apply(&writes) {
            Ok(orphans) => {
                if std::mem::take(&mut self.store_fails) {
                    self.happenings.add(HappeningKind::Info, "the state can be written again");
                }
                if !writes.is_empty() {
                    self.metrics.commit.add(self.clock.micros() - began);
                }
                self.discard_contents(&orphans);
                self.forget_slaves(&writes);
                self.tell(&writes);
                self.publish(&writes);
                return Ok(());
            }
            Err(error) => error,
        };
        // Once, until it goes well again: a full disk fails every batch.
        if !std::mem::replace(&mut self.store_fails, true) {
            self.happenings.add(HappeningKind::Error, error.to_string());
        }
        for (_, pending) in self.pending.drain() {
            match pending {
                Pending::Plain(reply) => drop(reply.send(Err(error.clone()))),
                Pending::Announce(reply, _) => drop(reply.send(Err(error.clone()))),
                Pending::Restore(reply, _) => drop(reply.send(Err(error.clone()))),
                Pending::Register(reply, _) => drop(reply.send(Err(error.clone()))),
                Pending::Work(_) => {}
            }
        }
        self.works.drain().for_each(|(_, work)| work.fail(error.clone()));
        for deed in std::mem::take(&mut self.deeds) {
            match deed {
                Deed::Reply(reply) => drop(reply.send(Err(error.clone()))),
                // Questions are about what is durable, and that is still there.
                Deed::Look(look) => self.deeds.push(Deed::Look(look)),
                Deed::Release(contents) => self.deeds.push(Deed::Release(contents)),
                Deed::Effect(_) | Deed::Finish(_) => {}
            }
        }
        self.state.reload(now)?;
        self.collect();
        Ok(())
    }

    /// The state cannot even be read: better no master than one that forgets.
    pub(super) fn give_up(&mut self, error: &Error) {
        self.happenings.add(
            HappeningKind::Error,
            format!("the master ends, because its state cannot be read: {error}"),
        );
        for (_, work) in self.works.drain() {
            work.fail(stopped());
        }
    }

    fn forget_slaves(&mut self, writes: &[Write]) {
        for write in writes {
            if let Write::Farm(Change::SlaveRemoved(slave)) = write {
                self.state.slaves.remove(slave);
                self.orders.forget(*slave);
            }
        }
    }

    fn tell_ban(&self, job: Option<JobId>, slave: SlaveId, ban: Option<&Ban>) -> String {
        let slave = self
            .state
            .farm
            .slave(slave)
            .map_or_else(|| slave.to_string(), |view| format!("{} ({slave})", view.record.machine.name));
        let whose = job.map_or_else(
            || "the farm's blacklist".to_owned(),
            |job| format!("the blacklist of job {job}"),
        );
        match ban {
            Some(ban) if ban.reason.is_empty() => format!("slave {slave} is on {whose}"),
            Some(ban) => format!("slave {slave} is on {whose}: {}", ban.reason),
            None => format!("slave {slave} is off {whose}"),
        }
    }

    /// Notes what people may want to know.
    fn tell(&self, writes: &[Write]) {
        let name = |job| {
            let view = self.state.farm.job(job);
            view.map_or_else(|| format!("{job}"), |view| format!("{} ({job})", view.record.job.name))
        };
        for write in writes {
            let text = match write {
                Write::Farm(Change::JobAdded(record)) => format!("job {} announced", name(record.job.id)),
                Write::Farm(Change::JobState { job, transition }) => {
                    let what = match transition.state {
                        JobState::Waiting => "waits",
                        JobState::Queued => "is queued",
                        JobState::Paused => "is paused",
                        JobState::Finished => "is finished",
                        JobState::Failed => "failed",
                        JobState::Cancelled => "is cancelled",
                    };
                    format!("job {} {what}", name(*job))
                }
                Write::Farm(Change::JobRemoved(job)) => format!("job {job} removed"),
                Write::Farm(Change::Ban { job, slave, ban }) => self.tell_ban(*job, *slave, ban.as_ref()),
                Write::Farm(Change::Settings(_)) => "the settings of the farm changed".to_owned(),
                Write::Farm(Change::Slave(record)) => format!("slave {} ({}) registered", record.machine.name, record.id),
                Write::Farm(Change::Rules(_)) => "the rules of balancing were changed".to_owned(),
                Write::Farm(_) | Write::Manifest { .. } | Write::Baked { .. } | Write::Facts { .. } | Write::Note { .. } => {
                    continue;
                }
            };
            self.happenings.add(HappeningKind::Info, text);
        }
    }
}
