//! Those who misbehave are told so in one sentence, and nothing is lost or changed.

use crate::farm::{Farm, Reply, announce, content, hash_of, picture, registration, result_path};
use netrender::files::{ZipEntry, ZipSource, write_zip};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// A farm with a job whose first frame is leased to a slave.
fn rendering() -> (Farm, String, String) {
    let farm = Farm::start();
    let main = content("main");
    let job = farm
        .post("jobs", &announce("shot", "1-3", &[("main.blend", &main)]))
        .text("job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    assert_eq!(farm.lease_of(&slave, &job, 0), 1);
    (farm, job, slave)
}

#[test]
fn without_the_key_nothing_is_told() {
    let farm = Farm::start();
    let bare = |method: &str, path: &str| farm.send(farm.bare_request(method, path));
    bare("GET", "jobs").refused(401, "unauthorized", "asks for the farm's key");
    bare("POST", "jobs").refused(401, "unauthorized", "asks for the farm's key");
    bare("GET", "openapi.json").refused(401, "unauthorized", "asks for the farm's key");
    let wrong = farm.bare_request("GET", "jobs").bearer_auth("0".repeat(64));
    farm.send(wrong).refused(401, "unauthorized", "not the farm's key");
    // The key itself is no token: it never crosses the wire.
    let key = farm.bare_request("GET", "jobs").bearer_auth(farm.key.to_string());
    farm.send(key).refused(401, "unauthorized", "not the farm's key");

    let hello = bare("GET", "hello?nonce=abc").json();
    let host = farm.master.url().replace("http://", "");
    assert!(farm.key.proves(hello["proof"].as_str().unwrap(), "abc", &host, None));
    assert_eq!((&hello["product"], &hello["access"]), (&json!("netrender"), &json!("key")));
}

#[test]
fn another_name_or_another_sites_page_is_not_served() {
    let farm = Farm::start();
    let with = |name: &str, value: &str| farm.send(farm.request("POST", "jobs").header(name, value).json(&json!({})));
    with("host", "evil.example:8000").refused(401, "unauthorized", "does not go by the name");
    with("host", "10.99.99.99").refused(401, "unauthorized", "does not go by the name");
    with("origin", "http://evil.example").refused(401, "unauthorized", "another site's page");
    with("origin", "null").refused(401, "unauthorized", "another site's page");
    with("origin", &farm.master.url()).refused(400, "bad_input", "JSON cannot be read");
    with("host", "localhost:1").refused(400, "bad_input", "JSON cannot be read");
    // Not even the proof is given for another's address.
    let hello = farm.bare_request("GET", "hello?nonce=a").header("host", "10.99.99.99:8000");
    farm.send(hello).refused(401, "unauthorized", "does not go by the name");
}

#[test]
fn every_failure_has_the_same_body() {
    let (farm, job, slave) = rendering();
    farm.get("nothing").refused(404, "not_found", "no such page or call");
    let wrong_method = farm.send(farm.request("PATCH", "jobs"));
    wrong_method.refused(405, "bad_input", "does not know that method");
    assert!(wrong_method.headers.contains_key("allow"));
    farm.get("jobs/00000000").refused(404, "not_found", "no job 00000000");
    farm.get("jobs/xyz").refused(400, "bad_input", "is not a job id");
    farm.get("jobs?limit=x").refused(400, "bad_input", "query cannot be read");
    farm.get(&format!("jobs/{job}/frames/99/result"))
        .refused(404, "not_found", "no frame 99");
    farm.get(&format!("jobs/{job}/frames/1/result"))
        .refused(404, "not_found", "no result yet");
    farm.get(&format!("jobs/{job}/frames/1/log"))
        .refused(404, "not_found", "no log yet");
    farm.get(&format!("contents/{}", hash_of(b"x")))
        .refused(404, "not_found", "not on this master");
    farm.post(&format!("jobs/{job}/resume"), &json!({}));
    farm.work("00000000", &json!({"want": true}))
        .refused(404, "not_found", "no slave 00000000");
    farm.post("slaves/00000000/orders", &json!({}))
        .refused(404, "not_found", "no slave 00000000");
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let deep = farm.send(farm.request("POST", "jobs").body(format!("{{\"name\": {deep}}}")));
    deep.refused(400, "bad_input", "JSON cannot be read");
    let garbage = farm.send(farm.request("POST", &format!("slaves/{slave}/work")).body("{\"want\": tru"));
    garbage.refused(400, "bad_input", "JSON cannot be read");
    let endless = farm.send(farm.request("POST", "jobs").body(vec![b' '; 9 << 20]));
    endless.refused(413, "bad_input", "longer than 8388608 bytes");
}

#[test]
fn an_announcement_that_makes_no_sense_is_refused() {
    let farm = Farm::start();
    let main = content("main");
    let good = announce("shot", "1-3", &[("main.blend", &main)]);
    let with = |pointer: &str, value: Value| -> Reply {
        let mut announce = good.clone();
        match announce.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => announce[&pointer[1..]] = value,
        }
        farm.post("jobs", &announce)
    };
    let long = "n".repeat(256);
    for (pointer, value, sentence) in [
        ("/name", json!(""), "has no name"),
        ("/name", json!(long), "longer than 255 bytes"),
        ("/name", json!("a\nb"), "control character"),
        ("/tags", json!([""]), "tag is empty"),
        ("/priority", json!(0), "priority 0 is not between 1 and 10"),
        ("/priority", json!(11), "priority 11"),
        ("/chunks", json!(65_536), "chunks of 65536"),
        ("/frames", json!("5-1"), "runs backwards"),
        ("/frames", json!("a-b"), "is not a frame"),
        ("/frames", json!(""), "no frames given"),
        ("/frames", json!("1-10000000"), "outside of what Blender knows"),
        ("/manifest/main", json!("other.blend"), "is not among the job's files"),
        ("/manifest/files/0/path", json!("../main.blend"), "cannot be part of a job"),
        ("/manifest/files/0/hash", json!("abc"), "is not a content hash"),
        ("/manifest/settings", json!({"engine": "--python"}), "is no render engine"),
    ] {
        if pointer == "/manifest/settings" {
            let mut announce = good.clone();
            announce["manifest"]["settings"] = value;
            farm.post("jobs", &announce).refused(400, "bad_input", sentence);
        } else {
            with(pointer, value).refused(400, "bad_input", sentence);
        }
    }
    let twice = announce("shot", "1", &[("a.blend", &main), ("a.blend", &main)]);
    farm.post("jobs", &twice).refused(400, "bad_input", "two files");
    let both = announce("shot", "1", &[("a", &main), ("a/b", &main)]);
    farm.post("jobs", &both).refused(400, "bad_input", "both a file and a folder");
    assert_eq!(farm.get("jobs").json(), json!([]));
    let mut slave = registration("node");
    slave["slots"] = json!(0);
    farm.post("slaves", &slave).refused(400, "bad_input", "1 to 256");
    let mut machine = registration("node")["machine"].take();
    machine["os"] = json!(long);
    let slave = farm.slave("node");
    farm.post(&format!("slaves/{slave}/orders"), &json!({"machine": machine}))
        .refused(400, "bad_input", "operating system is longer than");
}

