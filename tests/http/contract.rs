//! The `OpenAPI` document is the contract: a change of it shows as a difference to the golden file.

use crate::farm::Farm;
use serde_json::{Value, json};
use std::path::Path;

/// Set to `write`, the golden files are written anew.
const GOLDEN_VARIABLE: &str = "NETRENDER_GOLDEN";

#[test]
fn the_openapi_document_is_the_golden_one() {
    let farm = Farm::start();
    let document: Value = farm.get("openapi.json").json();
    let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/openapi.json");
    if std::env::var(GOLDEN_VARIABLE).is_ok_and(|value| value == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == text,
        "the interface has changed: look at the difference after `{GOLDEN_VARIABLE}=write cargo test --test http`"
    );
}

#[test]
fn no_get_changes_anything() {
    let farm = Farm::start();
    let job = farm.post("jobs", &json!({"name": "shot", "frames": "1-3"})).text("job");
    let slave = farm.slave("node1");
    let state = || {
        let jobs = farm.get("jobs").json();
        let slaves = farm.get("slaves").json();
        [&jobs[0]["id"], &jobs[0]["state"], &jobs[0]["queued"], &slaves[0]["id"]].map(Clone::clone)
    };
    let before = state();
    let document: Value = farm.get("openapi.json").json();
    for (path, item) in document["paths"].as_object().unwrap() {
        let place = path
            .replace("{job}", &job)
            .replace("{slave}", &slave)
            .replace("{hash}", &"0".repeat(64));
        let place = ["{task}", "{attempt}", "{frame}"]
            .iter()
            .fold(place, |place, name| place.replace(name, "1"));
        if item.get("get").is_none() {
            farm.send(farm.request("GET", &place))
                .refused(405, "bad_input", "does not know that method");
        } else if !item["get"].to_string().contains("event-stream") {
            farm.send(farm.request("GET", &place));
        }
    }
    assert_eq!(state(), before);
}

#[test]
fn every_call_documents_its_failures() {
    let document: Value = Farm::start().get("openapi.json").json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            assert!(call["responses"]["default"].is_object(), "{method} {path}");
            assert!(call["summary"].is_string(), "{method} {path} has no sentence");
        }
    }
}
