//! Masters on the local network: how they make themselves heard, and how they are found.
//!
//! A datagram is a hint that anybody can forge: who follows it asks for the proof of the key first. Broken datagrams are
//! ignored. Absences: no async; one thread for a master that announces itself.

use crate::error::{Error, Result};
use crate::wire::{ANNOUNCEMENT_BYTES_MAX, Announcement, DISCOVERY_PORT, PRODUCT, Query};
use if_addrs::IfAddr;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a master makes itself heard.
const ANNOUNCE_S: u64 = 10;
/// How often the announcing thread looks whether it shall end.
const SLICE_MS: u64 = 200;
/// Queries of one slice that are answered; more are a flood.
const ANSWERS_MAX: u32 = 100;
/// Masters that one search lists at most.
const FOUND_MAX: usize = 1_000;
/// What a query says.
const QUERY: &str = "netrender?";

/// A master that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is, such as `http://192.168.0.7:8000`, or `https://…` if it says that it speaks TLS.
    pub url: String,
    /// What it said.
    pub announcement: Announcement,
}

/// Whom datagrams are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The networks of all interfaces, and this machine.
    Network,
    /// This machine only: tests keep the network quiet.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests stay on this machine"))]
    Machine,
}

/// Makes a master heard until it is dropped.
#[derive(Debug)]
pub struct Announcer {
    /// Dropped first: that ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Announcer {
    /// Starts to announce, and to answer queries.
    pub fn start(announcement: &Announcement) -> Result<Self> {
        Self::start_at(announcement, DISCOVERY_PORT, Reach::Network)
    }

    fn start_at(announcement: &Announcement, port: u16, reach: Reach) -> Result<Self> {
        let socket = announcing_socket(port).map_err(|error| {
            Error::storage(format!(
                "the master cannot be found by broadcast, because UDP port {port} cannot be used: {error}"
            ))
            .hint("give slaves and clients its address")
        })?;
        let said = Arc::new(Mutex::new(written(announcement)?));
        let saying = Arc::clone(&said);
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("netrender-announce".to_owned())
            .spawn(move || announce(&socket, &saying, (port, reach), &stopped))
            .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
            said,
        })
    }

    /// Says something else from now on.
    pub fn say(&self, announcement: &Announcement) {
        match written(announcement) {
            Ok(bytes) => *self.said.lock().unwrap_or_else(PoisonError::into_inner) = bytes,
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

fn written(announcement: &Announcement) -> Result<Vec<u8>> {
    serde_json::to_vec(announcement).map_err(|error| Error::internal(format!("the announcement cannot be written: {error}")))
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and ends within a slice.
            let _ = thread.join();
        }
    }
}

/// Asks for masters, and lists those that answered in time; those on this machine first, by name.
pub fn find(timeout: Duration) -> Result<Vec<Found>> {
    find_at(DISCOVERY_PORT, Reach::Network, timeout)
}

/// The address by which others on the local network reach this machine; the first of several.
#[must_use]
pub fn own_address() -> Option<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses = interfaces.iter().map(if_addrs::Interface::ip);
    addresses.find(|ip| ip.is_ipv4() && !ip.is_loopback())
}

fn find_at(port: u16, reach: Reach, timeout: Duration) -> Result<Vec<Found>> {
    let failed = |error: std::io::Error| Error::unreachable(format!("cannot ask the local network for masters: {error}"));
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(failed)?;
    socket.set_broadcast(true).map_err(failed)?;
    let query = Query { query: QUERY.to_owned() };
    let query = serde_json::to_vec(&query).map_err(|error| Error::internal(format!("the query cannot be written: {error}")))?;
    send_to_all(&socket, &query, (port, reach));
    let mut found = listen(&socket, timeout);
    found.sort_by(|a, b| {
        let key = |it: &Found| (!it.url.contains("://127."), it.announcement.name.clone(), it.url.clone());
        key(a).cmp(&key(b))
    });
    // A master answers from each of its addresses; one is enough.
    let mut known: Vec<Announcement> = Vec::new();
    found.retain(|it| {
        let is_new = !known.contains(&it.announcement);
        if is_new {
            known.push(it.announcement.clone());
        }
        is_new
    });
    Ok(found)
}

