//! The master: an actor around the farm, and its HTTP face.
//!
//! [`Master::start`] returns as soon as it listens; everything runs in threads of its own, so that an artist's Blender, the
//! command and a test use it alike. The farm's thoughts are in [`crate::farm`], what is durable in [`crate::store`].

mod actor;
mod convert;
mod disk;
mod fault;
mod feed;
mod gate;
mod happening;
mod herald;
mod home;
mod http;
mod lock;
mod metrics;
mod monitor;
mod playback;
mod press;
mod renewal;
mod roles;
mod serve;
mod traffic;
mod usage;
mod webhooks;

pub use actor::Status;
pub use renewal::{SELF_SIGNED, Ssl};

use crate::access::{FarmKey, forbidden};
use crate::error::{Error, Result};
use crate::files::Logs;
use crate::happening::{Happening, HappeningKind};
use crate::ids::{FarmId, Fingerprint, Role};
use crate::tls::Certificates;
use actor::StatusBoard;
use feed::Feed;
use gate::Gate;
use happening::Happenings;
use herald::Herald;
use home::Home;
use lock::Lock;
use metrics::Metrics;
use press::Press;
use renewal::Renewal;
use serve::{Open, Server};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Semaphore;
use webhooks::Webhooks;

/// The port that masters listen on unless told otherwise.
pub const PORT_DEFAULT: u16 = 8000;

/// Who may use a master.
#[derive(Debug, Clone)]
pub enum Access {
    /// Whoever has the farm's key.
    Key(FarmKey),
    /// Everybody who reaches it.
    Open,
}

impl Access {
    /// Which farm it is; all open farms are the same one.
    #[must_use]
    pub fn farm(&self) -> FarmId {
        match self {
            Self::Key(key) => key.farm(),
            Self::Open => FarmId::from_bits(0),
        }
    }

    fn check(&self) -> Result<()> {
        match self {
            Self::Key(key) if key.role() != Role::Admin => Err(forbidden(key.role(), "open a master", Role::Admin)),
            _ => Ok(()),
        }
    }
}

/// How a master is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its state and files lie.
    pub path: PathBuf,
    /// The interface to listen on, as a number or a name; empty or `[default]`: all.
    pub address: String,
    /// TCP port; 0 takes a free one.
    pub port: u16,
    /// Whether to tell the local network where it is.
    pub broadcast: bool,
    /// Whether to remove all state and files at the end, however that comes.
    pub clear_on_exit: bool,
    /// Who may use it.
    pub access: Access,
    /// Where its key lies, so that another can take its place; none: it cannot be replaced while the master runs.
    pub key_file: Option<PathBuf>,
    /// The certificate that it shows; none: it speaks without TLS.
    pub ssl: Option<Ssl>,
    /// What people call it; empty: the machine's name.
    pub name: String,
    /// Names and addresses, beyond the machine's own, by which callers may reach it (a DNS alias, a forwarded port).
    pub host_names: Vec<String>,
    /// Whether clients must upload every file, even one that the master can read by itself; else as the farm's settings say.
    pub force_upload: bool,
}

/// Requests that read from shared disks at once: one that hangs must not hold up everything.
const SHARED_READERS_MAX: usize = 4;

/// A running master. Dropped, it stops.
#[derive(Debug)]
pub struct Master {
    address: SocketAddr,
    lock: Arc<Lock>,
    renewal: Option<Arc<Renewal>>,
    happenings: Arc<Happenings>,
    board: Arc<StatusBoard>,
    server: Server,
    herald: Arc<Herald>,
    webhooks: Arc<Webhooks>,
    actor: Mutex<Option<JoinHandle<()>>>,
    desk: actor::Desk,
}

/// How long a dropped master may take to end.
const DROP_TIMEOUT_S: u64 = 5;

