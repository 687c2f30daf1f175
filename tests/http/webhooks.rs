//! Webhooks: who is told what, and what is told of them.

use crate::farm::{Farm, Reply};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

/// Somebody at the other end of a webhook.
pub(crate) struct Ear {
    pub(crate) url: String,
    heard: Receiver<Value>,
}

impl Ear {
    /// Answers with these, one after the other, and then with 204.
    pub(crate) fn that_answers(statuses: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hooks/secret", listener.local_addr().unwrap());
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            for (number, connection) in listener.incoming().enumerate() {
                let mut connection = connection.unwrap();
                let body = body_of(&mut connection);
                let status = statuses.get(number).unwrap_or(&"204 No Content");
                let _ = write!(
                    connection,
                    "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { url, heard }
    }

    fn hears(&self) -> Value {
        self.heard.recv().unwrap()
    }
}

fn body_of(connection: &mut std::net::TcpStream) -> Vec<u8> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split_once("content-length: ").unwrap().1;
    let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
    connection.read_exact(&mut body).unwrap();
    body
}

fn add(farm: &Farm, url: &str) -> Reply {
    farm.post("webhooks", &json!({"url": url}))
}

#[test]
fn who_is_named_is_told_of_jobs_that_are_over_even_after_a_restart() {
    let ear = Ear::that_answers(&[]);
    let farm = Farm::start();
    let added = add(&farm, &ear.url).expect(200).json();
    assert_eq!(added["id"], 1);
    let farm = farm.restart();
    let job = farm.post("jobs", &json!({"name": "shot 010", "frames": "1-2"})).text("job");
    farm.post(&format!("jobs/{job}/cancel"), &Value::Null).expect(204);
    let mut told = ear.hears();
    assert!(told["at_ms"].take().is_u64());
    let master = told["master"].take();
    let text = told["text"].take();
    assert_eq!(
        text.as_str().unwrap(),
        format!("{}: “shot 010” was cancelled: 0 of 2 done", master.as_str().unwrap())
    );
    let about = json!({"id": job, "name": "shot 010", "state": "cancelled", "total": 2, "done": 0, "failed": 0});
    let expected = json!({"event": "job_cancelled", "at_ms": null, "master": null, "text": null, "job": about});
    assert_eq!(told, expected);
    farm.delete("webhooks/1").expect(204);
    assert_eq!(farm.get("webhooks").json(), json!([]));
    assert_eq!(farm.restart().get("webhooks").json(), json!([]));
}

#[test]
fn an_address_that_fails_is_tried_again_and_holds_nobody_up() {
    let (ear, deaf) = (Ear::that_answers(&["503 Busy"]), Ear::that_answers(&["404 Gone", "404 Gone"]));
    let farm = Farm::start();
    for one in [&ear, &deaf] {
        add(&farm, &one.url).expect(200);
    }
    let job = farm.post("jobs", &json!({"name": "a", "frames": "1"})).text("job");
    farm.post(&format!("jobs/{job}/cancel"), &Value::Null).expect(204);
    assert_eq!(ear.hears(), ear.hears(), "the same once more");
    deaf.hears();
    let tried = |id: u32| farm.post(&format!("webhooks/{id}/try"), &Value::Null).expect(200).json();
    assert_eq!(tried(2)["failure"], "it answered 404 Not Found");
    assert!(tried(1).get("failure").is_none());
    assert_eq!(ear.hears()["event"], "test");
    // What came of the first message is noted a moment after it was heard.
    while farm.get("webhooks").json()[1]["failed"] != 2 {
        std::thread::yield_now();
    }
    let infos = farm.get("webhooks").json();
    assert_eq!(infos[1]["failure"], "it answered 404 Not Found");
    assert!(infos[0].get("failure").is_none(), "{infos}");
    assert!(
        !infos.to_string().contains("secret"),
        "whoever knows all of it may write there"
    );
}

#[test]
fn who_never_answers_keeps_no_news_from_others() {
    let (ear, silent) = (Ear::that_answers(&[]), TcpListener::bind("127.0.0.1:0").unwrap());
    let farm = Farm::start();
    for url in [&ear.url, &format!("http://{}/", silent.local_addr().unwrap())] {
        add(&farm, url).expect(200);
    }
    for name in ["first", "second", "third"] {
        let job = farm.post("jobs", &json!({"name": name, "frames": "1"})).text("job");
        farm.post(&format!("jobs/{job}/cancel"), &Value::Null).expect(204);
        assert_eq!(ear.hears()["job"]["name"], name);
    }
    assert_eq!(farm.get("webhooks").json()[1]["failed"], 0, "it was still waited for");
}

#[test]
fn only_addresses_that_can_be_told_are_taken_and_no_end_of_them() {
    let farm = Farm::start();
    add(&farm, "ftp://host/x").refused(400, "bad_input", "neither https nor http");
    add(&farm, "https://host.example/1").expect(200);
    add(&farm, "https://host.example/1").refused(409, "conflict", "is told already");
    for number in 2..=16 {
        add(&farm, &format!("https://host.example/{number}")).expect(200);
    }
    add(&farm, "https://host.example/17").refused(409, "conflict", "16 webhooks are the most");
    farm.delete("webhooks/99").refused(404, "not_found", "no webhook 99");
    farm.post("webhooks/x/try", &Value::Null).refused(400, "bad_input", "");
}
