//! A frame that is rendered tile by tile is, put together, the frame that is rendered as a whole: by real Blenders, and over a
//! farm of many slaves.

#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod parts;

use netrender::client::{Client, GatherRequest, Gathered, SubmitRequest};
use netrender::error::Code;
use netrender::ids::{JobId, TileGrid};
use netrender::images;
use netrender::wire::{FrameInfo, FrameStateInfo, JobReset};
use parts::bench::{request, worker};
use parts::farm::{Farm, PATIENCE, wait_until};
use parts::{FakeBlender, make_scene, real_blenders};
use std::path::{Path, PathBuf};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn assembled_tiles_are_the_whole_frame_bit_by_bit() {
    for installation in real_blenders().await {
        let scenes = tempfile::tempdir().unwrap();
        make_scene(&installation, "scenes/tiles.py", scenes.path());
        let (mut worker, _bench) = worker(&installation).await;
        let mut wish = request(&scenes.path().join("main.blend"));
        for (scene, grid, frame) in [
            ("Plain", "2x1", 1),
            ("Odd Passes", "3x2", 1),
            ("Bordered", "1x3t", 1),
            ("Blurred", "1x2", 3),
        ] {
            wish.settings.scene = Some(scene.to_owned());
            worker.open(&wish).await.unwrap();
            let path = |name: &str| scenes.path().join(format!("{scene}_{name}.exr"));
            let whole = worker.render(frame, &path("whole")).await.unwrap();
            let grid: TileGrid = grid.parse().unwrap();
            let mut tiles = Vec::new();
            for tile in grid.tiles() {
                let output = path(&tile.number().to_string());
                let rendered = worker.render_part(frame, Some(tile), &output).await.unwrap();
                assert_eq!(rendered.size, tile.of(whole.size.0, whole.size.1).size(), "{scene}");
                images::verify(&output, Some(rendered.size)).unwrap();
                tiles.push(output);
            }
            images::assemble(grid, &tiles, &path("assembled")).unwrap();
            images::verify(&path("assembled"), Some(whole.size)).unwrap();
            let difference = images::compare(&path("whole"), &path("assembled")).unwrap();
            assert!(
                difference.is_identical(),
                "{scene} of Blender {}: {difference:?}",
                installation.version
            );
            let told = [path("whole"), path("assembled")].map(|path| {
                let mut info = images::inspect(&path).unwrap();
                info.metadata.retain(|name, _| name.starts_with("cryptomatte/"));
                info
            });
            assert_eq!(told[0], told[1], "{scene}");
        }
        wish.settings.scene = Some("Seams".to_owned());
        worker.open(&wish).await.unwrap();
        let tile = "0/2x2".parse().unwrap();
        let refused = worker.render_part(1, Some(tile), &scenes.path().join("never.exr")).await;
        let refusal = refused.unwrap_err().to_string();
        assert!(refusal.contains("adaptive sampling looks at the pixels around"), "{refusal}");
        worker.kill().await;
    }
}

/// Frame 3 of a job of the scene, gathered into a folder.
fn gathered(client: &Client, blender: &FakeBlender, tiles: &str, folder: &Path) -> (JobId, PathBuf) {
    let mut wish = SubmitRequest::new(blender.scene());
    wish.blender = Some(blender.path());
    wish.frames = Some("3".parse().unwrap());
    wish.tiles = tiles.parse().unwrap();
    let job = client.submit(wish).unwrap().wait(PATIENCE).unwrap().unwrap();
    (job, gather(client, job, folder))
}

fn gather(client: &Client, job: JobId, folder: &Path) -> PathBuf {
    let gather = client.gather(GatherRequest {
        job,
        folder: folder.to_path_buf(),
        frames: None,
        follow: true,
        what: Gathered::Layers,
    });
    let view = gather.unwrap().wait(PATIENCE);
    assert!(view.complete && view.here == 1, "{view:?}");
    folder.join("000003.exr")
}

