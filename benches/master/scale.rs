//! What a master costs when there is much of everything: many jobs, a long history, a thousand slaves, a million frames.
//!
//! Each figure stands beside the same one on an empty master, measured in the same run.

use super::load::{Master, Wire, millis, render_all};
use netrender::ids::JobId;
use netrender::wire::{JobInfo, ReportInfo, ReportKind, TaskName, WorkWanted};
use std::time::{Duration, Instant};

/// Slaves and tasks of a measured dispatch.
const SLAVES: u32 = 50;
const TASKS: u32 = 20_000;
/// Jobs that wait at once, and their frames.
const QUEUED_JOBS: u32 = 1_000;
const QUEUED_FRAMES: u32 = 100;
/// Frames of the long job, and of a chunk of it.
const MILLION: u32 = 1_000_000;
const MILLION_CHUNK: u32 = 1_000;
/// Slaves that are connected at once, how long each of their frames takes, and how many each renders.
const MANY_SLAVES: u32 = 1_000;
const MANY_FRAME_MS: u64 = 1_000;
const MANY_ROUNDS: u32 = 10;
/// How often the list of jobs is asked for.
const LISTINGS: usize = 20;

/// What a dispatch of [`TASKS`] tasks came to.
struct Rate {
    tasks_per_s: f64,
    cpu_us: f64,
}

/// Connects slaves, lets them render all that is there or comes, and measures the first [`TASKS`] tasks.
async fn dispatch(master: &Master, frames: Option<&str>) -> Rate {
    let mut slaves = Vec::new();
    for number in 0..SLAVES {
        let id = master.register(number).await;
        slaves.push(Wire::open(master, &id).await);
    }
    if let Some(frames) = frames {
        master.submit(frames, 1, None).await;
    }
    let (cpu_before, began) = (master.cpu_s(), Instant::now());
    let rendering: Vec<_> = slaves
        .into_iter()
        .map(|slave| tokio::spawn(render_some(slave, TASKS / SLAVES)))
        .collect();
    for slave in rendering {
        slave.await.unwrap();
    }
    Rate {
        tasks_per_s: f64::from(TASKS) / began.elapsed().as_secs_f64(),
        cpu_us: (master.cpu_s() - cpu_before) / f64::from(TASKS) * 1e6,
    }
}

async fn render_some(mut slave: Wire, count: u32) {
    let mut wanted = wish();
    for _ in 0..count {
        let lease = slave.work(&wanted).await.lease.unwrap();
        wanted.warm = Some(lease.job);
        wanted.reports = done(&lease);
    }
    wanted.want = false;
    slave.work(&wanted).await;
}

fn wish() -> WorkWanted {
    WorkWanted {
        want: true,
        wait_ms: 60_000,
        ..WorkWanted::default()
    }
}

fn done(lease: &netrender::wire::LeaseInfo) -> Vec<ReportInfo> {
    let report = |task: &netrender::wire::LeasedTask| ReportInfo {
        task: TaskName {
            job: lease.job,
            task: task.task,
            attempt: task.attempt,
        },
        kind: ReportKind::Done { seconds: 0.0 },
    };
    lease.tasks.iter().map(report).collect()
}

async fn plain() -> Rate {
    let master = Master::start().await;
    dispatch(&master, Some(&format!("1-{TASKS}"))).await
}

fn compare(what: &str, rate: &Rate, plain: &Rate) {
    println!("{what}");
    println!(
        "  {:.0} tasks/s, {:.1} us master CPU per task; on an empty master {:.0} tasks/s, {:.1} us: x {:.2}",
        rate.tasks_per_s,
        rate.cpu_us,
        plain.tasks_per_s,
        plain.cpu_us,
        rate.tasks_per_s / plain.tasks_per_s
    );
}

/// Dispatch while 1,000 jobs of 100 frames wait, and the list of them.
pub(crate) async fn queued() {
    let plain = plain().await;
    let master = Master::start().await;
    for _ in 0..QUEUED_JOBS {
        master.submit(&format!("1-{QUEUED_FRAMES}"), 1, None).await;
    }
    let mut listings = Vec::new();
    for _ in 0..LISTINGS {
        let began = Instant::now();
        let jobs: Vec<JobInfo> = master.link.get(&format!("jobs?offset=0&limit={QUEUED_JOBS}")).await.unwrap();
        listings.push(began.elapsed());
        assert_eq!(jobs.len(), QUEUED_JOBS as usize);
    }
    listings.sort_unstable();
    let rate = dispatch(&master, None).await;
    compare("dispatch with 1,000 jobs x 100 frames queued", &rate, &plain);
    println!(
        "the list of these 1,000 jobs: median {:.1} ms",
        millis(listings[LISTINGS / 2])
    );
}

