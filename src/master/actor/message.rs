//! What the HTTP side says to the actor, and the desk at which it says it. One message a request.

use super::state::State;
use crate::error::{Error, Result};
use crate::farm::{Event, JobRecord, NewJob, RequestId, TaskRecord, TaskRef};
use crate::ids::{ContentHash, JobId, SlaveId, TaskIndex};
use crate::wire::{Orders, OrdersWanted, Registration, WorkAnswer, WorkWanted};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Messages that may wait for the actor. Far more than there are connections: who finds it full is told to come back.
pub(super) const QUEUE_MESSAGES_MAX: usize = 16_384;
/// Longest wait of a long poll.
pub(in crate::master) const WAIT_MS_MAX: u64 = 60_000;

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T>>;

/// A job as a client announced it, checked.
#[derive(Debug)]
pub(in crate::master) struct Announced {
    /// For the farm; `files_missing` is filled in by the actor.
    pub(in crate::master) job: NewJob,
    /// The manifest as JSON, if the job has files.
    pub(in crate::master) manifest: Option<String>,
    /// The contents that the manifest names.
    pub(in crate::master) contents: Vec<ContentHash>,
    /// The job with whose bakes it is rendered.
    pub(in crate::master) bakes_from: Option<JobId>,
}

/// What came of a bake, with its files in the store.
#[derive(Debug)]
pub(in crate::master) struct BakedFiles {
    /// Of which attempt.
    pub(in crate::master) task: TaskRef,
    /// For the store, as JSON.
    pub(in crate::master) document: String,
    /// The contents that it names.
    pub(in crate::master) contents: Vec<ContentHash>,
}

/// A job from an archive, checked, with its contents in the store and its pictures in a folder.
#[derive(Debug)]
pub(in crate::master) struct Restored {
    /// For the farm.
    pub(in crate::master) record: JobRecord,
    /// For the farm, too.
    pub(in crate::master) tasks: Vec<(TaskIndex, TaskRecord)>,
    /// The manifest as JSON, if the job has files.
    pub(in crate::master) manifest: Option<String>,
    /// The contents that the manifest names.
    pub(in crate::master) contents: Vec<ContentHash>,
    /// The job with whose bakes it is rendered.
    pub(in crate::master) bakes_from: Option<JobId>,
    /// Becomes the folder of the job.
    pub(in crate::master) folder: PathBuf,
}

/// Everything that can be asked of the actor.
pub(super) enum Message {
    /// An event that the farm answers by `Accept` or `Refuse`.
    Ask {
        request: RequestId,
        event: Event,
        reply: Reply<()>,
    },
    /// The report that a bake is done, with what came of it.
    Baked {
        request: RequestId,
        report: Event,
        files: Box<BakedFiles>,
        reply: Reply<()>,
    },
    /// An event without an answer of the farm's; this one comes once its changes are durable.
    Tell { event: Event, reply: Reply<()> },
    /// A job; the answer names the contents that are missing.
    Announce {
        request: RequestId,
        announced: Box<Announced>,
        reply: Reply<Vec<ContentHash>>,
    },
    /// A job from an archive; the answer is its id.
    Restore {
        request: RequestId,
        restored: Box<Restored>,
        fresh: JobId,
        reply: Reply<JobId>,
    },
    /// Contents that may have been put into the store for nothing.
    Release { contents: Vec<ContentHash> },
    /// A slave presents itself; the answer is its id.
    Register {
        request: RequestId,
        registration: Box<Registration>,
        fresh: SlaveId,
        address: String,
        reply: Reply<SlaveId>,
    },
    /// Reports and the wish for work.
    Work {
        first: RequestId,
        slave: SlaveId,
        wanted: WorkWanted,
        reply: Reply<WorkAnswer>,
    },
    /// Nobody waits for this work any more.
    Unwanted { first: RequestId },
    /// A slave asks what it is told to do.
    Orders {
        slave: SlaveId,
        wanted: OrdersWanted,
        reply: Reply<Orders>,
    },
    /// A fact about this master; the answer comes once it is durable.
    Note {
        name: &'static str,
        value: String,
        reply: Reply<()>,
    },
    /// Contents are complete and on the disk.
    Arrived { hashes: Vec<ContentHash> },
    /// A question about what is durable.
    Look(Box<dyn FnOnce(&State) + Send>),
    /// End.
    Stop,
}

/// Where the HTTP side hands its messages in. Clones share the actor.
#[derive(Debug, Clone)]
pub(in crate::master) struct Desk {
    sender: SyncSender<Message>,
    requests: Arc<AtomicU64>,
}

impl Desk {
    pub(super) fn new(sender: SyncSender<Message>) -> Self {
        Self {
            sender,
            requests: Arc::new(AtomicU64::new(1)),
        }
    }

    /// Puts a question to the farm; answered when what follows from it is durable.
    pub(in crate::master) async fn ask(&self, event: impl FnOnce(RequestId) -> Event) -> Result<()> {
        let request = self.requests(1);
        let event = event(request);
        self.exchange(|reply| Message::Ask { request, event, reply }).await
    }

    /// Reports that a bake is done; answered when that, and what came of it, is durable.
    pub(in crate::master) async fn baked(&self, report: impl FnOnce(RequestId) -> Event, files: BakedFiles) -> Result<()> {
        let request = self.requests(1);
        let (report, files) = (report(request), Box::new(files));
        self.exchange(|reply| Message::Baked {
            request,
            report,
            files,
            reply,
        })
        .await
    }

