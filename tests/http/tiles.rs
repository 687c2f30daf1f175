//! Frames in tiles: each is a task with a result and a log of its own, and its frame is what they are together.

use crate::farm::{Farm, announce, content, picture};
use serde_json::json;
use std::io::{Cursor, Read as _, Write as _};
use zip::ZipArchive;

#[test]
fn tiles_are_leased_delivered_read_archived_and_restored_one_by_one() {
    let farm = Farm::start();
    let main = content("main");
    let mut wish = announce("still", "3-4", &[("main.blend", &main)]);
    wish["tiles"] = json!("1x2");
    let job = farm.post("jobs", &wish).text("job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    let lease = farm.work(&slave, &json!({"want": true})).json()["lease"]["tasks"][0].clone();
    assert_eq!(lease, json!({"task": 0, "attempt": 1, "frame": 3, "tile": "0/1x2"}));
    farm.append_log(&slave, &job, 0, 1, 0, "Fra:3\n").expect(200);
    let upper = picture("upper", 0);
    farm.deliver(&slave, &job, 0, 1, &upper).expect(204);

    let frame = format!("jobs/{job}/frames/3");
    let told = farm.get(&frame).json();
    assert_eq!(
        (&told["state"], &told["tiles"]),
        (&json!("queued"), &json!({"grid": "1x2", "done": 1}))
    );
    let refusal = farm.get(&format!("{frame}/result"));
    let hint = "ask for one of them by tile=0 to tile=1";
    assert!(String::from_utf8_lossy(&refusal.body).contains(hint));
    refusal.refused(404, "not_found", "is cut into 2 tiles, of which 1 are done");
    farm.get(&format!("{frame}/result?tile=1"))
        .refused(404, "not_found", "tile 2 of 1x2 of frame 3");
    farm.get(&format!("{frame}/result?tile=2"))
        .refused(404, "not_found", "has no tile 2");
    assert_eq!(farm.get(&format!("{frame}/result?tile=0")).expect(200).body, upper);
    assert_eq!(farm.get(&format!("{frame}/log?tile=0")).expect(200).body, b"Fra:3\n");
    farm.get(&format!("{frame}/thumbnail?tile=0")).expect(200);
    let partly = farm.get(&format!("{frame}/thumbnail")).expect(200).body;
    farm.get(&format!("jobs/{job}/frames/4/thumbnail"))
        .refused(404, "not_found", "no tile of frame 4");

    for task in 1..4 {
        let attempt = farm.lease_of(&slave, &job, task);
        farm.deliver(&slave, &job, task, attempt, &picture(&format!("tile {task}"), 0))
            .expect(204);
    }
    let over = farm.get(&format!("jobs/{job}")).json();
    assert_eq!(
        (&over["state"], &over["total"], &over["tiles"]),
        (&json!("finished"), &json!(4), &json!("1x2"))
    );
    let tiles = farm.get(&format!("{frame}/tiles")).json();
    assert_eq!((&tiles[1]["tile"], &tiles[1]["state"]), (&json!("1/1x2"), &json!("done")));
    let whole = farm.get(&format!("{frame}/thumbnail")).expect(200).body;
    assert!(
        whole.starts_with(b"\x89PNG") && whole != partly,
        "the lower tile is there now"
    );
    assert_eq!(farm.get(&format!("{frame}/thumbnail")).expect(200).body, whole);

    let archive = farm.get(&format!("jobs/{job}/archive.zip")).expect(200).body;
    let before = [farm.get(&frame).json(), tiles];
    let other = Farm::start();
    let restored = other.send(other.request("POST", "archive").body(archive));
    assert_eq!(restored.text("job"), job);
    assert_eq!(
        [other.get(&frame).json(), other.get(&format!("{frame}/tiles")).json()],
        before
    );
    assert_eq!(other.get(&format!("{frame}/result?tile=0")).expect(200).body, upper);
    assert_eq!(other.get(&format!("{frame}/log?tile=0")).expect(200).body, b"Fra:3\n");
    assert_eq!(other.restart().get(&frame).json(), before[0]);
}

#[test]
fn tiles_that_cannot_be_are_refused() {
    let farm = Farm::start();
    let main = content("main");
    let refuse = |tiles: &str, frames: &str, finals: bool, part: &str| {
        let mut wish = announce("still", frames, &[("main.blend", &main)]);
        wish["tiles"] = json!(tiles);
        wish["manifest"]["settings"] = json!({"final_frames": finals});
        farm.post("jobs", &wish).refused(400, "bad_input", part);
    };
    refuse("0x2", "1", false, "one column and one row at least");
    refuse("99x99", "1", false, "more than 1024 tiles");
    refuse("32x32", "1-1000", false, "more than 1000000 tiles");
    refuse("2x2", "1", true, "final files of whole frames");
}

/// The files of a zip, with what is in them.
fn unzipped(zip: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(zip)).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    let mut read = |name: &String| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let bytes: Vec<Vec<u8>> = names.iter().map(&mut read).collect();
    names.into_iter().zip(bytes).collect()
}

