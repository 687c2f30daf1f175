//! `netrender masters`: who answers on the local network.

use super::STATUS_OK;
use super::screen::{say, say_json, table};
use crate::client::{MasterFound, find_masters};
use crate::error::Result;
use serde_json::json;
use std::time::Duration;

/// Masters on a local network answer within a fraction of this.
const SEARCH_TIMEOUT_S: u64 = 2;

pub(super) fn masters(as_json: bool) -> Result<u8> {
    let found = find_masters(Duration::from_secs(SEARCH_TIMEOUT_S))?;
    if as_json {
        let all: Vec<_> = found.iter().map(for_programs).collect();
        say_json(&all)?;
    } else if found.is_empty() {
        say("no master answers on this network")?;
    } else {
        let rows: Vec<[String; 5]> = found.iter().map(row).collect();
        say(&table(["MASTER", "ADDRESS", "FARM", "VERSION", "USABLE"], &rows))?;
    }
    Ok(STATUS_OK)
}

fn for_programs(found: &MasterFound) -> serde_json::Value {
    json!({
        "name": found.name,
        "url": found.url,
        "farm": found.farm.to_string(),
        "version": found.version,
        "usable": found.usable,
    })
}

fn row(found: &MasterFound) -> [String; 5] {
    let usable = if found.usable {
        "yes"
    } else {
        "no: other version, or no key for its farm"
    };
    // Anybody can send a name: what would move the cursor is not shown.
    let name = found.name.chars().filter(|c| !c.is_control()).collect();
    [
        name,
        found.url.clone(),
        found.farm.to_string(),
        found.version.chars().filter(|c| !c.is_control()).collect(),
        usable.to_owned(),
    ]
}