    /// Tells the farm something; returns when what follows from it is durable.
    pub(in crate::master) async fn tell(&self, event: Event) -> Result<()> {
        self.exchange(|reply| Message::Tell { event, reply }).await
    }

    /// Tells the farm something that changes nothing durable; nobody waits for it.
    pub(in crate::master) fn mention(&self, event: Event) {
        let (reply, _) = oneshot::channel();
        // News that finds the queue full is followed by newer ones.
        let _ = self.send(Message::Tell { event, reply });
    }

    /// Brings a job; returns the contents that are missing.
    pub(in crate::master) async fn announce(&self, announced: Announced) -> Result<Vec<ContentHash>> {
        let request = self.requests(1);
        let announced = Box::new(announced);
        self.exchange(|reply| Message::Announce {
            request,
            announced,
            reply,
        })
        .await
    }

    /// Brings a job back under its own id, or under `fresh` if that is taken; returns which.
    pub(in crate::master) async fn restore(&self, restored: Restored, fresh: JobId) -> Result<JobId> {
        let request = self.requests(1);
        let restored = Box::new(restored);
        self.exchange(|reply| Message::Restore {
            request,
            restored,
            fresh,
            reply,
        })
        .await
    }

    /// Removes those of these contents that no job needs.
    pub(in crate::master) fn release(&self, contents: Vec<ContentHash>) -> Result<()> {
        self.send(Message::Release { contents })
    }

    /// Registers a slave under the id it offers, else under `fresh`.
    pub(in crate::master) async fn register(
        &self,
        registration: Registration,
        fresh: SlaveId,
        address: String,
    ) -> Result<SlaveId> {
        let request = self.requests(1);
        let registration = Box::new(registration);
        self.exchange(|reply| Message::Register {
            request,
            registration,
            fresh,
            address,
            reply,
        })
        .await
    }

    /// Reports, and waits for work. If the caller goes away meanwhile, the wish goes with it.
    pub(in crate::master) async fn work(&self, slave: SlaveId, wanted: WorkWanted) -> Result<WorkAnswer> {
        // One number for the wish, then one for each report.
        let first = self.requests(1 + wanted.reports.len() as u64);
        let mut wish = Wish {
            desk: wanted.want.then_some(self),
            first,
        };
        let answer = self
            .exchange(|reply| Message::Work {
                first,
                slave,
                wanted,
                reply,
            })
            .await;
        wish.desk = None;
        answer
    }

    /// Waits for something to stop.
    pub(in crate::master) async fn orders(&self, slave: SlaveId, wanted: OrdersWanted) -> Result<Orders> {
        let (wait_ms, after) = (wanted.wait_ms, wanted.after);
        let wait = Duration::from_millis(wait_ms.min(WAIT_MS_MAX));
        let orders = self.exchange(|reply| Message::Orders { slave, wanted, reply });
        if wait_ms == 0 {
            return orders.await;
        }
        match tokio::time::timeout(wait, orders).await {
            Ok(orders) => orders,
            Err(_) => Ok(Orders {
                number: after,
                ..Orders::default()
            }),
        }
    }

    /// Keeps a fact about this master; returns when it is durable.
    pub(in crate::master) async fn note(&self, name: &'static str, value: String) -> Result<()> {
        self.exchange(|reply| Message::Note { name, value, reply }).await
    }

    /// Tells that contents are complete and on the disk.
    pub(in crate::master) fn arrived(&self, hashes: Vec<ContentHash>) -> Result<()> {
        self.send(Message::Arrived { hashes })
    }

    /// Asks about what is durable. Keep it short: the farm stands still meanwhile.
    pub(in crate::master) async fn look<T: Send + 'static>(&self, look: impl FnOnce(&State) -> T + Send + 'static) -> Result<T> {
        self.exchange(|reply| {
            Message::Look(Box::new(move |state| {
                // It cannot change the state, so a fault in it is its own: the master goes on for everybody else.
                let seen = catch_unwind(AssertUnwindSafe(|| look(state)));
                // Who does not wait any more misses nothing.
                let _ = reply.send(seen.map_err(|_| Error::internal("the master failed to answer this question")));
            }))
        })
        .await
    }

    /// Ends the actor after what it has been told so far.
    pub(in crate::master) fn stop(&self) -> Result<()> {
        self.send(Message::Stop)
    }

    fn requests(&self, count: u64) -> RequestId {
        RequestId(self.requests.fetch_add(count, Ordering::Relaxed))
    }

    async fn exchange<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.send(message(reply))?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    fn send(&self, message: Message) -> Result<()> {
        self.sender.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => Error::unreachable("the master has too much to do").hint("try again in a moment"),
            TrySendError::Disconnected(_) => stopped(),
        })
    }
}

/// A wish for work that is taken back when its caller goes away.
struct Wish<'a> {
    desk: Option<&'a Desk>,
    first: RequestId,
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        if let Some(desk) = self.desk {
            // If the queue is full, the lease comes back once it finds nobody.
            let _ = desk.send(Message::Unwanted { first: self.first });
        }
    }
}

pub(super) fn stopped() -> Error {
    Error::stopped("the master has stopped").hint("start it again, nothing was lost")
}

/// No such job here.
pub(in crate::master) fn no_job(job: JobId) -> Error {
    Error::not_found(format!("there is no job {job} on this master"))
}
