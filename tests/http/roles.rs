//! Keys that allow less: each call with each of them, and what becomes of jobs and slaves.

use crate::farm::{Farm, Reply, announce, content, hash_of, picture, registration, result_path};
use netrender::access::FarmKey;
use netrender::ids::Role;
use serde_json::{Value, json};

/// A caller with a lesser key.
struct Holder<'a> {
    farm: &'a Farm,
    key: FarmKey,
}

impl<'a> Holder<'a> {
    fn of(farm: &'a Farm, role: Role) -> Self {
        let key = farm.key.for_role(role).unwrap();
        Self { farm, key }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.farm.bare_request(method, path).bearer_auth(self.key.bearer())
    }

    fn ask(&self, method: &str, path: &str) -> Reply {
        self.farm.send(self.request(method, path))
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.farm.send(self.request("POST", path).json(body))
    }

    fn put(&self, path: &str, body: &[u8]) -> Reply {
        self.farm.send(self.request("PUT", path).body(body.to_vec()))
    }
}

#[test]
fn each_role_may_make_the_calls_that_the_document_names_for_it_and_no_other() {
    let farm = Farm::start();
    let document = farm.get("openapi.json").json();
    let mut refused = [0, 0];
    for (shape, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            let path = ["{task}", "{attempt}", "{frame}"]
                .iter()
                .fold(shape.replace("{hash}", &"0".repeat(64)), |path, part| path.replace(part, "1"))
                .replace("{job}", "7k3vq9xd")
                .replace("{slave}", "h2m8t4wc")
                .replace("{webhook}", "1");
            // The head of a stream ends.
            let is_stream = call["responses"].to_string().contains("event-stream");
            let method = if is_stream { "HEAD".to_owned() } else { method.to_uppercase() };
            for (place, role) in [Role::Submit, Role::Render].into_iter().enumerate() {
                let reply = Holder::of(&farm, role).ask(&method, &path);
                let roles = call["x-roles"].as_array();
                if roles.is_none_or(|roles| roles.contains(&json!(role.as_str()))) {
                    assert!(
                        ![401, 403].contains(&reply.status),
                        "{role} {method} {shape}: {}",
                        reply.status
                    );
                } else {
                    reply.refused(403, "forbidden", &format!("a key to {role} may not "));
                    refused[place] += 1;
                }
            }
        }
    }
    assert!(refused.iter().all(|count| *count >= 20), "{refused:?}");
}

#[test]
fn an_artist_changes_what_was_sent_with_a_key_to_submit_and_nothing_else() {
    let farm = Farm::start();
    let of_admin = farm
        .post("jobs", &json!({"name": "master shot", "frames": "1-3"}))
        .text("job");
    let artist = Holder::of(&farm, Role::Submit);
    let main = content("main");
    let announced = artist.post("jobs", &announce("shot", "1-2", &[("shot.blend", &main)]));
    let job = announced.text("job");
    let path = format!("contents/{}?offset=0&size={}", hash_of(&main), main.len());
    artist.put(&path, &main).expect(200);
    let sent_by = |job: &str| farm.get(&format!("jobs/{job}")).text("sent_by");
    assert_eq!([sent_by(&job), sent_by(&of_admin)], ["submit", "admin"]);

    for (method, path, body) in [
        ("PATCH", "", json!({"priority": 2})),
        ("POST", "/pause", Value::Null),
        ("POST", "/resume", Value::Null),
        ("PUT", "/blacklist/h2m8t4wc", json!({})),
        ("POST", "/cancel", Value::Null),
        ("DELETE", "", Value::Null),
    ] {
        let ask = |job: &str| farm.send(artist.request(method, &format!("jobs/{job}{path}")).json(&body));
        ask(&of_admin).refused(403, "forbidden", &format!("jobs of others, and {of_admin} was not sent"));
        let reply = ask(&job);
        assert!(![401, 403].contains(&reply.status), "{method} {path}: {}", reply.status);
    }
    assert_eq!(farm.get(&format!("jobs/{job}")).status, 404, "the artist's own job is gone");
    assert_eq!(farm.get(&format!("jobs/{of_admin}")).text("state"), "queued");
    artist
        .ask("POST", &format!("jobs/{job}/pause"))
        .refused(404, "not_found", &job);
    artist
        .ask("POST", "jobs/%37k3vq9xd/pause")
        .refused(400, "bad_input", "%37k3vq9xd");
    artist
        .post("slaves", &registration("node1"))
        .refused(403, "forbidden", "may not let a slave work");
    // Who sent a job is as durable as the job.
    let again = artist.post("jobs", &json!({"name": "again", "frames": "1"})).text("job");
    let farm = farm.restart();
    let cancelled = Holder::of(&farm, Role::Submit).ask("POST", &format!("jobs/{again}/cancel"));
    assert_eq!(cancelled.status, 204, "{}", String::from_utf8_lossy(&cancelled.body));
}

