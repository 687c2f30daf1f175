//! The life of a slave: finds its master, works for it, comes back to it, says goodbye.

use super::board::Board;
use super::cache::Cache;
use super::copies::Copies;
use super::delivery;
use super::desk::{Desk, OUTBOX_BYTES_MAX};
use super::disk;
use super::finals::Finals;
use super::held::Held;
use super::home::Home;
use super::leaving;
use super::log::Logs;
use super::master::{self, Card};
use super::outbox::Outbox;
use super::prefetch;
use super::scene::Scenes;
use super::shop::{Session, Shop, SlaveOptions};
use super::slot::Slot;
use super::work;
use crate::blender::{self, Installation};
use crate::error::{Code, Error, Result};
use crate::happening::HappeningKind;
use crate::ids::{FarmId, Role};
use crate::link::{Backoff, Link};
use crate::versions;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Between two tries if only a person can help: a wrong key, another version.
const HOPELESS_WAIT: Duration = Duration::from_secs(5);
/// A session that lasted so long was a good one: the next failure begins with a short wait.
const GOOD_SESSION: Duration = Duration::from_secs(10);
/// At the end: for what is rendered to reach the outbox,
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);
/// … for what is in the outbox to reach the master,
const DELIVER_TIMEOUT: Duration = Duration::from_secs(1);
/// … for copies of results,
const COPIES_TIMEOUT: Duration = Duration::from_secs(2);
/// … and for the goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// A slave that runs.
pub(super) struct Actor {
    pub(super) options: SlaveOptions,
    pub(super) blenders: Vec<Installation>,
    pub(super) base: PathBuf,
    pub(super) board: Arc<Board>,
    pub(super) stop: CancellationToken,
    pub(super) drain: CancellationToken,
}

/// Where a slave works, and for whom.
struct Place {
    home: Home,
    shop: Shop,
    scenes: Arc<Scenes>,
    session: Session,
}

/// Why the work for a farm ended.
enum Ended {
    Stopped,
    /// It has to begin anew with this master: it belongs to another farm now, or something of the slave broke.
    Anew(Link, Error),
}

impl Actor {
    /// Lives until it is stopped.
    pub(super) async fn run(self) {
        let mut card = Card::new(&self.options, &self.blenders, &self.base);
        let mut backoff = Backoff::default();
        let mut found: Option<Link> = None;
        let mut alone_since = tokio::time::Instant::now();
        loop {
            let begun = async {
                let link = match found.take() {
                    Some(link) => link,
                    None => master::reach(&self.options, None).await?,
                };
                link.require(Role::Render, "let a slave work")?;
                self.settle(&mut card, link).await
            };
            let error = match self.unless_ended(alone_since, begun).await {
                None => return,
                // Another key is needed, not another try.
                Some(Err(error)) if error.code == Code::Forbidden => {
                    self.board.tell(HappeningKind::Error, error.to_string());
                    return;
                }
                Some(Err(error)) => {
                    self.board.away(&error.to_string());
                    error
                }
                Some(Ok(place)) => match self.serve(&mut card, place).await {
                    Ended::Stopped => return,
                    Ended::Anew(link, error) => {
                        found = Some(link);
                        alone_since = tokio::time::Instant::now();
                        error
                    }
                },
            };
            if self.unless_ended(alone_since, pause(&error, &mut backoff)).await.is_none() {
                return;
            }
        }
    }

