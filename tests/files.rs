//! Files on their way to slaves: many small ones together, over a wire that breaks, from a disk that both see, and only those
//! that the frames at hand need.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod parts;

use netrender::files::hash_file;
use netrender::ids::JobId;
use netrender::link::no_progress;
use netrender::slave::{Slave, SlaveOptions};
use netrender::wire::{ContentStatus, FileEntry, Manifest, RenderSettings};
use parts::FakeBlender;
use parts::farm::{Farm, wait_until};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The artist's files, as they lie beside each other.
struct Project {
    folder: tempfile::TempDir,
    files: Vec<FileEntry>,
}

impl Project {
    fn new() -> Self {
        let mut project = Self {
            folder: tempfile::tempdir().unwrap(),
            files: Vec::new(),
        };
        project.add("scene.blend", b"BLENDER-v304RENDH and no more", None);
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `frames` need it, and Blender looks for it only when it opens the scene.
    fn add(&mut self, name: &str, content: &[u8], frames: Option<(i32, i32)>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        self.files.push(FileEntry {
            path: name.parse().unwrap(),
            size_bytes: content.len() as u64,
            hash: hash_file(&path).unwrap(),
            frames,
            at_opening: frames.is_some() && name.contains("cache"),
        });
    }

    fn submit(&self, farm: &Farm, frames: &str, artist_folder: Option<String>) -> JobId {
        let manifest = Manifest {
            main: "scene.blend".parse().unwrap(),
            files: self.files.clone(),
            source: None,
            artist_folder,
            settings: RenderSettings::default(),
            bakes: Vec::new(),
            bakes_from: None,
            baked: Vec::new(),
        };
        let announced = farm.announce(manifest, frames, 1);
        farm.ask(async |link| {
            for file in self.files.iter().filter(|file| announced.missing.contains(&file.hash)) {
                let (hash, size_bytes) = (file.hash, file.size_bytes);
                let path = format!("contents/{hash}?offset=0&size={size_bytes}");
                let source = self.path(file.path.as_str());
                let _: ContentStatus = link.put_file(&path, &source, 0, size_bytes, no_progress()).await?;
            }
            Ok(())
        });
        announced.job
    }
}

/// Passes bytes on to a master, counts what comes from it, and cuts the first so many connections on which so many bytes have come from it.
struct Wire {
    address: String,
    cuts: Arc<AtomicUsize>,
    passed_down: Arc<AtomicU64>,
}

impl Wire {
    fn start(master: String, cuts: usize, after_bytes: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wire = Self {
            address: listener.local_addr().unwrap().to_string(),
            cuts: Arc::new(AtomicUsize::new(cuts)),
            passed_down: Arc::default(),
        };
        let (cuts, passed_down) = (Arc::clone(&wire.cuts), Arc::clone(&wire.passed_down));
        // Ends with the process: a listener has no other end.
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), TcpStream::connect(&master).unwrap());
                let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || pass_on(near_too, far_too, |_| false));
                let (cuts, passed_down, mut here) = (Arc::clone(&cuts), Arc::clone(&passed_down), 0);
                std::thread::spawn(move || {
                    pass_on(far, near, |bytes| {
                        here += bytes;
                        passed_down.fetch_add(bytes, Ordering::Relaxed);
                        let cut = |left: usize| left.checked_sub(1);
                        here > after_bytes && cuts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, cut).is_ok()
                    });
                });
            }
        });
        wire
    }

    /// A slave at its other end.
    fn slave(&self, farm: &Farm, blender: &FakeBlender) -> Slave {
        let options = SlaveOptions {
            master: Some(self.address.parse().unwrap()),
            ..farm.slave_options(blender, "one")
        };
        Slave::start(options).unwrap()
    }
}

