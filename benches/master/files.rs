//! Files on their way: long ones up and down, with and without TLS; ten thousand small ones against `cp -r`; a second submit.

use super::load::Master;
use netrender::access::{FarmKey, KeySource};
use netrender::client::{Client, Stage, SubmitRequest, download};
use netrender::files::hash_file;
use netrender::ids::{ContentHash, JobPath};
use netrender::link::no_progress;
use netrender::wire::{ContentStatus, FileEntry, Manifest, RenderSettings};
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const UPLOAD_BYTES: u64 = 1 << 30;
const FOLDERS: u32 = 100;
const FILES_IN_A_FOLDER: u32 = 100;
/// Small files are from one to twice as long.
const SMALL_BYTES_MIN: usize = 4096;
const PATIENCE: Duration = Duration::from_mins(10);

/// 1 GiB of random bytes to the master, hashed and on its disk, and back, against a plain copy with fsync on the same disk.
pub(crate) async fn long(ssl: Option<&str>) {
    let master = Master::start_with(ssl).await;
    let file = master.folder.path().join("random");
    let hash = write_random(&file);
    let copy = master.folder.path().join("copy");
    let began = Instant::now();
    std::fs::copy(&file, &copy).unwrap();
    std::fs::File::open(&copy).unwrap().sync_all().unwrap();
    let copy_s = began.elapsed().as_secs_f64();
    std::fs::remove_file(&copy).unwrap();
    let announced = master.submit("1", 1, Some(manifest(hash))).await;
    assert_eq!(announced.missing, [hash]);
    let began = Instant::now();
    let path = format!("contents/{hash}?offset=0&size={UPLOAD_BYTES}");
    let sent = master.link.put_file(&path, &file, 0, UPLOAD_BYTES, no_progress());
    let status: ContentStatus = sent.await.unwrap();
    let upload_s = began.elapsed().as_secs_f64();
    assert!(status.complete);
    let began = Instant::now();
    let url = format!("contents/{hash}");
    let fetched = download(&master.link, &url, &copy, UPLOAD_BYTES).await.unwrap();
    let download_s = began.elapsed().as_secs_f64();
    assert_eq!((fetched.size_bytes, fetched.hash), (UPLOAD_BYTES, hash));
    let rate = |seconds: f64| UPLOAD_BYTES as f64 / 1e6 / seconds;
    let kind = if ssl.is_some() { "over TLS" } else { "without TLS" };
    println!("1 GiB {kind}, hashed and on disk, against cp + fsync on the same disk");
    println!(
        "  up {:.0} MB/s, down {:.0} MB/s, copy {:.0} MB/s; up takes x {:.2}, down x {:.2}",
        rate(upload_s),
        rate(download_s),
        rate(copy_s),
        upload_s / copy_s,
        download_s / copy_s
    );
    println!(
        "  peak memory: master {:.0} MB, this process {:.0} MB",
        master.memory_peak_bytes() as f64 / 1e6,
        super::load::memory_peak_bytes(std::process::id()) as f64 / 1e6
    );
}

fn write_random(file: &Path) -> ContentHash {
    let mut target = std::io::BufWriter::new(std::fs::File::create(file).unwrap());
    let mut random = fastrand::Rng::with_seed(7);
    let mut piece = vec![0; 1 << 20];
    for _ in 0..UPLOAD_BYTES >> 20 {
        random.fill(&mut piece);
        target.write_all(&piece).unwrap();
    }
    target.into_inner().unwrap().sync_all().unwrap();
    hash_file(file).unwrap()
}

fn manifest(hash: ContentHash) -> Manifest {
    let main: JobPath = "scene.blend".parse().unwrap();
    let files = vec![FileEntry {
        path: main.clone(),
        size_bytes: UPLOAD_BYTES,
        hash,
        frames: None,
        at_opening: false,
    }];
    Manifest {
        main,
        files,
        source: None,
        artist_folder: None,
        settings: RenderSettings::default(),
        bakes: Vec::new(),
        bakes_from: None,
        baked: Vec::new(),
    }
}

