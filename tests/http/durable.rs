//! What was acknowledged is there after a restart, and what is not ours to touch stays as it is.

use crate::farm::{Farm, announce, content, hash_of, options, picture};
use netrender::access::FarmKey;
use netrender::error::Code;
use netrender::happening::HappeningKind;
use netrender::master::Master;
use serde_json::json;
use std::time::Duration;

const STOP_TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn a_restarted_master_goes_on_where_it_was() {
    let farm = Farm::start();
    let (main, missing) = (content("main"), content("missing"));
    let job = farm
        .post("jobs", &announce("shot", "1-3", &[("main.blend", &main)]))
        .text("job");
    farm.upload(&main).expect(200);
    let waiting = farm
        .post("jobs", &announce("waiting", "1", &[("main.blend", &missing)]))
        .text("job");
    let slave = farm.slave("node1");
    farm.lease_of(&slave, &job, 0);
    let picture = picture("picture", 0);
    farm.deliver(&slave, &job, 0, 1, &picture).expect(204);
    let attempt = farm.lease_of(&slave, &job, 1);
    let before = farm.get("jobs").json();

    let farm = farm.restart();
    let after = farm.get("jobs").json();
    for field in [
        "id",
        "name",
        "frames",
        "state",
        "done",
        "rendering",
        "submitted_ms",
        "transitions",
    ] {
        assert_eq!(after[0][field], before[0][field], "{field}");
    }
    assert_eq!(farm.get(&format!("jobs/{job}/frames/1/result")).body, picture);
    assert_eq!(farm.get("slaves").json()[0]["machine"]["os"], "Debian");
    // The slave, which has not noticed, delivers.
    farm.deliver(&slave, &job, 1, attempt, &picture).expect(204);
    assert_eq!(farm.get(&format!("jobs/{job}")).json()["done"], 2);
    // The other job still knows what it waits for.
    farm.upload(&missing).expect(200);
    assert_eq!(farm.get(&format!("jobs/{waiting}")).text("state"), "queued");
}

#[test]
fn the_same_announcement_is_answered_the_same_and_another_is_refused() {
    let farm = Farm::start();
    let (main, image) = (content("main"), content("image"));
    let mut announcement = announce("shot", "1-3", &[("main.blend", &main), ("a.png", &image)]);
    announcement["id"] = json!("7k3vq9xd");
    let first = farm.post("jobs", &announcement).json();
    assert_eq!(first["job"], "7k3vq9xd");
    assert_eq!(farm.post("jobs", &announcement).json(), first);
    farm.upload(&main).expect(200);
    assert_eq!(
        farm.post("jobs", &announcement).json()["missing"],
        json!([hash_of(&image)]),
        "what has arrived meanwhile is not asked for again"
    );

    let farm = farm.restart();
    assert_eq!(farm.post("jobs", &announcement).json()["job"], first["job"]);
    assert_eq!(farm.get("jobs").json().as_array().unwrap().len(), 1);
    let mut other = announce("shot", "1-4", &[("main.blend", &main), ("a.png", &image)]);
    other["id"] = announcement["id"].clone();
    farm.post("jobs", &other).refused(409, "conflict", "there is another job");
    let mut other = announce("shot", "1-3", &[("main.blend", &image), ("a.png", &image)]);
    other["id"] = announcement["id"].clone();
    farm.post("jobs", &other).refused(409, "conflict", "there is another job");
    announcement["id"] = json!("no id");
    farm.post("jobs", &announcement).refused(400, "bad_input", "id");
}

#[test]
fn a_removed_job_takes_its_files_with_it_but_not_those_of_others() {
    let farm = Farm::start();
    let (own, shared) = (content("own"), content("shared"));
    let first = farm
        .post("jobs", &announce("a", "1", &[("a.blend", &own), ("b.png", &shared)]))
        .text("job");
    farm.post("jobs", &announce("b", "1", &[("b.png", &shared)])).expect(200);
    farm.upload(&own).expect(200);
    farm.upload(&shared).expect(200);
    farm.delete(&format!("jobs/{first}")).expect(204);
    farm.get(&format!("jobs/{first}")).refused(404, "not_found", "no job");
    let is_complete = |bytes: &[u8]| farm.get(&format!("contents/{}/status", hash_of(bytes))).json()["complete"].clone();
    assert_eq!(is_complete(&own), json!(false));
    assert_eq!(is_complete(&shared), json!(true));
}

#[test]
fn two_masters_never_share_a_path() {
    let farm = Farm::start();
    let error = Master::start(options(farm.folder.path(), &farm.key)).map(drop).unwrap_err();
    assert_eq!(error.code, Code::Conflict);
    assert!(
        error
            .to_string()
            .contains(&format!("another master (process {})", std::process::id())),
        "{error}"
    );
    farm.get("jobs").expect(200);
}

