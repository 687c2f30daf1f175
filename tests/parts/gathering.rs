//! Jobs of one frame, sent and gathered.

use super::FakeBlender;
use super::farm::PATIENCE;
use netrender::client::{Client, GatherRequest, Gathered, SubmitRequest};
use netrender::ids::JobId;
use std::path::{Path, PathBuf};

/// Frame 3 of a scene in tiles.
pub(crate) fn wish(blender: &FakeBlender, tiles: &str) -> SubmitRequest {
    let mut wish = SubmitRequest::new(blender.scene());
    wish.blender = Some(blender.path());
    wish.frames = Some("3".parse().unwrap());
    wish.tiles = tiles.parse().unwrap();
    wish
}

/// It as a job, gathered into a folder.
pub(crate) fn gathered(client: &Client, blender: &FakeBlender, tiles: &str, folder: &Path) -> (JobId, PathBuf) {
    let job = client.submit(wish(blender, tiles)).unwrap().wait(PATIENCE).unwrap().unwrap();
    (job, gather(client, job, folder))
}

pub(crate) fn gather(client: &Client, job: JobId, folder: &Path) -> PathBuf {
    gather_with(client, job, folder, None)
}

pub(crate) fn gather_with(client: &Client, job: JobId, folder: &Path, blender: Option<PathBuf>) -> PathBuf {
    let gather = client.gather(GatherRequest {
        blender,
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