#[test]
fn a_machine_renders_and_changes_nothing() {
    let farm = Farm::start();
    let main = content("main");
    let job = farm
        .post("jobs", &announce("shot", "1", &[("shot.blend", &main)]))
        .text("job");
    farm.upload(&main).expect(200);
    let machine = Holder::of(&farm, Role::Render);
    machine
        .post("jobs", &json!({"name": "shot", "frames": "1"}))
        .refused(403, "forbidden", "a key to render may not send jobs");
    machine
        .ask("POST", &format!("jobs/{job}/pause"))
        .refused(403, "forbidden", "may not pause jobs");
    let slave = machine.post("slaves", &registration("node1")).text("id");
    let lease = machine
        .post(&format!("slaves/{slave}/work"), &json!({"want": true, "wait_ms": 20_000}))
        .json()["lease"]
        .clone();
    let attempt = lease["tasks"][0]["attempt"].as_u64().unwrap();
    assert_eq!(
        machine.ask("GET", &format!("contents/{}", hash_of(&main))).expect(200).body,
        main
    );
    let log = format!("jobs/{job}/tasks/0/attempts/{attempt}/log?slave={slave}&offset=0");
    machine.put(&log, b"Fra:1").expect(200);
    let result = picture("frame 1", 100);
    machine
        .put(&result_path(&slave, &job, 0, attempt, &result), &result)
        .expect(204);
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "finished");
    machine.ask("DELETE", &format!("slaves/{slave}")).expect(204);
}

#[test]
fn a_new_key_takes_all_keys_that_followed_from_the_old_one_out_of_use() {
    let farm = Farm::with_key_file();
    for role in [Role::Submit, Role::Render] {
        let holder = Holder::of(&farm, role);
        holder.ask("GET", "jobs").expect(200);
        holder
            .ask("POST", "key/renew")
            .refused(403, "forbidden", "may not replace the farm's key");
    }
    farm.post("key/renew", &json!(null)).expect(200);
    let new = FarmKey::read(&farm.folder.path().join("farm.key")).unwrap();
    for role in [Role::Submit, Role::Render] {
        Holder::of(&farm, role)
            .ask("GET", "jobs")
            .refused(401, "unauthorized", "not the farm's key");
        let bearer = new.for_role(role).unwrap().bearer();
        farm.send(farm.bare_request("GET", "jobs").bearer_auth(bearer)).expect(200);
    }
}

#[test]
fn a_master_proves_each_key_by_itself() {
    let farm = Farm::start();
    let hello = farm.send(farm.bare_request("GET", "hello?nonce=n"));
    let host = farm.master.url().replace("http://", "");
    for (role, field) in [
        (Role::Admin, "proof"),
        (Role::Submit, "submit_proof"),
        (Role::Render, "render_proof"),
    ] {
        for prover in Role::ALL {
            let key = farm.key.for_role(prover).unwrap();
            assert_eq!(
                key.proves(&hello.text(field), "n", &host, None),
                prover == role,
                "{field} of {prover}"
            );
        }
    }
    assert_eq!(farm.send(farm.bare_request("GET", "hello")).text("submit_proof"), "");
}

#[test]
fn a_browser_with_a_lesser_key_sees_the_pages_and_forges_nothing() {
    let farm = Farm::start();
    let job = farm.post("jobs", &json!({"name": "shot", "frames": "1-3"})).text("job");
    for role in [Role::Submit, Role::Render] {
        let key = farm.key.for_role(role).unwrap();
        let login = farm.bare_request("POST", "/login").header("origin", farm.master.url());
        let entered = farm.send(login.body(format!("key={key}"))).expect(303);
        let cookie = entered.headers["set-cookie"]
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let ask = |method: &str, path: &str| {
            let request = farm.bare_request(method, path).header("cookie", &cookie);
            farm.send(request.header("origin", farm.master.url()))
        };
        for path in [
            "/",
            "/jobs",
            &format!("/jobs/{job}"),
            "/slaves",
            "/rules",
            "/settings",
            "/api",
        ] {
            ask("GET", path).expect(200);
        }
        for (method, path) in [
            ("POST", format!("/api/v1/jobs/{job}/pause")),
            ("DELETE", format!("/api/v1/jobs/{job}")),
            ("POST", "/api/v1/key/renew".to_owned()),
            ("GET", "/api/v1/webhooks".to_owned()),
        ] {
            ask(method, &path).refused(403, "forbidden", "may not");
        }
        ask("POST", "/logout").expect(303);
    }
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "queued");
}
