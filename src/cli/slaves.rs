//! The slaves of a farm: which there are, and what can be done with one.

use super::arguments::{Query, SlaveQuery};
use super::screen::{ago, bytes, now_ms, say, say_json, table};
use super::{STATUS_OK, connect};
use crate::access::KeySource;
use crate::error::Result;
use crate::wire::SlaveInfo;
use serde_json::json;

/// What can be done with a slave.
#[derive(Debug, Clone, Copy)]
pub(super) enum Steering {
    Pause,
    Resume,
    End,
}

pub(super) fn slaves(to: &Query, keys: &KeySource) -> Result<u8> {
    let slaves = connect(&to.master, keys)?.slaves()?;
    if to.json {
        say_json(&slaves)?;
    } else if slaves.is_empty() {
        say("no slaves")?;
    } else {
        let now = now_ms();
        let rows: Vec<[String; 9]> = slaves.iter().map(|slave| slave_row(slave, now)).collect();
        say(&table(
            [
                "SLAVE",
                "NAME",
                "ADDRESS",
                "BLENDER",
                "CORES",
                "MEMORY",
                "DISK FREE",
                "DONE",
                "STATE",
            ],
            &rows,
        ))?;
    }
    Ok(STATUS_OK)
}

pub(super) fn steer(query: &SlaveQuery, keys: &KeySource, how: Steering) -> Result<u8> {
    let client = connect(&query.to.master, keys)?;
    let slave = client.find_slave(&query.id)?;
    let (word, sentence) = match how {
        Steering::Pause => {
            client.pause_slave(slave)?;
            ("paused", "is paused: it gets nothing more until it is resumed")
        }
        Steering::Resume => {
            client.resume_slave(slave)?;
            ("resumed", "gets work again")
        }
        Steering::End => {
            client.end_slave(slave)?;
            ("ending", "is told to end after what it renders")
        }
    };
    if query.to.json {
        say_json(&json!({ "slave": slave.to_string(), "state": word }))?;
    } else {
        say(&format!("slave {slave} {sentence}"))?;
    }
    Ok(STATUS_OK)
}

/// Gives a slave these tags, or its own again.
pub(super) fn tag(query: &SlaveQuery, keys: &KeySource, tags: Option<Vec<String>>) -> Result<u8> {
    let client = connect(&query.to.master, keys)?;
    let slave = client.find_slave(&query.id)?;
    client.tag_slave(slave, tags.clone())?;
    if query.to.json {
        say_json(&json!({ "slave": slave.to_string(), "tags": tags }))?;
    } else {
        let sentence = match tags {
            None => "has its own tags again".to_owned(),
            Some(tags) if tags.is_empty() => "has no tags".to_owned(),
            Some(tags) => format!("has the tags {}", tags.join(", ")),
        };
        say(&format!("slave {slave} {sentence}"))?;
    }
    Ok(STATUS_OK)
}

fn slave_row(slave: &SlaveInfo, now: u64) -> [String; 9] {
    let blenders: Vec<String> = slave.blenders.iter().map(|blender| blender.version.to_string()).collect();
    let busy = match slave.holding.len() {
        0 => "idle".to_owned(),
        1 => "holds 1 frame".to_owned(),
        frames => format!("holds {frames} frames"),
    };
    let state = match (slave.online, slave.paused, &slave.resting) {
        (false, ..) if slave.lost => format!("lost, seen {}", ago(slave.last_seen_ms, now)),
        (false, ..) => format!("away, seen {}", ago(slave.last_seen_ms, now)),
        (true, true, _) => format!("paused, {busy}"),
        (true, false, Some(_)) => format!("takes no work, {busy}"),
        (true, false, None) => busy,
    };
    let machine = &slave.machine;
    let or_unknown = |bytes_there: u64| {
        if bytes_there == 0 {
            "-".to_owned()
        } else {
            bytes(bytes_there)
        }
    };
    let done = match slave.failed {
        0 => slave.done.to_string(),
        failed => format!("{}, {failed} failed", slave.done),
    };
    [
        slave.id.to_string(),
        slave.name.clone(),
        slave.address.clone(),
        blenders.join(", "),
        format!("{}, {:.0} % busy", machine.cores, machine.load * 100.0),
        format!("{} of {}", bytes(machine.memory_used_bytes), bytes(machine.memory_bytes)),
        or_unknown(machine.disk_free_bytes),
        done,
        state,
    ]
}
