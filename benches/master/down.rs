//! Files on their way down: to a real slave, a process of its own, whose Blender is the fake one, so that nothing but files takes time.

use super::files::fake_blender;
use super::load::{Master, memory_peak_bytes};
use netrender::files::{append_to_bundle, hash_file, parcels};
use netrender::ids::JobId;
use netrender::link::no_progress;
use netrender::wire::{BundleTaken, ContentStatus, FileEntry, JobInfo, JobStateInfo, Manifest, RenderSettings};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LONG_BYTES: u64 = 1 << 30;
const SMALL_FILES: u32 = 10_000;
/// Small files are from one to twice as long.
const SMALL_BYTES_MIN: usize = 4_096;
/// Jobs one after the other, …
const JOBS: u32 = 4;
/// … each with one frame and so many files of its own.
const FILES_OF_A_JOB: u32 = 4;
const JOB_BYTES: u64 = 200 << 20;
const FRAME_S: f64 = 4.0;
/// Jobs without files, to know what the rest takes.
const EMPTY_JOBS: u32 = 3;
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// A slave with the master's key, in the master's folder.
struct Slave {
    process: Child,
}

impl Slave {
    fn start(master: &Master, blender: &Path, options: &[&str]) -> Self {
        let folder = master.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_netrender"));
        command.args(["slave", "--name", "measured", "--master", master.url(), "--blender"]);
        command.arg(blender).arg("--path").arg(folder.join("slaves")).args(options);
        command.env("NETRENDER_CONFIG", folder.join("config"));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self {
            process: process.unwrap(),
        }
    }

    fn memory_peak_mb(&self) -> f64 {
        memory_peak_bytes(self.process.id()) as f64 / 1e6
    }
}

