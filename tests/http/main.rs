//! The wire contract of a real master on a real port: each call, and what happens to those who misbehave.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail, or say why it does not run"
)]

mod archive;
mod bakes;
mod contents;
mod contract;
mod durable;
mod events;
mod farm;
#[cfg(target_os = "linux")]
mod full_disk;
mod golden;
mod key;
mod life;
mod looking;
mod monitor;
mod refusals;
mod roles;
mod rules;
mod scripts;
mod straggler;
mod tiles;
mod tls;
mod versions;
mod webhooks;

use farm::{Farm, Reply, announce, content, hash_of, picture, registration};
use serde_json::{Value, json};

#[test]
fn a_job_goes_from_its_announcement_to_its_results() {
    let farm = Farm::start();
    let (main, wood) = (content("main"), content("wood"));
    let announced = farm.post(
        "jobs",
        &announce("shot", "1-2", &[("main.blend", &main), ("tex/wood.png", &wood)]),
    );
    let job = announced.text("job");
    let mut missing: Vec<String> = announced.json()["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect();
    missing.sort();
    let mut expected = vec![hash_of(&main), hash_of(&wood)];
    expected.sort();
    assert_eq!(missing, expected);
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "waiting");

    farm.upload(&main).expect(200);
    assert_eq!(
        farm.get(&format!("contents/{}/status", hash_of(&wood))).json(),
        json!({"present_bytes": 0, "complete": false})
    );
    farm.upload(&wood).expect(200);
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "queued");
    // A second submit of the same files sends nothing.
    let again = farm.post("jobs", &announce("again", "1", &[("main.blend", &main)]));
    assert_eq!(again.json()["missing"], json!([]));
    farm.delete(&format!("jobs/{}", again.text("job"))).expect(204);

    let slave = farm.slave("node1");
    let lease = farm.work(&slave, &json!({"want": true})).json()["lease"].clone();
    assert_eq!(lease["job"], json!(job));
    assert_eq!(lease["tasks"][0], json!({"task": 0, "attempt": 1, "frame": 1}));
    let manifest = farm.get(&format!("jobs/{job}/manifest")).json();
    assert_eq!(manifest["main"], "main.blend");
    assert_eq!(farm.get(&format!("contents/{}", hash_of(&wood))).body, wood);

    farm.append_log(&slave, &job, 0, 1, 0, "Fra:1 Mem:8M\n").expect(200);
    assert_eq!(
        farm.append_log(&slave, &job, 0, 1, 0, "Fra:1 Mem:8M\nSaved\n").json(),
        json!({"size_bytes": 19})
    );
    let picture1 = picture("picture 1", 0);
    farm.deliver(&slave, &job, 0, 1, &picture1).expect(204);
    let picture2 = picture("picture 2", 0);
    let attempt = farm.lease_of(&slave, &job, 1);
    farm.deliver(&slave, &job, 1, attempt, &picture2).expect(204);

    let frames = farm.get(&format!("jobs/{job}/frames")).json();
    assert_eq!(frames[0]["state"], "done");
    assert_eq!(frames[0]["hash"], json!(hash_of(&picture1)));
    assert_eq!(farm.get(&format!("jobs/{job}/frames/1/result")).body, picture1);
    assert_eq!(farm.get(&format!("jobs/{job}/frames/1/log")).body, b"Fra:1 Mem:8M\nSaved\n");
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "finished");
    let zip = farm.get(&format!("jobs/{job}/results.zip"));
    assert!(zip.body.starts_with(b"PK"), "no zip");
    let slaves = farm.get("slaves").json();
    assert_eq!((&slaves[0]["name"], &slaves[0]["done"]), (&json!("node1"), &json!(2)));
    assert_eq!(slaves[0]["address"], "127.0.0.1");
    let _: Value = farm.get("openapi.json").json();
}

#[test]
fn a_slave_registers_again_under_its_id() {
    let farm = Farm::start();
    let id = farm.slave("node1");
    let mut again = registration("node1");
    again["id"] = json!(id);
    assert_eq!(farm.post("slaves", &again).text("id"), id);
    // A copied folder on another machine gets an id of its own.
    let mut copy = registration("node2");
    copy["id"] = json!(id);
    let other: Reply = farm.post("slaves", &copy);
    assert_ne!(other.text("id"), id);
}
