//! Jobs that bake, from the order to what the frames find: a real master and real slaves in one process, with a Blender that
//! fails on command.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod parts;

use netrender::client::{BakeWish, BakesRequest, Client, GatherRequest, Gathered, SubmitRequest};
use netrender::ids::JobId;
use netrender::slave::{Slave, SlaveState};
use netrender::wire::{FrameStateInfo, JobKind};
use parts::farm::{Farm, PATIENCE, wait_until};
use parts::{FakeBlender, lives};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Two simulations of which the first comes after the second.
const COLLECTED: &str = r#""collected": {"frame_end": 4, "unbaked": ["the cloth simulation of Flag is not baked"], "bakes": [
    {"name": "cloth of Flag", "kind": "cloth", "object": "Flag", "item": "Cloth", "scene": "Scene", "first": 1, "last": 4, "after": [2]},
    {"name": "soft body of Ball", "kind": "soft_body", "object": "Ball", "item": "Soft", "scene": "Scene", "first": 1, "last": 4}]}"#;

fn told(orders: &str) -> String {
    format!("{{{orders}{COLLECTED}}}")
}

fn submit(client: &Client, blender: &FakeBlender, bakes: BakeWish) -> (JobId, Option<JobId>) {
    let submission = client
        .submit(SubmitRequest {
            blender: Some(blender.path()),
            bakes,
            ..SubmitRequest::new(blender.scene())
        })
        .unwrap();
    let job = submission.wait(PATIENCE).unwrap().unwrap();
    let progress = submission.progress();
    assert_eq!(progress.unbaked.is_empty(), bakes != BakeWish::Never, "{progress:?}");
    assert_eq!(progress.warnings.is_empty(), bakes != BakeWish::Never, "{progress:?}");
    (job, progress.bake_job)
}

