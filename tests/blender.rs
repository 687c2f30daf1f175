//! Child Blenders: the real ones render what they would render by themselves, the fake one fails in every way.

mod parts;

use netrender::blender::{CollectRequest, Collected, Installation, LogLine, SceneRequest, Worker, WorkerOptions, collect, probe};
use netrender::error::{Code, Error};
use netrender::images;
use netrender::wire::RenderSettings;
use parts::{FakeBlender, lives, make_scene, or_skip, real_blenders, render_locally, shared_scenes};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

struct Bench {
    folder: tempfile::TempDir,
    log: mpsc::Receiver<LogLine>,
}

/// A worker in a folder of its own.
async fn worker(installation: &Installation) -> (Worker, Bench) {
    let folder = tempfile::tempdir().unwrap();
    let (sender, log) = mpsc::channel(100_000);
    let options = WorkerOptions {
        threads: 2,
        allow_scripts: false,
        folder: folder.path().join("worker"),
    };
    let worker = Worker::start(installation, &options, sender).await.unwrap();
    (worker, Bench { folder, log })
}

/// Puts what was collected where a slave would put it.
fn copy_all(collected: &Collected, folder: &Path) {
    for file in collected.files.iter().chain([&collected.main]) {
        let path = folder.join(&file.virtual_path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(&file.disk_path, path).unwrap();
    }
}

fn request(blend: &Path) -> SceneRequest {
    SceneRequest {
        blend: blend.to_path_buf(),
        settings: RenderSettings::default(),
    }
}

/// A fake Blender that has opened its scene.
async fn fake_worker(orders: &str) -> (FakeBlender, Worker, Bench) {
    let fake = FakeBlender::told(orders);
    let (mut worker, bench) = worker(&probe(&fake.path()).await.unwrap()).await;
    worker.open(&request(&fake.scene())).await.unwrap();
    (fake, worker, bench)
}

impl Bench {
    fn output(&self, frame: i32) -> PathBuf {
        self.folder.path().join(format!("{frame}.exr"))
    }

    fn lines(&mut self) -> Vec<LogLine> {
        std::iter::from_fn(|| self.log.try_recv().ok()).collect()
    }
}

fn assert_blender(error: &Error, words: &[&str]) {
    assert_eq!(error.code, Code::Blender, "{error}");
    for words in words {
        assert!(error.to_string().contains(words), "{words:?} is not in: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_a_moved_scene_equal_local_ones_whatever_their_order() {
    for installation in real_blenders().await {
        let scenes = tempfile::tempdir().unwrap();
        let original = scenes.path().join("original");
        make_scene(&installation, "scenes/layers.py", &original);
        let main = original.join("shot/main.blend");
        let local = scenes.path().join("local");
        render_locally(&installation, &main, &local, "1-4", &[]);

        let wish = CollectRequest {
            blend: main.clone(),
            ..CollectRequest::default()
        };
        let before = std::fs::read(&main).unwrap();
        let collected = collect(&installation, &wish, &scenes.path().join("collected")).await.unwrap();
        assert_eq!(before, std::fs::read(&main).unwrap(), "the artist's file was changed");
        assert_eq!((collected.frame_start, collected.frame_end), (1, 4));
        assert!(collected.missing.is_empty() && collected.warnings.is_empty(), "{collected:?}");
        let mut names: Vec<_> = collected
            .files
            .iter()
            .map(|file| file.virtual_path.rsplit('/').next().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["col.png", "paint.png", "props.blend", "wood.png"]);

        // As on a slave: everything lies elsewhere, and the original is gone.
        let moved = scenes.path().join("moved");
        copy_all(&collected, &moved);
        std::fs::rename(&original, scenes.path().join("gone")).unwrap();
        let (mut worker, mut bench) = worker(&installation).await;
        worker
            .open(&request(&moved.join(&collected.main.virtual_path)))
            .await
            .unwrap();
        for frame in [4, 1, 2, 1] {
            let output = bench.output(frame);
            let rendered = worker.render(frame, &output).await.unwrap();
            assert!(rendered.seconds > 0.0);
            images::verify(&output, Some((48, 36))).unwrap();
            let difference = images::compare(&output, &local.join(format!("{frame:06}.exr"))).unwrap();
            assert!(
                difference.is_identical(),
                "frame {frame} of Blender {}: {difference:?}",
                installation.version
            );
            assert!(
                bench.lines().iter().any(|line| line.frame == Some(frame)),
                "no log of frame {frame}"
            );
        }
        let info = images::inspect(&bench.output(1)).unwrap();
        assert_eq!(info.layers["ViewLayer"]["Combined"], "RGBA");
        assert_eq!(info.layers["Second Layer"]["Vector"], "XYZW");
        assert!(info.layers["ViewLayer"].contains_key("Paint"), "{info:?}");
        assert!(
            info.metadata.keys().any(|key| key.starts_with("cryptomatte/")),
            "{:?}",
            info.metadata
        );
        assert!(worker.memory_bytes().unwrap() > 10_000_000);
        let pid = worker.pid();
        worker.kill().await;
        assert!(!lives(pid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scenes_that_nobody_here_made_equal_local_renders() {
    let Some(shared) = or_skip(shared_scenes(), "the folder of shared scenes (NETRENDER_TEST_SCENES)") else {
        return;
    };
    for installation in real_blenders().await {
        for (name, frame) in [
            ("earth/blend/earth.blend", 40),
            ("knight/knight.blend", 7),
            ("linked-libraries/file_to_pack.blend", 1),
            ("animated/scene.blend", 120),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            let (blend, local) = (shared.join(name), path("local"));
            let small = ["--engine", "CYCLES", "--resolution-percent", "10", "--samples", "4"];
            render_locally(&installation, &blend, &local, &format!("{frame}-{frame}"), &small);
            let wish = CollectRequest {
                blend,
                engine: Some("CYCLES".to_owned()),
                ..CollectRequest::default()
            };
            let collected = collect(&installation, &wish, &path("collected")).await.unwrap();
            assert!(collected.missing.is_empty(), "{name}: {collected:?}");
            copy_all(&collected, &path("moved"));
            let (mut worker, bench) = worker(&installation).await;
            let mut wish = request(&path("moved").join(&collected.main.virtual_path));
            wish.settings = RenderSettings {
                engine: Some("CYCLES".to_owned()),
                resolution_percent: Some(10),
                samples: Some(4),
                ..RenderSettings::default()
            };
            worker.open(&wish).await.unwrap();
            worker.render(frame, &bench.output(frame)).await.unwrap();
            let difference = images::compare(&bench.output(frame), &local.join(format!("{frame:06}.exr"))).unwrap();
            assert!(
                difference.is_identical(),
                "{name} in Blender {}: {difference:?}",
                installation.version
            );
            worker.kill().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_is_found_and_found_again_elsewhere() {
    for installation in real_blenders().await {
        let scenes = tempfile::tempdir().unwrap();
        let original = scenes.path().join("original");
        make_scene(&installation, "scenes/dependencies.py", &original);
        let blend = original.join("project/shot/main.blend");
        let wish = CollectRequest {
            blend,
            ..CollectRequest::default()
        };
        let collected = collect(&installation, &wish, &scenes.path().join("collected")).await.unwrap();
        let expected = [
            "deep/blendcache_two/sub/meta.json",
            "deep/tex/col.png",
            "deep/two.blend",
            "other/col.png",
            "project/lib/one.blend",
            "project/seq/f2_0001.png",
            "project/seq/f2_0002.png",
            "project/seq/f2_0003.png",
            "project/shot/blendcache_main/436c6f7468_000001_00.bphys",
            "project/tex/a/col.png",
            "project/tex/b/col.png",
            "project/udim/u.1001.png",
            "project/udim/u.1002.png",
            "project/udim/u.1003.png",
        ];
        assert_eq!(below(&collected, &original), expected);
        assert!(collected.warnings.is_empty(), "{collected:?}");
        let missing: Vec<_> = collected.missing.iter().map(|file| file.path.clone()).collect();
        assert_eq!(missing, [original.join("project/shot/gone.png")]);

        let moved = scenes.path().join("moved");
        copy_all(&collected, &moved);
        std::fs::rename(&original, scenes.path().join("gone")).unwrap();
        let blend = moved.join(&collected.main.virtual_path);
        let root = moved.join(original.strip_prefix("/").unwrap());
        let wish = CollectRequest {
            blend,
            ..CollectRequest::default()
        };
        let again = collect(&installation, &wish, &scenes.path().join("again")).await.unwrap();
        assert_eq!(below(&again, &root), expected, "a copy names files outside of the job");
        assert!(
            again.files.iter().all(|file| file.disk_path.starts_with(&root)),
            "it needed no rewriting: {again:?}"
        );
    }
}

/// The virtual paths of all collected files but the main one, below a folder; one outside of it keeps its whole path.
fn below(collected: &Collected, folder: &Path) -> Vec<String> {
    let root = format!("{}/", folder.to_str().unwrap().trim_start_matches('/'));
    let cut = |path: &str| path.strip_prefix(&root).unwrap_or(path).to_owned();
    collected.files.iter().map(|file| cut(&file.virtual_path)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn scenes_that_cannot_be_rendered_are_refused_in_a_sentence() {
    for installation in real_blenders().await {
        let scenes = tempfile::tempdir().unwrap();
        let path = |name: &str| scenes.path().join(name);
        make_scene(&installation, "scenes/faulty.py", scenes.path());
        let whole = std::fs::read(path("no_camera.blend")).unwrap();
        std::fs::write(path("truncated.blend"), &whole[..whole.len() / 2]).unwrap();
        std::fs::write(path("text.blend"), "this is a letter to my aunt").unwrap();
        let (mut worker, _bench) = worker(&installation).await;
        for (name, words) in [
            ("no_camera.blend", "has no camera"),
            ("strips.blend", "comes from its sequencer"),
            ("other_engine.blend", "wants the render engine LUXURY"),
            ("net_render.blend", "names Network Render as its engine"),
            ("truncated.blend", "cannot open truncated.blend"),
            ("text.blend", "text.blend is no .blend file"),
            ("none.blend", "cannot read"),
        ] {
            let opened = worker.open(&request(&path(name))).await.unwrap_err();
            assert!(opened.to_string().contains(words), "{name}: {opened}");
            let wish = CollectRequest {
                blend: path(name),
                ..CollectRequest::default()
            };
            let collected = collect(&installation, &wish, &path("collected")).await.unwrap_err();
            assert!(collected.to_string().contains(words), "{name}: {collected}");
        }
        let mut wish = request(&path("net_render.blend"));
        wish.settings.engine = Some("NONSENSE".to_owned());
        let unknown = worker.open(&wish).await.unwrap_err();
        assert_blender(&unknown, &["has no render engine 'NONSENSE'", "CYCLES"]);
        wish.settings.engine = Some("CYCLES".to_owned());
        worker.open(&wish).await.unwrap();
        worker.kill().await;
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
