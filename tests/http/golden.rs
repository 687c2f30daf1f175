//! Every answer as it is: what a real master says to each call, kept as golden files, which are also the document's examples.

use crate::contract::{GOLDEN_VARIABLE, golden_path};
use crate::farm::{Farm, Reply, announce, content, picture, registration};
use crate::webhooks::Ear;
use netrender::files::append_to_bundle;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What differs from run to run, and what is shown instead.
const MOMENT_MS: u64 = 1_767_225_600_000;
const JOB: &str = "7k3vq9xd";
const SLAVE: &str = "h2m8t4wc";
const FARM: &str = "c5x0n2ab";

/// Calls under way, as they are written down.
struct Book<'a> {
    farm: &'a Farm,
    calls: Vec<Value>,
    names: Vec<(String, &'static str)>,
}

impl Book<'_> {
    /// Asks, and writes down question and answer. `call` is the path as the document has it.
    fn ask(&mut self, method: &str, call: &str, path: &str, request: Option<&Value>) -> Reply {
        let mut asked = self.farm.request(method, path);
        if let Some(request) = request {
            asked = asked.json(request);
        }
        let reply = self.farm.send(asked);
        self.write(method, call, request, &reply);
        reply
    }

    /// The same with bytes.
    fn put(&mut self, call: &str, path: &str, bytes: &[u8]) -> Reply {
        let reply = self.farm.put(path, bytes);
        self.write("PUT", call, None, &reply);
        reply
    }

    fn write(&mut self, method: &str, call: &str, request: Option<&Value>, reply: &Reply) {
        assert!(
            reply.status < 300,
            "{method} {call}: {}",
            String::from_utf8_lossy(&reply.body)
        );
        let kind = reply.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
        let answer = match kind {
            "application/json" => serde_json::from_slice(&reply.body).unwrap(),
            kind if kind.starts_with("text/plain") => json!(String::from_utf8_lossy(&reply.body)),
            _ => Value::Null,
        };
        let call = json!({
            "call": format!("{method} /api/v1/{call}"),
            "request": request,
            "status": reply.status,
            "answer": answer,
        });
        self.calls.push(call);
    }

    fn call_it(&mut self, id: &str, name: &'static str) {
        self.names.push((id.to_owned(), name));
    }

    /// The calls with everything that differs from run to run made the same.
    fn steadied(&self) -> Value {
        let mut text = serde_json::to_string(&self.calls).unwrap();
        for (id, name) in &self.names {
            text = text.replace(id.as_str(), name);
        }
        let mut calls: Value = serde_json::from_str(&text).unwrap();
        steady(&mut calls);
        calls
    }
}

fn steady(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(steady),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                match name.as_str() {
                    // Samples are taken by the clock: how many there are is chance.
                    "samples_ms" => *value = json!([MOMENT_MS]),
                    "slots" | "others" if value.is_array() => *value = json!([0.0]),
                    name if name.ends_with("_ms") && name != "wait_ms" && value.is_u64() => *value = json!(MOMENT_MS),
                    "proof" | "submit_proof" | "render_proof" => *value = json!("5d0e…"),
                    "number" => *value = json!(MOMENT_MS),
                    "usage" => *value = json!(0.25),
                    "version" if value.as_str() == Some(env!("CARGO_PKG_VERSION")) => *value = json!("0.1.0"),
                    _ => steady(value),
                }
            }
        }
        _ => {}
    }
}