#[test]
fn a_scene_is_baked_first_and_its_frames_find_what_was_baked() {
    let farm = Farm::start();
    let blender = FakeBlender::told(&told(r#""list_on_open": true, "note_starts": true, "#));
    let client = farm.client();
    let (job, baking) = submit(&client, &blender, BakeWish::First);
    let baking = baking.unwrap();
    assert_eq!(farm.job(baking).kind, JobKind::Bake);
    let _slaves = [farm.slave(&blender, "one"), farm.slave(&blender, "two")];
    let frames = farm.wait_for_end(job);
    assert!(frames.iter().all(|frame| frame.attempt == 1), "{frames:?}");
    // Frames 1 and 2 need these files, as the fake bakes say; the others may have them or not.
    let printed = farm.log(job, 1, 1);
    assert!(
        printed.contains("fake: opened beside cache_000001_00.bphys cache_000001_00.bphys"),
        "{printed}"
    );
    let printed = farm.log(baking, 1, 1);
    assert!(
        printed.contains("netrender: bake cloth of Flag: frame 1 of 1-2 (50 %)"),
        "{printed}"
    );

    let folder = tempfile::tempdir().unwrap();
    let here = bring(&client, baking, folder.path());
    assert_eq!(here, ["cloth of Flag", "soft body of Ball"]);
    let cache = |name: &str| {
        std::fs::read_to_string(folder.path().join("netrender_bakes").join(name).join("cache_000001_00.bphys")).unwrap()
    };
    assert_eq!(cache("2_cache"), "bake 2 after []");
    assert_eq!(cache("1_cache"), "bake 1 after ['2_cache']");
}

fn frames_of(job: JobId, folder: &Path) -> GatherRequest {
    GatherRequest {
        job,
        folder: folder.to_path_buf(),
        frames: None,
        follow: false,
        what: Gathered::Layers,
        blender: None,
    }
}

fn bring(client: &Client, job: JobId, folder: &Path) -> Vec<String> {
    let request = BakesRequest {
        job,
        folder: folder.to_path_buf(),
        blend: None,
        blender: None,
    };
    let here = client.bring_bakes(request).unwrap();
    here.bakes.into_iter().map(|baked| baked.name).collect()
}

#[test]
fn how_far_bakes_are_is_seen_by_everybody_while_they_go_on() {
    let farm = Farm::start();
    let blender = FakeBlender::told(&told(r#""gate_bakes": [2], "#));
    let client = farm.client();
    let (job, baking) = submit(&client, &blender, BakeWish::First);
    let baking = baking.unwrap();
    let slave = farm.slave(&blender, "one");
    wait_until("the master knows how far it is", || farm.job(baking).percent == Some(25));
    assert_eq!(farm.frames(baking)[1].percent, Some(50));
    assert_eq!(
        slave.status().text,
        "baking soft body of Ball of scene (bakes): frame 1 of 1-2 (50 %)"
    );
    let folder = tempfile::tempdir().unwrap();
    let gather = client.gather(frames_of(job, folder.path())).unwrap();
    let why = format!("frame 1 waits: job {baking} (scene (bakes)) has to be finished before, and is at 25 %");
    assert_eq!(gather.frame(1, Duration::ZERO).text, why);
    std::fs::write(blender.folder().join("fake_blender.open"), b"").unwrap();
    farm.wait_for_end(job);
    assert_eq!(farm.job(baking).percent, Some(100));
}

#[test]
fn bakes_that_are_brought_again_take_the_place_of_older_ones() {
    let farm = Farm::start();
    let blender = FakeBlender::told(&told(""));
    let client = farm.client();
    let (job, _) = submit(&client, &blender, BakeWish::Only);
    let _slave = farm.slave(&blender, "one");
    farm.wait_for_end(job);
    let folder = tempfile::tempdir().unwrap();
    let error = client.gather(frames_of(job, folder.path())).unwrap_err();
    assert!(error.message.contains("it has no frames"), "{error}");
    let caches = folder.path().join("netrender_bakes");
    std::fs::create_dir_all(caches.join("1_cache")).unwrap();
    std::fs::write(caches.join("1_cache/cache_000009_00.bphys"), "of an older bake").unwrap();
    std::fs::write(folder.path().join("shot.blend"), "the artist's").unwrap();
    for _ in 0..2 {
        bring(&client, job, folder.path());
        let names = |folder: &Path| {
            let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&caches), ["1_cache", "2_cache", "scene_bakes.json"]);
        assert_eq!(names(&caches.join("1_cache")), ["cache_000001_00.bphys"]);
        assert_eq!(names(folder.path()), ["netrender_bakes", "shot.blend"]);
    }
}

#[test]
fn a_job_that_renders_has_no_bakes_and_a_scene_without_simulations_nothing_to_bake() {
    let farm = Farm::start();
    let blender = FakeBlender::told("{}");
    let client = farm.client();
    let folder = tempfile::tempdir().unwrap();
    let rendered = farm.submit(&blender.scene(), "1", 1);
    let request = BakesRequest {
        job: rendered,
        folder: folder.path().to_path_buf(),
        blend: None,
        blender: None,
    };
    let error = client.bring_bakes(request).unwrap_err();
    assert!(error.message.ends_with("bakes nothing"), "{error}");
    let wish = SubmitRequest {
        blender: Some(blender.path()),
        bakes: BakeWish::Only,
        ..SubmitRequest::new(blender.scene())
    };
    let error = client.submit(wish).unwrap().wait(PATIENCE).unwrap_err();
    assert!(error.message.contains("nothing to bake"), "{error}");
    assert_eq!(client.jobs().unwrap().len(), 1);
}

#[test]
fn jobs_that_were_sent_together_are_taken_back_together() {
    let farm = Farm::start();
    let blender = FakeBlender::told(&told(""));
    let client = farm.client();
    let wish = SubmitRequest {
        blender: Some(blender.path()),
        bakes: BakeWish::First,
        ..SubmitRequest::new(blender.scene())
    };
    let submission = client.submit(wish).unwrap();
    submission.wait(PATIENCE).unwrap().unwrap();
    assert_eq!(client.jobs().unwrap().len(), 2);
    submission.cancel();
    wait_until("both are gone", || client.jobs().unwrap().is_empty());
}

/// The second of two bakes, which comes first, misbehaves once: it is done at the second attempt, and the other one after it.
fn check_second_attempt(orders: &str, words: &str, printed: &str) {
    let farm = Farm::start();
    let blender = FakeBlender::told(&told(&format!(r#"{orders}, "times": 1, "#)));
    let mut options = farm.slave_options(&blender, "one");
    options.hang_timeout = Duration::from_secs(1);
    let slave = Slave::start(options).unwrap();
    let client = farm.client();
    let (job, _) = submit(&client, &blender, BakeWish::Only);
    let bakes = farm.wait_for_end(job);
    let attempts: Vec<u32> = bakes.iter().map(|bake| bake.attempt).collect();
    assert_eq!(attempts, [1, 2], "{bakes:?}");
    let failure = bakes[1].failure.clone().unwrap_or_default();
    assert!(failure.contains(words), "{failure}");
    assert!(farm.log(job, 2, 1).contains(printed), "{}", farm.log(job, 2, 1));
    slave.stop(PATIENCE).unwrap();
}

#[test]
fn a_bake_at_which_blender_crashes_is_tried_again() {
    check_second_attempt(
        r#""crash_on_bakes": [2]"#,
        "Blender crashed (signal 11) while baking soft body of Ball",
        "fake: about to crash",
    );
}

#[test]
fn a_bake_at_which_blender_hangs_is_tried_again() {
    check_second_attempt(r#""hang_on_bakes": [2]"#, "Blender hung", "fake: about to hang");
}

#[test]
fn a_bake_that_delivers_what_is_none_of_its_job_never_reaches_the_master() {
    check_second_attempt(
        r#""spoil_bakes": [2]"#,
        "which is no file of a bake of its job",
        "netrender: bake soft body of Ball",
    );
}

#[test]
fn a_bake_that_fails_for_good_ends_its_job_in_words() {
    let farm = Farm::start();
    let blender = FakeBlender::told(&told(r#""fail_on_bakes": [2], "#));
    let _slave = farm.slave(&blender, "one");
    let (job, _) = submit(&farm.client(), &blender, BakeWish::Only);
    wait_until("the job is over", || farm.job(job).state.is_over());
    let bakes = farm.frames(job);
    assert!(bakes.iter().all(|bake| bake.state == FrameStateInfo::Failed), "{bakes:?}");
    let words: Vec<String> = bakes.into_iter().map(|bake| bake.failure.unwrap_or_default()).collect();
    assert!(words[1].contains("was told to fail bake 2"), "{words:?}");
    assert!(words[0].contains("soft body of Ball"), "{words:?}");
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        found.extend(below(&path));
        found.push(path);
    }
    found
}

#[test]
fn a_cancelled_bake_leaves_no_process() {
    let farm = Farm::start();
    let blender = FakeBlender::told(&told(r#""hang_on_bakes": [2], "note_starts": true, "#));
    let slave = farm.slave(&blender, "one");
    let (job, _) = submit(&farm.client(), &blender, BakeWish::Only);
    wait_until("it bakes", || slave.status().text.contains("baking soft body of Ball"));
    let workers = || {
        blender
            .starts()
            .into_iter()
            .filter(|(what, _)| what == "worker")
            .map(|(_, pid)| pid)
    };
    let baking: Vec<u32> = workers().collect();
    farm.ask(async |link| link.act(&format!("jobs/{job}/cancel")).await);
    wait_until("nothing bakes any more", || {
        slave.status().state == SlaveState::Idle && !baking.iter().any(|pid| lives(*pid))
    });
    let left: Vec<_> = below(&farm.slaves())
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("netrender_bake_"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
