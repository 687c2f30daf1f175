//! Rules of balancing and reasons, as callers see them.

use crate::farm::{Farm, announce, content};
use serde_json::{Value, json};

fn put_rules(farm: &Farm, rules: &Value) -> crate::farm::Reply {
    farm.send(farm.request("PUT", "rules").json(rules))
}

#[test]
fn rules_are_shown_changed_and_survive_a_restart() {
    let farm = Farm::start();
    let mut rules = farm.get("rules").json();
    let expected = json!({
        "share": {"enabled": true, "limit": 75},
        "new_first": {"enabled": true, "limit": 1},
        "starving_first": {"enabled": true, "limit": 2},
    });
    assert_eq!(rules, expected);
    rules["share"]["limit"] = json!(50);
    rules["starving_first"]["enabled"] = json!(false);
    assert_eq!(put_rules(&farm, &rules).json(), rules);
    assert_eq!(farm.restart().get("rules").json(), rules);
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let farm = Farm::start();
    let good = farm.get("rules").json();
    for (rule, limit, sentence) in [
        ("share", 0, "0 is no limit for a share of the slaves in percent: 1 to 100"),
        ("share", 101, "101 is no limit"),
        ("new_first", 0, "0 is no limit for a number of dispatched frames"),
        ("starving_first", 10_081, "1 to 10080"),
    ] {
        let mut bad = good.clone();
        bad[rule]["limit"] = json!(limit);
        put_rules(&farm, &bad).refused(400, "bad_input", sentence);
    }
    put_rules(&farm, &json!({})).refused(400, "bad_input", "missing field");
    assert_eq!(farm.get("rules").json(), good);
}

#[test]
fn jobs_and_slaves_say_why() {
    let farm = Farm::start();
    let main = content("main");
    let job = farm
        .post("jobs", &announce("shot", "1-9", &[("main.blend", &main)]))
        .text("job");
    let told = farm.get(&format!("jobs/{job}/explain")).json();
    assert_eq!(told, json!({"explanation": ["waiting: not all of its files are here yet"]}));
    farm.upload(&main).expect(200);
    let told = farm.get(&format!("jobs/{job}/explain")).json();
    assert_eq!(told, json!({"explanation": ["waiting: no slave is there"]}));
    let slave = farm.slave("node1");
    let told = farm.get(&format!("slaves/{slave}/explain")).json();
    assert_eq!(told, json!({"explanation": ["idle: it does not ask for work"]}));
    farm.get("jobs/00000000/explain").refused(404, "not_found", "there is no job");
    farm.get("slaves/00000000/explain")
        .refused(404, "not_found", "there is no slave");
}