#[test]
fn a_taken_port_and_an_unwritable_path_are_told() {
    let farm = Farm::start();
    let folder = tempfile::tempdir().unwrap();
    let mut taken = options(&folder.path().join("deep"), &farm.key);
    taken.port = farm.master.url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Master::start(taken).map(drop).unwrap_err();
    assert!(error.to_string().contains("is taken"), "{error}");
    assert!(!folder.path().join("deep").exists(), "something was touched");
    std::fs::write(folder.path().join("file"), b"").unwrap();
    let error = Master::start(options(&folder.path().join("file/below"), &farm.key))
        .map(drop)
        .unwrap_err();
    assert!(error.to_string().contains("cannot make the folder"), "{error}");
    let mut nowhere = options(folder.path(), &farm.key);
    nowhere.address = "203.0.113.1".to_owned();
    let error = Master::start(nowhere).map(drop).unwrap_err();
    assert!(error.to_string().contains("is no address of this machine"), "{error}");
}

#[test]
fn a_foreign_data_file_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blender_master.data");
    std::fs::write(&path, b"my letter to grandma").unwrap();
    let error = Master::start(options(folder.path(), &FarmKey::generate().unwrap()))
        .map(drop)
        .unwrap_err();
    assert_eq!(error.code, Code::Storage);
    assert!(error.to_string().contains("is no data file of a netrender master"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"my letter to grandma");
}

#[test]
fn clear_on_exit_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path(), &FarmKey::generate().unwrap());
    options.clear_on_exit = true;
    let master = Master::start(options).unwrap();
    assert_ne!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    master.stop(STOP_TIMEOUT).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_a_killed_master_should_have_cleared_is_cleared_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let key = FarmKey::generate().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let mut clearing = options(folder.path(), &key);
    clearing.clear_on_exit = true;
    let farm = Farm::start_with(folder, clearing, key.clone());
    farm.post("jobs", &json!({"name": "a", "frames": "1"})).expect(200);
    // As a kill would leave it.
    copy_files(farm.folder.path(), copy.path());
    drop(farm);
    let farm = Farm::start_in(copy, key);
    assert_eq!(farm.get("jobs").json(), json!([]));
}

#[test]
fn a_predecessors_folder_is_taken_over() {
    let farm = Farm::start();
    let main = content("main");
    farm.post("jobs", &announce("shot", "1", &[("main.blend", &main)]))
        .expect(200);
    farm.upload(&main).expect(200);
    farm.master.stop(STOP_TIMEOUT).unwrap();
    let own = farm.folder.path().join(format!("master_{}", std::process::id()));
    std::fs::rename(&own, farm.folder.path().join("master_1")).unwrap();
    let farm = farm.restart();
    assert_eq!(farm.get(&format!("contents/{}", hash_of(&main))).body, main);
    assert!(own.exists() && !farm.folder.path().join("master_1").exists());
}

#[test]
fn a_folder_of_an_earlier_master_of_the_same_number_is_in_nobodys_way() {
    let farm = Farm::start();
    let main = content("main");
    farm.post("jobs", &announce("shot", "1", &[("main.blend", &main)]))
        .expect(200);
    farm.upload(&main).expect(200);
    farm.master.stop(STOP_TIMEOUT).unwrap();
    let own = farm.folder.path().join(format!("master_{}", std::process::id()));
    let noted = farm.folder.path().join("master_1");
    std::fs::rename(&own, &noted).unwrap();
    let store = netrender::store::Store::open(farm.folder.path()).map(|mut store| {
        store.apply(&[netrender::store::Write::Note {
            name: "directory",
            value: "master_1".to_owned(),
        }])
    });
    store.unwrap().unwrap();
    std::fs::create_dir_all(own.join("jobs/old")).unwrap();
    let farm = farm.restart();
    assert_eq!(farm.get(&format!("contents/{}", hash_of(&main))).body, main);
    assert!(!noted.exists() && !own.join("jobs/old").exists());
}

#[test]
fn a_stopped_master_ends_all_waits_and_says_so() {
    let farm = Farm::start();
    let slave = farm.slave("node1");
    let wish = farm.in_background(
        "POST",
        &format!("slaves/{slave}/work"),
        &json!({"want": true, "wait_ms": 60_000}),
    );
    farm.get("jobs").expect(200);
    assert!(farm.master.is_running());
    farm.master.stop(STOP_TIMEOUT).unwrap();
    farm.master.stop(STOP_TIMEOUT).unwrap();
    farm.abandon(wish);
    assert!(!farm.master.is_running());
    let kinds: Vec<_> = farm.master.events().iter().map(|happening| happening.kind).collect();
    assert_eq!(kinds.first(), Some(&HappeningKind::Started));
    assert_eq!(kinds.last(), Some(&HappeningKind::Stopped));
    assert_eq!(farm.master.status().to_string(), "1 slave, 0 jobs");
}

fn copy_files(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_files(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
