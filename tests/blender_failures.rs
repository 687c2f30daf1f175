//! A Blender that fails on command: each failure is told in a sentence, and nothing is left behind.

#![expect(clippy::unwrap_used, reason = "clippy does not take the functions beside tests for tests")]

mod parts;

use netrender::blender::{Worker, WorkerOptions, probe};
use netrender::error::{Code, Error};
use netrender::images;
use parts::bench::{Bench, request, worker};
use parts::{FakeBlender, lives};
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
