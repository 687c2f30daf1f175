//! A frame that is rendered tile by tile is, put together, the frame that is rendered as a whole: by real Blenders, and over a
//! farm of many slaves.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may end by a panic, and tells its seeds"
)]

mod parts;

use netrender::blender::{CollectRequest, Denoiser, Installation, Worker, WorkerOptions, collect};
use netrender::client::{GatherRequest, Gathered, SubmitRequest};
use netrender::error::Code;
use netrender::ids::{Rectangle, Tile, TileBlock, TileGrid};
use netrender::images::{self, DenoisedPicture};
use netrender::wire::{Denoising, FrameInfo, FrameStateInfo, JobReset, RenderSettings};
use parts::bench::{Bench, request, worker};
use parts::farm::{Farm, PATIENCE, wait_until};
use parts::gathering::{gather, gathered};
use parts::{FakeBlender, make_scene, real_blenders};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A Blender in which the scenes of `scenes/tiles.py` are rendered, whole and tile by tile.
struct Scenes {
    worker: Worker,
    blend: PathBuf,
    folder: tempfile::TempDir,
    _bench: Bench,
}

impl Scenes {
    async fn of(installation: &Installation) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_scene(installation, "scenes/tiles.py", folder.path());
        let (worker, bench) = worker(installation).await;
        Self {
            worker,
            blend: folder.path().join("main.blend"),
            folder,
            _bench: bench,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.exr"))
    }

    async fn open(&mut self, scene: &str, settings: RenderSettings) {
        let mut wish = request(&self.blend);
        wish.settings = RenderSettings {
            scene: Some(scene.to_owned()),
            ..settings
        };
        self.worker.open(&wish).await.unwrap();
    }

    async fn whole(&mut self, frame: i32, name: &str) -> (PathBuf, (u32, u32)) {
        let path = self.path(name);
        let rendered = self.worker.render(frame, &path).await.unwrap();
        (path, rendered.size)
    }

    /// The same of tiles that were rendered as one where they are in one of these blocks.
    async fn assembled_of_blocks(&mut self, frame: i32, blocks: &[Vec<Tile>], size: (u32, u32), name: &str) -> PathBuf {
        let mut tiles = Vec::new();
        for block in blocks {
            let output = self.path(&format!("{name}_block"));
            let whole = TileBlock::of(block).unwrap();
            let rendered = self.worker.render_part(frame, Some(whole), &output).await.unwrap();
            let place = whole.of_picture(size.0, size.1);
            assert_eq!((rendered.picture, rendered.size), (size, place.size()), "{name}");
            let parts = block.iter().map(|tile| {
                let of = tile.of(size.0, size.1);
                let inside = Rectangle {
                    columns: of.columns.start - place.columns.start..of.columns.end - place.columns.start,
                    rows: of.rows.start - place.rows.start..of.rows.end - place.rows.start,
                };
                (inside, self.path(&format!("{name}_{}", tile.number())))
            });
            let parts: Vec<_> = parts.collect();
            images::cut(&output, rendered.margins, rendered.size, &parts).unwrap();
            tiles.extend(parts.into_iter().map(|(_, path)| path));
        }
        let path = self.path(name);
        images::assemble(blocks[0][0].grid(), &tiles, &path).unwrap();
        images::verify(&path, Some(size)).unwrap();
        path
    }

    /// The tiles of a frame, cropped as slaves do, and put together.
    async fn assembled(&mut self, frame: i32, grid: &str, size: (u32, u32), name: &str) -> PathBuf {
        let grid: TileGrid = grid.parse().unwrap();
        let mut tiles = Vec::new();
        for tile in grid.tiles() {
            let output = self.path(&format!("{name}_{}", tile.number()));
            let rendered = self.worker.render_part(frame, Some(tile.into()), &output).await.unwrap();
            assert_eq!(rendered.size, tile.of(size.0, size.1).size(), "{name}");
            images::crop(&output, rendered.margins, rendered.size).unwrap();
            images::verify(&output, Some(rendered.size)).unwrap();
            tiles.push(output);
        }
        let path = self.path(name);
        images::assemble(grid, &tiles, &path).unwrap();
        images::verify(&path, Some(size)).unwrap();
        path
    }
}

fn assert_same(left: &Path, right: &Path, what: &str) {
    let difference = images::compare(left, right).unwrap();
    assert!(difference.is_identical(), "{what}: {difference:?}");
    let told = [left, right].map(|path| {
        let mut info = images::inspect(path).unwrap();
        info.metadata.retain(|name, _| name.starts_with("cryptomatte/"));
        info
    });
    assert_eq!(told[0], told[1], "{what}");
}