fn play(farm: &Farm) -> Value {
    let mut book = Book {
        farm,
        calls: Vec::new(),
        names: Vec::new(),
    };
    let hello = book.ask("GET", "hello", "hello?nonce=x", None);
    book.call_it(&hello.text("farm"), FARM);
    // Before anything is rendered, because a sample may or may not catch it.
    book.ask("GET", "usage", "usage", None);
    let main = content("main");
    let hash = crate::farm::hash_of(&main);
    let job = book
        .ask(
            "POST",
            "jobs",
            "jobs",
            Some(&announce("shot 010", "1-2", &[("shots/010.blend", &main)])),
        )
        .text("job");
    book.call_it(&job, JOB);
    book.ask("GET", "contents/{hash}/status", &format!("contents/{hash}/status"), None);
    let offer = json!({"hash": hash, "size_bytes": main.len(), "path": "/mnt/films/shots/010.blend"});
    book.ask(
        "POST",
        "contents/offers",
        "contents/offers",
        Some(&json!({"offers": [offer]})),
    );
    book.put(
        "contents/{hash}",
        &format!("contents/{hash}?offset=0&size={}", main.len()),
        &main,
    );
    let mut bundle = Vec::new();
    append_to_bundle(&mut bundle, hash.parse().unwrap(), &main);
    let taken = farm.send(farm.request("POST", "contents").body(bundle));
    book.write("POST", "contents", None, &taken);
    book.ask(
        "POST",
        "contents/bundle",
        "contents/bundle",
        Some(&json!({"contents": [hash]})),
    );
    book.ask("GET", "contents/{hash}", &format!("contents/{hash}"), None);
    book.ask("GET", "jobs/{job}", &format!("jobs/{job}"), None);
    book.ask("GET", "jobs/{job}/manifest", &format!("jobs/{job}/manifest"), None);
    book.ask("GET", "jobs/{job}/ties", &format!("jobs/{job}/ties"), None);
    let edit = json!({"priority": 3, "add_frames": "3"});
    book.ask("PATCH", "jobs/{job}", &format!("jobs/{job}"), Some(&edit));
    for action in ["pause", "resume"] {
        book.ask(
            "POST",
            &format!("jobs/{{job}}/{action}"),
            &format!("jobs/{job}/{action}"),
            None,
        );
    }
    let slave = render(&mut book, &job);
    look(&mut book, &job, &slave);
    end_all(&mut book, &job, &slave);
    book.steadied()
}

/// A slave comes, and renders a frame.
fn render(book: &mut Book<'_>, job: &str) -> String {
    let slave = book.ask("POST", "slaves", "slaves", Some(&registration("node1"))).text("id");
    book.call_it(&slave, SLAVE);
    let wish = json!({"want": true, "wait_ms": 1000, "reports": []});
    book.ask("POST", "slaves/{slave}/work", &format!("slaves/{slave}/work"), Some(&wish));
    book.ask("GET", "jobs/{job}/explain", &format!("jobs/{job}/explain"), None);
    book.ask("GET", "slaves/{slave}/explain", &format!("slaves/{slave}/explain"), None);
    let rules = book.ask("GET", "rules", "rules", None).json();
    book.ask("PUT", "rules", "rules", Some(&rules));
    book.ask("GET", "settings", "settings", None);
    book.ask("PUT", "settings", "settings", Some(&json!({"keep_days": 30})));
    try_a_webhook(book);
    let sign = json!({"wait_ms": 0, "after": 0});
    book.ask(
        "POST",
        "slaves/{slave}/orders",
        &format!("slaves/{slave}/orders"),
        Some(&sign),
    );
    let attempt = "jobs/{job}/tasks/{task}/attempts/{attempt}";
    let log = format!("jobs/{job}/tasks/0/attempts/1/log?slave={slave}&offset=0");
    book.put(&format!("{attempt}/log"), &log, b"Fra:1 Mem:8.35M | Saved\n");
    let finals = crate::refusals::zip_of(&["shot_0001.png"]);
    let final_path = format!(
        "jobs/{job}/tasks/0/attempts/1/final?slave={slave}&hash={}&size={}",
        crate::farm::hash_of(&finals),
        finals.len()
    );
    book.put(&format!("{attempt}/final"), &final_path, &finals);
    let thumbnail = format!("jobs/{job}/tasks/0/attempts/1/thumbnail?slave={slave}");
    book.put(&format!("{attempt}/thumbnail"), &thumbnail, &crate::looking::small_png(8));
    let result = picture("one", 0);
    book.put(
        &format!("{attempt}/result"),
        &crate::farm::result_path(&slave, job, 0, 1, &result),
        &result,
    );
    slave
}

/// An address is told, once.
fn try_a_webhook(book: &mut Book<'_>) {
    let ear = Ear::that_answers(&[]);
    let wanted = json!({"url": ear.url});
    let added = book.ask("POST", "webhooks", "webhooks", Some(&wanted));
    book.call_it(&ear.url, "https://chat.example.org/hooks/3f9a");
    book.call_it(&added.text("address"), "https://chat.example.org/…");
    book.ask("POST", "webhooks/{webhook}/try", "webhooks/1/try", None);
    book.ask("GET", "webhooks", "webhooks", None);
    book.ask("DELETE", "webhooks/{webhook}", "webhooks/1", None);
}

