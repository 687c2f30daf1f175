//! A disk that is full while it is needed: one sentence, nothing half-written, and all is well once there is room again.
//!
//! The disk is a small one in memory, which only root may mount; elsewhere these tests say so and pass.

use crate::farm::{Farm, announce, content, hash_of, options, picture};
use netrender::access::FarmKey;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

const DISK_BYTES: usize = 6 << 20;

/// A small disk, mounted as long as this lives.
struct SmallDisk {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_path_buf();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={DISK_BYTES}"), "netrender-test"])
            .arg(&path);
        if !mount.output().is_ok_and(|output| output.status.success()) {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "this user may not mount a small disk, and CI runs every test"
            );
            eprintln!("skipped: this user may not mount a small disk");
            return None;
        }
        Some(Self { path, _folder: folder })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

/// Takes all the room there is, until it is removed.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filler");
    let mut file = std::fs::File::create(&path).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
    }
    path
}

/// A farm whose master works on a small disk. Its own folder is below the disk, so that it ends before the disk does.
fn farm_on(disk: &SmallDisk) -> Farm {
    let key = FarmKey::generate().unwrap();
    let folder = tempfile::tempdir_in(&disk.path).unwrap();
    let options = options(folder.path(), &key);
    Farm::start_with(folder, options, key)
}

#[test]
fn an_upload_for_which_there_is_no_room_leaves_nothing() {
    let Some(disk) = SmallDisk::mount() else { return };
    let farm = farm_on(&disk);
    let (large, small) = (vec![7; DISK_BYTES], content("small"));
    farm.post("jobs", &announce("large", "1", &[("a.blend", &large)])).expect(200);
    farm.post("jobs", &announce("small", "1", &[("a.blend", &small)])).expect(200);
    farm.upload(&large).refused(507, "storage", "cannot write");
    let status = farm.get(&format!("contents/{}/status", hash_of(&large)));
    assert_eq!(status.json(), json!({"present_bytes": 0, "complete": false}));
    farm.upload(&small).expect(200);
}

#[test]
fn a_result_for_which_there_is_no_room_comes_later() {
    let Some(disk) = SmallDisk::mount() else { return };
    let farm = farm_on(&disk);
    let main = content("main");
    let job = farm.post("jobs", &announce("shot", "1", &[("a.blend", &main)])).text("job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &job, 0);
    let filler = fill(&disk.path);
    let picture = picture("large", 1 << 20);
    farm.deliver(&slave, &job, 0, attempt, &picture)
        .refused(507, "storage", "cannot");
    assert_eq!(farm.files_below("jobs"), Vec::<String>::new());
    std::fs::remove_file(filler).unwrap();
    farm.deliver(&slave, &job, 0, attempt, &picture).expect(204);
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "finished");
}

#[test]
fn what_cannot_be_recorded_is_not_promised() {
    let Some(disk) = SmallDisk::mount() else { return };
    let farm = farm_on(&disk);
    let slave = farm.slave("node1");
    let kept = farm.post("jobs", &json!({"name": "kept", "frames": "1-2"})).text("job");
    let lease = farm.lease_of(&slave, &kept, 0);
    let filler = fill(&disk.path);
    // The store may have some room of its own left: it is used up by long announcements.
    let files: Vec<(String, Vec<u8>)> = (0..500)
        .map(|i| (format!("folder/file{i}.png"), content(&i.to_string())))
        .collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let big = announce("big", "1", &files);
    let refused = (0..200)
        .map(|_| farm.post("jobs", &big))
        .find(|reply| reply.status != 200)
        .expect("the disk never filled");
    refused.refused(507, "storage", "the disk is full");
    let done = json!({"job": kept, "task": 0, "attempt": lease, "kind": "done", "seconds": 1.0});
    let told = farm.work(&slave, &json!({"reports": [done.clone()]}));
    assert!([200, 507].contains(&told.status), "{told:?}");
    let known = farm.get("jobs").json().as_array().unwrap().len();
    std::fs::remove_file(filler).unwrap();
    farm.work(&slave, &json!({"reports": [done]})).expect(200);
    assert_eq!(farm.get(&format!("jobs/{kept}")).json()["done"], 1);
    // What was told to be there is there after a restart too.
    let farm = farm.restart();
    assert_eq!(farm.get("jobs").json().as_array().unwrap().len(), known);
}
