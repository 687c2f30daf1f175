//! A real master as a process, and slaves that are little more than a socket: the load must cost less than the master.

use netrender::access::{FarmKey, KeySource, KnownMasters};
use netrender::link::Link;
use netrender::wire::{BlenderInfo, JobAnnounce, JobAnnounced, MachineInfo, Manifest, Registered, Registration};
use netrender::wire::{ReportInfo, ReportKind, TaskName, WorkAnswer, WorkWanted};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A master in a process of its own, in a folder of its own.
pub(crate) struct Master {
    process: Child,
    address: String,
    url: String,
    pub(crate) link: Link,
    bearer: String,
    pub(crate) folder: tempfile::TempDir,
}

impl Master {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// With a certificate, as `--ssl` says.
    pub(crate) async fn start_with(ssl: Option<&str>) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), ssl).await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where its key lies.
    pub(crate) fn key_file(&self) -> std::path::PathBuf {
        self.folder.path().join("config/farm.key")
    }

    /// Kills it and starts it again on what it left.
    pub(crate) async fn kill_and_resume(mut self) -> Self {
        self.end();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Self::start_in(folder, None).await
    }

    async fn start_in(folder: tempfile::TempDir, ssl: Option<&str>) -> Self {
        let config = folder.path().join("config");
        let mut process = Command::new(env!("CARGO_BIN_EXE_netrender"))
            .args([
                "master",
                "--address",
                "127.0.0.1",
                "--port",
                "0",
                "--no-broadcast",
                "--force-upload",
                "--path",
            ])
            .arg(folder.path().join("master"))
            .args(ssl.iter().flat_map(|ssl| ["--ssl", ssl]))
            .env("NETRENDER_CONFIG", &config)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_whitespace()
                    .find_map(|word| (word.starts_with("http://") || word.starts_with("https://")).then(|| word.to_owned()))
            })
            .unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let url = url.trim_end_matches(['/', '.', ',']).to_owned();
        let address = url.rsplit('/').next().unwrap().to_owned();
        let key = FarmKey::read(&config.join("farm.key")).unwrap();
        let bearer = key.bearer();
        let known = KnownMasters::in_file(config.join("known"));
        let link = Link::connect_knowing(&url.parse().unwrap(), &KeySource::Given(key), &known)
            .await
            .unwrap();
        Self {
            process,
            address,
            url,
            link,
            bearer,
            folder,
        }
    }

    pub(crate) async fn register(&self, number: u32) -> String {
        let registration = Registration {
            id: None,
            name: format!("slave{number}"),
            tags: Vec::new(),
            blenders: vec![BlenderInfo {
                version: "3.4.1".parse().unwrap(),
            }],
            slots: 1,
            allows_scripts: false,
            denoises: true,
            machine: MachineInfo::default(),
            holding: Vec::new(),
        };
        let registered: Registered = self.link.post("slaves", &registration, Duration::ZERO).await.unwrap();
        registered.id.to_string()
    }

    pub(crate) async fn submit(&self, frames: &str, chunks: u32, manifest: Option<Manifest>) -> JobAnnounced {
        let job = JobAnnounce {
            id: None,
            name: "measurement".to_owned(),
            category: String::new(),
            tags: Vec::new(),
            requirements: netrender::ids::Requirements::default(),
            depends_on: Vec::new(),
            blacklist: Vec::new(),
            limits: netrender::wire::JobLimits::default(),
            priority: 1,
            chunks,
            frames: frames.parse().unwrap(),
            tiles: netrender::ids::TileGrid::WHOLE,
            blender: None,
            manifest,
        };
        self.link.post("jobs", &job, Duration::ZERO).await.unwrap()
    }

    /// Seconds of processor time so far.
    pub(crate) fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        // Fields 14 and 15 of the whole line, in ticks of 1/100 s.
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }

    /// Most memory it has held, in bytes.
    pub(crate) fn memory_peak_bytes(&self) -> u64 {
        self.status_bytes("VmHWM")
    }

    /// The memory it holds, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.status_bytes("VmRSS")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        status_bytes(self.process.id(), field)
    }
}

/// Most memory that a process has held, in bytes.
pub(crate) fn memory_peak_bytes(process: u32) -> u64 {
    status_bytes(process, "VmHWM")
}

fn status_bytes(process: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

impl Master {
    fn end(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.end();
    }
}

/// One keep-alive connection with as little between it and the socket as possible: the load must cost less than the master.
pub(crate) struct Wire {
    stream: TcpStream,
    head: String,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(master: &Master, slave: &str) -> Self {
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

    pub(crate) async fn work(&mut self, wanted: &WorkWanted) -> WorkAnswer {
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

/// Asks and reports until there is nothing left; returns how long each task's request took.
pub(crate) async fn render_all(mut slave: Wire) -> Vec<Duration> {
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

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