/// What there is to be seen of it.
fn look(book: &mut Book<'_>, job: &str, slave: &str) {
    let frame = "jobs/{job}/frames/{frame}";
    book.ask("GET", "jobs/{job}/frames", &format!("jobs/{job}/frames"), None);
    book.ask("GET", frame, &format!("jobs/{job}/frames/1"), None);
    book.ask("GET", "jobs/{job}/grid", &format!("jobs/{job}/grid"), None);
    for what in ["tiles", "log", "result", "final", "thumbnail"] {
        book.ask(
            "GET",
            &format!("{frame}/{what}"),
            &format!("jobs/{job}/frames/1/{what}"),
            None,
        );
    }
    book.ask("GET", "jobs/{job}/results.zip", &format!("jobs/{job}/results.zip"), None);
    let (call, path) = ("slaves/{slave}/tags", format!("slaves/{slave}/tags"));
    book.ask("PUT", call, &path, Some(&json!({"tags": ["gpu"]})));
    book.ask("GET", "slaves", "slaves", None);
    book.ask("DELETE", call, &path, None);
    book.ask("GET", "slaves/{slave}", &format!("slaves/{slave}"), None);
    for (list, place) in [
        ("blacklist".to_owned(), "blacklist"),
        (format!("jobs/{job}/blacklist"), "jobs/{job}/blacklist"),
    ] {
        let reason = json!({"reason": "its pictures have stripes"});
        let (one, call) = (format!("{list}/{slave}"), format!("{place}/{{slave}}"));
        book.ask("PUT", &call, &one, Some(&reason));
        book.ask("GET", place, &list, None);
        book.ask("DELETE", &call, &one, None);
        book.ask("DELETE", place, &list, None);
    }
}

/// All of it goes again.
fn end_all(book: &mut Book<'_>, job: &str, slave: &str) {
    let archive = book.ask("GET", "jobs/{job}/archive.zip", &format!("jobs/{job}/archive.zip"), None);
    let which = json!({"which": "frames", "frames": "1"});
    book.ask("POST", "jobs/{job}/reset", &format!("jobs/{job}/reset"), Some(&which));
    book.ask("POST", "jobs/{job}/cancel", &format!("jobs/{job}/cancel"), None);
    book.ask("POST", "jobs/cancel", "jobs/cancel", None);
    book.ask("GET", "jobs", "jobs", None);
    book.ask("DELETE", "jobs/{job}", &format!("jobs/{job}"), None);
    let restored = book.farm.send(book.farm.request("POST", "archive").body(archive.body));
    book.write("POST", "archive", None, &restored);
    book.ask("GET", "slaves/{slave}/next", &format!("slaves/{slave}/next"), None);
    for action in ["pause", "resume", "end"] {
        let path = format!("slaves/{slave}/{action}");
        book.ask("POST", &format!("slaves/{{slave}}/{action}"), &path, None);
    }
    book.ask("DELETE", "slaves/{slave}", &format!("slaves/{slave}"), None);
    book.ask("POST", "slaves/{slave}/forget", &format!("slaves/{slave}/forget"), None);
    // The last one: it opens nothing any more.
    let renewed = book.ask("POST", "key/renew", "key/renew", None);
    book.call_it(&renewed.text("farm"), FARM);
}

#[test]
fn every_answer_is_the_golden_one() {
    let farm = Farm::with_key_file();
    let calls = play(&farm);
    let text = format!("{}\n", serde_json::to_string_pretty(&calls).unwrap());
    let path = golden_path("calls.json");
    if std::env::var(GOLDEN_VARIABLE).is_ok_and(|value| value == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    for (call, golden) in calls.as_array().unwrap().iter().zip(golden.as_array().unwrap()) {
        assert_eq!(
            call, golden,
            "an answer has changed: look at the difference after `{GOLDEN_VARIABLE}=write`"
        );
    }
    assert_eq!(calls.as_array().map(Vec::len), golden.as_array().map(Vec::len));
}

#[test]
fn every_call_has_an_example() {
    let farm = Farm::start();
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden_path("calls.json")).unwrap()).unwrap();
    let shown: BTreeSet<&str> = golden
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|call| call["call"].as_str())
        .collect();
    let document = farm.get("openapi.json").json();
    let methods = |item: &Map<String, Value>| item.keys().cloned().collect::<Vec<_>>();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in methods(item.as_object().unwrap()) {
            let call = format!("{} {path}", method.to_uppercase());
            // A stream has no end that could be written down.
            assert!(
                shown.contains(call.as_str()) || path.ends_with("/events"),
                "{call} has no golden file"
            );
        }
    }
}

#[test]
fn the_interface_can_be_read_by_people() {
    let farm = Farm::start();
    let page = farm.get("/api").expect(200);
    let text = String::from_utf8(page.body).unwrap();
    for part in ["/api/v1/jobs/{job}/archive.zip", "Announces a job", "shot 010"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("<script") && !text.contains("src=\"http"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert_eq!(farm.send(farm.bare_request("GET", "/api")).status, 303);
}
