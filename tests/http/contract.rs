//! The OpenAPI document is the contract: a change of it shows as a difference to the golden file.

use crate::farm::Farm;
use serde_json::Value;
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
fn every_call_documents_its_failures() {
    let document: Value = Farm::start().get("openapi.json").json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            assert!(call["responses"]["default"].is_object(), "{method} {path}");
            assert!(call["summary"].is_string(), "{method} {path} has no sentence");
        }
    }
}
