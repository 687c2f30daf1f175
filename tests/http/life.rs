//! The life of a job: edited, reset, waiting for another one, removed; and the farm's settings.

use crate::farm::{Farm, announce, content, picture};
use serde_json::{Value, json};

impl Farm {
    fn edit(&self, job: &str, edit: &Value) -> crate::farm::Reply {
        self.send(self.request("PATCH", &format!("jobs/{job}")).json(edit))
    }

    fn set(&self, settings: &Value) -> crate::farm::Reply {
        self.send(self.request("PUT", "settings").json(settings))
    }

    fn state(&self, job: &str) -> String {
        self.get(&format!("jobs/{job}")).text("state")
    }
}

fn plain(name: &str, frames: &str) -> Value {
    json!({"name": name, "frames": frames})
}

#[test]
fn a_job_is_edited_and_keeps_its_results() {
    let farm = Farm::start();
    let main = content("main");
    let job = farm.post("jobs", &announce("shot", "1-3", &[("a.blend", &main)])).text("job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &job, 0);
    let first = picture("first", 0);
    farm.deliver(&slave, &job, 0, attempt, &first).expect(204);
    let now = farm
        .edit(
            &job,
            &json!({"priority": 5, "remove_frames": "2", "add_frames": "10-11", "name": "b"}),
        )
        .json();
    assert_eq!(
        (&now["priority"], &now["frames"], &now["name"]),
        (&json!(5), &json!("1,3,10-11"), &json!("b"))
    );
    assert_eq!((&now["total"], &now["done"]), (&json!(4), &json!(1)));
    let frames = farm.get(&format!("jobs/{job}/frames?offset=1&limit=2")).json();
    assert_eq!((&frames[0]["frame"], &frames[1]["frame"]), (&json!(3), &json!(10)));
    farm.get(&format!("jobs/{job}/frames/2/result"))
        .refused(404, "not_found", "has no frame 2");
    let farm = farm.restart();
    assert_eq!(farm.get(&format!("jobs/{job}/frames/1/result")).body, first);
    let middle = picture("middle", 0);
    for task in [2, 3] {
        let attempt = farm.lease_of(&slave, &job, task);
        farm.deliver(&slave, &job, task, attempt, &middle).expect(204);
    }
    // Task 4 is frame 11: tasks are never renumbered.
    let attempt = farm.lease_of(&slave, &job, 4);
    let last = picture("last", 0);
    farm.deliver(&slave, &job, 4, attempt, &last).expect(204);
    assert_eq!(farm.get(&format!("jobs/{job}/frames/11/result")).body, last);
}

#[test]
fn what_a_job_cannot_be_is_told_in_a_sentence() {
    let farm = Farm::start();
    let job = farm.post("jobs", &plain("a", "1-3")).text("job");
    for (edit, sentence) in [
        (json!({"remove_frames": "1-3"}), "no frame would be left"),
        (json!({"priority": 11}), "the priority 11 is not between 1 and 10"),
        (json!({"attempts": 1000}), "at most 100 attempts"),
        (json!({"silence_s": 5}), "at least 30 s"),
        (json!({"name": " "}), "has no name"),
        (json!({"colour": "red"}), "unknown field `colour`"),
        (json!({"depends_on": [job]}), "cannot wait for itself"),
    ] {
        farm.edit(&job, &edit).refused(400, "bad_input", sentence);
    }
    farm.edit(&job, &json!({"depends_on": ["7k3vq9xd"]}))
        .refused(404, "not_found", "there is no job 7k3vq9xd");
    farm.edit("7k3vq9xd", &json!({"priority": 2}))
        .refused(404, "not_found", "there is no job");
    let unknown_frame = json!({"which": "frames", "frames": "9"});
    farm.post(&format!("jobs/{job}/reset"), &unknown_frame)
        .refused(400, "bad_input", "it has no frame 9");
}

#[test]
fn a_reset_frame_is_rendered_anew_and_its_old_result_goes() {
    let farm = Farm::start();
    let main = content("main");
    let job = farm.post("jobs", &announce("shot", "1", &[("a.blend", &main)])).text("job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &job, 0);
    let (old, new) = (picture("old", 0), picture("new", 0));
    farm.deliver(&slave, &job, 0, attempt, &old).expect(204);
    assert_eq!(farm.state(&job), "finished");
    farm.post(&format!("jobs/{job}/reset"), &json!({"which": "all"})).expect(204);
    assert_eq!(farm.state(&job), "queued");
    farm.deliver(&slave, &job, 0, attempt, &old)
        .refused(409, "conflict", "is not wanted any more");
    let attempt = farm.lease_of(&slave, &job, 0);
    farm.deliver(&slave, &job, 0, attempt, &new).expect(204);
    assert_eq!(farm.get(&format!("jobs/{job}/frames/1/result")).body, new);
    assert_eq!(
        farm.files_below("jobs").iter().filter(|file| file.contains(".exr")).count(),
        1
    );
    assert_eq!(farm.get(&format!("jobs/{job}")).json()["resets"], 1);
}

#[test]
fn a_job_waits_for_another_one() {
    let farm = Farm::start();
    let first = farm.post("jobs", &plain("first", "1")).text("job");
    let mut second = plain("second", "1");
    second["depends_on"] = json!([first]);
    let second = farm.post("jobs", &second).text("job");
    assert_eq!(farm.state(&second), "waiting");
    let explanation = farm.get(&format!("jobs/{second}")).json()["explanation"][0].clone();
    assert_eq!(
        explanation,
        json!(format!("waiting: job {first} (first) has to be finished before"))
    );
    farm.edit(&first, &json!({"depends_on": [second]}))
        .refused(409, "conflict", "which waits for it");
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &first, 0);
    let done = json!({"job": first, "task": 0, "attempt": attempt, "kind": "done", "seconds": 1.0});
    farm.work(&slave, &json!({"reports": [done]})).expect(200);
    assert_eq!(farm.state(&second), "queued");
}

#[test]
fn bakes_do_not_stay_without_their_job() {
    let farm = Farm::start();
    let main = content("main");
    let mut wish = announce("bakes", "1-1", &[("a.blend", &main)]);
    wish["manifest"]["bakes"] = json!([{
        "name": "cloth", "kind": "cloth", "object": "Flag", "item": "Cloth", "scene": "Scene", "first": 1, "last": 9, "after": []
    }]);
    let job = farm.post("jobs", &wish).text("job");
    farm.delete(&format!("jobs/{job}?keep_results=true")).refused(
        400,
        "bad_input",
        "cannot be kept on the master's disk without the job",
    );
    farm.delete(&format!("jobs/{job}")).expect(204);
}

#[test]
fn results_of_a_removed_job_stay_if_they_are_to() {
    let farm = Farm::start();
    let main = content("main");
    let job = farm.post("jobs", &announce("shot", "1", &[("a.blend", &main)])).text("job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &job, 0);
    let result = picture("result", 0);
    farm.deliver(&slave, &job, 0, attempt, &result).expect(204);
    farm.delete("jobs/7k3vq9xd?keep_results=true")
        .refused(404, "not_found", "there is no job");
    farm.delete(&format!("jobs/{job}?keep_results=true")).expect(204);
    let kept = farm.folder.path().join("kept").join(&job);
    let files: Vec<_> = std::fs::read_dir(kept).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::read(&files[0]).unwrap(), result);
    farm.get(&format!("jobs/{job}")).refused(404, "not_found", "there is no job");
}

#[test]
fn all_jobs_are_cancelled_at_once() {
    let farm = Farm::start();
    let jobs = ["a", "b"].map(|name| farm.post("jobs", &plain(name, "1-9")).text("job"));
    farm.send(farm.request("POST", "jobs/cancel")).expect(204);
    assert_eq!(jobs.map(|job| farm.state(&job)), ["cancelled", "cancelled"]);
}

#[test]
fn settings_are_changed_one_by_one_and_stay() {
    let farm = Farm::start();
    let before = farm.get("settings").json();
    let now = farm.set(&json!({"keep_days": 30, "attempts": 5})).json();
    assert_eq!((&now["keep_days"], &now["attempts"]), (&json!(30), &json!(5)));
    assert_eq!(now["silence_s"], before["silence_s"]);
    farm.set(&json!({"attempts": 0}))
        .refused(400, "bad_input", "at least 1 attempt");
    farm.set(&json!({"silence_s": 1})).refused(400, "bad_input", "at least 30 s");
    farm.set(&json!({"colour": 1})).refused(400, "bad_input", "unknown field");
    assert_eq!(farm.restart().get("settings").json(), now);
}

#[test]
fn slaves_are_put_on_lists_and_taken_off() {
    let farm = Farm::start();
    let slave = farm.slave("node1");
    let job = farm.post("jobs", &plain("a", "1-9")).text("job");
    let list = |path: &str| farm.get(path).json().as_array().unwrap().len();
    for path in [format!("jobs/{job}/blacklist"), "blacklist".to_owned()] {
        farm.put(&format!("{path}/{slave}"), b"{\"reason\": \"in repair\"}")
            .expect(204);
        let ban = farm.get(&path).json()[0].clone();
        assert_eq!((&ban["slave"], &ban["name"]), (&json!(slave), &json!("node1")));
        assert_eq!(
            (&ban["cause"], &ban["reason"]),
            (&json!("administrator"), &json!("in repair"))
        );
        let answer = farm.work(&slave, &json!({"want": true})).json();
        assert_eq!(answer["lease"], Value::Null);
        farm.delete(&format!("{path}/{slave}")).expect(204);
        assert_eq!(list(&path), 0);
        farm.put(&format!("{path}/{slave}"), b"{}").expect(204);
        farm.delete(&path).expect(204);
        farm.put(&format!("{path}/7k3vq9xd"), b"{}")
            .refused(404, "not_found", "no slave");
    }
    farm.lease_of(&slave, &job, 0);
    farm.get("jobs/7k3vq9xd/blacklist").refused(404, "not_found", "no job");
}

#[test]
fn a_slave_that_fails_frame_after_frame_is_on_the_list_of_the_job() {
    let farm = Farm::start();
    let (bad, good) = (farm.slave("bad"), farm.slave("good"));
    let job = farm.post("jobs", &plain("a", "1-9")).text("job");
    farm.lease_of(&good, &job, 0);
    for task in 1..=3 {
        let attempt = farm.lease_of(&bad, &job, task);
        let failed = json!({"job": job, "task": task, "attempt": attempt, "kind": "failed", "reason": "no memory"});
        farm.work(&bad, &json!({"reports": [failed]})).expect(200);
    }
    let farm = farm.restart();
    let ban = farm.get(&format!("jobs/{job}/blacklist")).json()[0].clone();
    assert_eq!((&ban["slave"], &ban["cause"]), (&json!(bad), &json!("failures")));
    assert_eq!(ban["reason"], "it failed 3 frames in a row, the last time because no memory");
    assert!(ban["until_ms"].as_u64() > ban["since_ms"].as_u64());
    assert_eq!(farm.get(&format!("jobs/{job}")).json()["blacklisted"], 1);
}

#[test]
fn a_slave_is_paused_resumed_and_told_to_end() {
    let farm = Farm::start();
    let slave = farm.slave("node1");
    let job = farm.post("jobs", &plain("a", "1-9")).text("job");
    let act = |slave: &str, what: &str| farm.post(&format!("slaves/{slave}/{what}"), &json!({}));
    act(&slave, "pause").expect(204);
    assert_eq!(farm.work(&slave, &json!({"want": true})).json()["lease"], Value::Null);
    let farm = farm.restart();
    let act = |slave: &str, what: &str| farm.post(&format!("slaves/{slave}/{what}"), &json!({}));
    assert_eq!(farm.get("slaves").json()[0]["paused"], true);
    act(&slave, "resume").expect(204);
    farm.delete(&format!("slaves/{slave}")).expect(204);
    act(&slave, "end").refused(409, "conflict", "is not there");
    let orders = format!("slaves/{slave}/orders");
    let resting = json!({"resting": "its disk has only 0.1 GiB free"});
    assert_eq!(farm.post(&orders, &resting).json()["end"], Value::Null);
    assert_eq!(farm.get("slaves").json()[0]["resting"], resting["resting"]);
    act(&slave, "end").expect(204);
    let told = farm.post(&orders, &json!({"wait_ms": 10_000})).json();
    assert_eq!(told["end"], true);
    let told = farm.post(&orders, &json!({"after": told["number"]})).json();
    assert_eq!(told["end"], Value::Null, "said once");
    farm.lease_of(&slave, &job, 0);
    act("7k3vq9xd", "pause").refused(404, "not_found", "no slave");
}
