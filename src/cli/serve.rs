//! `netrender master` and `netrender slave`: run until they are interrupted, and tell what happens meanwhile.

use super::arguments::{AccessArgument, MasterArguments, SlaveArguments, SslArguments};
use super::interrupt::Interrupt;
use super::screen::{note, say};
use super::{STATUS_FAILED, STATUS_OK};
use crate::access::{KeySource, data_folder};
use crate::client::named_master;
use crate::error::{Error, Result};
use crate::happening::HappeningKind;
use crate::master::{self, Access, Master, SELF_SIGNED, Ssl};
use crate::slave::{Slave, SlaveOptions};
use std::time::Duration;

/// Between two looks at what happened.
const LOOK_MS: u64 = 200;
/// Looks between two lines about what the slave does: a line a second at most, however fast it renders.
const LOOKS_PER_LINE: u32 = 5;
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

pub(super) fn slave(wanted: SlaveArguments, keys: KeySource) -> Result<u8> {
    let interrupt = Interrupt::listen()?;
    let slave = Slave::start(SlaveOptions {
        master: named_master(&wanted.master.master)?,
        keys,
        path: wanted.path,
        blenders: wanted.blender,
        name: wanted.name,
        tags: wanted.tags.into_iter().filter(|tag| !tag.is_empty()).collect(),
        gpus: wanted.gpu.into_iter().filter(|gpu| !gpu.is_empty()).collect(),
        threads: wanted.threads,
        clear_on_exit: wanted.clear_on_exit,
        log_console: wanted.log_console,
        allow_scripts: wanted.allow_scripts,
        allow_local_repositories: wanted.allow_local_repositories,
        hang_timeout: Duration::from_secs(wanted.hang_timeout),
    })?;
    let mut shown = String::new();
    let mut looks = 0;
    while slave.running() && !interrupt.wait(Duration::from_millis(LOOK_MS)) {
        let told = tell_slave(&slave)?;
        looks += 1;
        let status = slave.status();
        if told.as_ref() == Some(&status.text) {
            shown.clone_from(&status.text);
        }
        if status.text != shown && looks >= LOOKS_PER_LINE {
            say(&status.text)?;
            shown = status.text;
            looks = 0;
        }
    }
    let ended_by_itself = !slave.running();
    slave.stop(Duration::from_secs(STOP_TIMEOUT_S))?;
    tell_slave(&slave)?;
    Ok(if ended_by_itself { STATUS_FAILED } else { STATUS_OK })
}

/// Returns the last trouble told, which need not be told again as what the slave does.
fn tell_slave(slave: &Slave) -> Result<Option<String>> {
    let mut trouble = None;
    for happening in slave.events() {
        match happening.kind {
            HappeningKind::Warning | HappeningKind::Error => {
                note(&happening.text);
                trouble = Some(happening.text);
            }
            HappeningKind::Started | HappeningKind::Stopped | HappeningKind::Info | HappeningKind::Log => say(&happening.text)?,
        }
    }
    Ok(trouble)
}
