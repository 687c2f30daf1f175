//! The farm's key is replaced while the master runs.

use crate::farm::{Farm, options};
use netrender::access::FarmKey;
use netrender::master::Access;
use serde_json::json;

#[test]
fn a_replaced_key_is_refused_at_once_and_the_new_one_opens() {
    let farm = Farm::with_key_file();
    let slave = farm.slave("node1");
    let waiting = farm.in_background(
        "POST",
        &format!("slaves/{slave}/work"),
        &json!({"want": true, "wait_ms": 60_000}),
    );
    farm.send(farm.bare_request("POST", "key/renew"))
        .refused(401, "unauthorized", "asks for the farm's key");
    let renewed = farm.post("key/renew", &json!(null));
    let new = FarmKey::read(&farm.folder.path().join("farm.key")).unwrap();
    assert_eq!(renewed.text("farm"), new.farm().to_string());
    assert!(!String::from_utf8_lossy(&renewed.body).contains(&new.to_string()));

    // Whoever waited with the old key is sent away long before its time.
    assert!(farm.is_sent_away(waiting), "a connection outlived its key");
    farm.get("jobs").refused(401, "unauthorized", "not the farm's key");
    farm.post("key/renew", &json!(null))
        .refused(401, "unauthorized", "not the farm's key");
    let with_new = farm.bare_request("GET", "jobs").bearer_auth(new.bearer());
    farm.send(with_new).expect(200);
    let hello = farm.send(farm.bare_request("GET", "hello?nonce=n"));
    assert_eq!(hello.text("farm"), new.farm().to_string());
    let host = farm.master.url().replace("http://", "");
    assert!(new.proves(&hello.text("proof"), "n", &host, None));
    // What the slave is stays known: with the new key it goes on under its id.
    let again = farm
        .bare_request("POST", &format!("slaves/{slave}/work"))
        .bearer_auth(new.bearer());
    farm.send(again.json(&json!({}))).expect(200);
}

#[test]
fn only_a_key_that_lies_in_a_file_can_be_replaced() {
    let farm = Farm::start();
    farm.post("key/renew", &json!(null))
        .refused(409, "conflict", "was not given its key by a file");
    farm.get("jobs").expect(200);
    let folder = tempfile::tempdir().unwrap();
    let key = FarmKey::generate().unwrap();
    let mut options = options(folder.path(), &key);
    options.access = Access::Open;
    let open = Farm::start_with(folder, options, key);
    open.post("key/renew", &json!(null))
        .refused(409, "conflict", "asks for no key");
}

#[test]
fn a_key_that_cannot_be_kept_does_not_take_the_old_ones_place() {
    let folder = tempfile::tempdir().unwrap();
    let key = FarmKey::generate().unwrap();
    let mut options = options(&folder.path().join("master"), &key);
    std::fs::write(folder.path().join("in-the-way"), "").unwrap();
    options.key_file = Some(folder.path().join("in-the-way/farm.key"));
    let farm = Farm::start_with(folder, options, key);
    farm.post("key/renew", &json!(null)).refused(507, "storage", "in-the-way");
    farm.get("jobs").expect(200);
}
