//! Tiles become a frame: as fast as a picture of that size is read and written at all?

use exr::prelude::{
    AnyChannel, AnyChannels, Compression, Encoding, FlatSamples, Image, ImageAttributes, Layer, LayerAttributes,
    WritableImage as _, read_all_flat_layers_from_file,
};
use netrender::ids::{Rectangle, TileGrid};
use netrender::images;
use std::path::Path;
use std::time::Instant;

const SIZE: (u32, u32) = (1920, 1080);
const CHANNELS: u32 = 34;
/// As Blender writes it.
const ENCODING: Encoding = Encoding {
    compression: Compression::ZIP16,
    ..Encoding::UNCOMPRESSED
};

/// A 1080p frame of 34 channels out of 4 × 4 tiles; beside it, the whole frame read and written by the library alone.
pub(crate) fn put_together() {
    let folder = tempfile::tempdir().unwrap();
    let grid: TileGrid = "4x4".parse().unwrap();
    let whole = folder.path().join("whole.exr");
    write(
        &Rectangle {
            columns: 0..SIZE.0,
            rows: 0..SIZE.1,
        },
        &whole,
    );
    let tiles: Vec<_> = grid
        .tiles()
        .map(|tile| {
            let path = folder.path().join(format!("{}.exr", tile.number()));
            write(&tile.of(SIZE.0, SIZE.1), &path);
            path
        })
        .collect();
    let (assembled, copied) = (folder.path().join("assembled.exr"), folder.path().join("copied.exr"));
    for _ in 0..3 {
        let began = Instant::now();
        images::assemble(grid, &tiles, &assembled).unwrap();
        let assembling_s = began.elapsed().as_secs_f64();
        let began = Instant::now();
        read_all_flat_layers_from_file(&whole)
            .unwrap()
            .write()
            .to_file(&copied)
            .unwrap();
        let copying_s = began.elapsed().as_secs_f64();
        println!(
            "a frame of {}x{} and {CHANNELS} channels out of 16 tiles: {assembling_s:.2} s; the whole one read and written {copying_s:.2} s: \
             x {:.2}",
            SIZE.0,
            SIZE.1,
            assembling_s / copying_s
        );
    }
    let bytes = |path: &Path| path.metadata().unwrap().len() / 1_000_000;
    println!("{} MB, the whole one {} MB", bytes(&assembled), bytes(&whole));
    assert!(images::compare(&whole, &assembled).unwrap().is_identical());
}

/// Part of a picture such as a renderer makes: smooth, with noise in the lowest bits.
fn write(part: &Rectangle, path: &Path) {
    let list = (0..CHANNELS).map(|number| {
        let pixels = part
            .rows
            .clone()
            .flat_map(|row| part.columns.clone().map(move |column| (row, column)));
        let samples = pixels.map(|(row, column)| {
            let noise =
                (row.wrapping_mul(0x9e37_79b1) ^ column.wrapping_mul(0x85eb_ca77) ^ number).wrapping_mul(0xc2b2_ae35) >> 20;
            let smooth = (row + number) as f32 / 1080.0 + column as f32 / 1920.0;
            f32::from_bits(smooth.to_bits() ^ noise)
        });
        AnyChannel::new(
            format!("Layer.Pass{number:02}.V").as_str(),
            FlatSamples::F32(samples.collect()),
        )
    });
    let size = part.size();
    let size = (size.0 as usize, size.1 as usize);
    let channels = AnyChannels::sort(list.collect());
    let layer = Layer::new(size, LayerAttributes::default(), ENCODING, channels);
    let picture = Image {
        attributes: ImageAttributes::with_size(size),
        layer_data: [layer].into_iter().collect::<exr::prelude::SmallVec<_>>(),
    };
    picture.write().to_file(path).unwrap();
}
