//! `netrender key`: the farm's key from machine to machine.

use super::STATUS_OK;
use super::arguments::KeyAction;
use super::screen::{note, say};
use crate::access::{FarmKey, config_folder};
use crate::error::{Error, Result};
use std::io::Read as _;

/// A key is one line; more is some other file.
const INPUT_BYTES_MAX: u64 = 4096;

pub(super) fn key(action: Option<KeyAction>) -> Result<u8> {
    match action {
        None => show(),
        Some(KeyAction::Add { text }) => add(&text),
    }
}

fn show() -> Result<u8> {
    let path = config_folder()?.join("farm.key");
    if !path.exists() {
        return Err(Error::not_found("this machine has no farm key of its own yet")
            .hint("the first netrender master makes it; to use the farm of another machine: netrender key add KEY"));
    }
    let key = FarmKey::read(&path)?;
    say(&key.to_string())?;
    note(&format!(
        "the key of farm {}; on other machines: netrender key add KEY",
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
    let key: FarmKey = text.parse()?;
    let path = key.keep()?;
    say(&format!("kept the key of farm {} in {}", key.farm(), path.display()))?;
    Ok(STATUS_OK)
}
