//! The listening socket.

use crate::error::{Error, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};

/// Connections that may wait to be accepted: a farm that comes back all at once.
const BACKLOG: i32 = 1_024;
/// File handles that are asked for: connections, and files being read and written.
const FILES_WANTED: u64 = 16_384;

/// Opens the listening socket. Errors name the address.
pub(in crate::master) fn listen(address: &str, port: u16) -> Result<TcpListener> {
    raise_file_limit();
    let host = match address.trim() {
        "" | "[default]" => "0.0.0.0",
        other => other.trim_matches(['[', ']']),
    };
    let target = (host, port)
        .to_socket_addrs()
        .ok()
        .and_then(|mut found| found.next())
        .ok_or_else(|| {
            Error::bad_input(format!("{host:?} is no address of this machine")).hint("leave the address at [default]")
        })?;
    bind(target).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Error::storage(format!("the port {port} at {host} is taken"))
            .hint("another program, perhaps another master, listens there: stop it, or choose another port"),
        std::io::ErrorKind::AddrNotAvailable => {
            Error::bad_input(format!("{host} is no address of this machine")).hint("leave the address at [default]")
        }
        std::io::ErrorKind::PermissionDenied => {
            Error::storage(format!("this user may not listen on port {port}")).hint("choose a port above 1023")
        }
        _ => Error::storage(format!("cannot listen on {target}: {error}")),
    })
}

fn bind(target: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this option would let two masters share a port.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&target.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Asks for as many file handles as the system lets this user have. Less is no failure: then connections wait.
fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        let wanted = limit.maximum.map_or(FILES_WANTED, |most| most.min(FILES_WANTED));
        if limit.current.is_some_and(|current| current < wanted) {
            limit.current = Some(wanted);
            if let Err(error) = setrlimit(Resource::Nofile, limit) {
                tracing::warn!(%error, "the limit of open files stays as it is");
            }
        }
    }
}
