//! Scenes that run scripts, and slaves that allow it.

use crate::farm::{Farm, announce, content, registration};
use serde_json::{Value, json};

fn scripted(farm: &Farm, settings: &Value) -> String {
    let main = content("main");
    let mut job = announce("shot", "1", &[("main.blend", &main)]);
    job["manifest"]["settings"] = settings.clone();
    let job = farm.post("jobs", &job).text("job");
    farm.upload(&main).expect(200);
    job
}

#[test]
fn a_scene_that_runs_scripts_goes_to_a_slave_that_allows_them_and_says_if_there_is_none() {
    let farm = Farm::start();
    let careful = farm.slave("careful");
    let wants = json!({"scripts": ["driver of Cube"], "nodes": []});
    let job = scripted(&farm, &json!({"wants": wants}));
    let lease_for = |slave: &str| farm.work(slave, &json!({"want": true})).json()["lease"].clone();
    assert_eq!(lease_for(&careful), Value::Null);
    let told = farm.get(&format!("jobs/{job}")).json()["explanation"][0].clone();
    assert!(
        told.as_str().unwrap().contains("which no slave that could render it allows"),
        "{told}"
    );

    let without = scripted(&farm, &json!({"wants": wants, "without_scripts": true}));
    assert_eq!(lease_for(&careful)["job"], without, "scripts that do not run need no leave");

    let mut trusting = registration("trusting");
    trusting["allows_scripts"] = json!(true);
    let trusting = farm.post("slaves", &trusting).text("id");
    assert_eq!(lease_for(&trusting)["job"], job);
    let slaves = farm.get("slaves").json();
    let allows = slaves
        .as_array()
        .unwrap()
        .iter()
        .filter(|slave| slave["allows_scripts"] == true);
    assert_eq!(allows.count(), 1);
}
