//! `netrender master`: runs until it is interrupted, and tells what happens meanwhile.

use super::arguments::{AccessArgument, MasterArguments, SslArguments};
use super::interrupt::Interrupt;
use super::screen::{note, say};
use super::{STATUS_FAILED, STATUS_OK};
use crate::access::{KeySource, data_folder};
use crate::error::{Error, Result};
use crate::happening::HappeningKind;
use crate::master::{self, Access, Master, SELF_SIGNED, Ssl};
use std::time::Duration;

/// Between two looks at what happened.
const LOOK_MS: u64 = 200;
/// How long the ending may take.
const STOP_TIMEOUT_S: u64 = 10;

pub(super) fn master(wanted: MasterArguments, keys: &KeySource) -> Result<u8> {
    let ssl = ssl(wanted.ssl)?;
    let interrupt = if ssl.is_some() {
        Interrupt::listen_beside_hangups()?
    } else {
        Interrupt::listen()?
    };
    let (access, key_file) = match wanted.access {
        AccessArgument::Key => {
            let key = keys.of_master()?;
            (Access::Key(key.key), key.file)
        }
        AccessArgument::Open => (Access::Open, None),
    };
    let master = Master::start(master::Options {
        path: wanted
            .path
            .map_or_else(|| data_folder().map(|folder| folder.join("master")), Ok)?,
        address: wanted.address,
        port: wanted.port,
        broadcast: !wanted.no_broadcast,
        clear_on_exit: wanted.clear_on_exit,
        access,
        key_file,
        ssl,
        name: wanted.name,
        host_names: wanted.host_name,
        force_upload: wanted.force_upload,
    })?;
    greet(&master)?;
    while master.is_running() && !interrupt.wait(Duration::from_millis(LOOK_MS)) {
        if interrupt.hung_up() {
            // What is wrong with the files is told among the happenings.
            let _ = master.renew_certificate();
        }
        tell_master(&master)?;
    }
    let ended_by_itself = !master.is_running();
    master.stop(Duration::from_secs(STOP_TIMEOUT_S))?;
    tell_master(&master)?;
    Ok(if ended_by_itself { STATUS_FAILED } else { STATUS_OK })
}

fn ssl(wanted: SslArguments) -> Result<Option<Ssl>> {
    let (certificate, key) = match (wanted.ssl, wanted.ssl_cert) {
        (None, None) if wanted.ssl_key.is_none() => return Ok(None),
        (None, None) => {
            return Err(Error::bad_input("--ssl-key names a key without a certificate").hint("name it too: --ssl-cert FILE"));
        }
        (None, Some(certificate)) => (certificate, None),
        (Some(ssl), _) if ssl == SELF_SIGNED => return Ok(Some(Ssl::SelfSigned)),
        (Some(ssl), _) => match ssl.split_once(',') {
            Some((certificate, key)) => (certificate.into(), Some(key.into())),
            None => (ssl.into(), None),
        },
    };
    Ok(Some(Ssl::Files {
        certificate,
        key: wanted.ssl_key.or(key),
    }))
}

fn greet(master: &Master) -> Result<()> {
    let url = master.url();
    say(&format!("master listens at {url}"))?;
    for url in master.network_urls() {
        say(&format!("also: {url}"))?;
    }
    say(&format!("monitor: {url}/"))?;
    if let Some(fingerprint) = master.fingerprint() {
        say(&format!("certificate: {fingerprint}"))?;
    }
    if master.key().is_some() {
        say("key: netrender key hand-over shows a line for other machines; there: netrender key add LINE")?;
    } else {
        note("WARNING: access is open: everybody who reaches this address can send jobs, read results and run slaves");
    }
    say("Ctrl-C ends it")
}

/// Warnings and errors are logged, which shows them on the standard error already.
fn tell_master(master: &Master) -> Result<()> {
    for happening in master.events() {
        if matches!(happening.kind, HappeningKind::Info | HappeningKind::Stopped) {
            say(&happening.text)?;
        }
    }
    Ok(())
}