#[test]
fn a_truncated_or_altered_upload_is_refused_and_can_be_taken_up_again() {
    let farm = Farm::start();
    let main = content("main");
    let (hash, size) = (hash_of(&main), main.len());
    farm.upload(&main).refused(404, "not_found", "no job on this master needs");
    farm.post("jobs", &announce("shot", "1", &[("main.blend", &main)]))
        .expect(200);
    let part = |offset: usize, bytes: &[u8]| farm.put(&format!("contents/{hash}?offset={offset}&size={size}"), bytes);
    part(0, &main[..5_000]).refused(400, "bad_input", "only 5000 of");
    assert_eq!(
        farm.get(&format!("contents/{hash}/status")).json(),
        json!({"present_bytes": 5_000, "complete": false})
    );
    part(6_000, &main[6_000..]).refused(409, "conflict", "only 5000 bytes are here");
    part(5_000, &main).refused(400, "bad_input", "longer than");
    part(5_000, &main[5_000..]).expect(200);
    part(0, &main).expect(200);
    assert_eq!(farm.get(&format!("contents/{hash}")).body, main);
    let range = farm
        .request("GET", &format!("contents/{hash}"))
        .header("range", "bytes=10-19");
    assert_eq!(farm.send(range).expect(206).body, main[10..20]);

    let other = content("other");
    farm.post("jobs", &announce("shot", "1", &[("main.blend", &other)]))
        .expect(200);
    let altered = vec![b'x'; other.len()];
    let path = format!("contents/{}?size={}", hash_of(&other), other.len());
    farm.put(&path, &altered).refused(400, "bad_input", "has the hash");
    assert_eq!(
        farm.get(&format!("contents/{}/status", hash_of(&other))).json()["present_bytes"],
        0
    );
}

