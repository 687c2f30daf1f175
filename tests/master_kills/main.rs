//! A master that is killed at any moment, under load, again and again: what it acknowledged is there, and nothing twice.
//!
//! `NETRENDER_TEST_KILLS=n` kills it that often (50 otherwise), `NETRENDER_SEED=n` repeats the draws of one run. The master
//! is the real program with its real store; slaves and clients are as many tasks that speak its interface.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail, and says which seed it had"
)]

mod audit;
mod clients;
mod ledger;
mod process;
mod slaves;

use ledger::Ledger;
use netrender::access::{FarmKey, KeySource};
use netrender::link::Link;
use process::Process;
use std::sync::Arc;
use std::time::Duration;

const KILLS: u64 = 50;
const SLAVES: u64 = 6;
const CLIENTS: u64 = 2;
/// Most acknowledgements between two kills.
const ACKNOWLEDGED_MAX: u64 = 40;
/// Longest life of a master that is killed while it starts.
const START_US_MAX: u64 = 120_000;
/// How long progress may take.
const PROGRESS_TIMEOUT: Duration = Duration::from_mins(1);

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_master_killed_at_any_moment_loses_nothing_and_doubles_nothing() {
    let seed = setting("NETRENDER_SEED").unwrap_or_else(|| fastrand::u64(..));
    let kills = setting("NETRENDER_TEST_KILLS").unwrap_or(KILLS);
    println!("NETRENDER_SEED={seed} NETRENDER_TEST_KILLS={kills}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(storm(seed, kills));
    // Tasks of the load end with their runtime.
    runtime.shutdown_background();
}

async fn storm(seed: u64, kills: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut master = Process::start(folder.path(), 0);
    let port = master.port().await;
    let key = FarmKey::read(&folder.path().join("config/farm.key")).unwrap();
    let address = format!("http://127.0.0.1:{port}").parse().unwrap();
    let link = Link::connect(&address, &KeySource::Given(key)).await.unwrap();

    let ledger = Arc::new(Ledger::default());
    for number in 0..SLAVES {
        tokio::spawn(slaves::render(number, link.clone(), Arc::clone(&ledger), random.u64(..)));
    }
    for _ in 0..CLIENTS {
        tokio::spawn(clients::send(link.clone(), Arc::clone(&ledger), random.u64(..)));
    }
    for kill in 0..kills {
        if random.u8(..5) == 0 {
            // While it starts, or comes to itself.
            tokio::time::sleep(Duration::from_micros(random.u64(..START_US_MAX))).await;
        } else {
            let more = random.u64(..ACKNOWLEDGED_MAX);
            let waiting = tokio::time::timeout(PROGRESS_TIMEOUT, ledger.wait_for_more(more));
            assert!(waiting.await.is_ok(), "nothing goes on after {kill} kills; {ledger}");
        }
        println!("{kill} kills; {ledger}");
        master.kill();
        master = Process::start(folder.path(), port);
        ledger.must_be_sound();
        if kill % 5 == 4 {
            master.port().await;
            // Without new jobs: they would come faster than they are looked at.
            ledger.set_audited(true);
            audit::through_the_interface(&link, &ledger).await;
            ledger.set_audited(false);
        }
    }
    master.port().await;
    ledger.end();
    let ending = tokio::time::timeout(PROGRESS_TIMEOUT, audit::wait_for_the_end(&link, &ledger));
    assert!(ending.await.is_ok(), "not all jobs come to their end; {ledger}");
    audit::through_the_interface(&link, &ledger).await;
    audit::pictures(&link, &ledger).await;
    master.kill();
    audit::through_the_store(&folder.path().join("master"), &ledger);
    ledger.must_be_sound();
    println!("{kills} kills; {ledger}");
}