/// A job of a million frames: how soon it is accepted, what it weighs; then, with all of them finished, the dispatch of
/// another job, and how soon a killed master is back.
pub(crate) async fn history() {
    let plain = plain().await;
    let master = Master::start().await;
    let before_bytes = master.memory_bytes();
    let began = Instant::now();
    let job = master.submit(&format!("1-{MILLION}"), MILLION_CHUNK, None).await.job;
    let accepted = began.elapsed();
    let queued_bytes = master.memory_bytes().saturating_sub(before_bytes);
    render_million(&master).await;
    let finished_bytes = master.memory_bytes().saturating_sub(before_bytes);
    assert_eq!(job_of(&master, job).await.done, MILLION);
    let rate = dispatch(&master, Some(&format!("1-{TASKS}"))).await;
    println!("a job of 1,000,000 frames");
    let per_frame = |bytes: u64| bytes as f64 / f64::from(MILLION);
    println!(
        "  accepted in {:.0} ms; memory {:.1} bytes a frame while queued, {:.1} finished",
        millis(accepted),
        per_frame(queued_bytes),
        per_frame(finished_bytes)
    );
    compare("dispatch with 1,000,000 finished frames behind", &rate, &plain);
    let began = Instant::now();
    let master = master.kill_and_resume().await;
    assert_eq!(job_of(&master, job).await.done, MILLION);
    println!(
        "  killed and resumed: it answers after {:.2} s",
        began.elapsed().as_secs_f64()
    );
}

async fn render_million(master: &Master) {
    let mut rendering = Vec::new();
    for number in 0..4 {
        let id = master.register(number).await;
        rendering.push(tokio::spawn(render_all(Wire::open(master, &id).await)));
    }
    for slave in rendering {
        slave.await.unwrap();
    }
}

async fn job_of(master: &Master, job: JobId) -> JobInfo {
    master.link.get(&format!("jobs/{job}")).await.unwrap()
}

/// 1,000 slaves at once, each with a connection of its own and frames of a second.
pub(crate) async fn many_slaves() {
    let master = Master::start().await;
    let mut slaves = Vec::new();
    for number in 0..MANY_SLAVES {
        let id = master.register(number).await;
        slaves.push(Wire::open(&master, &id).await);
    }
    let frames = MANY_SLAVES * MANY_ROUNDS;
    master.submit(&format!("1-{frames}"), 1, None).await;
    let rendering: Vec<_> = slaves
        .into_iter()
        .zip(0..)
        .map(|(slave, number)| tokio::spawn(render_slowly(slave, number)))
        .collect();
    let mut latencies = Vec::new();
    for slave in rendering {
        latencies.extend(slave.await.unwrap());
    }
    assert_eq!(latencies.len(), frames as usize, "tasks were lost or doubled");
    latencies.sort_unstable();
    println!("{MANY_SLAVES} slaves connected, frames of {MANY_FRAME_MS} ms, report + next lease in one request");
    println!(
        "  a lease: p50 {:.2} ms, p99 {:.2} ms, slowest {:.1} ms; no connection was lost",
        millis(latencies[latencies.len() / 2]),
        millis(latencies[latencies.len() * 99 / 100]),
        millis(latencies[latencies.len() - 1])
    );
}

/// Begins at its own moment of the first second, so that the farm is not in step.
async fn render_slowly(mut slave: Wire, number: u32) -> Vec<Duration> {
    let stagger = Duration::from_millis(MANY_FRAME_MS) / MANY_SLAVES;
    tokio::time::sleep(stagger * number).await;
    let mut latencies = Vec::new();
    let mut wanted = wish();
    for _ in 0..MANY_ROUNDS {
        let began = Instant::now();
        let lease = slave.work(&wanted).await.lease.unwrap();
        latencies.push(began.elapsed());
        wanted.warm = Some(lease.job);
        wanted.reports = done(&lease);
        tokio::time::sleep(Duration::from_millis(MANY_FRAME_MS)).await;
    }
    wanted.want = false;
    slave.work(&wanted).await;
    latencies
}