impl Master {
    /// Starts a master; returns as soon as it listens.
    pub fn start(options: Options) -> Result<Self> {
        options.access.check()?;
        let name = if options.name.is_empty() {
            machine_name()
        } else {
            options.name
        };
        // Listen first: a taken port is found out before anything on the disk is touched.
        let listener = serve::listen(&options.address, options.port)?;
        let address = listener
            .local_addr()
            .map_err(|error| Error::internal(format!("the listening socket has no address: {error}")))?;
        let names = gate::names(&name, &options.host_names);
        let certificates = options.ssl.map(|ssl| renewal::open(ssl, &names)).transpose()?;
        let (home, store) = Home::open(&options.path, options.clear_on_exit)?;
        let (happenings, board) = (Arc::new(Happenings::default()), Arc::new(StatusBoard::default()));
        let folders = home.folders.clone();
        let feed = Arc::new(Feed::new(random_bits()?));
        let (logs, metrics) = (Logs::default(), Arc::new(Metrics::default()));
        let webhooks = Arc::new(Webhooks::start(&name, store.note(webhooks::NOTE)?.as_deref())?);
        let telling = actor::Telling {
            happenings: Arc::clone(&happenings),
            board: Arc::clone(&board),
            feed: Arc::clone(&feed),
            metrics: Arc::clone(&metrics),
            press: Press::start(logs.clone())?,
            webhooks: Arc::clone(&webhooks),
        };
        let (desk, actor) = actor::start(home, store, telling)?;
        let shown = certificates.as_ref().map(Certificates::fingerprint);
        let herald = Arc::new(Herald::new(&name, options.access.farm(), address.port(), shown));
        let renewal =
            certificates.map(|certificates| Arc::new(Renewal::new(certificates, Arc::clone(&happenings), Arc::clone(&herald))));
        let lock = Lock::new(options.access, options.key_file, Arc::clone(&herald), Arc::clone(&happenings));
        let lock = Arc::new(lock);
        let app = http::App {
            desk: desk.clone(),
            folders,
            gate: Gate::new(Arc::clone(&lock), address.ip(), names),
            name: name.clone(),
            active_results: Arc::default(),
            force_upload: options.force_upload,
            shared_readers: Semaphore::new(SHARED_READERS_MAX),
            feed,
            followers: Arc::new(Semaphore::new(http::FOLLOWERS_MAX)),
            document: http::document(),
            logs,
            metrics,
            painter: http::Painter::default(),
            joiner: http::Joiner::default(),
            restoring: Arc::new(Semaphore::new(1)),
            webhooks: Arc::clone(&webhooks),
        };
        let open = Open {
            pages: http::Service::new(app),
            renewal: renewal.clone(),
            cut_off: lock.cut_off(),
        };
        let server = Server::start(listener, open)?;
        if options.broadcast {
            herald.start(&happenings);
        }
        let master = Self {
            address,
            lock,
            renewal,
            happenings,
            board,
            server,
            herald,
            webhooks,
            actor: Mutex::new(Some(actor)),
            desk,
        };
        master.happenings.add(
            HappeningKind::Started,
            format!("the master {name} listens at {}", master.url()),
        );
        Ok(master)
    }

    /// Where it is reached from this machine, such as `http://127.0.0.1:8000`.
    #[must_use]
    pub fn url(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        self.url_of(ip)
    }

    /// Where other machines reach it, if it listens on all interfaces: one address for each network.
    #[must_use]
    pub fn network_urls(&self) -> Vec<String> {
        if !self.address.ip().is_unspecified() {
            return Vec::new();
        }
        // A machine that cannot tell its addresses still has the one that it called itself by.
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let addresses = interfaces.iter().map(if_addrs::Interface::ip);
        addresses
            .filter(|ip| ip.is_ipv4() && !ip.is_loopback())
            .map(|ip| self.url_of(ip))
            .collect()
    }

    fn url_of(&self, ip: IpAddr) -> String {
        let scheme = if self.renewal.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", SocketAddr::new(ip, self.address.port()))
    }

    /// The farm's key; none with open access.
    #[must_use]
    pub fn key(&self) -> Option<FarmKey> {
        match self.lock.access() {
            Access::Key(key) => Some(key),
            Access::Open => None,
        }
    }

    /// Puts a new key in the place of the farm's: the old one is refused from then on. Returns which farm it is now.
    pub fn renew_key(&self) -> Result<FarmId> {
        self.lock.renew()
    }

    /// The name of the certificate that it shows; none without TLS.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.renewal.as_ref().map(|renewal| renewal.fingerprint())
    }

    /// Reads the files of the certificate again, now; it does so by itself a moment after they have changed. New connections
    /// are shown the new one.
    pub fn renew_certificate(&self) -> Result<()> {
        self.renewal.as_ref().ok_or_else(renewal::no_certificate)?.renew()
    }

    /// False once it was stopped, or ended by itself; then [`Self::events`] tells why.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.board.has_ended()
    }

    /// What it does now; never blocks, at most a fraction of a second old.
    #[must_use]
    pub fn status(&self) -> Status {
        self.board.status()
    }

    /// What happened since the last call, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Happening> {
        self.happenings.drain()
    }

    /// Ends it, all state safe on the disk, within about the timeout. A second call does nothing.
    pub fn stop(&self, timeout: Duration) -> Result<()> {
        self.herald.stop();
        self.webhooks.stop();
        let Some(actor) = self.actor.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        // The actor first: that ends all long waits, and with them the connections.
        let told = self.desk.stop();
        self.server.stop(timeout);
        let in_time = self.board.wait_for_end(timeout);
        if in_time {
            // It has done its last deed, so this returns at once.
            let _ = actor.join();
            return Ok(());
        }
        told?;
        Err(Error::timeout(format!(
            "the master did not end within {} s; it goes on to end in the background",
            timeout.as_secs_f32()
        )))
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        if let Err(error) = self.stop(Duration::from_secs(DROP_TIMEOUT_S)) {
            tracing::warn!("{error}");
        }
    }
}

fn machine_name() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "master".to_owned())
}

/// 64 random bits for a new id.
fn random_bits() -> Result<u64> {
    getrandom::u64().map_err(|error| Error::internal(format!("the system gives no random numbers: {error}")))
}
