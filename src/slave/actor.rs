//! The life of a slave: finds its master, works for it, comes back to it, says goodbye.

use super::HappeningKind;
use super::board::Board;
use super::cache::{CACHE_BYTES_MAX, Cache};
use super::delivery;
use super::desk::{Desk, Held, OUTBOX_BYTES_MAX};
use super::home::Home;
use super::log::Logs;
use super::master::{self, Card};
use super::outbox::Outbox;
use super::scene::Scenes;
use super::shop::{Session, Shop, SlaveOptions};
use super::slot::Slot;
use super::work;
use crate::blender::Installation;
use crate::error::{Code, Error, Result};
use crate::ids::FarmId;
use crate::link::{Backoff, Link};
use std::collections::HashSet;
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
/// … and for the goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// A slave that runs.
pub(super) struct Actor {
    pub(super) options: SlaveOptions,
    pub(super) blenders: Vec<Installation>,
    pub(super) base: PathBuf,
    pub(super) board: Arc<Board>,
    pub(super) stop: CancellationToken,
}

/// Why the work for a farm ended.
enum Ended {
    Stopped,
    /// The master belongs to another farm now.
    OtherFarm(Link),
}

impl Actor {
    /// Lives until it is stopped.
    pub(super) async fn run(self) {
        let mut card = Card::new(&self.options, &self.blenders);
        let mut backoff = Backoff::default();
        let mut found: Option<Link> = None;
        loop {
            let begun = async {
                let link = match found.take() {
                    Some(link) => link,
                    None => master::reach(&self.options).await?,
                };
                self.settle(&mut card, link).await
            };
            let Some(begun) = self.stop.run_until_cancelled(begun).await else { return };
            let (home, shop, session) = match begun {
                Ok(begun) => begun,
                Err(error) => {
                    self.board.away(&error.to_string());
                    match self.stop.run_until_cancelled(pause(&error, &mut backoff)).await {
                        Some(()) => continue,
                        None => return,
                    }
                }
            };
            backoff.reset();
            match self.serve(&mut card, home, shop, session).await {
                Ended::Stopped => return,
                Ended::OtherFarm(link) => found = Some(link),
            }
        }
    }

    /// Takes the folder of an earlier run, or a new one, and registers.
    async fn settle(&self, card: &mut Card, link: Link) -> Result<(Home, Shop, Session)> {
        let farm: FarmId = link.farm();
        let Some(home) = Home::earlier(&self.base, farm)? else {
            let slave = card.present(&link, None, Vec::new()).await?;
            let home = Home::new(&self.base, farm, slave)?;
            let shop = self.shop(home.folder())?;
            return Ok((home, shop, Session { link, slave }));
        };
        let shop = self.shop(home.folder())?;
        let slave = card.present(&link, Some(home.id()), shop.desk.look(Held::names)).await?;
        Ok((home, shop, Session { link, slave }))
    }

    fn shop(&self, home: &Path) -> Result<Shop> {
        let (outbox, left) = Outbox::open(home)?;
        let desk = Desk::new(OUTBOX_BYTES_MAX);
        for parcel in &left {
            desk.found(parcel.task, parcel.bytes());
        }
        let work_folder = home.join("work");
        // Half-rendered frames of an earlier run.
        let _ = std::fs::remove_dir_all(&work_folder);
        std::fs::create_dir_all(&work_folder).map_err(|error| Error::io("make the folder", &work_folder, &error))?;
        Ok(Shop {
            options: self.options.clone(),
            blenders: self.blenders.clone(),
            board: Arc::clone(&self.board),
            desk,
            logs: Logs::new(outbox.clone()),
            outbox,
            work_folder,
            session: watch::Sender::new(None),
            stop: self.stop.child_token(),
        })
    }

    /// Works for one farm, through all restarts of its master.
    async fn serve(&self, card: &mut Card, home: Home, shop: Shop, mut session: Session) -> Ended {
        let shop = Arc::new(shop);
        let scenes = Cache::open(home.folder(), CACHE_BYTES_MAX).and_then(|cache| Scenes::open(home.folder(), cache));
        let slot = match scenes {
            Ok(scenes) => tokio::spawn(Slot::new(Arc::clone(&shop), scenes).run()),
            Err(error) => {
                self.board.away(&error.to_string());
                self.stop.run_until_cancelled(tokio::time::sleep(HOPELESS_WAIT)).await;
                return if self.stop.is_cancelled() { Ended::Stopped } else { Ended::OtherFarm(session.link) };
            }
        };
        let mut backoff = Backoff::default();
        let mut unknown = HashSet::new();
        let ended = loop {
            self.board.connected(session.link.address().to_string(), session.slave);
            shop.session.send_replace(Some(session.clone()));
            let began = tokio::time::Instant::now();
            let error = tokio::select! {
                biased;
                () = shop.stop.cancelled() => break Ended::Stopped,
                error = work::work(&shop, &session) => error,
                error = work::obey(&shop, &session) => error,
                error = delivery::deliver(&shop, &session, &mut unknown) => error,
                error = delivery::send_logs(&shop, &session) => error,
            };
            shop.session.send_replace(None);
            if began.elapsed() > GOOD_SESSION {
                backoff.reset();
            }
            match self.stop.run_until_cancelled(self.come_back(card, &shop, &session, error, &mut backoff)).await {
                None => break Ended::Stopped,
                Some(Ok(again)) => session = again,
                Some(Err(link)) => break Ended::OtherFarm(link),
            }
        };
        shop.stop.cancel();
        // It ends Blender, and gives back what it had.
        let _ = slot.await;
        self.leave(&shop, &session).await;
        if self.options.clear_on_exit
            && matches!(ended, Ended::Stopped)
            && let Err(error) = home.clear()
        {
            self.board.tell(HappeningKind::Warning, error.to_string());
        }
        ended
    }

    /// Reaches the master again and registers again with what is held; a link to another farm's master is the error.
    async fn come_back(&self, card: &mut Card, shop: &Shop, last: &Session, error: Error, backoff: &mut Backoff) -> Result<Session, Link> {
        let mut error = error;
        loop {
            // A master that has merely forgotten the slave is no trouble to tell anybody of.
            if error.code != Code::NotFound {
                self.board.away(&error.to_string());
            }
            pause(&error, backoff).await;
            let reached = async {
                let link = master::reach(&self.options).await?;
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
        let _ = timeout(FINISH_TIMEOUT, changes.wait_for(|held| !held.is_finishing())).await;
        if shop.session.borrow().is_none() {
            return;
        }
        let mut unknown = HashSet::new();
        let delivered = async {
            tokio::select! {
                _ = delivery::deliver(shop, session, &mut unknown) => (),
                _ = changes.wait_for(|held| held.oldest_boxed().is_none()) => (),
            }
        };
        let _ = timeout(DELIVER_TIMEOUT, delivered).await;
        let goodbye = async {
            work::report(shop, session).await?;
            session.link.delete(&format!("slaves/{}", session.slave)).await
        };
        if !matches!(timeout(GOODBYE_TIMEOUT, goodbye).await, Ok(Ok(()))) {
            self.board
                .tell(HappeningKind::Warning, "the master did not hear the goodbye, and will notice by itself");
        }
    }
}

async fn pause(error: &Error, backoff: &mut Backoff) {
    let hopeless = matches!(error.code, Code::Unauthorized | Code::VersionMismatch);
    let wait = if hopeless { HOPELESS_WAIT } else { backoff.next_wait() };
    tokio::time::sleep(wait).await;
}
