//! The one thread that owns the farm and the store: it takes what came, lets the farm think, makes the records durable in
//! one transaction, and only then tells anybody anything.
//!
//! Absences: no network and no async here. Nothing waits for a slave or a client; the disk is all that it waits for.

mod baked;
mod carry_out;
mod clock;
mod commit;
mod contents;
mod message;
mod orders;
mod publish;
mod restore;
mod state;
mod status;
mod telling;
mod work;

pub(super) use message::{Announced, BakedFiles, Desk, Restored, no_job};
pub(super) use state::{SlaveFacts, State};
pub use status::Status;
pub(super) use status::StatusBoard;
pub(super) use telling::Telling;

use super::feed::Feed;
use super::happening::Happenings;
use super::home::Home;
use super::metrics::Metrics;
use super::press::Press;
use super::webhooks::Webhooks;
use crate::error::{Error, Result};
use crate::farm::{Effect, Event, Moment, RequestId};
use crate::happening::HappeningKind;
use crate::ids::{ContentHash, JobId, SlaveId};
use crate::store::{Store, Write};
use clock::Clock;
use message::{Message, QUEUE_MESSAGES_MAX, Reply};
use orders::OrderBook;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use work::Work;

/// Most messages that share one commit.
const BATCH_MESSAGES_MAX: usize = 1_024;
/// How often the disk is looked at.
const DISK_LOOK_MS: u64 = 5_000;
/// Longest sleep, so that a clock that jumps is noticed.
const SLEEP_MS_MAX: u64 = 10_000;

/// Starts the actor on what is in the store.
pub(super) fn start(home: Home, store: Store, telling: Telling) -> Result<(Desk, JoinHandle<()>)> {
    let (sender, inbox) = sync_channel(QUEUE_MESSAGES_MAX);
    let ending = telling.ending();
    let actor = Actor::new(home, store, inbox, telling)?;
    let thread = std::thread::Builder::new()
        .name("netrender-farm".to_owned())
        .spawn(move || {
            let _ending = ending;
            // Dropped before the ending if it panics: by then the path is free for the next master.
            let mut actor = actor;
            actor.run();
            actor.close();
        })
        .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
    Ok((Desk::new(sender), thread))
}

struct Actor {
    state: State,
    home: Home,
    clock: Clock,
    inbox: Receiver<Message>,
    /// Who waits for which answer of the farm.
    pending: HashMap<RequestId, Pending>,
    /// Requests for work, by their first request.
    works: HashMap<RequestId, Work>,
    orders: OrderBook,
    /// To be made durable next.
    writes: Vec<Write>,
    /// To be done once that is durable, in order.
    deeds: Vec<Deed>,
    /// Whether the last commit failed, which was told then.
    store_fails: bool,
    /// When to look at the disk again.
    disk_due: Moment,
    /// Contents on the disk that no job needs: they go bit by bit, so that those of a large job keep nobody waiting. What is left
    /// of them at the end goes with the next start.
    unneeded: Vec<ContentHash>,
    happenings: Arc<Happenings>,
    board: Arc<StatusBoard>,
    feed: Arc<Feed>,
    metrics: Arc<Metrics>,
    press: Press,
    webhooks: Arc<Webhooks>,
    /// Slaves that were there when it was last told.
    online: BTreeSet<SlaveId>,
    /// Counts the rounds of the loop: a lease of the round in which it was wished for had not to wait for work.
    round: u64,
}

/// Who waits for an answer of the farm.
enum Pending {
    Plain(Reply<()>),
    Announce(Reply<Vec<ContentHash>>, Vec<ContentHash>),
    Restore(Reply<JobId>, JobId),
    Register(Reply<SlaveId>, SlaveId),
    /// A report or the wish of this work request.
    Work(RequestId),
}

/// What follows once a batch is durable.
enum Deed {
    Effect(Effect),
    Reply(Reply<()>),
    Look(Box<dyn FnOnce(&State) + Send>),
    Release(Vec<ContentHash>),
    Finish(RequestId),
}

impl Actor {
    fn new(mut home: Home, store: Store, inbox: Receiver<Message>, telling: Telling) -> Result<Self> {
        let clock = Clock::start();
        let present = state::tidy_up(&store, &mut home)?;
        let state = State::restore(store, clock.now(), present)?;
        let mut actor = Self {
            state,
            home,
            clock,
            inbox,
            pending: HashMap::new(),
            works: HashMap::new(),
            orders: OrderBook::default(),
            writes: Vec::new(),
            deeds: Vec::new(),
            store_fails: false,
            disk_due: Moment(0),
            unneeded: Vec::new(),
            happenings: telling.happenings,
            board: telling.board,
            feed: telling.feed,
            metrics: telling.metrics,
            press: telling.press,
            webhooks: telling.webhooks,
            online: BTreeSet::new(),
            round: 0,
        };
        actor.begin()?;
        Ok(actor)
    }