fn pass_on(mut source: TcpStream, mut target: TcpStream, mut is_cut: impl FnMut(u64) -> bool) {
    let mut piece = vec![0; 1 << 16];
    while let Ok(length @ 1..) = source.read(&mut piece) {
        if is_cut(length as u64) || target.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    // Whoever was first to go has done so already.
    let _ = (source.shutdown(Shutdown::Both), target.shutdown(Shutdown::Both));
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    fastrand::Rng::with_seed(7).fill(&mut content);
    content
}

/// A file of the job as the slave has it.
fn at_slave(farm: &Farm, job: JobId, name: &str) -> Vec<u8> {
    let slaves = std::fs::read_dir(farm.slaves()).unwrap().map(|entry| entry.unwrap().path());
    let jobs = slaves.map(|slave| slave.join("jobs").join(job.to_string()));
    let folder = jobs.into_iter().find(|folder| folder.exists()).unwrap();
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn many_small_files_and_long_ones_come_whole_and_packed_where_that_pays() {
    let farm = Farm::start();
    let blender = FakeBlender::told("{}");
    let mut project = Project::new();
    let text = b"v 0.1 0.2 0.3\n".repeat(100_000);
    project.add("meshes/long.obj", &text, None);
    project.add("meshes/noise.bin", &noise(600_000), None);
    project.add("empty.txt", b"", None);
    for number in 0..300 {
        // Some are the same content.
        let content = format!("f 1 2 {}\n", number % 200).repeat(1 + number % 50);
        project.add(&format!("textures/{number}.obj"), content.as_bytes(), None);
    }
    let job = project.submit(&farm, "1", None);
    let wire = Wire::start(farm.address(), 0, 0);
    let _slave = wire.slave(&farm, &blender);
    farm.wait_for_end(job);
    for file in &project.files {
        let name = file.path.as_str();
        assert!(
            at_slave(&farm, job, name) == std::fs::read(project.path(name)).unwrap(),
            "{name} is another"
        );
    }
    let sent = wire.passed_down.load(Ordering::Relaxed);
    assert!(sent < 600_000 + text.len() as u64 / 4, "{sent} bytes were sent");
}

#[test]
fn only_what_opens_with_the_scene_makes_a_slave_open_it_again() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"list_on_open": true}"#);
    let mut project = Project::new();
    for (name, frames) in [
        ("blendcache_scene/a.bphys", (1, 1)),
        ("blendcache_scene/b.bphys", (2, 2)),
        ("textures/c.png", (3, 3)),
    ] {
        project.add(name, name.as_bytes(), Some(frames));
    }
    let job = project.submit(&farm, "1-4", None);
    let _slave = farm.slave(&blender, "one");
    farm.wait_for_end(job);
    let opened_with = |frame: i32| -> Option<String> {
        let log = farm.log(job, frame, 1);
        let line = log.lines().find(|line| line.contains("opened beside"))?;
        Some(line.to_owned())
    };
    let has = |frame: i32, name: &str| opened_with(frame).unwrap_or_default().contains(name);
    assert!(has(1, "a.bphys"), "{:?}", opened_with(1));
    assert!(has(2, "a.bphys") && has(2, "b.bphys"), "{:?}", opened_with(2));
    assert_eq!([opened_with(3), opened_with(4)], [None, None]);
    assert_eq!(at_slave(&farm, job, "textures/c.png"), b"textures/c.png");
}

#[test]
fn what_a_slave_sees_on_the_artists_disk_is_not_sent_to_it() {
    let farm = Farm::start();
    let blender = FakeBlender::told("{}");
    let mut project = Project::new();
    project.add("same.bin", &noise(1 << 20), None);
    project.add("changed.txt", b"as it was sent", None);
    let folder = format!("{}/", project.folder.path().display());
    let job = project.submit(&farm, "1", Some(folder));
    std::fs::write(project.path("changed.txt"), "as it is now!!").unwrap();
    let wire = Wire::start(farm.address(), 0, 0);
    let _slave = wire.slave(&farm, &blender);
    farm.wait_for_end(job);
    assert!(at_slave(&farm, job, "same.bin") == noise(1 << 20));
    assert_eq!(at_slave(&farm, job, "changed.txt"), b"as it was sent");
    let sent = wire.passed_down.load(Ordering::Relaxed);
    assert!(sent < 1 << 19, "{sent} bytes were sent");
}

#[test]
fn a_download_goes_on_where_the_wire_broke() {
    const BYTES: u64 = 8 << 20;
    const AFTER_BYTES: u64 = 3 << 20;
    let farm = Farm::start();
    let blender = FakeBlender::told("{}");
    let mut project = Project::new();
    let content = noise(8 << 20);
    project.add("long.bin", &content, None);
    let job = project.submit(&farm, "1", None);
    let wire = Wire::start(farm.address(), 2, AFTER_BYTES);
    let _slave = wire.slave(&farm, &blender);
    let frames = farm.wait_for_end(job);
    assert_eq!(frames[0].attempt, 1, "a broken wire is no failed frame: {frames:?}");
    assert_eq!(wire.cuts.load(Ordering::Relaxed), 0);
    assert!(at_slave(&farm, job, "long.bin") == content);
    let passed = wire.passed_down.load(Ordering::Relaxed);
    // Anew each time would be 14 MiB.
    assert!(passed < BYTES + AFTER_BYTES, "{passed} bytes came");
}

#[test]
fn a_damaged_content_is_not_taken_for_the_right_one() {
    for sizes in [vec![600_000], vec![600, 700]] {
        let farm = Farm::start();
        let blender = FakeBlender::told("{}");
        let mut project = Project::new();
        for bytes in &sizes {
            project.add(&format!("{bytes}.bin"), &noise(*bytes), None);
        }
        let job = project.submit(&farm, "1", None);
        let path = farm.content(project.files[1].hash);
        let mut content = std::fs::read(&path).unwrap();
        content[0] ^= 1;
        std::fs::write(path, content).unwrap();
        let _slave = farm.slave(&blender, "one");
        let failure = || farm.frames(job)[0].failure.clone().unwrap_or_default();
        wait_until("it says what is wrong", || failure().contains("arrived damaged"));
    }
}
