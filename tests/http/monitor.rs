//! The monitor's pages: behind the key, escaped, with nothing from anywhere else.

use crate::farm::{Farm, Reply};
use serde_json::{Value, json};

fn header(reply: &Reply, name: &str) -> String {
    reply.headers[name].to_str().unwrap().to_owned()
}

fn log_in(farm: &Farm, key: &str) -> Reply {
    let request = farm
        .bare_request("POST", "/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", farm.master.url())
        .body(format!("key={key}"));
    farm.send(request)
}

#[test]
fn the_key_is_entered_once_and_then_the_pages_open() {
    let farm = Farm::start();
    let page = farm.send(farm.bare_request("GET", "/"));
    assert_eq!((page.status, header(&page, "location").as_str()), (303, "/login"));
    assert!(String::from_utf8_lossy(&farm.send(farm.bare_request("GET", "/login")).body).contains("name=\"key\""));
    assert_eq!(log_in(&farm, "abc").status, 401);
    let entered = log_in(&farm, &farm.key.to_string());
    assert_eq!(entered.status, 303);
    let cookie = header(&entered, "set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(&farm.key.to_string()), "the key itself is in the cookie");
    let cookie = cookie.split(';').next().unwrap().to_owned();

    let with_cookie = |method: &str, path: &str| farm.bare_request(method, path).header("cookie", &cookie);
    let name = "<script>alert(1)</script>";
    let job = farm.post("jobs", &json!({"name": name, "frames": "1-500"})).text("job");
    for path in [
        "/",
        "/jobs",
        &format!("/jobs/{job}"),
        "/slaves",
        "/rules",
        "/settings",
        "/api",
    ] {
        let page = farm.send(with_cookie("GET", path)).expect(200);
        let policy = header(&page, "content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        let page = String::from_utf8_lossy(&page.body).into_owned();
        assert!(!page.contains("<script>") && !page.contains(" style="), "{path}: {page}");
        if path != "/api" {
            let known = page
                .split_once("id=\"known\">")
                .and_then(|(_, rest)| rest.split_once("</script>"));
            let known: Value = serde_json::from_str(known.unwrap().0).unwrap();
            if path == "/settings" {
                assert_eq!((&known["settings"]["attempts"], known.get("jobs")), (&json!(3), None));
                continue;
            }
            let shown = known.get("job").unwrap_or_else(|| &known["jobs"][0]);
            assert_eq!(shown["name"], name, "{path}: what the page shows first stands in it");
        }
    }
    // A change from our own page works; one of another's does not.
    let pause = format!("/api/v1/jobs/{job}/pause");
    assert_eq!(farm.send(with_cookie("POST", &pause)).status, 401);
    let pressed = with_cookie("POST", &pause).header("origin", farm.master.url());
    assert_eq!(farm.send(pressed).status, 204);
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "paused");
    let holds = |path: &str| String::from_utf8_lossy(&farm.send(with_cookie("GET", path)).body).contains(&job);
    assert!(holds("/jobs") && holds("/rules"));
    farm.post(&format!("jobs/{job}/cancel"), &json!({})).expect(204);
    assert!(holds("/jobs") && !holds("/rules"), "what is over cannot be next");
    assert_eq!(farm.send(with_cookie("GET", "/jobs/00000000")).status, 404);
    let old = farm.send(with_cookie("GET", "/html/newui"));
    assert_eq!((old.status, header(&old, "location").as_str()), (308, "/"));

    let left = farm.send(with_cookie("POST", "/logout").header("origin", farm.master.url()));
    assert!(header(&left, "set-cookie").contains("Max-Age=0"));
}

#[test]
fn what_pages_are_made_of_is_kept_for_good_under_an_address_of_its_own() {
    let farm = Farm::start();
    let door = farm.send(farm.bare_request("GET", "/login")).expect(200);
    let door = String::from_utf8_lossy(&door.body).into_owned();
    let style = door.split('"').find(|part| part.ends_with("/style.css")).unwrap();
    let kept = farm.send(farm.bare_request("GET", style)).expect(200);
    assert_eq!(header(&kept, "content-type"), "text/css; charset=utf-8");
    assert!(header(&kept, "cache-control").contains("immutable"));
    let tag = header(&kept, "etag");
    let again = farm.send(farm.bare_request("GET", style).header("if-none-match", &tag));
    assert_eq!((again.status, again.body.len()), (304, 0));
    // Another release's address gets this one's file, but only for now.
    let other = farm.send(farm.bare_request("GET", "/assets/0000/dom.js")).expect(200);
    assert_eq!(header(&other, "cache-control"), "no-cache");
    assert_eq!(header(&other, "content-type"), "text/javascript; charset=utf-8");
    assert_eq!(farm.send(farm.bare_request("GET", "/assets/0000/mod.rs")).status, 404);
    assert_eq!(
        farm.send(farm.bare_request("GET", "/assets/0000/..%2Fmaster.key")).status,
        404
    );
}

#[test]
fn a_grid_tells_of_many_frames_at_once() {
    let farm = Farm::start();
    let job = farm
        .post("jobs", &json!({"name": "long", "frames": "1-30000", "chunks": 1}))
        .text("job");
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &job, 0);
    let done = json!({"job": job, "task": 0, "attempt": attempt, "kind": "done", "seconds": 1.23456});
    farm.work(&slave, &json!({"want": true, "reports": [done]})).expect(200);
    let grid = |query: &str| farm.get(&format!("jobs/{job}/grid{query}"));
    let all = grid("").json();
    assert_eq!(all["frames"], "1-20000", "no answer is longer");
    let states = all["states"].as_str().unwrap();
    assert!(states.starts_with("drq") && states.len() == 20_000, "{}", &states[..9]);
    assert_eq!((&all["seconds"][0], &all["seconds"][1]), (&json!(1.235), &json!(null)));
    assert_eq!((&all["by"][1], &all["by"][2]), (&json!(0), &json!(null)));
    assert_eq!(all["slaves"], json!([{"id": slave, "name": "node1"}]));
    assert_eq!(grid("?offset=20000").json()["frames"], "20001-30000");
    assert_eq!(grid("?offset=40000").json()["states"], "");
    let some = grid("?frames=2,1,30000,99999").json();
    assert_eq!((&some["frames"], &some["states"]), (&json!("1-2,30000"), &json!("drq")));
    grid("?frames=x").refused(400, "bad_input", "x");
    grid("?frames=1-20001").refused(400, "bad_input", "more than 20000 frames");
    farm.get("jobs/00000000/grid").refused(404, "not_found", "no job");
}

#[test]
fn usage_is_told_over_time_by_job() {
    let farm = Farm::start();
    let usage = farm.get("usage").expect(200).json();
    assert_eq!(
        usage["samples_ms"].as_array().unwrap().len(),
        usage["slots"].as_array().unwrap().len()
    );
    assert_eq!(farm.get("usage?span=day").expect(200).json()["jobs"], json!([]));
    assert_eq!(farm.get("usage?span=year").status, 400);
}
