//! The `OpenAPI` document is the contract: a change of it shows as a difference to the golden file.

use crate::farm::Farm;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Set to `write`, the golden files are written anew.
pub(crate) const GOLDEN_VARIABLE: &str = "NETRENDER_GOLDEN";

/// Where a golden file lies.
pub(crate) fn golden_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Examples are golden files of their own.
fn without_examples(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(without_examples),
        Value::Object(fields) => {
            if fields.contains_key("schema") {
                fields.remove("example");
            }
            fields.values_mut().for_each(without_examples);
        }
        _ => {}
    }
}

#[test]
fn the_openapi_document_is_the_golden_one() {
    let farm = Farm::start();
    let mut document: Value = farm.get("openapi.json").json();
    without_examples(&mut document);
    let text = format!("{}\n", serde_json::to_string_pretty(&document).unwrap());
    let path = golden_path("openapi.json");
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
fn every_call_has_a_name_of_its_own_and_an_example_of_every_answer() {
    let document: Value = Farm::start().get("openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            let name = call["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{method} {path}: there is another {name}");
            for (status, answer) in call["responses"].as_object().unwrap() {
                for (kind, content) in answer["content"].as_object().into_iter().flatten() {
                    let is_bytes = content["schema"]["format"] == "binary";
                    assert!(
                        is_bytes || content.get("example").is_some(),
                        "{method} {path} {status} {kind}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_document_tells_which_calls_want_the_key() {
    let farm = Farm::start();
    let document: Value = farm.get("openapi.json").json();
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for scheme in document["security"].as_array().unwrap() {
        assert!(
            scheme.as_object().unwrap().keys().all(|name| schemes.contains_key(name)),
            "{scheme}"
        );
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            let place = path.replace(['{', '}'], "0");
            let refused = farm.send(farm.bare_request(&method.to_uppercase(), &place)).status == 401;
            assert_eq!(refused, call["security"] != json!([]), "{method} {path}");
        }
    }
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

/// The names of all that a part of the document holds, and of what it refers to.
fn names_within(document: &Value, part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Array(parts) => parts.iter().for_each(|part| names_within(document, part, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if let ("$ref", Some(place)) = (name.as_str(), field.as_str()) {
                    let schema = document.pointer(place.trim_start_matches('#')).unwrap();
                    names_within(document, schema, found);
                }
                if name == "properties" {
                    found.extend(field.as_object().unwrap().keys().cloned());
                }
                names_within(document, field, found);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn no_clock_of_a_slave_is_ever_told_to_the_master() {
    let document: Value = Farm::start().get("openapi.json").json();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let is_of_slaves = path.contains("/slaves") || path.contains("/tasks/");
        for call in item.as_object().unwrap().values().filter(|_| is_of_slaves) {
            names_within(&document, &call["requestBody"], &mut names);
            let parameters = call["parameters"].as_array().into_iter().flatten();
            names.extend(parameters.map(|it| it["name"].as_str().unwrap().to_owned()));
        }
    }
    assert!(names.contains("holding") && names.contains("reports"), "{names:?}");
    let tells_time = |name: &&String| {
        ["_at", "_ms", "_s", "time", "date", "clock", "since", "seconds"]
            .iter()
            .any(|it| name.ends_with(it))
    };
    // How long it renders and waits is no time of any clock.
    let times: Vec<&String> = names.iter().filter(tells_time).collect();
    assert_eq!(times, ["seconds", "wait_ms"]);
}
