//! Webhooks: addresses that people want told when a job is over or a slave is lost.
//!
//! Whoever has news leaves it in a bounded queue and goes on; a thread of its own carries it to the addresses, each of which
//! has a queue of its own and is tried a few times at most.
//!
//! Absences: what has not been told when the master ends is not told any more, and a message holds no picture, no log and no
//! path, only what a list of jobs shows.

mod kept;
mod message;

use crate::error::{Error, Result};
use crate::farm::{JobView, Moment, SlaveView};
use crate::link::{HookAddress, HookAnswer, HookCaller};
use crate::wire::{WebhookInfo, WebhookMessage};
use kept::Hook;
pub(super) use kept::NOTE;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Most addresses.
const HOOKS_MAX: usize = 16;
/// Messages that may wait; news that finds no place is dropped, and counted as not told.
const MESSAGES_MAX: usize = 1_024;
/// Pauses before each further try.
const RETRY_AFTER_S: [u64; 2] = [2, 10];

type Hooks = Arc<Mutex<BTreeMap<u32, Hook>>>;

/// Knows the addresses, and tells them.
#[derive(Debug)]
pub(super) struct Webhooks {
    master: String,
    hooks: Hooks,
    queue: Sender<WebhookMessage>,
    cut: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Held while the list is changed, until that is durable.
    pub(super) changing: tokio::sync::Mutex<()>,
}

impl Webhooks {
    /// Starts with the addresses that were kept.
    pub(super) fn start(master: &str, kept: Option<&str>) -> Result<Self> {
        let hooks: Hooks = Arc::new(Mutex::new(kept.map_or_else(BTreeMap::new, kept::read)));
        let (queue, messages) = channel(MESSAGES_MAX);
        let cut = CancellationToken::new();
        let (carried, is_cut) = (Arc::clone(&hooks), cut.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::internal(format!("cannot start a runtime: {error}")))?;
        let thread = std::thread::Builder::new()
            .name("netrender-hooks".to_owned())
            .spawn(move || {
                runtime.block_on(is_cut.run_until_cancelled(carry(carried, messages)));
                // Without waiting for the system, which may be looking for a name that nobody answers for.
                runtime.shutdown_background();
            })
            .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            master: master.to_owned(),
            hooks,
            queue,
            cut,
            thread: Mutex::new(Some(thread)),
            changing: tokio::sync::Mutex::new(()),
        })
    }

    /// A job is over.
    pub(super) fn job_over(&self, job: &JobView<'_>, at: Moment) {
        self.say(|master| message::job_over(master, job, at));
    }

    /// A slave has gone without a word.
    pub(super) fn slave_lost(&self, slave: &SlaveView<'_>, at: Moment) {
        self.say(|master| Some(message::slave_lost(master, slave, at)));
    }

    fn say(&self, message: impl FnOnce(&str) -> Option<WebhookMessage>) {
        if hooks(&self.hooks).is_empty() {
            return;
        }
        if let Some(message) = message(&self.master)
            && self.queue.try_send(message).is_err()
        {
            hooks(&self.hooks)
                .values_mut()
                .for_each(|hook| hook.note(Err("too much happened at once".to_owned())));
        }
    }

    /// As lists show them.
    pub(super) fn infos(&self) -> Vec<WebhookInfo> {
        hooks(&self.hooks).iter().map(|(id, hook)| hook.info(*id)).collect()
    }

    /// One with an address added, and what is to be kept of all of them then. Nothing is told before [`Self::set`].
    pub(super) fn with(&self, address: HookAddress) -> Result<(u32, String)> {
        let mut all = hooks(&self.hooks).clone();
        if all.len() >= HOOKS_MAX {
            return Err(Error::conflict(format!("{HOOKS_MAX} webhooks are the most")).hint("remove one first"));
        }
        if all.values().any(|hook| hook.address == address) {
            return Err(Error::conflict(format!("{address} is told already")));
        }
        let id = all.last_key_value().map_or(1, |(last, _)| last + 1);
        all.insert(id, Hook::new(address));
        Ok((id, kept::written(&all)))
    }

    /// What is to be kept without one of them.
    pub(super) fn without(&self, id: u32) -> Result<String> {
        let mut all = hooks(&self.hooks).clone();
        all.remove(&id).ok_or_else(|| no_webhook(id))?;
        Ok(kept::written(&all))
    }

    /// From now on these are told, as they were kept.
    pub(super) fn set(&self, kept: &str) {
        let mut all = hooks(&self.hooks);
        let mut fresh = kept::read(kept);
        for (id, hook) in &mut fresh {
            if let Some(known) = all.remove(id) {
                *hook = known;
            }
        }
        *all = fresh;
    }

    /// Tells one of them that somebody tries it, once and now; returns how it did.
    pub(super) async fn try_out(&self, id: u32) -> Result<WebhookInfo> {
        let address = hooks(&self.hooks).get(&id).map(|hook| hook.address.clone());
        let address = address.ok_or_else(|| no_webhook(id))?;
        let told = match HookCaller::new()?.tell(&address, message::test(&self.master)).await {
            HookAnswer::Taken => Ok(()),
            HookAnswer::NotNow(why) | HookAnswer::Never(why) => Err(why),
        };
        let mut all = hooks(&self.hooks);
        // It may have been removed meanwhile.
        let hook = all.get_mut(&id).ok_or_else(|| no_webhook(id))?;
        hook.note(told);
        Ok(hook.info(id))
    }

    /// Tells nothing more.
    pub(super) fn stop(&self) {
        self.cut.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // It does nothing that waits by then; a panic of it has been told of already.
        let _ = thread.map(JoinHandle::join);
    }
}

