//! What a master costs, measured from outside on the real binary: dispatch, the way to the first lease, upload.
//!
//! `cargo bench --no-default-features --bench master [-- dispatch|lease|upload|queued|history|slaves]`. The load comes from this process over
//! loopback, so on a small machine both share the cores; the master's own share is what `/proc` says of it.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measuring program"
)]

mod load;
mod scale;

use load::{Master, Wire, millis, render_all};
use netrender::ids::{ContentHash, JobPath};
use netrender::link::no_progress;
use netrender::wire::{ContentStatus, FileEntry, Manifest, RenderSettings};
use netrender::wire::{ReportInfo, ReportKind, TaskName, WorkWanted};
use std::io::Write as _;
use std::time::{Duration, Instant};

const SLAVES: u32 = 50;
const TASKS: u32 = 20_000;
const LEASE_ROUNDS: usize = 100;
const UPLOAD_BYTES: u64 = 1 << 30;

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
            upload().await;
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

/// 1 GiB of random bytes to the master, hashed and on its disk, against a plain copy with fsync on the same disk.
async fn upload() {
    let master = Master::start().await;
    let file = master.folder.path().join("random");
    let mut hasher = blake3::Hasher::new();
    let mut target = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
    let mut random = fastrand::Rng::with_seed(7);
    let mut piece = vec![0; 1 << 20];
    for _ in 0..UPLOAD_BYTES >> 20 {
        random.fill(&mut piece);
        hasher.update(&piece);
        target.write_all(&piece).unwrap();
    }
    target.into_inner().unwrap().sync_all().unwrap();
    let copy = master.folder.path().join("copy");
    let began = Instant::now();
    std::fs::copy(&file, &copy).unwrap();
    std::fs::File::open(&copy).unwrap().sync_all().unwrap();
    let copy_s = began.elapsed().as_secs_f64();
    std::fs::remove_file(&copy).unwrap();
    let hash = ContentHash(*hasher.finalize().as_bytes());
    let main: JobPath = "scene.blend".parse().unwrap();
    let files = vec![FileEntry {
        path: main.clone(),
        size_bytes: UPLOAD_BYTES,
        hash,
        frames: None,
        at_opening: false,
    }];
    let announced = master
        .submit(
            "1",
            1,
            Some(Manifest {
                main,
                files,
                settings: RenderSettings::default(),
            }),
        )
        .await;
    assert_eq!(announced.missing, [hash]);
    let began = Instant::now();
    let path = format!("contents/{hash}?offset=0&size={UPLOAD_BYTES}");
    let status: ContentStatus = master
        .link
        .put_file(&path, &file, 0, UPLOAD_BYTES, no_progress())
        .await
        .unwrap();
    let upload_s = began.elapsed().as_secs_f64();
    assert!(status.complete);
    let megabytes = UPLOAD_BYTES as f64 / 1e6;
    println!("upload of 1 GiB, hashed and on disk, against cp + fsync on the same disk");
    println!(
        "  {:.0} MB/s, copy {:.0} MB/s, ratio {:.2}",
        megabytes / upload_s,
        megabytes / copy_s,
        upload_s / copy_s
    );
    println!("  the master's peak memory {:.0} MB", master.memory_peak_bytes() as f64 / 1e6);
}