/// A scene with ten thousand small files, sent by the client as the command does, against `cp -r`; then sent again.
pub(crate) fn many(master: &Master) {
    let folder = tempfile::tempdir().unwrap();
    let (blend, files) = make_small_files(folder.path());
    let copies = |name: &str, syncs: bool| {
        let began = Instant::now();
        let target = folder.path().join(name);
        let status = std::process::Command::new("cp")
            .arg("-r")
            .arg(folder.path().join("scene"))
            .arg(&target)
            .status();
        assert!(status.unwrap().success());
        if syncs {
            std::process::Command::new("sync").arg("-f").arg(&target).status().unwrap();
        }
        began.elapsed().as_secs_f64()
    };
    let (copy_s, synced_s) = (copies("copy", false), copies("synced copy", true));
    let request = SubmitRequest {
        blender: Some(fake_blender(folder.path(), &files)),
        ..SubmitRequest::new(blend)
    };
    let keys = KeySource::Given(FarmKey::read(&master.key_file()).unwrap());
    let client = Client::connect(master.url(), &keys, PATIENCE).unwrap();
    let (first_s, sent_bytes) = submit(&client, &request);
    let (second_s, again_bytes) = submit(&client, &request);
    let count = files.len();
    println!(
        "{count} small files ({:.0} MB), read, sent, hashed and on the master's disk, against cp -r of them",
        sent_bytes as f64 / 1e6
    );
    println!(
        "  {first_s:.2} s, cp -r {copy_s:.2} s (x {:.2}), cp -r and sync {synced_s:.2} s (x {:.2})",
        first_s / copy_s,
        first_s / synced_s
    );
    println!("  sent again, unchanged: {second_s:.2} s beyond the collector, {again_bytes} bytes of content");
    client.stop(PATIENCE);
}

/// Sends it; returns the seconds beyond the collector, and the bytes of content that were sent.
fn submit(client: &Client, request: &SubmitRequest) -> (f64, u64) {
    let submission = client.submit(request.clone()).unwrap();
    while submission.progress().stage == Stage::Collecting {
        std::thread::sleep(Duration::from_millis(1));
    }
    let began = Instant::now();
    assert!(submission.wait(PATIENCE).unwrap().is_some());
    let progress = submission.progress();
    assert_eq!(progress.done, progress.total);
    (began.elapsed().as_secs_f64(), progress.total)
}

fn make_small_files(folder: &Path) -> (PathBuf, Vec<PathBuf>) {
    let scene = folder.join("scene");
    let mut random = fastrand::Rng::with_seed(7);
    let mut files = Vec::new();
    for number in 0..FOLDERS {
        let folder = scene.join(format!("folder{number}"));
        std::fs::create_dir_all(&folder).unwrap();
        for number in 0..FILES_IN_A_FOLDER {
            let mut content = vec![0; random.usize(SMALL_BYTES_MIN..2 * SMALL_BYTES_MIN)];
            random.fill(&mut content);
            files.push(folder.join(format!("texture{number}.png")));
            std::fs::write(files.last().unwrap(), content).unwrap();
        }
    }
    let blend = scene.join("scene.blend");
    std::fs::write(&blend, b"BLENDER-v304RENDH and no more").unwrap();
    // What is changed while it is read is not remembered; a scene is older than its sending.
    std::thread::sleep(Duration::from_secs(3));
    (blend, files)
}

/// A Blender that only tells which files there are.
pub(crate) fn fake_blender(folder: &Path, files: &[PathBuf]) -> PathBuf {
    let path = folder.join("fake_blender.py");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_blender.py"), &path).unwrap();
    let entry = |file: &PathBuf| {
        let text = file.display().to_string();
        json!({"disk_path": text, "virtual_path": text.trim_start_matches('/'), "kind": "image"})
    };
    let orders = json!({"collected": {"files": files.iter().map(entry).collect::<Vec<_>>()}});
    std::fs::write(folder.join("fake_blender.json"), orders.to_string()).unwrap();
    path
}
