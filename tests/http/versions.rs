//! Jobs whose files slaves get from a version control system.

use crate::farm::{Farm, content, hash_of};
use serde_json::{Value, json};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn announce(source: &Value) -> Value {
    json!({
        "name": "shot", "frames": "1-3",
        "manifest": {"main": "shots/010/main.blend", "files": [], "source": source}
    })
}

#[test]
fn a_job_of_a_revision_starts_at_once_and_its_slaves_are_told_where_it_is() {
    let farm = Farm::start();
    let source = json!({"system": "git", "remote": "git@example.org:film.git", "revision": COMMIT, "folder": "shots/010"});
    let announced = farm.post("jobs", &announce(&source));
    assert_eq!(announced.json()["missing"], json!([]));
    let job = announced.text("job");
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "queued");
    let farm = farm.restart();
    let manifest = farm.get(&format!("jobs/{job}/manifest")).json();
    assert_eq!(
        (&manifest["source"], &manifest["main"]),
        (&source, &json!("shots/010/main.blend"))
    );
    let slave = farm.slave("node1");
    assert_eq!(farm.lease_of(&slave, &job, 0), 1);
}

#[test]
fn an_address_that_runs_programs_or_a_revision_that_moves_is_refused() {
    let farm = Farm::start();
    let good = json!({"system": "svn", "remote": "svn://host/film", "revision": "12"});
    farm.post("jobs", &announce(&good)).expect(200);
    for (field, value, words) in [
        ("system", "cvs", "no version control system"),
        ("remote", "ext::sh -c touch% x", "runs a program"),
        ("remote", "--upload-pack=touch x", "cannot be used"),
        ("remote", "ssh://-oProxyCommand=touch/x", "looks like an option"),
        ("remote", "svn://anna:secret@host/film", "holds a password"),
        ("remote", "svn://host/fi\nlm", "control character"),
        ("remote", "ssh://host/film", "no address of Subversion"),
        ("revision", "HEAD", "no revision"),
        ("revision", "--all", "no revision"),
        ("revision", COMMIT, "no revision of Subversion"),
        ("folder", "../film", "cannot be part of a job"),
        ("folder", "shots/01", "does not lie in the folder"),
    ] {
        let mut source = good.clone();
        source[field] = json!(value);
        let reply = farm.post("jobs", &announce(&source));
        assert!(!String::from_utf8_lossy(&reply.body).contains("secret"));
        reply.refused(400, "bad_input", words);
    }
    let main = content("main");
    let mut both = announce(&good);
    both["manifest"]["files"] = json!([{"path": "shots/010/main.blend", "size_bytes": main.len(), "hash": hash_of(&main)}]);
    farm.post("jobs", &both).refused(400, "bad_input", "not from both");
}
