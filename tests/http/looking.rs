//! What people look at: logs while they grow and when they are kept, small pictures, and what is measured.

use crate::farm::{Farm, announce, content, picture};
use serde_json::{Value, json};

fn rendering(farm: &Farm) -> (String, String, u64) {
    let main = content("main");
    let job = farm
        .post("jobs", &announce("shot \"1\"", "7", &[("main.blend", &main)]))
        .text("job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &job, 0);
    (job, slave, attempt)
}

#[test]
fn a_log_is_read_from_any_byte_while_it_grows_and_when_its_job_is_over() {
    let farm = Farm::start();
    let (job, slave, attempt) = rendering(&farm);
    let log = |query: &str| farm.get(&format!("jobs/{job}/frames/7/log{query}"));
    log("").refused(404, "not_found", "has no log yet");
    farm.append_log(&slave, &job, 0, attempt, 0, "Fra:7\n").expect(200);
    assert_eq!(log("").body, b"Fra:7\n");
    assert_eq!(log("?offset=6").expect(200).body, b"");
    farm.append_log(&slave, &job, 0, attempt, 6, "Saved\n").expect(200);
    assert_eq!(log("?offset=6").body, b"Saved\n");
    assert_eq!(log("?offset=1&limit=3&attempt=1").body, b"ra:");
    log("?attempt=9").refused(404, "not_found", "has no log yet");

    farm.deliver(&slave, &job, 0, attempt, &picture("one", 0)).expect(204);
    while farm.files_below("jobs").iter().all(|path| !path.ends_with("000007_1.log.z")) {
        std::thread::yield_now();
    }
    while farm.files_below("jobs").iter().any(|path| path.ends_with("000007_1.log")) {
        std::thread::yield_now();
    }
    assert_eq!(log("").body, b"Fra:7\nSaved\n");
    assert_eq!(log("?offset=6&limit=2").body, b"Sa");
    // The last words of a slave may come after its picture.
    farm.append_log(&slave, &job, 0, attempt, 12, "Bye\n").expect(200);
    assert_eq!(log("?offset=6").body, b"Saved\nBye\n");
}

#[test]
fn small_pictures_are_made_once_and_go_with_their_job() {
    let farm = Farm::start();
    let (job, slave, attempt) = rendering(&farm);
    let path = format!("jobs/{job}/frames/7/thumbnail");
    farm.get(&path).refused(404, "not_found", "has no result yet");
    farm.deliver(&slave, &job, 0, attempt, &picture("one", 4_000)).expect(204);
    let small = farm.get(&path).expect(200);
    assert_eq!(small.headers["content-type"], "image/png");
    assert!(small.body.starts_with(b"\x89PNG"));
    assert_eq!(farm.get(&path).body, small.body);
    farm.get(&format!("{path}?width=900")).expect(200);
    farm.get(&format!("{path}?width=960")).expect(200);
    let kept = || {
        farm.files_below("jobs")
            .into_iter()
            .filter(|path| path.contains("/thumbnails/"))
            .collect::<Vec<_>>()
    };
    assert_eq!(kept().len(), 2, "one for each width that is made");
    // As a power cut may leave them: they are not on the disk before they are shown.
    for path in kept() {
        std::fs::write(path, b"").unwrap();
    }
    assert_eq!(farm.get(&path).expect(200).body, small.body);
    for width in ["0", "15", "1921"] {
        farm.get(&format!("{path}?width={width}"))
            .refused(400, "bad_input", "cannot be made");
    }
    farm.delete(&format!("jobs/{job}")).expect(204);
    // The answer tells that it is decided for good; the files go right after it.
    while !kept().is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn the_small_picture_that_comes_with_a_result_is_the_one_that_is_shown() {
    let farm = Farm::start();
    let (job, slave, attempt) = rendering(&farm);
    let deliver = |attempt: u64, png: &[u8]| {
        let path = format!("jobs/{job}/tasks/0/attempts/{attempt}/thumbnail?slave={slave}");
        farm.send(farm.request("PUT", &path).body(png.to_vec()))
    };
    let small = small_png(3);
    deliver(attempt + 1, &small).refused(409, "conflict", "");
    deliver(attempt, b"no picture").refused(400, "bad_input", "no PNG of at most 240 pixels in width");
    deliver(attempt, &small[..small.len() - 1]).refused(400, "bad_input", "no PNG");
    deliver(attempt, &small_png(241)).refused(400, "bad_input", "no PNG");
    deliver(attempt, &small).expect(204);
    deliver(attempt, &small).expect(204);
    farm.deliver(&slave, &job, 0, attempt, &picture("one", 4_000)).expect(204);
    let path = format!("jobs/{job}/frames/7/thumbnail");
    assert_eq!(farm.get(&path).expect(200).body, small);
    assert_ne!(farm.get(&format!("{path}?width=480")).expect(200).body, small);
    deliver(attempt, &small_png(4)).refused(409, "conflict", "");
    assert_eq!(farm.get(&path).body, small);
}

/// A picture as small ones are: so many pixels wide, one high; what it shows does not matter here.
pub(crate) fn small_png(width: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend(width.to_be_bytes());
    png.extend(1_u32.to_be_bytes());
    png.extend(b"\x08\x02\0\0\0----\0\0\0\0IEND\xaeB`\x82");
    png
}

#[test]
fn what_is_measured_is_told_to_prometheus_and_to_nobody_without_the_key() {
    let farm = Farm::start();
    let (job, slave, attempt) = rendering(&farm);
    farm.deliver(&slave, &job, 0, attempt, &picture("one", 0)).expect(204);
    let waiting = farm.post("jobs", &json!({"name": "a \"b\"", "frames": "1-5"})).text("job");
    let paused = farm.slave("node2");
    farm.post(&format!("slaves/{paused}/pause"), &Value::Null).expect(204);
    let reply = farm.get("/metrics").expect(200);
    let text = String::from_utf8(reply.body).unwrap();
    for line in [
        "netrender_tasks{state=\"done\"} 1",
        "netrender_tasks{state=\"queued\"} 5",
        "netrender_jobs{state=\"finished\"} 1",
        "netrender_slaves{state=\"idle\"} 1",
        "netrender_slaves{state=\"paused\"} 1",
        "netrender_lease_seconds_count 1",
        "netrender_queue_seconds_count 1",
        &format!("netrender_job_usage_ratio{{job=\"{waiting}\",name=\"a \\\"b\\\"\"}} 0"),
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("netrender_received_bytes_total") > 1_000.0 && value("netrender_commit_seconds_count") > 2.0);
    // Every line is a comment, or a name with labels and a number.
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("netrender_") && value.parse::<f64>().is_ok(), "{line}");
    }
    let reply = farm.send(farm.bare_request("GET", "/metrics"));
    reply.refused(401, "unauthorized", "asks for the farm's key");
}

