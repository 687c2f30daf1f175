//! Who follows a master hears what changed, misses nothing, and keeps nobody waiting.

use crate::farm::{Farm, announce};
use serde_json::{Value, json};
use std::time::Duration;

/// A stream of events under way.
struct Following {
    response: reqwest::Response,
    buffer: String,
}

/// One event.
#[derive(Debug)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

impl Farm {
    fn follow(&self, query: &str, last: Option<&str>) -> Following {
        let mut request = self.request("GET", &format!("events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.block_on(async { request.send().await.unwrap() });
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Following {
            response,
            buffer: String::new(),
        }
    }

    fn event(&self, following: &mut Following) -> Event {
        loop {
            if let Some((event, rest)) = following.buffer.split_once("\n\n") {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap_or_default()
                        .to_owned()
                };
                let event = Event {
                    id: field("id: "),
                    name: field("event: "),
                    data: serde_json::from_str(&field("data: ")).unwrap_or_default(),
                };
                following.buffer = rest.to_owned();
                if event.name.is_empty() {
                    continue;
                }
                return event;
            }
            let chunk = self.block_on(async { following.response.chunk().await.unwrap() });
            following.buffer += std::str::from_utf8(&chunk.expect("the stream ended")).unwrap();
        }
    }

    /// A job without files that begins at once.
    fn measure(&self, frames: &str) -> String {
        let job = json!({"name": "measurement", "frames": frames, "chunks": 1});
        self.post("jobs", &job).text("job")
    }

    fn finish(&self, slave: &str, job: &str, task: u64) {
        let attempt = self.lease_of(slave, job, task);
        let report = json!({"job": job, "task": task, "attempt": attempt, "kind": "done", "seconds": 1.0});
        assert_eq!(self.work(slave, &json!({"reports": [report]})).json()["refused"], Value::Null);
    }
}

#[test]
fn who_follows_a_job_hears_of_its_frames_and_of_no_other_job() {
    let farm = Farm::start();
    let (other, job) = (farm.measure("1"), farm.measure("5-6"));
    farm.post(&format!("jobs/{other}/pause"), &Value::Null).expect(204);
    let mut following = farm.follow(&format!("?job={job}&pause_ms=10"), None);
    assert_eq!(farm.event(&mut following).name, "reset", "who is new reads everything");
    let slave = farm.slave("node1");
    farm.finish(&slave, &job, 0);
    farm.finish(&slave, &job, 1);
    farm.post(&format!("jobs/{other}/resume"), &Value::Null).expect(204);
    // What happens in quick succession may come in one event.
    let mut told = String::new();
    while !(told.contains('5') && told.contains('6')) {
        let event = farm.event(&mut following);
        assert_eq!((event.name.as_str(), &event.data["jobs"]), ("changes", &json!([job])));
        assert_eq!(event.data["slaves"], json!([]));
        let frames = event.data["frames"].as_array().unwrap().iter();
        told.extend(frames.map(|changed| changed["frames"].as_str().unwrap()));
    }
}

#[test]
fn who_comes_back_goes_on_where_it_was_and_after_a_restart_reads_anew() {
    let farm = Farm::start();
    let mut following = farm.follow("?pause_ms=10", None);
    let first = farm.event(&mut following);
    drop(following);
    let job = farm.measure("1");
    let mut again = farm.follow("", Some(&first.id));
    let missed = farm.event(&mut again);
    assert_eq!((missed.name.as_str(), &missed.data["jobs"]), ("changes", &json!([job])));
    drop(again);
    let farm = farm.restart();
    let mut after = farm.follow("", Some(&missed.id));
    assert_eq!(farm.event(&mut after).name, "reset");
    let mut nonsense = farm.follow("", Some("nonsense"));
    assert_eq!(farm.event(&mut nonsense).name, "reset");
}

#[test]
fn slaves_that_come_and_go_are_told_of() {
    let farm = Farm::start();
    let mut following = farm.follow("?pause_ms=10", None);
    farm.event(&mut following);
    let slave = farm.slave("node1");
    assert_eq!(farm.event(&mut following).data["slaves"], json!([slave]));
    farm.delete(&format!("slaves/{slave}")).expect(204);
    // Its coming may be told of twice: that it is known, and that it is there.
    while farm.get("slaves").json()[0]["online"] != json!(false) {
        assert_eq!(farm.event(&mut following).data["slaves"], json!([slave]));
    }
}

#[test]
fn changes_of_rules_and_settings_are_told_and_a_place_may_stand_in_the_address() {
    let farm = Farm::start();
    let start = farm.event(&mut farm.follow("", None)).id;
    let rules = farm.get("rules").json();
    let off = json!({"enabled": false, "limit": 40});
    farm.send(
        farm.request("PUT", "rules")
            .json(&json!({"share": off, "new_first": rules["new_first"], "starving_first": rules["starving_first"]})),
    )
    .expect(200);
    let place = format!("?pause_ms=10&after={start}");
    let mut following = farm.follow(&place, None);
    let event = farm.event(&mut following);
    assert_eq!((event.name.as_str(), &event.data["rules"]), ("changes", &json!(true)));
    assert_eq!(event.data["settings"], json!(false));
    farm.send(farm.request("PUT", "settings").json(&json!({"keep_days": 3})))
        .expect(200);
    assert_eq!(farm.event(&mut following).data["settings"], json!(true));
    let later = farm.event(&mut farm.follow(&place, Some("nonsense")));
    assert_eq!(later.name, "reset", "what a browser sends by itself counts");
}

#[test]
fn a_job_that_is_not_there_cannot_be_followed() {
    let farm = Farm::start();
    farm.get("events?job=7k3vq9xd").refused(404, "not_found", "there is no job");
    farm.get("events?job=x").refused(400, "bad_input", "");
    farm.get("events?pause_ms=x").refused(400, "bad_input", "query");
}

#[test]
fn followers_that_read_nothing_keep_neither_the_master_nor_its_end_waiting() {
    let farm = Farm::start();
    let silent: Vec<Following> = (0..50).map(|_| farm.follow("?pause_ms=10", None)).collect();
    let frames = "1-200";
    let job = farm
        .post("jobs", &announce("shot", frames, &[("main.blend", b"x")]))
        .text("job");
    for _ in 0..20 {
        farm.measure("1-10");
    }
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "waiting");
    farm.master.stop(Duration::from_secs(10)).unwrap();
    assert!(!farm.master.is_running());
    drop(silent);
}
