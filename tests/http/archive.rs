//! A job survives as one zip: whole, on another master too, or not at all.

use crate::farm::{Farm, Reply, announce, content, picture};
use serde_json::{Value, json};
use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Steps in the life of a finished job: waiting, queued, finished.
const LIFE: usize = 3;

/// A finished job of two frames with two files; its id.
fn finished(farm: &Farm) -> String {
    let (main, wood) = (content("main"), content("wood"));
    let job = farm
        .post(
            "jobs",
            &announce("shot 010", "3-4", &[("a/main.blend", &main), ("a/tex/wood.png", &wood)]),
        )
        .text("job");
    farm.upload(&main).expect(200);
    farm.upload(&wood).expect(200);
    let slave = farm.slave("node1");
    for task in 0..2 {
        let attempt = farm.lease_of(&slave, &job, task);
        farm.append_log(&slave, &job, task, attempt, 0, &format!("Fra:{}\n", task + 3))
            .expect(200);
        farm.deliver(&slave, &job, task, attempt, &picture(&format!("picture {task}"), 0))
            .expect(204);
    }
    assert_eq!(farm.get(&format!("jobs/{job}")).text("state"), "finished");
    job
}

fn restore(farm: &Farm, zip: &[u8]) -> Reply {
    farm.send(farm.request("POST", "archive").body(zip.to_vec()))
}

/// What of a job is the same wherever it is.
fn lasting(farm: &Farm, job: &str) -> Value {
    let mut info = farm.get(&format!("jobs/{job}")).json();
    for passing in ["id", "usage", "explanation", "frame_seconds", "dispatched_ms"] {
        info.as_object_mut().unwrap().remove(passing);
    }
    // That it came back is a step in its life, too.
    info["transitions"].as_array_mut().unwrap().truncate(LIFE);
    let manifest = farm.get(&format!("jobs/{job}/manifest")).json();
    json!([info, farm.get(&format!("jobs/{job}/frames")).json(), manifest])
}

#[test]
fn a_job_comes_back_as_it_was_here_and_on_another_master() {
    let farm = Farm::start();
    let job = finished(&farm);
    let reply = farm.get(&format!("jobs/{job}/archive.zip")).expect(200);
    assert_eq!(reply.headers["content-length"], reply.body.len().to_string().as_str());
    let zip = reply.body;
    let names: Vec<String> = ZipArchive::new(Cursor::new(&zip))
        .unwrap()
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    for name in [
        "job.json",
        "files/a/main.blend",
        "files/a/tex/wood.png",
        "results/000003.exr",
        "results/000004.exr",
        "logs/000003_1.log",
    ] {
        assert!(names.iter().any(|it| it == name), "{name} is not among {names:?}");
    }
    let (before, pictures) = (lasting(&farm, &job), [3, 4].map(|frame| format!("frames/{frame}/result")));

    let other = Farm::start();
    assert_eq!(restore(&other, &zip).text("job"), job, "its id is free there");
    assert_eq!(lasting(&other, &job), before);
    for log in ["frames/3/log", "frames/4/log"].map(|log| format!("jobs/{job}/{log}")) {
        assert_eq!(other.get(&log).expect(200).body, farm.get(&log).expect(200).body);
    }
    for picture in &pictures {
        let path = format!("jobs/{job}/{picture}");
        assert_eq!(other.get(&path).expect(200).body, farm.get(&path).body);
    }
    let again = other.get(&format!("jobs/{job}/archive.zip")).expect(200).body;
    assert_eq!(entry(&again, "frames.jsonl"), entry(&zip, "frames.jsonl"));

    let twin = restore(&farm, &zip).text("job");
    assert_ne!(twin, job, "its id is taken here");
    farm.delete(&format!("jobs/{job}")).expect(204);
    assert_eq!(lasting(&farm, &twin), before);
    assert_eq!(restore(&farm, &zip).text("job"), job, "it is free again");
    // All of it is durable.
    let farm = farm.restart();
    assert_eq!(lasting(&farm, &job), before);
    assert_eq!(
        farm.get(&format!("jobs/{job}/{}", pictures[0])).expect(200).body,
        picture("picture 0", 0)
    );
    assert!(farm.files_below("incoming").is_empty());
}