#[test]
fn jobs_and_slaves_are_read_by_name_and_those_that_are_gone_are_left_out() {
    let farm = Farm::start();
    let (job, slave, _) = rendering(&farm);
    let other = farm.slave("node2");
    let ids = |path: &str| -> Vec<String> {
        let list = farm.get(path).expect(200).json();
        let ids = list
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned());
        ids.collect()
    };
    assert_eq!(ids(&format!("jobs?ids={job},{other}")), [job.as_str()]);
    assert_eq!(
        ids(&format!("slaves?ids={other},{slave}")),
        [slave.as_str(), other.as_str()],
        "ordered as ever"
    );
    assert_eq!(ids(&format!("slaves?ids={other},{slave}&limit=1")), [slave.as_str()]);
    farm.get("jobs?ids=nonsense!").refused(400, "bad_input", "id");
}

#[test]
fn a_slave_has_the_tags_that_it_was_given_until_its_own_are_wanted_again() {
    let farm = Farm::start();
    let slave = farm.slave("node1");
    let path = format!("slaves/{slave}/tags");
    let give = |tags: &Value| farm.send(farm.request("PUT", &path).json(&json!({"tags": tags})));
    give(&json!(["gpu", "night"])).expect(204);
    let shown = farm.get(&format!("slaves/{slave}")).json();
    assert_eq!((&shown["tags"], &shown["own_tags"]), (&json!(["gpu", "night"]), &json!([])));
    give(&json!([" "])).refused(400, "bad_input", "a tag is empty");
    farm.send(farm.request("DELETE", &path)).expect(204);
    let shown = farm.get(&format!("slaves/{slave}")).json();
    assert_eq!((&shown["tags"], shown.get("own_tags")), (&json!([]), None));
    farm.send(farm.request("DELETE", "slaves/7k3vq9xd/tags"))
        .refused(404, "not_found", "slave");
}
