//! Frames in tiles that a slave denoises once all their tiles are done: over a farm of fake Blenders.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod parts;

use netrender::client::{GatherRequest, Gathered, SubmitRequest};
use netrender::error::Error;
use netrender::ids::JobId;
use netrender::images;
use netrender::slave::Slave;
use netrender::wire::{FrameStateInfo, JobReset, JobStateInfo};
use parts::farm::{Farm, PATIENCE, wait_until};
use parts::gathering::{gather, gather_with, gathered, wish};
use parts::{FakeBlender, lives, make_scene, real_blenders};
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// Of whole frames and of those in tiles that slaves denoised; the real Blenders that cannot say so before anything is sent.
#[test]
fn what_a_slave_denoised_is_the_whole_frame_bit_by_bit() {
    let blenders = tokio::runtime::Runtime::new().unwrap().block_on(real_blenders());
    let mut compared = 0;
    for installation in blenders {
        let folder = tempfile::tempdir().unwrap();
        make_scene(&installation, "scenes/tiles.py", folder.path());
        let farm = Farm::start();
        let program = installation.program.clone();
        let slaves = ["one", "two"].map(|name| Slave::start(farm.slave_options_of(program.clone(), name)).unwrap());
        let client = farm.client();
        let made = |tiles: &str, place: &str| {
            let mut wish = SubmitRequest::new(folder.path().join("main.blend"));
            wish.blender = Some(program.clone());
            wish.settings.scene = Some("Denoised".to_owned());
            wish.frames = Some("3".parse().unwrap());
            wish.tiles = tiles.parse().unwrap();
            let job = client.submit(wish).unwrap().wait(PATIENCE)?.unwrap();
            let nowhere = Some(folder.path().join("no_blender"));
            Ok::<_, Error>(gather_with(&client, job, &folder.path().join(place), nowhere))
        };
        let denoised = match made("2x2", "denoised") {
            Ok(denoised) => denoised,
            Err(refusal) => {
                assert!(refusal.message.contains("it has no OpenImageDenoise"), "{refusal}");
                continue;
            }
        };
        let whole = made("1x1", "whole").unwrap();
        let difference = images::compare(&whole, &denoised).unwrap();
        assert!(difference.is_identical(), "{difference:?}");
        compared += 1;
        drop(slaves);
    }
    assert!(compared > 0 || std::env::var_os("CI").is_none(), "every Blender refused");
}

/// A Blender whose scene is denoised, and whose denoised pixels have the value 0.25.
fn denoising(more: &str) -> FakeBlender {
    FakeBlender::told(&format!(
        r#"{{"size": [61, 47], "gradient": true, {more} "collected": {{"adapts": true, "denoising":
        {{"layers": [{{"name": "ViewLayer"}}], "passes": "RGB", "prefilter": "NONE"}}}}}}"#
    ))
}

#[test]
fn tiles_overlap_and_a_slave_denoises_them_when_they_are_together() {
    let farm = Farm::start();
    let blender = denoising("");
    let _slaves = [farm.slave(&blender, "one"), farm.slave(&blender, "two")];
    let client = farm.client();
    let folder = tempfile::tempdir().unwrap();
    let mut wish = wish(&blender, "3x2");
    let submission = client.submit(wish.clone()).unwrap();
    let job = submission.wait(PATIENCE).unwrap().unwrap();
    let warnings = submission.progress().warnings;
    assert!(warnings[0].contains("tiles overlap by 4 pixels"), "{warnings:?}");
    assert!(warnings[1].contains("a slave denoises each frame"), "{warnings:?}");
    // No Blender is needed here.
    let frame = gather_with(&client, job, folder.path(), Some(folder.path().join("no_blender")));
    let told = images::inspect(&frame).unwrap();
    assert_eq!((told.width, told.height), (61, 47));
    let passes: Vec<&String> = told.layers["ViewLayer"].keys().collect();
    assert_eq!(passes, ["Combined", "Noisy Image"]);
    let left = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["000003.exr"], "nothing is left of the tiles");
    assert_eq!((farm.job(job).total, farm.job(job).done), (7, 7));
    let told = farm.frames(job)[0].clone();
    assert_eq!(told.tiles.unwrap().denoising, Some(FrameStateInfo::Done));
    assert!(client.log(job, 3, None).unwrap().contains("putting 6 tiles together"));

    wish.tiles_exact = true;
    let refusal = client.submit(wish).unwrap().wait(PATIENCE).unwrap_err();
    assert!(
        refusal.message.ends_with("adaptive sampling looks at the pixels around"),
        "{refusal}"
    );
}