impl Drop for Slave {
    fn drop(&mut self) {
        // Its Blender ends with it.
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Files of a job, made with random bytes in a folder of their own.
struct Made {
    folder: PathBuf,
    files: Vec<FileEntry>,
}

impl Made {
    fn new(folder: PathBuf) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        let mut made = Self {
            folder,
            files: Vec::new(),
        };
        std::fs::write(made.folder.join("scene.blend"), b"BLENDER-v304RENDH and no more").unwrap();
        made.note("scene.blend");
        made
    }

    fn add(&mut self, name: &str, bytes: u64) {
        let mut file = std::fs::File::create(self.folder.join(name)).unwrap();
        let mut random = fastrand::Rng::new();
        let mut left = usize::try_from(bytes).unwrap();
        let mut piece = vec![0; left.min(1 << 20)];
        while left > 0 {
            random.fill(&mut piece);
            let length = left.min(piece.len());
            file.write_all(&piece[..length]).unwrap();
            left -= length;
        }
        drop(file);
        self.note(name);
    }

    fn note(&mut self, name: &str) {
        let path = self.folder.join(name);
        self.files.push(FileEntry {
            path: name.parse().unwrap(),
            size_bytes: std::fs::metadata(&path).unwrap().len(),
            hash: hash_file(&path).unwrap(),
            frames: None,
            at_opening: false,
        });
    }

    /// A paused job, with all its files at the master.
    async fn submit(&self, master: &Master) -> JobId {
        let manifest = Manifest {
            main: "scene.blend".parse().unwrap(),
            files: self.files.clone(),
            source: None,
            artist_folder: None,
            settings: RenderSettings::default(),
            bakes: Vec::new(),
            bakes_from: None,
            baked: Vec::new(),
        };
        let job = master.submit("1", 1, Some(manifest)).await.job;
        master.link.act(&format!("jobs/{job}/pause")).await.unwrap();
        for parcel in parcels(self.files.clone(), |file| file.size_bytes) {
            if let [
                FileEntry {
                    path, size_bytes, hash, ..
                },
            ] = &parcel[..]
            {
                let url = format!("contents/{hash}?offset=0&size={size_bytes}");
                let file = self.folder.join(path.as_str());
                let sent = master.link.put_file(&url, &file, 0, *size_bytes, no_progress());
                assert!(sent.await.is_ok_and(|status: ContentStatus| status.complete));
                continue;
            }
            let mut body = Vec::new();
            for file in &parcel {
                let content = std::fs::read(self.folder.join(file.path.as_str())).unwrap();
                append_to_bundle(&mut body, file.hash, &content);
            }
            let taken: BundleTaken = master.link.post_bytes("contents", body).await.unwrap();
            assert_eq!(taken.contents, parcel.len());
        }
        job
    }
}

async fn go_on(master: &Master, job: JobId) {
    let went_on = master.link.act(&format!("jobs/{job}/resume")).await;
    // A job without files may have been rendered before it was paused.
    assert!(went_on.is_ok() || is_over(master, job).await, "{went_on:?}");
}

async fn is_over(master: &Master, job: JobId) -> bool {
    let info: JobInfo = master.link.get(&format!("jobs/{job}")).await.unwrap();
    info.state.is_over()
}

async fn wait_for(master: &Master, job: JobId) {
    loop {
        let info: JobInfo = master.link.get(&format!("jobs/{job}")).await.unwrap();
        if info.state.is_over() {
            assert_eq!(info.state, JobStateInfo::Finished, "{info:?}");
            return;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Lets a job go on; the seconds until it is rendered.
async fn rendered_s(master: &Master, job: JobId) -> f64 {
    let began = Instant::now();
    go_on(master, job).await;
    wait_for(master, job).await;
    began.elapsed().as_secs_f64()
}

/// A slave that has rendered already, and the seconds that a job without files takes it.
async fn slave_at_work(master: &Master, blender: &Path) -> (Slave, f64) {
    let empty = Made::new(master.folder.path().join("empty"));
    let slave = Slave::start(master, blender, &[]);
    let mut empty_s = f64::INFINITY;
    for _ in 0..EMPTY_JOBS {
        let job = empty.submit(master).await;
        empty_s = empty_s.min(rendered_s(master, job).await);
    }
    (slave, empty_s)
}

/// 1 GiB of random bytes in one file to a slave, hashed and on its disk.
pub(crate) async fn long(ssl: Option<&str>) {
    let master = Master::start_with(ssl).await;
    let blender = fake_blender(master.folder.path(), &[]);
    let (slave, empty_s) = slave_at_work(&master, &blender).await;
    let mut made = Made::new(master.folder.path().join("long"));
    made.add("long.bin", LONG_BYTES);
    let job = made.submit(&master).await;
    let seconds = rendered_s(&master, job).await - empty_s;
    let kind = if ssl.is_some() { "over TLS" } else { "without TLS" };
    println!(
        "1 GiB to a slave {kind}, hashed and on its disk: {seconds:.2} s, {:.0} MB/s",
        LONG_BYTES as f64 / 1e6 / seconds
    );
    println!(
        "  peak memory: master {:.0} MB, slave {:.0} MB",
        master.memory_peak_bytes() as f64 / 1e6,
        slave.memory_peak_mb()
    );
}

/// Ten thousand small files to a slave, hashed, on its disk and in the job's folder, against `cp -r`.
pub(crate) async fn many() {
    let master = Master::start().await;
    let blender = fake_blender(master.folder.path(), &[]);
    let (slave, empty_s) = slave_at_work(&master, &blender).await;
    let mut made = Made::new(master.folder.path().join("small"));
    let mut random = fastrand::Rng::with_seed(7);
    for number in 0..SMALL_FILES {
        made.add(
            &format!("texture{number}.png"),
            random.usize(SMALL_BYTES_MIN..2 * SMALL_BYTES_MIN) as u64,
        );
    }
    let began = Instant::now();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(&made.folder)
        .arg(master.folder.path().join("copy"))
        .status();
    assert!(copied.unwrap().success());
    let copy_s = began.elapsed().as_secs_f64();
    let job = made.submit(&master).await;
    let seconds = rendered_s(&master, job).await - empty_s;
    let again = made.submit(&master).await;
    let again_s = rendered_s(&master, again).await - empty_s;
    println!("{SMALL_FILES} small files to a slave, hashed, on its disk and in the job's folder, against cp -r of them");
    println!(
        "  {seconds:.2} s, cp -r {copy_s:.2} s (x {:.2}); for a second job {again_s:.2} s; slave's peak memory {:.0} MB",
        seconds / copy_s,
        slave.memory_peak_mb()
    );
}

/// How long a slave renders nothing between frames of different jobs: without files, and with 200 MB each, brought ahead or not.
pub(crate) async fn ahead() {
    println!("idle time of a slave from one job to the next, frames of {FRAME_S} s, 200 MB of files in each job");
    let cases = [
        ("jobs without files", 0, &[][..]),
        ("files brought ahead", FILES_OF_A_JOB, &[]),
        ("files fetched when they are needed", FILES_OF_A_JOB, &["--cache-gib", "0"]),
    ];
    for (name, files, options) in cases {
        let master = Master::start().await;
        let folder = master.folder.path();
        let blender = fake_blender(folder, &[]);
        std::fs::write(
            folder.join("fake_blender.json"),
            format!(r#"{{"render_ms": {}}}"#, FRAME_S * 1e3),
        )
        .unwrap();
        let mut jobs = Vec::new();
        for number in 0..JOBS {
            let mut made = Made::new(folder.join(format!("job{number}")));
            for file in 0..files {
                made.add(&format!("{file}.bin"), JOB_BYTES / u64::from(FILES_OF_A_JOB));
            }
            jobs.push(made.submit(&master).await);
        }
        let _slave = Slave::start(&master, &blender, options);
        for job in &jobs {
            go_on(&master, *job).await;
        }
        // The first one's files cannot come ahead.
        wait_for(&master, jobs[0]).await;
        let began = Instant::now();
        for job in &jobs[1..] {
            wait_for(&master, *job).await;
        }
        let idle_s = began.elapsed().as_secs_f64() / f64::from(JOBS - 1) - FRAME_S;
        println!("  {name}: {idle_s:.2} s a change");
    }
}
