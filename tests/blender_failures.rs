//! A Blender that fails on command: each failure is told in a sentence, and nothing is left behind.

#![expect(clippy::unwrap_used, reason = "clippy does not take the functions beside tests for tests")]

mod parts;

use netrender::blender::{CollectRequest, Collected, Worker, WorkerOptions, collect, probe};
use netrender::error::{Code, Error, Result};
use netrender::images;
use parts::bench::{Bench, request, worker};
use parts::{FakeBlender, lives};
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A fake Blender that has opened its scene.
async fn fake_worker(orders: &str) -> (FakeBlender, Worker, Bench) {
    let fake = FakeBlender::told(orders);
    let (mut worker, bench) = worker(&probe(&fake.path()).await.unwrap()).await;
    worker.open(&request(&fake.scene())).await.unwrap();
    (fake, worker, bench)
}

fn assert_blender(error: &Error, words: &[&str]) {
    assert_eq!(error.code, Code::Blender, "{error}");
    for words in words {
        assert!(error.to_string().contains(words), "{words:?} is not in: {error}");
    }
}

#[tokio::test]
async fn a_crash_is_told_with_the_last_words() {
    let (_fake, mut worker, bench) = fake_worker(r#"{"crash_on_frames": [2]}"#).await;
    worker.render(1, &bench.output(1)).await.unwrap();
    let error = worker.render(2, &bench.output(2)).await.unwrap_err();
    assert_blender(&error, &["crashed (signal 11) while rendering frame 2", "about to crash"]);
    worker.kill().await;
}

#[tokio::test]
async fn a_crash_at_the_start_or_on_load_is_told_too() {
    let fake = FakeBlender::told(r#"{"crash_on_open": true}"#);
    let installation = probe(&fake.path()).await.unwrap();
    let (mut loading, _bench) = worker(&installation).await;
    let error = loading.open(&request(&fake.scene())).await.unwrap_err();
    assert_blender(&error, &["crashed (signal 11) while opening scene.blend"]);
    fake.tell(r#"{"crash_on_start": true}"#);
    let options = WorkerOptions {
        threads: 0,
        devices: Vec::new(),
        allow_scripts: false,
        folder: fake.folder().join("worker"),
    };
    let error = Worker::start(&installation, &options, mpsc::channel(9).0).await.unwrap_err();
    assert_blender(&error, &["ended (status 3) at its start", "no start today"]);
}

#[tokio::test]
async fn a_failed_frame_leaves_the_worker_usable() {
    let (_fake, mut worker, bench) = fake_worker(r#"{"fail_on_frames": [1], "times": 1}"#).await;
    let error = worker.render(1, &bench.output(1)).await.unwrap_err();
    assert_blender(&error, &["told to fail frame 1"]);
    worker.render(1, &bench.output(1)).await.unwrap();
    images::verify(&bench.output(1), Some((8, 8))).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn killing_a_hung_worker_leaves_no_process_of_its_tree() {
    let (fake, mut worker, bench) = fake_worker(r#"{"hang_on_frames": [1], "grandchild": true}"#).await;
    let (pid, grandchild) = (worker.pid(), fake.grandchild().unwrap());
    let hung = tokio::time::timeout(Duration::from_millis(300), worker.render(1, &bench.output(1))).await;
    assert!(hung.is_err() && lives(pid) && lives(grandchild));
    worker.kill().await;
    assert!(!lives(pid) && !lives(grandchild));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dropped_worker_takes_its_tree_along() {
    let (fake, worker, _bench) = fake_worker(r#"{"grandchild": true}"#).await;
    let (pid, grandchild) = (worker.pid(), fake.grandchild().unwrap());
    drop(worker);
    let gone = async {
        while lives(pid) || lives(grandchild) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .expect("a process was left");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn when_opening_is_given_up_the_end_of_the_tree_can_be_waited_for() {
    let fake = FakeBlender::told(r#"{"grandchild": true, "hang_on_open": true}"#);
    let options = WorkerOptions {
        threads: 0,
        devices: Vec::new(),
        allow_scripts: false,
        folder: fake.folder().join("worker"),
    };
    let (alive, gone) = oneshot::channel();
    let installation = probe(&fake.path()).await.unwrap();
    let (sender, mut log) = mpsc::channel(9);
    let mut worker = Worker::start_watched(&installation, &options, sender, Some(alive))
        .await
        .unwrap();
    let pid = worker.pid();
    let scene = request(&fake.scene());
    tokio::select! {
        opened = worker.open(&scene) => panic!("it opened: {opened:?}"),
        line = log.recv() => assert_eq!(line.unwrap().text, "fake: about to hang"),
    }
    let grandchild = fake.grandchild().unwrap();
    assert!(lives(pid) && lives(grandchild));
    drop(worker);
    gone.await.unwrap_err();
    assert!(!lives(grandchild));
}

#[tokio::test]
async fn a_hundred_megabytes_of_log_neither_block_the_frame_nor_fill_memory() {
    let fake = FakeBlender::told(r#"{"print_bytes": 100000000}"#);
    let options = WorkerOptions {
        threads: 0,
        devices: Vec::new(),
        allow_scripts: false,
        folder: fake.folder().join("worker"),
    };
    let (sender, mut log) = mpsc::channel(64);
    let mut worker = Worker::start(&probe(&fake.path()).await.unwrap(), &options, sender)
        .await
        .unwrap();
    worker.open(&request(&fake.scene())).await.unwrap();
    // Nobody reads the log while the frame renders.
    worker.render(1, &fake.folder().join("1.exr")).await.unwrap();
    let kept = std::iter::from_fn(|| log.try_recv().ok()).count();
    assert_eq!(kept, 64);
}

#[tokio::test]
async fn a_truncated_picture_is_refused() {
    let (_fake, mut worker, bench) = fake_worker(r#"{"truncate_frames": [1]}"#).await;
    worker.render(1, &bench.output(1)).await.unwrap();
    let error = images::verify(&bench.output(1), None).unwrap_err();
    assert!(
        error.message.contains("1.exr is cut short, damaged or no EXR file"),
        "{error}"
    );
}

/// Has a program collect a scene, in a folder that is gone afterwards.
async fn collected_by(program: &Path, blend: &Path) -> Result<Collected> {
    let folder = tempfile::tempdir().unwrap();
    let wish = CollectRequest {
        blend: blend.to_owned(),
        ..CollectRequest::default()
    };
    collect(Some(program), &wish, &folder.path().join("collected")).await
}

#[tokio::test]
async fn a_scene_is_collected_by_one_start_that_tells_the_version_too() {
    let fake = FakeBlender::told(r#"{"note_starts": true, "version": [4, 2, 3]}"#);
    let collected = collected_by(&fake.path(), &fake.scene()).await.unwrap();
    assert_eq!(collected.blender.to_string(), "4.2.3");
    let starts: Vec<String> = fake.starts().into_iter().map(|(what, _)| what).collect();
    assert_eq!(starts, ["collect"]);
}

#[tokio::test]
async fn a_program_whose_name_tells_nothing_is_asked_what_it_is() {
    let fake = FakeBlender::told("{}");
    let program = fake.folder().join("render_program.py");
    std::fs::copy(fake.path(), &program).unwrap();
    let collected = collected_by(&program, &fake.scene()).await.unwrap();
    assert_eq!(collected.blender.to_string(), "3.4.1");
}

#[tokio::test]
async fn what_collecting_fails_of_is_told_precisely() {
    let fake = FakeBlender::told(r#"{"crash_on_collect": true}"#);
    let error = collected_by(&fake.path(), &fake.scene()).await.unwrap_err();
    assert_blender(
        &error,
        &["crashed (signal 11) while looking through the scene", "about to crash"],
    );
    fake.tell("{}");
    let newer = fake.folder().join("newer.blend");
    std::fs::write(&newer, "BLENDER17-01v0500 and no more").unwrap();
    let error = collected_by(&fake.path(), &newer).await.unwrap_err();
    assert_blender(
        &error,
        &["newer.blend was saved by Blender 5.0, which is newer than this Blender 3.4.1"],
    );
    fake.tell(r#"{"crash_on_collect": true}"#);
    let error = collected_by(&fake.path(), &newer).await.unwrap_err();
    assert_blender(&error, &["saved by Blender 5.0"]);
    let gone = fake.folder().join("blender");
    let error = collected_by(&gone, &fake.scene()).await.unwrap_err();
    assert_blender(&error, &["cannot start", "blender"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_only_bears_the_name_of_blender_or_python_is_found_out() {
    let fake = FakeBlender::told("{}");
    let place = |name: &str, target: &Path| {
        let path = fake.folder().join(name);
        std::os::unix::fs::symlink(target, &path).unwrap();
        path
    };
    let shell = place("blender", Path::new("/bin/sh"));
    let error = collected_by(&shell, &fake.scene()).await.unwrap_err();
    assert_blender(&error, &["is neither Blender nor Python"]);
    // A Blender whose name says that it is a Python is asked, and then started as what it is.
    let misnamed = fake.folder().join("python_of_blender");
    std::fs::copy(fake.path(), &misnamed).unwrap();
    assert!(collected_by(&misnamed, &fake.scene()).await.is_ok());
}