#[test]
fn many_slaves_render_one_frame_and_the_client_puts_it_together() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"size": [61, 47], "gradient": true, "render_ms": 5}"#);
    let _slaves = [farm.slave(&blender, "one"), farm.slave(&blender, "two")];
    let client = farm.client();
    let folder = tempfile::tempdir().unwrap();
    let (_, whole) = gathered(&client, &blender, "1x1", &folder.path().join("whole"));
    let (job, assembled) = gathered(&client, &blender, "4x3t", &folder.path().join("tiled"));
    let difference = images::compare(&whole, &assembled).unwrap();
    assert!(difference.is_identical(), "{difference:?}");
    assert_eq!(farm.job(job).total, 12);
    let frame = &farm.frames(job)[0];
    let told = frame.tiles.unwrap();
    assert_eq!(
        (frame.state, told.grid.to_string().as_str(), told.done),
        (FrameStateInfo::Done, "4x3t", 12)
    );
    let tiles: Vec<FrameInfo> = farm.ask(async |link| link.get(&format!("jobs/{job}/frames/3/tiles")).await);
    assert_eq!(tiles[5].tile.unwrap().to_string(), "5/4x3t");
    assert_eq!(
        tiles.iter().filter_map(|tile| tile.size_bytes).sum::<u64>(),
        frame.size_bytes.unwrap()
    );
    assert!(
        std::fs::read_dir(folder.path().join("tiled"))
            .unwrap()
            .all(|file| !file.unwrap().path().is_dir())
    );

    // The same tiles are not put together again; others are.
    let made = || std::fs::metadata(&assembled).unwrap().modified().unwrap();
    let before = made();
    gather(&client, job, &folder.path().join("tiled"));
    assert_eq!(made(), before);
    blender.tell(r#"{"size": [61, 47], "gradient": false}"#);
    let reset = JobReset::Frames {
        frames: "3".parse().unwrap(),
        tiles: vec![5],
    };
    farm.ask(async |link| {
        link.post::<_, serde_json::Value>(&format!("jobs/{job}/reset"), &reset, Duration::ZERO)
            .await
    });
    wait_until("it is rendered anew", || farm.job(job).done == 12);
    let tiles: Vec<FrameInfo> = farm.ask(async |link| link.get(&format!("jobs/{job}/frames/3/tiles")).await);
    let anew: Vec<usize> = (0..12).filter(|place| tiles[*place].attempt > 1).collect();
    assert_eq!(anew, [5]);
    gather(&client, job, &folder.path().join("tiled"));
    assert!(!images::compare(&whole, &assembled).unwrap().is_identical());
}

#[test]
fn a_broken_tile_is_tried_again_alone() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"shrink_frames": [3], "times": 1, "size": [16, 16], "gradient": true}"#);
    let _slave = farm.slave(&blender, "one");
    let client = farm.client();
    let folder = tempfile::tempdir().unwrap();
    let (job, assembled) = gathered(&client, &blender, "2x2", folder.path());
    images::verify(&assembled, Some((16, 16))).unwrap();
    let tiles: Vec<FrameInfo> = farm.ask(async |link| link.get(&format!("jobs/{job}/frames/3/tiles")).await);
    let mut attempts: Vec<u32> = tiles.iter().map(|tile| tile.attempt).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 1, 1, 2]);
}

#[test]
fn tiles_are_here_before_their_frame_is() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"size": [20, 10], "gate_tiles": [3]}"#);
    let _slave = farm.slave(&blender, "one");
    let client = farm.client();
    let folder = tempfile::tempdir().unwrap();
    let mut wish = SubmitRequest::new(blender.scene());
    wish.blender = Some(blender.path());
    wish.frames = Some("3".parse().unwrap());
    wish.tiles = "2x2".parse().unwrap();
    let job = client.submit(wish).unwrap().wait(PATIENCE).unwrap().unwrap();
    let gather = client.gather(GatherRequest {
        job,
        folder: folder.path().to_path_buf(),
        frames: None,
        follow: true,
        what: Gathered::Layers,
    });
    let gather = gather.unwrap();
    wait_until("three tiles are here", || gather.tiles(3).len() == 3);
    for (tile, path) in gather.tiles(3) {
        images::verify(&path, Some(tile.of(20, 10).size())).unwrap();
    }
    // The files may come before the event that counts the third one.
    wait_until("three tiles are told", || {
        gather.frame(3, Duration::ZERO).text.ends_with(": 3 of 4 tiles are done")
    });
    std::fs::write(blender.folder().join("fake_blender.open"), b"").unwrap();
    assert!(gather.wait(PATIENCE).complete);
    assert!(gather.tiles(3).is_empty());
    images::verify(&folder.path().join("000003.exr"), Some((20, 10))).unwrap();
}

#[test]
fn tiles_that_would_show_seams_are_refused_before_anything_is_sent() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"collected": {"seams": ["denoising looks at the pixels around"]}}"#);
    let mut wish = SubmitRequest::new(blender.scene());
    wish.blender = Some(blender.path());
    wish.tiles = "auto".parse().unwrap();
    let refusal = farm.client().submit(wish).unwrap().wait(PATIENCE).unwrap_err();
    assert_eq!(refusal.code, Code::BadInput);
    assert!(
        refusal
            .message
            .ends_with("would not fit together: denoising looks at the pixels around")
    );
}
