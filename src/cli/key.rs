//! `netrender key` and `netrender trust`: the farm's key and the master's certificate, from machine to machine.

use super::arguments::{KeyAction, MasterChoice};
use super::screen::{note, say};
use super::{CONNECT_TIMEOUT_S, STATUS_OK, connect};
use crate::access::{FarmKey, KeyLine, KeySource, KnownMasters, own_key_file};
use crate::client::{Client, renew_key};
use crate::error::{Code, Error, Result};
use crate::ids::Role;
use std::io::Read as _;
use std::time::Duration;

/// A key is one line; more is some other file.
const INPUT_BYTES_MAX: u64 = 4096;

pub(super) fn key(action: Option<KeyAction>, keys: &KeySource) -> Result<u8> {
    match action {
        None | Some(KeyAction::Show) => show(),
        Some(KeyAction::Add { text }) => add(&text),
        Some(KeyAction::New { master }) => new(&master, keys),
        Some(KeyAction::HandOver { master, role, host }) => hand_over(&master, role, host.as_deref(), keys),
    }
}

/// Trusts the certificate that a master shows now.
pub(super) fn trust(master: &str, keys: &KeySource) -> Result<u8> {
    let client = Client::trust(master, keys, Duration::from_secs(CONNECT_TIMEOUT_S))?;
    match client.fingerprint() {
        Some(fingerprint) => say(&format!(
            "the master at {} is trusted with the certificate {fingerprint}",
            client.url()
        ))?,
        None => say(&format!(
            "the master at {} speaks without TLS: there is no certificate to trust",
            client.url()
        ))?,
    }
    Ok(STATUS_OK)
}

fn show() -> Result<u8> {
    let path = own_key_file()?;
    if !path.exists() {
        return Err(Error::not_found("this machine has no farm key of its own yet")
            .hint("the first netrender master makes it; to use the farm of another machine: netrender key add LINE, with the line that netrender key hand-over shows there"));
    }
    let key = FarmKey::read(&path)?;
    say(&key.to_string())?;
    note(&format!(
        "the key of farm {}; for other machines: netrender key hand-over shows it with the address of the master",
        key.farm()
    ));
    Ok(STATUS_OK)
}

fn add(text: &str) -> Result<u8> {
    let mut input = String::new();
    let text = if text == "-" {
        let mut stdin = std::io::stdin().lock().take(INPUT_BYTES_MAX);
        stdin
            .read_to_string(&mut input)
            .map_err(|error| Error::bad_input(format!("cannot read the key from the standard input: {error}")))?;
        input.lines().next().unwrap_or_default()
    } else {
        text
    };
    let line: KeyLine = text.parse()?;
    let path = line.keep(&KnownMasters::of_user()?)?;
    let what = match line.key.role() {
        Role::Admin => "the key".to_owned(),
        role => format!("a key to {role}"),
    };
    say(&format!("kept {what} of farm {} in {}", line.key.farm(), path.display()))?;
    if let Some(master) = &line.master {
        note(&format!("its master: --master {}", master.url()));
    }
    Ok(STATUS_OK)
}

fn new(master: &MasterChoice, keys: &KeySource) -> Result<u8> {
    let client = connect(master, keys).map_err(|error| match error.code {
        Code::Unreachable => {
            error.hint("name it by --master; if none runs, delete the file farm.key: the next master makes a new key")
        }
        _ => error,
    })?;
    let farm = renew_key(&client)?;
    say(&format!(
        "the master at {} has a new key and is now farm {farm}",
        client.url()
    ))?;
    note(
        "the old key is refused from now on; so are those to submit and to render; hand new ones over: netrender key hand-over, on the master's machine",
    );
    Ok(STATUS_OK)
}

fn hand_over(master: &MasterChoice, role: Option<Role>, host: Option<&str>, keys: &KeySource) -> Result<u8> {
    let line = connect(master, keys)?.key_line(role, host, keys)?;
    say(&line.to_string())?;
    let allowed = match line.key.role() {
        Role::Admin => "may do everything on the farm; --role submit or --role render gives less away",
        Role::Submit => "may send jobs and change those that were sent so, and see the farm",
        Role::Render => "may let a slave work, and see the farm",
    };
    note(&format!(
        "on the other machine: netrender key add LINE; who has this line {allowed}"
    ));
    Ok(STATUS_OK)
}