fn names_of(files: &[(String, Vec<u8>)]) -> Vec<&str> {
    files.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn whole_frames_are_downloaded_and_zipped_once_all_their_tiles_are_done() {
    let farm = Farm::start();
    let main = content("main");
    let mut wish = announce("still", "3-4", &[("main.blend", &main)]);
    wish["tiles"] = json!("1x2");
    let job = farm.post("jobs", &wish).text("job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    let tiles: Vec<Vec<u8>> = (0..3).map(|task| picture(&format!("tile {task}"), 0)).collect();
    for (task, tile) in (0..).zip(&tiles) {
        let attempt = farm.lease_of(&slave, &job, task);
        farm.deliver(&slave, &job, task, attempt, tile).expect(204);
    }
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..2).map(|task| folder.path().join(format!("{task}.exr"))).collect();
    for (path, tile) in paths.iter().zip(&tiles) {
        std::fs::write(path, tile).unwrap();
    }
    let whole = folder.path().join("whole.exr");
    netrender::images::assemble("1x2".parse().unwrap(), &paths, &whole).unwrap();
    let whole = std::fs::read(&whole).unwrap();

    let reply = farm.get(&format!("jobs/{job}/frames/3/result")).expect(200);
    assert_eq!(reply.headers["content-disposition"], "attachment; filename=\"000003.exr\"");
    assert_eq!(reply.headers["content-length"], whole.len().to_string().as_str());
    assert!(reply.body == whole);
    farm.get(&format!("jobs/{job}/frames/4/result"))
        .refused(404, "not_found", "is cut into 2 tiles, of which 1 are done");

    let reply = farm.get(&format!("jobs/{job}/results.zip")).expect(200);
    assert_eq!(reply.headers["content-length"], reply.body.len().to_string().as_str());
    let files = unzipped(reply.body);
    let names = names_of(&files);
    assert_eq!(names, ["000003.exr", "000004t0000.exr"]);
    assert!(files[0].1 == whole && files[1].1 == tiles[2]);
    assert_eq!(farm.files_below("incoming"), Vec::<String>::new());
}

/// Frame 3 in two tiles, both done, of a job that slaves denoise.
fn rendered(farm: &Farm) -> (String, String) {
    let main = content("main");
    let mut wish = announce("still", "3", &[("main.blend", &main)]);
    wish["tiles"] = json!("1x2");
    let denoising = json!({"layers": [{"name": "L"}], "passes": "RGB", "prefilter": "NONE"});
    wish["manifest"]["settings"] = json!({ "denoising": denoising });
    let job = farm.post("jobs", &wish).text("job");
    farm.upload(&main).expect(200);
    let slave = farm.slave("node1");
    for task in 0..2 {
        let attempt = farm.lease_of(&slave, &job, task);
        farm.deliver(&slave, &job, task, attempt, &picture(&format!("tile {task}"), 0))
            .expect(204);
    }
    (job, slave)
}

#[test]
fn a_frame_in_tiles_is_denoised_by_a_slave_and_is_one_picture_then() {
    let farm = Farm::start();
    let (job, slave) = rendered(&farm);
    let frame = format!("jobs/{job}/frames/3");
    let told = farm.get(&frame).json();
    let tiles = |denoising: &str| json!({"grid": "1x2", "done": 2, "denoising": denoising});
    assert_eq!((&told["state"], &told["tiles"]), (&json!("queued"), &tiles("queued")));
    assert_eq!(told["hash"], json!(null));
    farm.get(&format!("{frame}/result"))
        .refused(404, "not_found", "frame 3 of job");
    let noisy = farm.get(&format!("{frame}/thumbnail")).expect(200).body;
    let names = unzipped(farm.get(&format!("jobs/{job}/results.zip")).expect(200).body);
    assert_eq!(names_of(&names), ["000003t0000.exr", "000003t0001.exr", "not_denoised.txt"]);

    let lease = farm.work(&slave, &json!({"want": true})).json()["lease"]["tasks"][0].clone();
    assert_eq!(lease, json!({"task": 2, "attempt": 1, "frame": 3, "denoise": "1x2"}));
    assert_eq!(farm.get(&frame).json()["state"], json!("rendering"));
    farm.append_log(&slave, &job, 2, 1, 0, "Denoising\n").expect(200);
    let denoised = picture("denoised", 0);
    farm.deliver(&slave, &job, 2, 1, &denoised).expect(204);

    let told = farm.get(&frame).json();
    assert_eq!((&told["state"], &told["tiles"]), (&json!("done"), &tiles("done")));
    assert_eq!(told["size_bytes"], json!(denoised.len()));
    assert_eq!(farm.get(&format!("{frame}/result")).expect(200).body, denoised);
    assert_eq!(farm.get(&format!("{frame}/log")).expect(200).body, b"Denoising\n");
    assert_ne!(farm.get(&format!("{frame}/thumbnail")).expect(200).body, noisy);
    assert_eq!(farm.get(&format!("{frame}/tiles")).json().as_array().map(Vec::len), Some(2));
    let files = unzipped(farm.get(&format!("jobs/{job}/results.zip")).expect(200).body);
    assert!(names_of(&files) == ["000003.exr"] && files[0].1 == denoised);
    let over = farm.get(&format!("jobs/{job}")).json();
    assert_eq!(
        (&over["state"], &over["total"], &over["denoises"]),
        (&json!("finished"), &json!(3), &json!(true))
    );

    let archive = farm.get(&format!("jobs/{job}/archive.zip")).expect(200).body;
    let other = Farm::start();
    other.send(other.request("POST", "archive").body(archive)).expect(200);
    let other = other.restart();
    assert_eq!(other.get(&frame).json(), told);
    assert_eq!(other.get(&format!("{frame}/result")).expect(200).body, denoised);

    // What was denoised counts for nothing once one of its tiles is rendered anew.
    let reset = json!({"which": "frames", "frames": "3", "tiles": [0]});
    farm.post(&format!("jobs/{job}/reset"), &reset).expect(204);
    let told = farm.get(&frame).json();
    assert_eq!((&told["state"], &told["tiles"]["done"]), (&json!("queued"), &json!(1)));
    farm.get(&format!("{frame}/result"))
        .refused(404, "not_found", "frame 3 of job");
}

/// An archive as a release wrote it whose slaves denoised nothing.
fn of_earlier_release(archive: Vec<u8>) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in unzipped(archive) {
        let bytes = match name.as_str() {
            "job.json" => {
                let mut job: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                job.as_object_mut().unwrap().remove("denoises").unwrap();
                serde_json::to_vec(&job).unwrap()
            }
            _ => bytes,
        };
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(name, stored).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn jobs_of_earlier_releases_are_over_without_a_slave_that_denoises() {
    let farm = Farm::start();
    let (job, _) = rendered(&farm);
    let archive = farm.get(&format!("jobs/{job}/archive.zip")).expect(200).body;
    let other = Farm::start();
    other
        .send(other.request("POST", "archive").body(of_earlier_release(archive)))
        .expect(200);
    let over = other.get(&format!("jobs/{job}")).json();
    assert_eq!((&over["state"], &over["total"]), (&json!("finished"), &json!(2)));
    other.get(&format!("jobs/{job}/frames/3/result")).expect(200);
    let files = unzipped(other.get(&format!("jobs/{job}/results.zip")).expect(200).body);
    assert_eq!(names_of(&files), ["000003.exr", "not_denoised.txt"]);
    assert!(String::from_utf8_lossy(&files[1].1).contains("are not denoised yet"));
}
