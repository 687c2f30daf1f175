//! A frame that real Blenders render tile by tile is, put together, the frame that they render as a whole.

mod parts;

use netrender::ids::TileGrid;
use netrender::images;
use parts::bench::{request, worker};
use parts::{make_scene, real_blenders};

#[tokio::test(flavor = "multi_thread")]
async fn assembled_tiles_are_the_whole_frame_bit_by_bit() {
    for installation in real_blenders().await {
        let scenes = tempfile::tempdir().unwrap();
        make_scene(&installation, "scenes/tiles.py", scenes.path());
        let (mut worker, _bench) = worker(&installation).await;
        let mut wish = request(&scenes.path().join("main.blend"));
        for (scene, grid, frame) in [
            ("Plain", "2x2", 1),
            ("Odd Passes", "3x2", 1),
            ("Bordered", "2x3", 1),
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
            // What a tile needs is forgotten after it.
            let again = worker.render(frame, &path("again")).await.unwrap();
            assert_eq!(again.size, whole.size);
            assert!(images::compare(&path("whole"), &path("again")).unwrap().is_identical());
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