#[expect(clippy::disallowed_methods, reason = "a search ends after a time by the wall")]
fn listen(socket: &UdpSocket, timeout: Duration) -> Vec<Found> {
    let end = Instant::now() + timeout;
    let mut found = Vec::new();
    let mut buffer = [0; ANNOUNCEMENT_BYTES_MAX];
    while found.len() < FOUND_MAX {
        let rest = end.saturating_duration_since(Instant::now());
        if rest.is_zero() || socket.set_read_timeout(Some(rest)).is_err() {
            break;
        }
        // An error is the end of the time, or a neighbour's "port unreachable", which means nothing here.
        let Ok((length, source)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        if let Some(announcement) = read_announcement(&buffer[..length]) {
            let scheme = if announcement.tls.is_some() { "https" } else { "http" };
            let url = format!("{scheme}://{}", SocketAddr::new(source.ip(), announcement.port));
            found.push(Found { url, announcement });
        }
    }
    found
}

fn read_announcement(bytes: &[u8]) -> Option<Announcement> {
    serde_json::from_slice(bytes)
        .ok()
        .filter(|announcement: &Announcement| announcement.product == PRODUCT)
}

fn announcing_socket(port: u16) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // Several masters on one machine all hear queries.
    socket.set_reuse_address(true)?;
    #[cfg(all(unix, not(target_os = "linux")))]
    socket.set_reuse_port(true)?;
    socket.set_broadcast(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    let socket: UdpSocket = socket.into();
    socket.set_read_timeout(Some(Duration::from_millis(SLICE_MS)))?;
    Ok(socket)
}

#[expect(clippy::disallowed_methods, reason = "announcing happens by the wall clock")]
fn announce(socket: &UdpSocket, said: &Mutex<Vec<u8>>, target: (u16, Reach), stopped: &Receiver<()>) {
    let mut due = Instant::now();
    while stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
        let announcement = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if Instant::now() >= due {
            send_to_all(socket, &announcement, target);
            due = Instant::now() + Duration::from_secs(ANNOUNCE_S);
        }
        answer_queries(socket, &announcement, stopped);
    }
}

/// Answers what comes within a slice.
fn answer_queries(socket: &UdpSocket, announcement: &[u8], stopped: &Receiver<()>) {
    let mut buffer = [0; ANNOUNCEMENT_BYTES_MAX];
    for _ in 0..ANSWERS_MAX {
        match socket.recv_from(&mut buffer) {
            Ok((length, source)) if is_query(&buffer[..length]) => {
                // Who does not get it asks again.
                let _ = socket.send_to(announcement, source);
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => return,
            // Such as "port unreachable" of somebody who asked and left.
            Err(_) => {
                if stopped.recv_timeout(Duration::from_millis(SLICE_MS)) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        }
    }
}

fn is_query(bytes: &[u8]) -> bool {
    serde_json::from_slice(bytes).is_ok_and(|query: Query| query.query == QUERY)
}

/// Sends to each interface's broadcast address, to the network at large, and to this machine.
fn send_to_all(socket: &UdpSocket, bytes: &[u8], (port, reach): (u16, Reach)) {
    let mut targets = vec![Ipv4Addr::new(127, 255, 255, 255), Ipv4Addr::LOCALHOST];
    if reach == Reach::Network {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        targets.extend(interfaces.iter().filter_map(|interface| match &interface.addr {
            IfAddr::V4(address) => address.broadcast,
            IfAddr::V6(_) => None,
        }));
        targets.push(Ipv4Addr::BROADCAST);
    }
    targets.sort_unstable();
    targets.dedup();
    for target in targets {
        // An interface that is down, or a network that allows no broadcast: the others may still do.
        let _ = socket.send_to(bytes, (target, port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FarmId;

    fn announcement(name: &str, port: u16) -> Announcement {
        Announcement {
            product: PRODUCT.to_owned(),
            version: "0.1.0".to_owned(),
            api: 1,
            farm: FarmId::from_bits(7),
            name: name.to_owned(),
            port,
            tls: None,
        }
    }

    fn free_port() -> u16 {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
    }

    #[test]
    fn a_master_on_this_machine_is_found_once_and_broken_datagrams_do_not_matter() {
        let port = free_port();
        let announcer = Announcer::start_at(&announcement("one", 1234), port, Reach::Machine).unwrap();
        let noise = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for bytes in [&b""[..], b"{", b"\xff\xfe", &[b'x'; 3_000]] {
            let _ = noise.send_to(bytes, (Ipv4Addr::LOCALHOST, port));
        }
        let found = find_at(port, Reach::Machine, Duration::from_millis(500)).unwrap();
        assert_eq!(
            found,
            [Found {
                url: "http://127.0.0.1:1234".to_owned(),
                announcement: announcement("one", 1234)
            }]
        );
        drop(announcer);
        assert_eq!(find_at(port, Reach::Machine, Duration::from_millis(50)).unwrap(), []);
    }

    #[test]
    fn what_is_no_announcement_of_ours_is_ignored() {
        let mut other = announcement("x", 1);
        other.product = "blender-asset-server".to_owned();
        assert_eq!(read_announcement(&serde_json::to_vec(&other).unwrap()), None);
        assert_eq!(read_announcement(b"{\"product\":\"netrender\"}"), None);
        assert!(!is_query(b"[]"));
    }
}
