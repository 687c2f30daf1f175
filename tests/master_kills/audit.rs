//! Whether the master still knows what it acknowledged.

use crate::ledger::{Fate, Ledger};
use netrender::client::download;
use netrender::error::Code;
use netrender::farm::{self, Farm, Moment, Records, TaskState};
use netrender::link::Link;
use netrender::store::Store;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

const PICTURE_BYTES_MAX: u64 = 1 << 20;
const LOOK: Duration = Duration::from_millis(50);

/// Asks for all that is in the ledger. It may grow meanwhile, so the ledger is read first.
pub(crate) async fn through_the_interface(link: &Link, ledger: &Ledger) {
    for (id, job) in ledger.jobs() {
        let done = ledger.done_of(&id);
        let shown = link.get::<Value>(&format!("jobs/{id}")).await;
        let shown = match (job.fate, shown) {
            (Fate::Removed, Ok(_)) => panic!("the job {id} was removed and is there"),
            // Its client may have decided meanwhile.
            (_, Err(error)) if error.code == Code::NotFound && ledger.may_be_gone(&id) => continue,
            (fate, Err(error)) => panic!("the job {id} ({fate:?}) is lost: {error}"),
            (_, Ok(shown)) => shown,
        };
        assert_eq!(shown["total"], job.frames, "{shown}");
        if job.fate == Fate::Cancelled {
            assert_eq!(shown["state"], "cancelled", "{shown}");
        }
        let frames: Vec<Value> = match link.get(&format!("jobs/{id}/frames")).await {
            Ok(frames) => frames,
            // Removed by its client between the two questions.
            Err(error) if error.code == Code::NotFound => continue,
            Err(error) => panic!("{error}"),
        };
        let numbers: HashSet<i64> = frames.iter().filter_map(|frame| frame["frame"].as_i64()).collect();
        assert_eq!((frames.len() as u64, numbers.len() as u64), (job.frames, job.frames), "{id}");
        for (task, hash) in done {
            let frame = &frames[usize::try_from(task).unwrap()];
            assert_eq!(frame["state"], "done", "task {task} of {id} was acknowledged: {frame}");
            assert_eq!(frame["hash"].as_str(), hash.as_deref(), "task {task} of {id}");
        }
    }
}

/// Until every job that nobody ended has ended by itself.
pub(crate) async fn wait_for_the_end(link: &Link, ledger: &Ledger) {
    for (id, job) in ledger.jobs() {
        while job.fate == Fate::Lives && ledger.job(&id).is_some_and(|job| job.fate == Fate::Lives) {
            match link.get::<Value>(&format!("jobs/{id}")).await {
                Ok(shown) if shown["state"] == "finished" || shown["state"] == "failed" => {
                    let ended = shown["done"].as_u64().unwrap() + shown["failed"].as_u64().unwrap();
                    assert_eq!(ended, job.frames, "{shown}");
                    break;
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

/// Fetches every picture that was acknowledged.
pub(crate) async fn pictures(link: &Link, ledger: &Ledger) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("picture.exr");
    for (id, _) in ledger.jobs().iter().filter(|(_, job)| job.fate == Fate::Lives) {
        for (task, hash) in ledger.done_of(id) {
            let Some(hash) = hash else { continue };
            let path = format!("jobs/{id}/frames/{}/result", task + 1);
            let found = download(link, &path, &file, PICTURE_BYTES_MAX).await.unwrap();
            assert_eq!(found.hash.to_string(), hash, "the picture of task {task} of {id}");
        }
    }
}

/// Reads the store as the next master would, and counts everything anew.
pub(crate) fn through_the_store(folder: &Path, ledger: &Ledger) {
    let loaded = Store::open(folder).unwrap().load().unwrap();
    let mut done = HashMap::new();
    for (record, tasks) in &loaded.jobs {
        for (index, task) in tasks {
            if let TaskState::Done { result, .. } = &task.state {
                let hash = result.as_ref().map(|file| file.hash.to_string());
                let twice = done.insert((record.job.id.to_string(), u64::from(index.0)), hash);
                assert!(twice.is_none(), "task {index} of {} is kept twice", record.job.id);
            }
        }
    }
    for (id, _) in ledger.jobs().iter().filter(|(_, job)| job.fate == Fate::Lives) {
        for (task, hash) in ledger.done_of(id) {
            assert_eq!(done.get(&(id.clone(), task)), Some(&hash), "task {task} of {id}");
        }
    }
    let records = Records {
        jobs: loaded.jobs,
        slaves: loaded.slaves.into_iter().map(|(record, _)| record).collect(),
        bans: loaded.bans,
        settings: loaded.settings,
        rules: loaded.rules,
    };
    farm::check(&Farm::restore(Moment(u64::MAX >> 20), records));
}
