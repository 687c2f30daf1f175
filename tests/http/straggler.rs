//! The last frame of a job, rendered by two slaves at once.

use crate::farm::{Farm, Reply, announce, content, picture, result_path};
use serde_json::json;

/// Delivers a frame that took no time worth mentioning.
fn deliver_quickly(farm: &Farm, slave: &str, job: &str, (task, attempt): (u64, u64), result: &[u8]) -> Reply {
    let path = result_path(slave, job, task, attempt, result).replace("seconds=1.5", "seconds=0.01");
    farm.put(&path, result)
}

#[test]
fn the_first_of_two_results_is_kept_and_the_other_refused() {
    let farm = Farm::start();
    farm.send(farm.request("PUT", "settings").json(&json!({"straggler_s": 1})))
        .expect(200);
    let main = content("main");
    let names = ["slow", "quick"];
    let slaves = names.map(|name| farm.slave(name));
    for winner in [1, 0] {
        let job = farm.post("jobs", &announce("shot", "1-6", &[("a.blend", &main)])).text("job");
        farm.upload(&main);
        let first = farm.lease_of(&slaves[0], &job, 0);
        for task in 1..6 {
            let attempt = farm.lease_of(&slaves[1], &job, task);
            deliver_quickly(&farm, &slaves[1], &job, (task, attempt), &picture("other", 0)).expect(204);
        }
        let answer = farm.work(&slaves[1], &json!({"want": true, "wait_ms": 60_000})).json();
        let lease = &answer["lease"];
        assert_eq!(
            (&lease["job"], &lease["tasks"][0]["task"], &lease["tasks"][0]["attempt"]),
            (&json!(job), &json!(0), &json!(first + 1)),
            "{answer}"
        );
        let told = farm.get(&format!("slaves/{}/explain", slaves[1])).json();
        assert!(
            told["explanation"][0]
                .as_str()
                .unwrap()
                .contains("a second time, because slow has rendered it for"),
            "{told}"
        );
        let attempts = [first, first + 1];
        for place in [0, 1] {
            farm.append_log(&slaves[place], &job, 0, attempts[place], 0, names[place])
                .expect(200);
        }
        let loser = 1 - winner;
        let (kept, late) = (picture("kept", 0), picture("late", 0));
        deliver_quickly(&farm, &slaves[winner], &job, (0, attempts[winner]), &kept).expect(204);
        for _ in 0..2 {
            deliver_quickly(&farm, &slaves[loser], &job, (0, attempts[loser]), &late).refused(
                409,
                "conflict",
                "is not wanted any more",
            );
            deliver_quickly(&farm, &slaves[winner], &job, (0, attempts[winner]), &kept).expect(204);
        }
        let orders = farm
            .post(
                &format!("slaves/{}/orders", slaves[loser]),
                &json!({"after": 0, "wait_ms": 0}),
            )
            .json();
        let stopped = json!({"job": job, "task": 0, "attempt": attempts[loser]});
        assert!(orders["cancel"].as_array().unwrap().contains(&stopped), "{orders}");
        assert_eq!(farm.get(&format!("jobs/{job}/frames/1/result")).body, kept);
        assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "finished");
        let files = farm.files_below(&format!("jobs/{job}"));
        let results = files.iter().filter(|path| path.contains("000001_") && path.contains(".exr"));
        assert_eq!(results.count(), 1, "{files:?}");
    }
}