impl Drop for Webhooks {
    fn drop(&mut self) {
        self.stop();
    }
}

fn hooks(hooks: &Hooks) -> MutexGuard<'_, BTreeMap<u32, Hook>> {
    hooks.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_webhook(id: u32) -> Error {
    Error::not_found(format!("there is no webhook {id} on this master"))
}

/// Each address hears of everything in its order, and waits for no other.
async fn carry(hooks: Hooks, mut messages: Receiver<WebhookMessage>) {
    // Not made before it is needed: it reads the system's certificates.
    let mut caller = None;
    let mut lanes: BTreeMap<u32, Sender<Arc<str>>> = BTreeMap::new();
    let mut telling = JoinSet::new();
    while let Some(message) = messages.recv().await {
        if caller.is_none() {
            caller = HookCaller::new()
                .inspect_err(|error| tracing::warn!(%error, "no webhook is told"))
                .ok();
        }
        let (Some(caller), Ok(json)) = (&caller, serde_json::to_string(&message)) else {
            continue;
        };
        let json: Arc<str> = json.into();
        let mut known = self::hooks(&hooks);
        lanes.retain(|id, _| known.contains_key(id));
        for (id, hook) in known.iter_mut() {
            let lane = lanes.entry(*id).or_insert_with(|| {
                let (lane, queue) = channel(MESSAGES_MAX);
                telling.spawn(tell_all(*id, Arc::clone(&hooks), caller.clone(), queue));
                lane
            });
            if lane.try_send(Arc::clone(&json)).is_err() {
                hook.note(Err("too much happened at once".to_owned()));
            }
        }
        drop(known);
        while telling.try_join_next().is_some() {}
    }
}

/// Message by message to one webhook, until nobody has more for it.
async fn tell_all(id: u32, hooks: Hooks, caller: HookCaller, mut queue: Receiver<Arc<str>>) {
    while let Some(json) = queue.recv().await {
        let address = self::hooks(&hooks).get(&id).map(|hook| hook.address.clone());
        // It may have been removed meanwhile, before or after it was told.
        let Some(address) = address else { continue };
        let told = insist(&caller, &address, &json).await;
        if let Some(hook) = self::hooks(&hooks).get_mut(&id) {
            hook.note(told);
        }
    }
}

/// Tells one address, again after a while if that may help.
async fn insist(caller: &HookCaller, address: &HookAddress, json: &str) -> Result<(), String> {
    let mut waits_s = RETRY_AFTER_S.into_iter();
    loop {
        match (caller.tell(address, json.to_owned()).await, waits_s.next()) {
            (HookAnswer::Taken, _) => return Ok(()),
            (HookAnswer::Never(why), _) | (HookAnswer::NotNow(why), None) => return Err(why),
            (HookAnswer::NotNow(_), Some(seconds)) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        }
    }
}
