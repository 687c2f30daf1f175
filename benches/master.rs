//! What a master costs, measured from outside on the real binary: dispatch, the way to the first lease, upload.
//!
//! `cargo bench --no-default-features --bench master [-- dispatch|lease|upload]`. The load comes from this process over
//! loopback, so on a small machine both share the cores; the master's own share is what `/proc` says of it.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measuring program"
)]

use netrender::access::{FarmKey, KeySource};
use netrender::ids::{ContentHash, JobPath};
use netrender::link::{Link, no_progress};
use netrender::wire::{BlenderInfo, FileEntry, MachineInfo, Manifest, RenderSettings, TaskName, WorkAnswer, WorkWanted};
use netrender::wire::{ContentStatus, JobAnnounce, JobAnnounced, Registered, Registration, ReportInfo, ReportKind};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SLAVES: usize = 50;
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
    });
}

/// A master in a process of its own, in a folder of its own.
struct Master {
    process: Child,
    address: String,
    link: Link,
    bearer: String,
    folder: tempfile::TempDir,
}

impl Master {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        let mut process = Command::new(env!("CARGO_BIN_EXE_netrender"))
            .args(["master", "--address", "127.0.0.1", "--port", "0", "--no-broadcast", "--path"])
            .arg(folder.path().join("master"))
            .env("NETRENDER_CONFIG", &config)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_whitespace()
                    .find_map(|word| word.strip_prefix("http://").map(str::to_owned))
            })
            .unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.trim_end_matches(['/', '.', ',']).to_owned();
        let key = FarmKey::read(&config.join("farm.key")).unwrap();
        let bearer = key.bearer();
        let link = Link::connect(&address.parse().unwrap(), &KeySource::Given(key))
            .await
            .unwrap();
        Self {
            process,
            address,
            link,
            bearer,
            folder,
        }
    }

    async fn register(&self, number: usize) -> String {
        let registration = Registration {
            id: None,
            name: format!("slave{number}"),
            tags: Vec::new(),
            blenders: vec![BlenderInfo {
                version: "3.4.1".parse().unwrap(),
            }],
            slots: 1,
            machine: MachineInfo::default(),
            holding: Vec::new(),
        };
        let registered: Registered = self.link.post("slaves", &registration, Duration::ZERO).await.unwrap();
        registered.id.to_string()
    }

    async fn submit(&self, frames: &str, manifest: Option<Manifest>) -> JobAnnounced {
        let job = JobAnnounce {
            id: None,
            name: "measurement".to_owned(),
            category: String::new(),
            tags: Vec::new(),
            requirements: netrender::ids::Requirements::default(),
            priority: 1,
            chunks: 1,
            frames: frames.parse().unwrap(),
            blender: None,
            manifest,
        };
        self.link.post("jobs", &job, Duration::ZERO).await.unwrap()
    }

    /// Seconds of processor time so far.
    fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        // Fields 14 and 15 of the whole line, in ticks of 1/100 s.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }

    /// Most memory it has held, in bytes.
    fn memory_peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// One keep-alive connection with as little between it and the socket as possible: the load must cost less than the master.
struct Wire {
    stream: TcpStream,
    head: String,
    buffer: Vec<u8>,
}

impl Wire {
    async fn open(master: &Master, slave: &str) -> Self {
        let stream = TcpStream::connect(&master.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "POST /api/v1/slaves/{slave}/work HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
            master.address, master.bearer
        );
        Self {
            stream,
            head,
            buffer: Vec::with_capacity(4096),
        }
    }

    async fn work(&mut self, wanted: &WorkWanted) -> WorkAnswer {
        let body = serde_json::to_string(wanted).unwrap();
        let request = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.buffer.clear();
        loop {
            assert_ne!(
                self.stream.read_buf(&mut self.buffer).await.unwrap(),
                0,
                "the master closed the connection"
            );
            let Some(end) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&self.buffer[..end]).unwrap().to_ascii_lowercase();
            let length: usize = head
                .split("content-length: ")
                .nth(1)
                .unwrap()
                .lines()
                .next()
                .unwrap()
                .parse()
                .unwrap();
            if self.buffer.len() < end + 4 + length {
                continue;
            }
            assert!(head.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(&self.buffer));
            return serde_json::from_slice(&self.buffer[end + 4..]).unwrap();
        }
    }
}

/// 50 slaves with one slot each, tasks that take no time: a durable report and the next lease in one request.
async fn dispatch() {
    let master = Master::start().await;
    let mut slaves = Vec::new();
    for number in 0..SLAVES {
        let id = master.register(number).await;
        slaves.push(Wire::open(&master, &id).await);
    }
    master.submit(&format!("1-{TASKS}"), None).await;
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

/// Asks and reports until there is nothing left; returns how long each task's request took.
async fn render_all(mut slave: Wire) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut wanted = WorkWanted {
        want: true,
        wait_ms: 500,
        ..WorkWanted::default()
    };
    loop {
        let began = Instant::now();
        let answer = slave.work(&wanted).await;
        assert!(answer.refused.is_empty(), "{:?}", answer.refused);
        let Some(lease) = answer.lease else { return latencies };
        latencies.push(began.elapsed());
        wanted.warm = Some(lease.job);
        wanted.reports = lease
            .tasks
            .iter()
            .map(|task| ReportInfo {
                task: TaskName {
                    job: lease.job,
                    task: task.task,
                    attempt: task.attempt,
                },
                kind: ReportKind::Done { seconds: 0.0 },
            })
            .collect();
    }
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
        master.submit("1", None).await;
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
    }];
    let announced = master
        .submit(
            "1",
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

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
