//! What a master costs, measured from outside on the real binary: dispatch, the way to the first lease, files up and down; and what
//! clients do with tiles.
//!
//! `cargo bench --no-default-features --bench master [-- dispatch|lease|upload|files|download|ahead|queued|history|slaves|assembly]`. The load comes from this process over
//! loopback, so on a small machine both share the cores; the master's own share is what `/proc` says of it.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measuring program"
)]

mod assembly;
mod down;
mod files;
mod load;
mod scale;

use load::{Master, Wire, millis, render_all};
use netrender::wire::{ReportInfo, ReportKind, TaskName, WorkWanted};
use std::time::{Duration, Instant};

const SLAVES: u32 = 50;
const TASKS: u32 = 20_000;
const LEASE_ROUNDS: usize = 100;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let runs = |name: &str| wanted.is_empty() || wanted.iter().any(|it| it == name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        if runs("dispatch") {
            dispatch().await;
        }
        if runs("lease") {
            first_lease().await;
        }
        if runs("upload") {
            files::long(None).await;
            files::long(Some("self-signed")).await;
        }
        if runs("files") {
            let master = Master::start().await;
            tokio::task::block_in_place(|| files::many(&master));
        }
        if runs("download") {
            down::long(None).await;
            down::long(Some("self-signed")).await;
            down::many().await;
        }
        if runs("ahead") {
            down::ahead().await;
        }
        if runs("assembly") {
            tokio::task::block_in_place(assembly::put_together);
        }
        if runs("queued") {
            scale::queued().await;
        }
        if runs("history") {
            scale::history().await;
        }
        if runs("slaves") {
            scale::many_slaves().await;
        }
    });
}

/// 50 slaves with one slot each, tasks that take no time: a durable report and the next lease in one request.
async fn dispatch() {
    let master = Master::start().await;
    let mut slaves = Vec::new();
    for number in 0..SLAVES {
        let id = master.register(number).await;
        slaves.push(Wire::open(&master, &id).await);
    }
    master.submit(&format!("1-{TASKS}"), 1, None).await;
    let (cpu_before, began) = (master.cpu_s(), Instant::now());
    let tasks: Vec<_> = slaves.into_iter().map(|slave| tokio::spawn(render_all(slave))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let (wall_s, cpu_s) = (began.elapsed().as_secs_f64(), master.cpu_s() - cpu_before);
    latencies.sort_unstable();
    let done = f64::from(TASKS);
    assert_eq!(latencies.len(), TASKS as usize, "tasks were lost or doubled");
    println!("dispatch: {SLAVES} slaves x 1 slot, {TASKS} tasks, durable report + next lease in one request");
    println!(
        "  {:.0} tasks/s, {:.1} us master CPU per task",
        done / wall_s,
        cpu_s / done * 1e6
    );
    println!(
        "  request p50 {:.2} ms, p99 {:.2} ms",
        millis(latencies[latencies.len() / 2]),
        millis(latencies[latencies.len() * 99 / 100])
    );
}

/// From the moment a client announces a job to the moment an idle slave holds its first lease.
async fn first_lease() {
    let master = Master::start().await;
    let id = master.register(0).await;
    let mut slave = Wire::open(&master, &id).await;
    let mut waits = Vec::new();
    for _ in 0..LEASE_ROUNDS {
        let mut wanted = WorkWanted {
            want: true,
            wait_ms: 20_000,
            ..WorkWanted::default()
        };
        let asking = tokio::spawn(async move {
            let answer = slave.work(&wanted).await;
            let arrived = Instant::now();
            let lease = answer.lease.unwrap();
            let task = TaskName {
                job: lease.job,
                task: lease.tasks[0].task,
                attempt: lease.tasks[0].attempt,
            };
            wanted = WorkWanted {
                reports: vec![ReportInfo {
                    task,
                    kind: ReportKind::Done { seconds: 0.0 },
                }],
                ..WorkWanted::default()
            };
            slave.work(&wanted).await;
            (slave, arrived)
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let began = Instant::now();
        master.submit("1", 1, None).await;
        let arrived;
        (slave, arrived) = asking.await.unwrap();
        waits.push(arrived.duration_since(began));
    }
    waits.sort_unstable();
    println!("submit to first lease on an idle slave, {LEASE_ROUNDS} times");
    println!(
        "  median {:.2} ms, slowest {:.2} ms",
        millis(waits[waits.len() / 2]),
        millis(waits[waits.len() - 1])
    );
}
