//! The `OpenAPI` document as it is served: made from the calls, with an example of each.
//!
//! The examples are the golden files of the tests: what a real master was asked, and what it answered.

use crate::master::gate::COOKIE;
use crate::master::roles;
use serde_json::{Value, json};

/// An array of calls: `call` (method and path), `request`, `status`, `answer`. Renewed by `tests/http/golden.rs`.
const EXAMPLES: &str = include_str!("../../../tests/golden/calls.json");

/// The call that needs no key.
const OPEN_CALL: &str = "/paths/~1api~1v1~1hello/get";
const OPEN_PATH: &str = "/api/v1/hello";
/// Where a call says which roles may make it.
const ROLES: &str = "x-roles";

/// The document with its examples, and with what the calls themselves do not tell.
pub(super) fn complete(document: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    tell_of_the_key(&mut document);
    document.as_object_mut().into_iter().for_each(|document| {
        document.values_mut().for_each(tell_of_bytes);
    });
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    for example in &examples {
        let Some((method, path)) = example["call"].as_str().and_then(|call| call.split_once(' ')) else {
            continue;
        };
        let status = example["status"].to_string();
        let call = document.pointer_mut("/paths").and_then(|paths| paths.get_mut(path));
        if let Some(call) = call.and_then(|item| item.get_mut(method.to_ascii_lowercase())) {
            add(call.get_mut("requestBody"), &example["request"]);
            add(call.pointer_mut(&format!("/responses/{status}")), &example["answer"]);
        }
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let calls = paths
        .into_iter()
        .flatten()
        .filter_map(|(path, calls)| calls.as_object_mut().map(|calls| (path, calls)));
    for (path, method, call) in calls.flat_map(|(path, calls)| calls.iter_mut().map(move |(method, call)| (path, method, call))) {
        if *path != OPEN_PATH {
            call[ROLES] = json!(roles::allowed(&method.to_ascii_uppercase(), path));
        }
        let job = "7k3vq9xd";
        let fault = json!({"code": "not_found", "message": format!("there is no job {job} on this master"), "hint": null});
        add(call.pointer_mut("/responses/default"), &fault);
        // A stream has no end that could be kept: what one of its events holds.
        let event = json!({"jobs": [job], "frames": [{"job": job, "frames": "1-4"}], "slaves": ["h2m8t4wc"]});
        add_to(call.pointer_mut("/responses/200/content/text~1event-stream"), &event);
    }
    document
}

/// Every call but one asks for the key, which programs tell in a header and browsers keep as a cookie.
fn tell_of_the_key(document: &mut Value) {
    document["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "The token that follows from a key of the farm; `x-roles` of a call names the roles whose keys allow it, `submit` for what is done to a job only if it was sent with such a key. A master with `--access open` asks for none."},
        "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "The same token, once a browser has entered the key."},
    });
    document["security"] = json!([{"bearer": []}, {"cookie": []}]);
    if let Some(call) = document.pointer_mut(OPEN_CALL) {
        call["security"] = json!([]);
    }
}

/// Bytes are bytes, and no array of numbers, whatever the kind of file.
fn tell_of_bytes(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(tell_of_bytes),
        Value::Object(fields) => {
            if let Some(contents) = fields.get_mut("content").and_then(Value::as_object_mut) {
                for (kind, content) in contents.iter_mut() {
                    if kind != "application/json" && content.pointer("/schema/type").is_some_and(|it| it == "array") {
                        content["schema"] = json!({"type": "string", "format": "binary"});
                    }
                }
            }
            fields.values_mut().for_each(tell_of_bytes);
        }
        _ => {}
    }
}

/// Adds an example to whatever kinds of content there are.
fn add(body: Option<&mut Value>, example: &Value) {
    let contents = body.and_then(|body| body.get_mut("content")?.as_object_mut());
    for content in contents.into_iter().flat_map(|contents| contents.values_mut()) {
        add_to(Some(content), example);
    }
}

fn add_to(content: Option<&mut Value>, example: &Value) {
    if let Some(content) = content
        && !example.is_null()
    {
        content["example"] = example.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_can_be_read() {
        let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
        assert!(
            examples
                .iter()
                .all(|example| example["call"].is_string() && example["status"].is_u64())
        );
    }
}
