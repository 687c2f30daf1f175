//! Neighbouring tiles that a slave renders as one come as tiles; over a farm.

mod parts;

use netrender::ids::JobId;
use netrender::images;
use netrender::wire::FrameInfo;
use parts::FakeBlender;
use parts::farm::Farm;
use parts::gathering::gathered;

/// What Blender printed for a tile.
fn log_of(farm: &Farm, job: JobId, tile: u32) -> String {
    let path = format!("jobs/{job}/frames/3/log?tile={tile}");
    farm.ask(async |link| link.get_text(&path).await)
}

#[test]
fn tiles_that_are_rendered_as_one_come_as_tiles() {
    let farm = Farm::start();
    let told = r#"{"size": [333, 187], "gradient": true, "render_ms": 20, "collected": {"adapts": true}}"#;
    let blender = FakeBlender::told(told);
    let _slave = farm.slave(&blender, "one");
    let client = farm.client();
    let folder = tempfile::tempdir().unwrap();
    let (_, whole) = gathered(&client, &blender, "1x1", &folder.path().join("whole"));
    let (job, assembled) = gathered(&client, &blender, "8x8t", &folder.path().join("tiled"));
    let difference = images::compare(&whole, &assembled).unwrap();
    assert!(difference.is_identical(), "{difference:?}");
    let logs: Vec<String> = (0..64).map(|tile| log_of(&farm, job, tile)).collect();
    let with_others = logs.iter().filter(|log| log.contains("rendered as one with tile")).count();
    let firsts = logs.iter().filter(|log| log.contains("tiles as one")).count();
    assert!(
        firsts >= 2 && with_others >= 10,
        "{firsts} blocks, {with_others} further tiles"
    );
    let tiles: Vec<FrameInfo> = farm.ask(async |link| link.get(&format!("jobs/{job}/frames/3/tiles")).await);
    assert!(
        tiles.iter().all(|tile| tile.attempt == 1 && tile.seconds.is_some()),
        "{tiles:?}"
    );
}

#[test]
fn a_crash_of_tiles_that_are_rendered_as_one_fails_one_of_them() {
    let farm = Farm::start();
    let blender =
        FakeBlender::told(r#"{"size": [64, 64], "gradient": true, "render_ms": 20, "crash_on_blocks": true, "times": 1}"#);
    let _slave = farm.slave(&blender, "one");
    let client = farm.client();
    let folder = tempfile::tempdir().unwrap();
    let (job, assembled) = gathered(&client, &blender, "8x8", folder.path());
    images::verify(&assembled, Some((64, 64))).unwrap();
    let tiles: Vec<FrameInfo> = farm.ask(async |link| link.get(&format!("jobs/{job}/frames/3/tiles")).await);
    let failed: Vec<&String> = tiles.iter().filter_map(|tile| tile.failure.as_ref()).collect();
    assert!(failed.len() == 1 && failed[0].contains("crashed"), "{failed:?}");
    assert!(tiles.iter().filter(|tile| tile.attempt == 2).count() >= 2, "{tiles:?}");
}