#[test]
fn a_job_that_was_not_over_is_restored_paused_and_can_go_on() {
    let farm = Farm::start();
    let main = content("main");
    let job = farm
        .post("jobs", &announce("shot", "1-2", &[("main.blend", &main)]))
        .text("job");
    farm.get(&format!("jobs/{job}/archive.zip"))
        .refused(409, "conflict", "1 files of job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    let attempt = farm.lease_of(&slave, &job, 0);
    farm.deliver(&slave, &job, 0, attempt, &picture("one", 0)).expect(204);
    let zip = farm.get(&format!("jobs/{job}/archive.zip")).expect(200).body;

    let other = Farm::start();
    restore(&other, &zip).expect(200);
    assert_eq!(other.get(&format!("jobs/{job}")).text("state"), "paused");
    other.post(&format!("jobs/{job}/resume"), &Value::Null).expect(204);
    let slave = other.slave("node2");
    let attempt = other.lease_of(&slave, &job, 1);
    other.deliver(&slave, &job, 1, attempt, &picture("two", 0)).expect(204);
    assert_eq!(other.get(&format!("jobs/{job}")).text("state"), "finished");
}

/// The archive with one entry more.
fn with_another(zip: &[u8], name: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new_append(Cursor::new(zip.to_vec())).unwrap();
    writer.start_file(name, SimpleFileOptions::default()).unwrap();
    writer.write_all(b"evil").unwrap();
    writer.finish().unwrap().into_inner()
}

/// The archive with one entry changed; nothing in its place if there is nothing to put there.
fn with_entry(zip: &[u8], changed: &str, bytes: Option<&[u8]>) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut whole = Vec::new();
        std::io::copy(&mut entry, &mut whole).unwrap();
        match bytes {
            None if name == changed => {}
            Some(bytes) if name == changed => {
                writer.start_file(name, options).unwrap();
                writer.write_all(bytes).unwrap();
            }
            _ => {
                writer.start_file(name, options).unwrap();
                writer.write_all(&whole).unwrap();
            }
        }
    }
    writer.finish().unwrap().into_inner()
}

fn entry(zip: &[u8], name: &str) -> String {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    std::io::read_to_string(archive.by_name(name).unwrap()).unwrap()
}

#[test]
fn what_is_wrong_with_an_archive_is_one_sentence_and_leaves_nothing() {
    let farm = Farm::start();
    let job = finished(&farm);
    let zip = farm.get(&format!("jobs/{job}/archive.zip")).body;
    let other = Farm::start();
    let manifest = entry(&zip, "manifest.json");
    let frames = entry(&zip, "frames.jsonl");
    let wood = content("wood");
    let mut otherwise = wood.clone();
    otherwise[7] ^= 1;
    let changed = |name: &str, bytes: &[u8]| with_entry(&zip, name, Some(bytes));
    let without = |name: &str| with_entry(&zip, name, None);
    let job_json = entry(&zip, "job.json");
    for (damaged, sentence) in [
        (b"no zip".to_vec(), "cut short, damaged or no zip"),
        (zip[..zip.len() - 1].to_vec(), "cut short, damaged or no zip"),
        (zip[..zip.len() / 2].to_vec(), "cut short, damaged or no zip"),
        (without("job.json"), "holds no job.json"),
        (without("frames.jsonl"), "holds no frames.jsonl"),
        (without("files/a/tex/wood.png"), "holds no files/a/tex/wood.png"),
        (without("results/000004.exr"), "holds no results/000004.exr"),
        (with_another(&zip, "../evil.sh"), "no path below a folder"),
        (with_another(&zip, "files/../../evil.sh"), "no path below a folder"),
        (changed("job.json", b"{"), "job.json in the archive cannot be read"),
        (
            changed("job.json", job_json.replace("\"format\":1", "\"format\":99").as_bytes()),
            "does not understand",
        ),
        (
            changed("job.json", job_json.replace("\"priority\":1", "\"priority\":99").as_bytes()),
            "priority 99",
        ),
        (
            changed(
                "manifest.json",
                manifest.replace("a/tex/wood.png", "../../wood.png").as_bytes(),
            ),
            "cannot be part of a job",
        ),
        (
            changed("manifest.json", manifest.replace("a/tex/wood.png", "/etc/passwd").as_bytes()),
            "cannot be part of a job",
        ),
        (changed("files/a/tex/wood.png", &wood[1..]), "not as long as it should be"),
        (changed("files/a/tex/wood.png", &otherwise), "has the hash"),
        (
            changed("results/000004.exr", &picture("another", 0)),
            "is not the picture that was rendered",
        ),
        (changed("frames.jsonl", frames.repeat(2).as_bytes()), "twice, or too late"),
        (
            changed("frames.jsonl", frames.replace("\"frame\":4", "\"frame\":9").as_bytes()),
            "which the job has not",
        ),
    ] {
        let reply = restore(&other, &damaged);
        assert!((400..500).contains(&reply.status), "{sentence}: {}", reply.status);
        let fault: Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(fault["message"].as_str().unwrap().contains(sentence), "{sentence}: {fault}");
        assert_eq!(other.get("jobs").json(), json!([]), "{sentence}");
        for folder in ["incoming", "jobs"] {
            assert_eq!(other.files_below(folder), Vec::<String>::new(), "{sentence}");
        }
        // Contents go when the master comes to it.
        while !other.files_below("contents").is_empty() {
            std::thread::yield_now();
        }
    }
    assert_eq!(restore(&other, &zip).text("job"), job);
}