    /// What a restored farm still wants, and jobs whose last file arrived just before the end.
    fn begin(&mut self) -> Result<()> {
        let now = self.clock.now();
        self.collect();
        for job in self.state.jobs_ready() {
            self.handle(now, Event::JobFilesReady { job });
        }
        let writes = std::mem::take(&mut self.writes);
        self.state.store.apply(&writes)?;
        self.carry_out(now);
        self.board.show(Status::of(&self.state.farm), now);
        let over = self.state.farm.jobs().filter(|job| job.state.is_over());
        for job in over {
            self.press.compress(self.home.folders.logs(job.record.job.id));
        }
        Ok(())
    }

    fn run(&mut self) {
        loop {
            self.round += 1;
            let mut ends = false;
            match self.inbox.recv_timeout(self.sleep()) {
                Ok(message) => ends = !self.take_batch(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => ends = true,
            }
            let now = self.clock.now();
            if self.state.farm.next_deadline().is_some_and(|due| due <= now) {
                self.handle(now, Event::Tick);
            }
            self.watch_disk(now);
            self.state.usage.look(&self.state.farm, now);
            self.go_on_sweeping(now);
            while !self.writes.is_empty() || !self.deeds.is_empty() {
                if let Err(error) = self.commit(now) {
                    return self.give_up(&error);
                }
                self.carry_out(now);
            }
            if self.board.refresh(now, || Status::of(&self.state.farm)) {
                self.publish_presence(now);
            }
            if ends {
                return;
            }
        }
    }

    fn sleep(&self) -> Duration {
        if !self.unneeded.is_empty() {
            return Duration::ZERO;
        }
        let now = self.clock.now();
        let deadline = [self.state.farm.next_deadline(), self.board.due(), Some(self.disk_due)]
            .into_iter()
            .flatten()
            .min();
        Duration::from_millis(deadline.map_or(SLEEP_MS_MAX, |due| due.millis_since(now).min(SLEEP_MS_MAX)))
    }

    /// Takes what has come, up to a bound; false if one of it was the end.
    fn take_batch(&mut self, first: Message) -> bool {
        let mut next = Some(first);
        for _ in 0..BATCH_MESSAGES_MAX {
            match next {
                Some(Message::Stop) => return false,
                Some(message) => self.take(message),
                None => break,
            }
            next = self.inbox.try_recv().ok();
        }
        // The bound was reached with one more in hand.
        match next {
            Some(Message::Stop) => false,
            Some(message) => {
                self.take(message);
                true
            }
            None => true,
        }
    }

    /// Looks from time to time whether there is room, and tells people once when that changes.
    fn watch_disk(&mut self, now: Moment) {
        if now < self.disk_due {
            return;
        }
        self.disk_due = now.plus_millis(DISK_LOOK_MS);
        let wanted_free_mib = self.state.farm.settings().disk_free_mib;
        match self.home.folders.disk.look(wanted_free_mib) {
            Some(true) => {
                let text = "the disk is full: nothing is taken in or handed out until there is room";
                self.happenings.add(HappeningKind::Warning, text);
            }
            Some(false) => self.happenings.add(HappeningKind::Info, "the disk has room again"),
            None => {}
        }
        let is_low = self.home.folders.disk.is_low();
        if is_low != self.state.farm.disk_is_low() {
            self.handle(now, Event::DiskChanged { is_low });
        }
    }

    fn handle(&mut self, now: Moment, event: Event) {
        self.state.farm.handle(now, event);
        self.collect();
    }

    /// Sorts the farm's effects into what is to be recorded and what is to be done after that.
    fn collect(&mut self) {
        while let Some(effect) = self.state.farm.poll_effect() {
            match effect {
                Effect::Record(change) => self.writes.push(Write::Farm(change)),
                effect => self.deeds.push(Deed::Effect(effect)),
            }
        }
    }

    /// Everybody who still waits is told by the closing of their channel.
    fn close(self) {
        drop((self.pending, self.works, self.orders, self.inbox, self.deeds));
        self.board.show(Status::of(&self.state.farm), self.clock.now());
        drop(self.state);
        if let Err(error) = self.home.leave() {
            self.happenings.add(HappeningKind::Error, error.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_fault_in_one_question_is_no_fault_of_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let (home, store) = Home::open(folder.path(), false).unwrap();
        let telling = Telling::to_nobody();
        let board = Arc::clone(&telling.board);
        let (desk, thread) = start(home, store, telling).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let faulty = desk.look(|_| -> usize { panic!("a fault on purpose") });
        assert_eq!(runtime.block_on(faulty).unwrap_err().code, Code::Internal);
        assert_eq!(runtime.block_on(desk.look(|state| state.jobs.len())).unwrap(), 0);
        assert!(!board.has_ended());
        desk.stop().unwrap();
        thread.join().unwrap();
        assert!(board.has_ended());
    }
}
