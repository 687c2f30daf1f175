//! Clients that send jobs, and change their minds.

use crate::ledger::{Fate, Ledger};
use netrender::error::{Code, Result};
use netrender::link::Link;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const AWAY: Duration = Duration::from_millis(10);
const FRAMES_MAX: u64 = 30;
/// No more jobs while so many frames are still open.
const OPEN_FRAMES_MAX: u64 = 400;

/// Sends jobs until the ledger says that it is enough.
pub(crate) async fn send(link: Link, ledger: Arc<Ledger>, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    while !ledger.has_ended() {
        if ledger.open_frames() > OPEN_FRAMES_MAX || ledger.is_audited() {
            tokio::time::sleep(AWAY).await;
            continue;
        }
        let frames = random.u64(1..=FRAMES_MAX);
        let contents = random.bool().then(|| contents(&mut random));
        let Some(job) = announce(&link, &ledger, frames, contents.as_deref()).await else {
            // Nobody knows whether it is there.
            tokio::time::sleep(AWAY).await;
            continue;
        };
        if let Some(contents) = &contents {
            for content in contents {
                upload(&link, content).await;
            }
        }
        match random.u8(..10) {
            0 => insist(&link, &job, "pause").await,
            1 => decide(&link, &ledger, &job, Fate::Cancelled).await,
            2 => decide(&link, &ledger, &job, Fate::Removed).await,
            _ => {}
        }
        // Whatever was paused goes on.
        insist(&link, &job, "resume").await;
    }
}

/// One content that every job has, and one of its own.
fn contents(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    vec![b"what all jobs share".to_vec(), random.u64(..).to_le_bytes().repeat(500)]
}

async fn announce(link: &Link, ledger: &Ledger, frames: u64, contents: Option<&[Vec<u8>]>) -> Option<String> {
    let mut job = json!({"name": "storm", "frames": format!("1-{frames}"), "chunks": 2, "blender": "3.4.1"});
    if let Some(contents) = contents {
        let entry = |(number, content): (usize, &Vec<u8>)| json!({"path": format!("{number}.blend"), "size_bytes": content.len(), "hash": hash(content)});
        let files: Vec<Value> = contents.iter().enumerate().map(entry).collect();
        job["manifest"] = json!({"main": "0.blend", "files": files});
    }
    let answer: Value = link.post("jobs", &job, Duration::ZERO).await.ok()?;
    let id = answer["job"].as_str()?.to_owned();
    ledger.announced(&id, frames, contents.is_some());
    Some(id)
}

async fn upload(link: &Link, content: &[u8]) {
    let path = format!("contents/{}?offset=0&size={}", hash(content), content.len());
    while !is_settled(&link.put_bytes::<Value>(&path, content.to_vec()).await.map(drop)) {
        tokio::time::sleep(AWAY).await;
    }
}

async fn insist(link: &Link, job: &str, action: &str) {
    let path = format!("jobs/{job}/{action}");
    while !is_settled(&link.act(&path).await) {
        tokio::time::sleep(AWAY).await;
    }
}

/// Whether the master has heard it and has an opinion.
fn is_settled(outcome: &Result<()>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(error) => matches!(error.code, Code::NotFound | Code::Conflict | Code::BadInput),
    }
}

/// Ends a job. What was asked for once may have been heard.
async fn decide(link: &Link, ledger: &Ledger, job: &str, fate: Fate) {
    ledger.set_fate(job, Fate::Unknown);
    let asked = match fate {
        Fate::Removed => link.delete(&format!("jobs/{job}")).await,
        _ => link.act(&format!("jobs/{job}/cancel")).await,
    };
    match asked {
        Ok(()) => ledger.set_fate(job, fate),
        Err(error) if error.code == Code::Conflict => ledger.set_fate(job, Fate::Lives),
        Err(_) => {}
    }
}

fn hash(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}