#[test]
fn a_connection_that_breaks_within_an_upload_leaves_what_has_arrived() {
    let farm = Farm::start();
    let main = content("main");
    farm.post("jobs", &announce("shot", "1", &[("main.blend", &main)]))
        .expect(200);
    let host = farm.master.url().replace("http://", "");
    let mut stream = TcpStream::connect(&host).unwrap();
    let head = format!(
        "PUT /api/v1/contents/{}?size={size} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: {size}\r\n\r\n",
        hash_of(&main),
        farm.key.bearer(),
        size = main.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&main[..4_000]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    // The master may answer or just close; both is the end of it.
    let _ = stream.read_to_end(&mut answer);
    farm.upload(&main).expect(200);
}

#[test]
fn a_question_of_which_only_the_sending_direction_is_cut_may_be_asked_again() {
    let farm = Farm::start();
    let host = farm.master.url().replace("http://", "");
    let mut stream = TcpStream::connect(&host).unwrap();
    let bearer = farm.key.bearer();
    let head = format!("POST /api/v1/jobs HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {bearer}\r\nContent-Length: 900\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"Content-Type: application/json\r\n\r\n{\"name\":").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    // The code of "try again later", where any other would end a submission.
    assert!(answer.contains("\"unreachable\"") && answer.contains("broke off"), "{answer}");
}

#[test]
fn results_that_are_not_wanted_are_refused_and_leave_nothing() {
    let (farm, job, slave) = rendering();
    let picture = picture("picture", 0);
    let other = farm.slave("node2");
    farm.deliver(&slave, &job, 1, 1, &picture)
        .refused(409, "conflict", "not wanted any more");
    farm.deliver(&slave, &job, 0, 2, &picture)
        .refused(409, "conflict", "attempt 2 at task 0");
    farm.deliver(&other, &job, 0, 1, &picture)
        .refused(409, "conflict", "not wanted any more");
    farm.deliver(&slave, &job, 9, 1, &picture)
        .refused(404, "not_found", "has no task 9");
    farm.deliver("00000000", &job, 0, 1, &picture)
        .refused(404, "not_found", "no slave 00000000");
    let path = result_path(&slave, &job, 0, 1, &picture);
    farm.put(&path, &picture[..100])
        .refused(400, "bad_input", "100 bytes arrived where");
    farm.put(&path, &[&picture[..], b"x"].concat())
        .refused(400, "bad_input", "longer than");
    farm.put(&path, &vec![b'x'; picture.len()])
        .refused(400, "bad_input", "has the hash");
    // Right bytes of no whole picture: a cut one, and none at all.
    farm.deliver(&slave, &job, 0, 1, &picture[..picture.len() - 20])
        .refused(400, "bad_input", "cut short, damaged or no EXR");
    farm.deliver(&slave, &job, 0, 1, &content("no picture"))
        .refused(400, "bad_input", "cut short, damaged or no EXR");
    assert_eq!(farm.get(&format!("jobs/{job}")).json()["done"], 0);
    assert_eq!(farm.files_below("jobs"), Vec::<String>::new());

    farm.deliver(&slave, &job, 0, 1, &picture).expect(204);
    // Twice is as good as once; something else under the same attempt is not.
    farm.deliver(&slave, &job, 0, 1, &picture).expect(204);
    farm.deliver(&slave, &job, 0, 1, &content("fake"))
        .refused(409, "conflict", "not wanted any more");
    assert_eq!(farm.get(&format!("jobs/{job}/frames/1/result")).body, picture);
    assert_eq!(farm.files_below("jobs").len(), 1);
}

#[test]
fn final_files_come_before_their_result_and_are_safe_or_refused() {
    let (farm, job, slave) = rendering();
    let put = |attempt: u64, zip: &[u8]| {
        let (hash, size) = (hash_of(zip), zip.len());
        let path = format!("jobs/{job}/tasks/0/attempts/{attempt}/final?slave={slave}&hash={hash}&size={size}");
        farm.put(&path, zip)
    };
    let finals = zip_of(&["shot_0001.png", "Matte/0001.exr"]);
    put(2, &finals).refused(409, "conflict", "attempt 2 at task 0");
    put(1, b"no zip").refused(400, "bad_input", "damaged");
    put(1, &zip_of(&["../../evil.png"])).refused(400, "bad_input", "path");
    assert_eq!(farm.files_below("jobs"), Vec::<String>::new());
    put(1, &finals).expect(204);
    put(1, &finals).expect(204);
    let final_path = format!("jobs/{job}/frames/1/final");
    farm.get(&final_path).refused(404, "not_found", "no result yet");
    farm.deliver(&slave, &job, 0, 1, &picture("picture", 0)).expect(204);
    assert_eq!(farm.get(&final_path).body, finals);
    put(1, &finals).refused(409, "conflict", "not wanted any more");

    let (farm, job, slave) = rendering();
    farm.deliver(&slave, &job, 0, 1, &picture("picture", 0)).expect(204);
    farm.get(&format!("jobs/{job}/frames/1/final"))
        .refused(404, "not_found", "no slave made final files");
}

/// A zip of files with these names.
pub(crate) fn zip_of(names: &[&str]) -> Vec<u8> {
    let entries = names.iter().map(|name| ZipEntry {
        name: (*name).to_owned(),
        source: ZipSource::Bytes(b"picture".to_vec()),
    });
    let mut zip = Vec::new();
    write_zip(&entries.collect::<Vec<_>>(), &mut zip).unwrap();
    zip
}

#[test]
fn stale_reports_are_named_and_a_frame_with_files_is_not_done_without_its_result() {
    let (farm, job, slave) = rendering();
    let report = |attempt: u64, kind: &str| json!({"job": job, "task": 0, "attempt": attempt, "kind": kind, "seconds": 1.0, "reason": "x"});
    let answer = farm
        .work(
            &slave,
            &json!({"reports": [report(7, "failed"), report(1, "done"), report(1, "rendered")]}),
        )
        .json();
    let name = |attempt: u64| json!({"job": job, "task": 0, "attempt": attempt});
    assert_eq!(answer["refused"].as_array().unwrap().len(), 2);
    assert!(answer["refused"].as_array().unwrap().contains(&name(7)));
    assert!(answer["refused"].as_array().unwrap().contains(&name(1)));
    assert_eq!(farm.get(&format!("jobs/{job}/frames")).json()[0]["state"], "delivering");
}

#[test]
fn logs_are_appended_once_and_only_for_attempts_that_were() {
    let (farm, job, slave) = rendering();
    let log = |offset: u64, text: &str| farm.append_log(&slave, &job, 0, 1, offset, text);
    assert_eq!(log(0, "one\n").json()["size_bytes"], 4);
    assert_eq!(log(0, "one\n").json()["size_bytes"], 4);
    assert_eq!(log(2, "e\ntwo\n").json()["size_bytes"], 8);
    // A gap is not filled: the answer says where to go on.
    assert_eq!(log(100, "late").json()["size_bytes"], 8);
    assert_eq!(farm.get(&format!("jobs/{job}/frames/1/log")).body, b"one\ntwo\n");
    log(u64::MAX, "x").refused(400, "bad_input", "no log goes on at byte");
    farm.append_log(&slave, &job, 0, 2, 0, "x")
        .refused(409, "conflict", "no attempt 2");
    farm.append_log(&slave, &job, 0, 1, 8, &"y".repeat(5 << 20))
        .refused(413, "bad_input", "longer than 4194304 bytes");
}

#[test]
fn a_cancelled_job_is_told_to_its_slave_at_once() {
    let (farm, job, slave) = rendering();
    let orders = farm.in_background("POST", &format!("slaves/{slave}/orders"), &json!({"wait_ms": 60_000}));
    farm.post(&format!("jobs/{job}/cancel"), &json!({})).expect(204);
    let orders = farm.wait(orders).json();
    let name = json!({"job": job, "task": 0, "attempt": 1});
    assert_eq!(orders["cancel"], json!([name]));
    // Until it is confirmed, it is told again.
    let again = farm.post(&format!("slaves/{slave}/orders"), &json!({"wait_ms": 0}));
    assert_eq!(again.json()["cancel"], json!([name]));
    let confirmed = farm.post(
        &format!("slaves/{slave}/orders"),
        &json!({"wait_ms": 0, "after": orders["number"]}),
    );
    assert_eq!(confirmed.json()["cancel"], json!([]));
    farm.post(&format!("jobs/{job}/resume"), &json!({}))
        .refused(409, "conflict", "is cancelled");
}

#[test]
fn work_that_nobody_takes_is_free_for_others() {
    let farm = Farm::start();
    let (gone, there) = (farm.slave("gone"), farm.slave("there"));
    let wish = farm.in_background(
        "POST",
        &format!("slaves/{gone}/work"),
        &json!({"want": true, "wait_ms": 60_000}),
    );
    farm.abandon(wish);
    let job = farm.post("jobs", &json!({"name": "quick", "frames": "1"})).text("job");
    let answer = farm.work(&there, &json!({"want": true, "wait_ms": 30_000})).json();
    assert_eq!(answer["lease"]["job"], json!(job));
    let attempt = answer["lease"]["tasks"][0]["attempt"].clone();
    let done = json!({"job": job, "task": 0, "attempt": attempt, "kind": "done", "seconds": 0.1});
    assert_eq!(farm.work(&there, &json!({"reports": [done]})).json(), json!({}));
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "finished");
}