fn overlapping(overlap: u32, denoising: Option<Denoising>) -> RenderSettings {
    RenderSettings {
        overlap,
        denoising,
        ..RenderSettings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assembled_tiles_are_the_whole_frame_bit_by_bit() {
    for installation in real_blenders().await {
        let mut scenes = Scenes::of(&installation).await;
        for (scene, grid, frame, overlap) in [
            ("Plain", "2x1", 1, 0),
            ("Odd Passes", "3x2", 1, 3),
            ("Bordered", "1x3t", 1, 2),
            ("Blurred", "1x2", 3, 0),
            ("Odd Size", "7x3t", 1, 0),
        ] {
            scenes.open(scene, overlapping(overlap, None)).await;
            let (whole, size) = scenes.whole(frame, &format!("{scene} whole")).await;
            let assembled = scenes.assembled(frame, grid, size, scene).await;
            assert_same(&whole, &assembled, &format!("{scene} of Blender {}", installation.version));
        }
        for (scene, grid, numbers, overlap) in [
            (
                "Odd Passes",
                "3x4t",
                &[&[0, 1][..], &[2], &[3, 4, 5, 6, 7, 8], &[9], &[10, 11]][..],
                3,
            ),
            ("Bordered", "4x1", &[&[0], &[1, 2, 3]], 0),
            (
                "Odd Size",
                "5x3",
                &[&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[10, 11, 12, 13], &[14]],
                0,
            ),
        ] {
            let grid: TileGrid = grid.parse().unwrap();
            let block = |numbers: &&[u32]| numbers.iter().filter_map(|number| grid.tile(*number)).collect();
            let blocks: Vec<Vec<Tile>> = numbers.iter().map(block).collect();
            scenes.open(scene, overlapping(overlap, None)).await;
            let (whole, size) = scenes.whole(1, &format!("{scene} as a whole")).await;
            let assembled = scenes
                .assembled_of_blocks(1, &blocks, size, &format!("{scene} in blocks"))
                .await;
            assert_same(
                &whole,
                &assembled,
                &format!("{scene} in blocks of Blender {}", installation.version),
            );
        }
        for (scene, overlap, reason) in [
            ("Seams", 4, "a time limit would let each tile take as long as the frame"),
            ("Adaptive", 0, "adaptive sampling looks at the pixels around"),
        ] {
            scenes.open(scene, overlapping(overlap, None)).await;
            let never = scenes.path("never");
            let refused = scenes
                .worker
                .render_part(1, Some("0/2x2".parse::<Tile>().unwrap().into()), &never)
                .await;
            let refusal = refused.unwrap_err().to_string();
            assert!(refusal.contains(reason), "{refusal}");
        }
        adaptive_seams_are_within_the_noise(&mut scenes).await;
        denoised_once_when_together(&installation, &mut scenes).await;
        scenes.worker.kill().await;
    }
}

/// The noise is what another seed changes.
async fn adaptive_seams_are_within_the_noise(scenes: &mut Scenes) {
    println!("seeds 1 and 2");
    scenes.open("Other Seed", RenderSettings::default()).await;
    let (other_seed, _) = scenes.whole(1, "other_seed").await;
    scenes.open("Adaptive", overlapping(4, None)).await;
    let (whole, size) = scenes.whole(1, "adaptive_whole").await;
    let assembled = scenes.assembled(1, "2x2", size, "adaptive").await;
    let noise = images::compare(&whole, &other_seed).unwrap();
    let seam = images::compare(&whole, &assembled).unwrap();
    println!("noise: {noise:?}, seam: {seam:?}");
    assert!(seam.max_difference <= noise.max_difference && seam.missing_left.is_empty());
    assert!(seam.differing_samples * 100 <= noise.differing_samples);
}

async fn denoised_once_when_together(installation: &Installation, scenes: &mut Scenes) {
    let folder = scenes.folder.path().join("denoising");
    let question = CollectRequest {
        blend: scenes.blend.clone(),
        scene: Some("Denoised".to_owned()),
        ..CollectRequest::default()
    };
    let collected = collect(Some(&installation.program), &question, &folder).await.unwrap();
    if !collected.seams.is_empty() {
        assert!(
            collected.seams[0].ends_with("it has no OpenImageDenoise"),
            "{:?}",
            collected.seams
        );
        return;
    }
    let denoising = collected.denoising.unwrap();
    let kept: Vec<bool> = denoising.layers.iter().map(|layer| layer.keeps_data).collect();
    assert!(collected.adapts && kept == [false, true], "{denoising:?}");
    scenes.open("Denoised", RenderSettings::default()).await;
    let (whole, size) = scenes.whole(1, "denoised_whole").await;
    scenes.open("Denoised", overlapping(4, Some(denoising.clone()))).await;
    let noisy = scenes.assembled(1, "2x2", size, "noisy").await;

    let options = WorkerOptions {
        threads: 2,
        devices: Vec::new(),
        allow_scripts: false,
        folder: folder.join("denoiser"),
    };
    let mut blender = Denoiser::start(installation, &options).await.unwrap();
    let files = blender.denoise(&noisy, size, &denoising, &folder).await.unwrap();
    blender.kill().await;
    let pictures = denoising.layers.iter().zip(&files).map(|(layer, path)| DenoisedPicture {
        layer: &layer.name,
        path,
        keeps_data: layer.keeps_data,
    });
    let denoised = scenes.path("denoised");
    images::take_denoised(&noisy, &pictures.collect::<Vec<_>>(), &denoised).unwrap();
    assert_same(&whole, &denoised, "denoised");
    assert!(!images::compare(&noisy, &denoised).unwrap().missing_left.is_empty());
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
        blender: None,
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
    // Somebody who comes when most of it is done gets all of it, too.
    let late = client.gather(GatherRequest {
        blender: None,
        job,
        folder: folder.path().join("late"),
        frames: None,
        follow: true,
        what: Gathered::Layers,
    });
    let late = late.unwrap();
    wait_until("three tiles are there, too", || late.tiles(3).len() == 3);
    std::fs::write(blender.folder().join("fake_blender.open"), b"").unwrap();
    assert!(gather.wait(PATIENCE).complete && late.wait(PATIENCE).complete);
    images::verify(&folder.path().join("late/000003.exr"), Some((20, 10))).unwrap();
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