#[test]
fn a_slave_that_cannot_denoise_is_passed_over_and_one_that_comes_does_it() {
    let farm = Farm::start();
    let lacking = denoising(r#""lacks_denoiser": true,"#);
    let bare = farm.slave(&lacking, "bare");
    let client = farm.client();
    let job = client.submit(wish(&lacking, "2x1")).unwrap().wait(PATIENCE).unwrap().unwrap();
    wait_until("it says why it waits", || {
        let told = farm.job(job).explanation;
        told.iter()
            .any(|why| why.contains("not fit for it") && why.contains("without OpenImageDenoise"))
    });
    assert_eq!((farm.job(job).done, farm.job(job).failed), (2, 0));
    let blender = denoising("");
    let _able = farm.slave(&blender, "able");
    wait_until("it is denoised", || farm.job(job).done == 3);
    assert_eq!(farm.frames(job)[0].failure, None);
    drop(bare);
}

#[test]
fn tiles_are_here_while_their_frame_is_denoised_and_a_crash_of_that_is_a_failed_attempt() {
    let farm = Farm::start();
    let blender = denoising(r#""gate_denoising": true, "crash_on_denoising": true, "times": 1,"#);
    let _slave = farm.slave(&blender, "one");
    let client = farm.client();
    let folder = tempfile::tempdir().unwrap();
    let job = client.submit(wish(&blender, "2x2")).unwrap().wait(PATIENCE).unwrap().unwrap();
    let gather = client.gather(GatherRequest {
        blender: None,
        job,
        folder: folder.path().to_path_buf(),
        frames: None,
        follow: true,
        what: Gathered::Layers,
    });
    let gather = gather.unwrap();
    wait_until("all tiles are here", || gather.tiles(3).len() == 4);
    wait_until("it is told what goes on", || {
        gather
            .frame(3, Duration::ZERO)
            .text
            .starts_with("frame 3 is being denoised on")
    });
    std::fs::write(blender.folder().join("fake_blender.open"), b"").unwrap();
    assert!(gather.wait(PATIENCE).complete);
    let frame = gather.frame(3, Duration::ZERO).path.unwrap();
    assert_eq!(images::inspect(&frame).unwrap().layers["ViewLayer"].len(), 2);
    let told = farm.frames(job)[0].clone();
    assert_eq!(told.attempt, 2);
    assert!(told.failure.unwrap().contains("while denoising"));
}

#[test]
fn a_tile_that_is_rendered_anew_is_denoised_anew() {
    let farm = Farm::start();
    let blender = denoising("");
    let _slave = farm.slave(&blender, "one");
    let client = farm.client();
    let folder = tempfile::tempdir().unwrap();
    let (job, frame) = gathered(&client, &blender, "2x2", folder.path());
    let before = farm.frames(job)[0].clone();
    let reset = JobReset::Frames {
        frames: "3".parse().unwrap(),
        tiles: vec![2],
    };
    farm.ask(async |link| {
        link.post::<_, serde_json::Value>(&format!("jobs/{job}/reset"), &reset, Duration::ZERO)
            .await
    });
    wait_until("it is denoised anew", || farm.job(job).done == 5);
    let after = farm.frames(job)[0].clone();
    assert_eq!((before.attempt, after.attempt), (1, 3), "the reset counts as one");
    let again = gather(&client, job, folder.path());
    assert_eq!(again, frame);
    images::verify(&again, Some((61, 47))).unwrap();
}

/// An archive as a release wrote it that denoised where frames are gathered.
fn of_earlier_release(archive: &Path) {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    let mut older = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in names
        .iter()
        .filter(|name| !name.contains("/000003.") && !name.contains("/000003_"))
    {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        if name == "job.json" {
            let mut job: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            job.as_object_mut().unwrap().remove("denoises").unwrap();
            bytes = serde_json::to_vec(&job).unwrap();
        } else if name == "frames.jsonl" {
            let lines = String::from_utf8(bytes).unwrap();
            let tiles = lines.lines().filter(|line| line.contains("\"tile\""));
            bytes = tiles.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes();
        }
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        older.start_file(name, stored).unwrap();
        older.write_all(&bytes).unwrap();
    }
    std::fs::write(archive, older.finish().unwrap().into_inner()).unwrap();
}

/// A job of two tiles of an earlier release, on a farm without slaves, and what a slave of this one denoised of it.
fn restored(blender: &FakeBlender, folder: &Path) -> (Farm, JobId, PathBuf) {
    let farm = Farm::start();
    let slave = farm.slave(blender, "one");
    let (job, by_slave) = gathered(&farm.client(), blender, "2x1", &folder.join("slave"));
    let archive = folder.join("archive.zip");
    farm.client().archive(job, &archive).unwrap();
    drop(slave);
    of_earlier_release(&archive);
    let other = Farm::start();
    assert_eq!(other.client().restore(&archive).unwrap(), job);
    assert_eq!((other.job(job).total, other.job(job).state), (2, JobStateInfo::Finished));
    (other, job, by_slave)
}

fn request(job: JobId, folder: PathBuf, blender: PathBuf) -> GatherRequest {
    GatherRequest {
        blender: Some(blender),
        job,
        folder,
        frames: None,
        follow: true,
        what: Gathered::Layers,
    }
}

#[test]
fn frames_of_an_earlier_release_are_denoised_where_they_are_gathered() {
    let (blender, folder) = (denoising(""), tempfile::tempdir().unwrap());
    let (farm, job, by_slave) = restored(&blender, folder.path());
    let client = farm.client();
    let here = gather_with(&client, job, &folder.path().join("here"), Some(blender.path()));
    let difference = images::compare(&by_slave, &here).unwrap();
    assert!(difference.is_identical(), "{difference:?}");
    let nowhere = request(job, folder.path().join("nowhere"), folder.path().join("no_blender"));
    let refusal = client.gather(nowhere).err().unwrap().message;
    assert!(refusal.contains("denoised on the machine that gathers it, and"), "{refusal}");
}

#[test]
fn a_gathering_that_is_stopped_ends_its_blender_at_once() {
    let (blender, folder) = (denoising(""), tempfile::tempdir().unwrap());
    let (farm, job, _) = restored(&blender, folder.path());
    let client = farm.client();
    let stuck = denoising(r#""gate_denoising": true, "note_starts": true,"#);
    let gather = client.gather(request(job, folder.path().join("here"), stuck.path())).unwrap();
    let worker = || stuck.starts().into_iter().find(|(what, _)| what == "worker");
    wait_until("a Blender denoises", || worker().is_some());
    gather.stop();
    wait_until("it is ended", || !lives(worker().unwrap().1));
    assert!(gather.view().ended.is_some());
}
