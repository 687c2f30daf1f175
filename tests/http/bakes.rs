//! Jobs that bake: their order, what they deliver, and the jobs that are rendered with it.

use crate::farm::{Farm, announce, content};
use serde_json::{Value, json};
use std::io::{Cursor, Read as _, Write as _};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn bake(name: &str, after: &[u32]) -> Value {
    json!({"name": name, "kind": "cloth", "object": "Flag", "item": "Cloth", "scene": "Scene", "first": 1, "last": 9, "after": after})
}

/// What a slave delivers for a bake: these files, with the frames that need them.
fn baked(number: u32, files: &[(&str, &str, Value)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let index = json!({
        "number": number, "name": format!("bake {number}"), "kind": "cloth", "object": "Flag", "item": "Cloth", "scene": "Scene",
        "first": 1, "last": 9, "blender": "3.4.1",
        "files": files.iter().map(|(path, _, frames)| json!({"path": path, "frames": frames})).collect::<Vec<_>>(),
    });
    zip.start_file("bake.json", options).unwrap();
    zip.write_all(index.to_string().as_bytes()).unwrap();
    for (path, text, _) in files {
        zip.start_file(*path, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const CACHE: &str = "a/netrender_bakes/1_cloth/x_000001_00.bphys";

/// A job of two bakes of which the first comes after the second, and a job that is rendered with them.
fn announced(farm: &Farm) -> (String, String) {
    let main = content("main");
    let mut wish = announce("bakes", "1-2", &[("a/main.blend", &main)]);
    wish["manifest"]["bakes"] = json!([bake("cloth", &[2]), bake("rigid bodies", &[])]);
    let baking = farm.post("jobs", &wish).text("job");
    farm.upload(&main).expect(200);
    let mut wish = announce("shot", "1-9", &[("a/main.blend", &main)]);
    wish["depends_on"] = json!([baking]);
    wish["manifest"]["bakes_from"] = json!(baking);
    let rendered = farm.post("jobs", &wish).text("job");
    (baking, rendered)
}

fn bake_both(farm: &Farm, baking: &str) {
    let slave = farm.slave("node1");
    for task in [1, 0] {
        let attempt = farm.lease_of(&slave, baking, task);
        let zip = match task {
            1 => baked(2, &[("a/main.blend", "with rigid bodies", Value::Null)]),
            _ => baked(1, &[(CACHE, "a cache", json!([1, 2]))]),
        };
        farm.deliver(&slave, baking, task, attempt, &zip).expect(204);
        // The answer may have been lost.
        farm.deliver(&slave, baking, task, attempt, &zip).expect(204);
    }
}

/// The files of a manifest, each with the beginning of its content and its frames.
fn files(farm: &Farm, job: &str) -> Vec<(String, String, Value)> {
    let manifest = farm.get(&format!("jobs/{job}/manifest")).json();
    let file = |file: &Value| {
        let body = farm
            .get(&format!("contents/{}", file["hash"].as_str().unwrap()))
            .expect(200)
            .body;
        let text = String::from_utf8_lossy(&body).chars().take(17).collect();
        (file["path"].as_str().unwrap().to_owned(), text, file["frames"].clone())
    };
    manifest["files"].as_array().unwrap().iter().map(file).collect()
}

fn all_files() -> Vec<(String, String, Value)> {
    [
        ("a/main.blend", "with rigid bodies", Value::Null),
        (CACHE, "a cache", json!([1, 2])),
    ]
    .map(|(path, text, frames)| (path.to_owned(), text.to_owned(), frames))
    .to_vec()
}

#[test]
fn a_manifest_is_read_again_only_once_something_else_is_baked() {
    let farm = Farm::start();
    let (baking, rendered) = announced(&farm);
    let path = format!("jobs/{rendered}/manifest");
    let unless = |mark: &str| farm.send(farm.request("GET", &path).header("if-none-match", mark));
    let mark_of = |path: &str| farm.get(path).expect(200).headers["etag"].to_str().unwrap().to_owned();
    let before = mark_of(&path);
    let same = unless(&before);
    assert_eq!((same.status, same.body.len()), (304, 0));
    bake_both(&farm, &baking);
    let after = mark_of(&path);
    assert_eq!(unless(&before).expect(200).json()["baked"].as_array().unwrap().len(), 2);
    assert_eq!(unless(&after).status, 304);
    farm.post(&format!("jobs/{rendered}/cancel"), &json!({}));
    farm.delete(&format!("jobs/{rendered}"));
    unless(&after).refused(404, "not_found", "no job");
}

#[test]
fn bakes_are_done_in_their_order_and_what_comes_of_them_is_in_the_manifests() {
    let farm = Farm::start();
    let (baking, rendered) = announced(&farm);
    let told = farm.get(&format!("jobs/{baking}")).json();
    assert_eq!((&told["kind"], &told["queued"]), (&json!("bake"), &json!(2)));
    assert_eq!(
        told["explanation"][1],
        "bake 1 (cloth) waits: it comes after bake 2 (rigid bodies)"
    );
    assert_eq!(farm.get(&format!("jobs/{baking}/frames/2")).json()["bake"], "rigid bodies");
    assert_eq!(farm.get(&format!("jobs/{rendered}")).text("state"), "waiting");
    assert_eq!(files(&farm, &rendered).len(), 1);

    bake_both(&farm, &baking);
    assert_eq!(farm.get(&format!("jobs/{baking}")).text("state"), "finished");
    assert_eq!(farm.get(&format!("jobs/{rendered}")).text("state"), "queued");
    for job in [&baking, &rendered] {
        assert_eq!(files(&farm, job), all_files());
        let manifest = farm.get(&format!("jobs/{job}/manifest")).json();
        assert_eq!(
            (&manifest["baked"][0]["name"], &manifest["baked"][1]["number"]),
            (&json!("bake 1"), &json!(2))
        );
        assert_eq!(manifest["files"][1]["at_opening"], json!(true));
    }
    farm.get(&format!("jobs/{baking}/frames/1/result"))
        .refused(404, "not_found", "it has no pictures");

    let reply = farm.get(&format!("jobs/{baking}/results.zip")).expect(200);
    assert_eq!(reply.headers["content-length"], reply.body.len().to_string().as_str());
    let mut zip = ZipArchive::new(Cursor::new(reply.body)).unwrap();
    let mut read = |name: &str| {
        let mut text = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!([read("a/main.blend"), read(CACHE)], ["with rigid bodies", "a cache"]);
    let list: Value = serde_json::from_str(&read("a/netrender_bakes/bakes.json")).unwrap();
    assert_eq!(list[0]["files"][0]["path"], CACHE);

    let farm = farm.restart();
    assert_eq!(files(&farm, &rendered), all_files());
    farm.post(&format!("jobs/{baking}/reset"), &json!({"which": "frames", "frames": "2"}))
        .expect(204);
    assert_eq!(files(&farm, &rendered).len(), 1, "what is baked anew plays back no more");
    assert_eq!(farm.get(&format!("jobs/{rendered}")).text("state"), "waiting");
}

#[test]
fn how_far_a_bake_is_comes_with_its_log() {
    let farm = Farm::start();
    let (baking, _) = announced(&farm);
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &baking, 1);
    let log = format!("jobs/{baking}/tasks/1/attempts/{attempt}/log?slave={slave}&offset=0&percent=40");
    farm.put(&log, b"netrender: bake rigid bodies: frame 4 of 1-10 (40 %)\n")
        .expect(200);
    let percent = |path: &str| farm.get(path).json()["percent"].clone();
    assert_eq!(percent(&format!("jobs/{baking}/frames/2")), json!(40));
    assert_eq!(percent(&format!("jobs/{baking}")), json!(20));
    assert_eq!(percent(&format!("jobs/{baking}/frames/1")), Value::Null);
    let zip = baked(2, &[("a/main.blend", "with rigid bodies", Value::Null)]);
    farm.deliver(&slave, &baking, 1, attempt, &zip).expect(204);
    assert_eq!(percent(&format!("jobs/{baking}/frames/2")), Value::Null);
    assert_eq!(percent(&format!("jobs/{baking}")), json!(50));
}

#[test]
fn a_job_keeps_the_bakes_that_it_is_rendered_with() {
    let farm = Farm::start();
    let (baking, rendered) = announced(&farm);
    bake_both(&farm, &baking);
    let archive = farm.get(&format!("jobs/{baking}/archive.zip")).expect(200).body;
    farm.delete(&format!("jobs/{baking}")).expect(204);
    assert_eq!(files(&farm, &rendered), all_files());
    let farm = farm.restart();
    assert_eq!(files(&farm, &rendered), all_files());
    let shot = farm.get(&format!("jobs/{rendered}/archive.zip")).expect(200).body;
    farm.delete(&format!("jobs/{rendered}")).expect(204);
    assert!(farm.files_below("contents").is_empty(), "nobody needs them any more");

    for (zip, job, state) in [(archive, baking, "finished"), (shot, rendered, "paused")] {
        assert_eq!(farm.send(farm.request("POST", "archive").body(zip)).text("job"), job);
        assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), state);
        assert_eq!(files(&farm, &job), all_files());
    }
}

#[test]
fn what_is_no_result_of_the_bake_is_refused_and_leaves_nothing() {
    let farm = Farm::start();
    let (baking, _) = announced(&farm);
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &baking, 1);
    let before = farm.files_below("contents").len();
    let file = |path: &'static str| [(path, "x", Value::Null)];
    for (zip, words) in [
        (b"no zip".to_vec(), "no zip"),
        (baked(2, &[]), "1 to 50000 files"),
        (baked(1, &file(CACHE)), "bake 1, not of bake 2"),
        (baked(2, &file("a/other.blend")), "no file of a bake"),
    ] {
        farm.deliver(&slave, &baking, 1, attempt, &zip)
            .refused(400, "bad_input", words);
    }
    assert_eq!(farm.files_below("contents").len(), before);
    let late = baked(2, &file(CACHE));
    farm.deliver(&slave, &baking, 1, attempt + 1, &late)
        .refused(409, "conflict", "not wanted");
    assert_eq!(farm.files_below(&format!("jobs/{baking}/results")), Vec::<String>::new());
}

#[test]
fn bakes_that_cannot_be_are_refused() {
    let farm = Farm::start();
    let main = content("main");
    let refuse = |frames: &str, bakes: Value, more: &dyn Fn(&mut Value), words: &str| {
        let mut wish = announce("bakes", frames, &[("main.blend", &main)]);
        wish["manifest"]["bakes"] = bakes;
        more(&mut wish);
        farm.post("jobs", &wish).refused(400, "bad_input", words);
    };
    let plain = |_: &mut Value| ();
    refuse("1-2", json!([bake("cloth", &[])]), &plain, "numbers of its bakes, 1-1");
    refuse("1", json!([bake("a\nb", &[])]), &plain, "cannot be called");
    refuse(
        "1",
        json!([bake("cloth", &[2])]),
        &plain,
        "comes after bake 2, which there is not",
    );
    let circle = json!([bake("flag", &[2]), bake("ball", &[1])]);
    refuse("1-2", circle, &plain, "in a circle: flag, ball");
    let tiled = |wish: &mut Value| wish["tiles"] = json!("2x1");
    refuse("1", json!([bake("cloth", &[])]), &tiled, "without tiles");
    let alone = |wish: &mut Value| wish["manifest"]["bakes_from"] = json!("7k3vq9xd");
    refuse("1", json!([]), &alone, "only of a job that it waits for");
}