    /// Does something that takes a while; nothing if the slave, which has no master, ends meanwhile.
    async fn unless_ended<T>(&self, alone_since: tokio::time::Instant, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            () = self.drain.cancelled() => None,
            () = leaving::alone_for_long(alone_since, self.options.exit_when_idle) => {
                self.board.tell(HappeningKind::Info, "no master for long enough: the slave ends");
                self.drain.cancel();
                None
            }
            done = work => Some(done),
        }
    }

    /// Takes the folder of an earlier run, or a new one, and registers.
    async fn settle(&self, card: &mut Card, link: Link) -> Result<Place> {
        let farm: FarmId = link.farm();
        let (home, slave) = if let Some(home) = Home::earlier(&self.base, farm)? {
            let holding = Outbox::open(home.folder())?.1.iter().map(|parcel| parcel.task).collect();
            let slave = card.present(&link, Some(home.id()), holding).await?;
            (home, slave)
        } else {
            let own = card.new_id()?;
            let slave = card.present(&link, Some(own), Vec::new()).await?;
            (Home::new(&self.base, farm, slave)?, slave)
        };
        let cache = Cache::open(home.folder(), self.options.cache_bytes_max)?;
        let versions = versions::Copies::open(&home.folder().join("versions"), self.options.allow_local_repositories)?;
        Ok(Place {
            shop: self.shop(home.folder())?,
            scenes: Arc::new(Scenes::open(home.folder(), cache, versions)?),
            home,
            session: Session { link, slave },
        })
    }

    fn shop(&self, home: &Path) -> Result<Shop> {
        let (outbox, left) = Outbox::open(home)?;
        let desk = Desk::new(self.options.slots, OUTBOX_BYTES_MAX);
        for parcel in &left {
            desk.found(parcel.task, parcel.bytes());
        }
        let work_folder = home.join("work");
        // The folder is locked, so whoever still works in there belongs to a slave that was killed.
        blender::end_leftovers(&work_folder);
        // Half-rendered frames of an earlier run.
        let _ = std::fs::remove_dir_all(&work_folder);
        std::fs::create_dir_all(&work_folder).map_err(|error| Error::io("make the folder", &work_folder, &error))?;
        let copies = self.options.copy_to.clone();
        let copies = copies.map(|folder| Copies::start(folder, work_folder.join("copies"), Arc::clone(&self.board)));
        Ok(Shop {
            copies: copies.transpose()?,
            options: self.options.clone(),
            blenders: self.blenders.clone(),
            board: Arc::clone(&self.board),
            desk,
            logs: Logs::new(outbox.clone()),
            finals: Finals::default(),
            outbox,
            work_folder,
            session: watch::Sender::new(None),
            stop: self.stop.child_token(),
            drain: self.drain.clone(),
        })
    }

    /// Works for one farm, through all restarts of its master, and leaves it in order.
    async fn serve(&self, card: &mut Card, place: Place) -> Ended {
        let Place {
            home,
            shop,
            scenes,
            mut session,
        } = place;
        let shop = Arc::new(shop);
        let broken = CancellationToken::new();
        let slots = (0..self.options.slots).map(|number| {
            let slot = Slot::new(Arc::clone(&shop), number, Arc::clone(&scenes));
            // Dropped also if the slot panics.
            let guard = broken.clone().drop_guard();
            tokio::spawn(async move {
                let _guard = guard;
                slot.run().await;
            })
        });
        let slots: Vec<_> = slots.collect();
        let ended = self.work(card, (&shop, &scenes), &mut session, &broken).await;
        shop.stop.cancel();
        for slot in slots {
            // It ends its Blender, and gives back what it had.
            let _ = slot.await;
        }
        self.leave(&shop, &session).await;
        if self.options.clear_on_exit
            && matches!(ended, Ended::Stopped)
            && let Err(error) = home.clear()
        {
            self.board.tell(HappeningKind::Warning, error.to_string());
        }
        ended
    }

    /// Works until it ends, or has to begin anew.
    async fn work(
        &self,
        card: &mut Card,
        (shop, scenes): (&Shop, &Scenes),
        session: &mut Session,
        broken: &CancellationToken,
    ) -> Ended {
        tokio::select! {
            biased;
            () = leaving::may_end(shop) => Ended::Stopped,
            never = disk::watch(shop) => match never {},
            ended = self.work_on(card, (shop, scenes), session, broken) => ended,
        }
    }

    async fn work_on(
        &self,
        card: &mut Card,
        (shop, scenes): (&Shop, &Scenes),
        session: &mut Session,
        broken: &CancellationToken,
    ) -> Ended {
        let mut backoff = Backoff::default();
        loop {
            let link = &session.link;
            self.board
                .connected(link.address().to_string(), session.slave, link.is_open());
            if let Some(fingerprint) = link.newly_trusted() {
                let told = format!("first meeting with this master: its certificate {fingerprint} is trusted from now on");
                self.board.tell(HappeningKind::Info, told);
            }
            shop.session.send_replace(Some(session.clone()));
            let began = tokio::time::Instant::now();
            let error = tokio::select! {
                biased;
                () = shop.stop.cancelled() => return Ended::Stopped,
                () = broken.cancelled() => {
                    let error = Error::internal("the part of the slave that renders broke, and is started anew");
                    self.board.tell(HappeningKind::Error, error.to_string());
                    return Ended::Anew(session.link.clone(), error);
                }
                error = work::work(shop, session) => error,
                error = work::obey(shop, session) => error,
                error = delivery::deliver(shop, session) => error,
                error = delivery::send_logs(shop, session) => error,
                never = prefetch::prefetch(shop, session, scenes) => match never {},
            };
            shop.session.send_replace(None);
            if began.elapsed() > GOOD_SESSION {
                backoff.reset();
            }
            let coming_back = self.come_back(card, shop, session, error, &mut backoff);
            match shop.stop.run_until_cancelled(coming_back).await {
                None => return Ended::Stopped,
                Some(Ok(again)) => *session = again,
                Some(Err(link)) => {
                    let farm = link.farm();
                    return Ended::Anew(link, Error::conflict(format!("the master belongs to farm {farm} now")));
                }
            }
        }
    }

    /// Reaches the master again and registers again with what is held; a link to another farm's master is the error.
    async fn come_back(
        &self,
        card: &mut Card,
        shop: &Shop,
        last: &Session,
        error: Error,
        backoff: &mut Backoff,
    ) -> Result<Session, Link> {
        let mut error = error;
        loop {
            // A master that has merely forgotten the slave is no trouble to tell anybody of.
            if error.code != Code::NotFound {
                self.board.away(&error.to_string());
            }
            pause(&error, backoff).await;
            let reached = async {
                let link = master::reach(&self.options, Some(last.link.address())).await?;
                if link.farm() != last.link.farm() {
                    return Ok(Err(link));
                }
                let slave = card.present(&link, Some(last.slave), shop.desk.look(Held::names)).await?;
                Ok(Ok(Session { link, slave }))
            };
            match reached.await {
                Ok(come) => return come,
                Err(again) => error = again,
            }
        }
    }

    /// Delivers what can be delivered quickly, gives back the rest, and says goodbye. What stays in the outbox is for the
    /// next start.
    async fn leave(&self, shop: &Shop, session: &Session) {
        shop.desk.give_back_queued();
        let mut changes = shop.desk.watch();
        if let Some(copies) = &shop.copies {
            let _ = timeout(COPIES_TIMEOUT, copies.made()).await;
        }
        let _ = timeout(FINISH_TIMEOUT, changes.wait_for(|held| !held.is_finishing())).await;
        if shop.session.borrow().is_none() {
            return;
        }
        let delivered = async {
            tokio::select! {
                _ = delivery::deliver(shop, session) => (),
                _ = changes.wait_for(|held| held.oldest_boxed().is_none()) => (),
            }
        };
        let _ = timeout(DELIVER_TIMEOUT, delivered).await;
        let goodbye = async {
            while shop.desk.look(Held::has_reports) {
                work::report(shop, session).await?;
            }
            session.link.delete(&format!("slaves/{}", session.slave)).await
        };
        if !matches!(timeout(GOODBYE_TIMEOUT, goodbye).await, Ok(Ok(()))) {
            self.board.tell(
                HappeningKind::Warning,
                "the master did not hear the goodbye, and will notice by itself",
            );
        }
    }
}

async fn pause(error: &Error, backoff: &mut Backoff) {
    let hopeless = matches!(error.code, Code::Unauthorized | Code::Forbidden | Code::VersionMismatch);
    let wait = if hopeless { HOPELESS_WAIT } else { backoff.next_wait() };
    tokio::time::sleep(wait).await;
}
