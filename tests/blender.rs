//! Real Blenders behind this crate render what they would render by themselves, refuse what nobody can render, and end with us.

#![expect(clippy::unwrap_used, reason = "clippy does not take the functions beside tests for tests")]

mod parts;

use netrender::blender::{CollectRequest, Collected, collect, probe};
use netrender::images;
use netrender::wire::RenderSettings;
use parts::bench::{request, worker, worker_with};
use parts::{lives, make_scene, or_skip, real_blenders, render_locally, shared_scenes};
use std::path::Path;
use std::time::Duration;

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
        let collected = collect(Some(&installation.program), &wish, &scenes.path().join("collected"))
            .await
            .unwrap();
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
            let small = ["--engine", "CYCLES", "--resolution", "10", "--samples", "4"];
            render_locally(&installation, &blend, &local, &format!("{frame}-{frame}"), &small);
            let wish = CollectRequest {
                blend,
                engine: Some("CYCLES".to_owned()),
                ..CollectRequest::default()
            };
            let collected = collect(Some(&installation.program), &wish, &path("collected")).await.unwrap();
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
        let collected = collect(Some(&installation.program), &wish, &scenes.path().join("collected"))
            .await
            .unwrap();
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
        let unbaked = "the cloth simulation of Cloth is not baked: a slave that starts at a later frame shows it wrongly";
        assert_eq!(collected.unbaked, [unbaked]);
        assert!(collected.warnings.is_empty(), "{:?}", collected.warnings);
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
        let again = collect(Some(&installation.program), &wish, &scenes.path().join("again"))
            .await
            .unwrap();
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
            ("stereo.blend", "stereoscopy (multiview) is not supported yet"),
            ("other_engine.blend", "wants the render engine LUXURY"),
            ("net_render.blend", "names Network Render as its engine"),
            (
                "truncated.blend",
                "cannot open truncated.blend, it may be truncated or damaged: ",
            ),
            ("text.blend", "text.blend is no .blend file"),
            ("none.blend", "cannot read"),
        ] {
            let opened = worker.open(&request(&path(name))).await.unwrap_err();
            assert!(opened.to_string().contains(words), "{name}: {opened}");
            let wish = CollectRequest {
                blend: path(name),
                ..CollectRequest::default()
            };
            let collected = collect(Some(&installation.program), &wish, &path("collected"))
                .await
                .unwrap_err();
            assert!(collected.to_string().contains(words), "{name}: {collected}");
        }
        let mut wish = request(&path("net_render.blend"));
        wish.settings.engine = Some("NONSENSE".to_owned());
        let unknown = worker.open(&wish).await.unwrap_err();
        let unknown = unknown.to_string();
        assert!(
            unknown.contains("has no render engine 'NONSENSE', only") && unknown.contains("CYCLES"),
            "{unknown}"
        );
        wish.settings.engine = Some("CYCLES".to_owned());
        worker.open(&wish).await.unwrap();
        worker.kill().await;
        let (mut without_card, _bench) = worker_with(&installation, &["cuda:99"]).await;
        let missing = without_card.open(&wish).await.unwrap_err().to_string();
        assert!(missing.contains("cuda:99, which its Blender does not find"), "{missing}");
        without_card.kill().await;
    }
}

/// The process that the next test kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "waits to be killed by the test of killed parents"]
async fn a_parent_waits_to_be_killed() {
    let path = std::env::var_os("NETRENDER_TEST_CHILD").unwrap();
    let (worker, _bench) = worker(&probe(Path::new(&path)).await.unwrap()).await;
    println!("worker {}", worker.pid());
    std::future::pending::<()>().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_blender_outlives_a_killed_parent() {
    use std::io::BufRead as _;
    for installation in real_blenders().await {
        let mut parent = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "a_parent_waits_to_be_killed"])
            .env("NETRENDER_TEST_CHILD", &installation.program)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(parent.stdout.take().unwrap()).lines();
        let mut told = lines.map_while(Result::ok);
        let pid = told.find_map(|line| line.rsplit_once("worker ")?.1.parse().ok()).unwrap();
        assert!(lives(pid));
        parent.kill().unwrap();
        parent.wait().unwrap();
        let gone = async {
            while lives(pid) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone)
            .await
            .expect("Blender outlived its parent");
    }
}

/// Puts what was collected where a slave would put it.
fn copy_all(collected: &Collected, folder: &Path) {
    for file in collected.files.iter().chain([&collected.main]) {
        let path = folder.join(&file.virtual_path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(&file.disk_path, path).unwrap();
    }
}
