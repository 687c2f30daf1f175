//! The work of finishing: the job's scene is fetched and opened, each frame finished as it comes in.
//!
//! The scene is that of the job: the artist's own file may have changed since. A movie is made when all its frames are here.

use super::fetch::{self, Expected};
use super::finish::{FinishRequest, Shared};
use super::gather::Gathered;
use super::pages::{frames_of, wanted_frames};
use super::table::GatheredState;
use crate::blender::{FinalPicture, Finisher, Installation, Playback, SceneRequest, WorkerOptions, choose_installation};
use crate::error::{Error, Result};
use crate::files;
use crate::ids::{FrameSet, JobId};
use crate::images;
use crate::link::Link;
use crate::versions::Copies;
use crate::wire::Manifest;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Between two looks at the gathering.
const LOOK: Duration = Duration::from_millis(200);

/// Carries a finishing out.
pub(super) async fn finish(shared: &Shared, link: &Link, request: &FinishRequest, manifest: Manifest, work: &Path) -> Result<()> {
    let job = shared.gather.view().job;
    let wanted = wanted_frames(&frames_of(link, &job).await?, request.frames.as_ref())?;
    if shared.gather.what() == Gathered::Finals {
        return unpack_all(shared, request, &wanted, work).await;
    }
    let manifest = match manifest.bakes_from {
        Some(_) => manifest_with_bakes(shared, link, request.job, &wanted).await?,
        None => manifest,
    };
    let blend = manifest.artist_blend();
    shared.tell("looking for a Blender");
    let installation = choose_installation(request.blender.as_deref(), job.blender).await?;
    let scene = fetch_scene(shared, link, request.job, manifest, &wanted, &work.join("scene")).await?;
    shared.tell("opening the scene");
    let options = WorkerOptions {
        devices: Vec::new(),
        threads: 0,
        allow_scripts: request.allow_scripts,
        folder: work.join("blender"),
    };
    let mut finisher = open(&installation, &options, &scene).await?;
    let frames = Finishing {
        shared,
        request,
        work,
        blend: &blend,
        finisher: &mut finisher,
    };
    let outcome = frames.run(&wanted).await;
    finisher.kill().await;
    outcome
}

/// Unpacks what slaves made, frame by frame.
async fn unpack_all(shared: &Shared, request: &FinishRequest, wanted: &FrameSet, work: &Path) -> Result<()> {
    for frame in wanted.iter() {
        shared.tell(format!("waiting for frame {frame}"));
        let Some(zip) = file_of(shared, frame).await? else { continue };
        let folder = Folder::make(work.join("final"))?;
        let names = files::unzip(&zip, &folder.0)?;
        for name in &names {
            publish(&folder.0, &request.folder, &name.below(Path::new("")))?;
        }
        // What stays behind goes with the work's folder.
        let _ = std::fs::remove_file(&zip);
        shared.count(1, names.len());
    }
    Ok(())
}

/// What the job is rendered with: its bakes are in its manifest by the time that a frame of it is over.
async fn manifest_with_bakes(shared: &Shared, link: &Link, job: JobId, wanted: &FrameSet) -> Result<Manifest> {
    shared.tell("waiting for the bakes");
    if let Some(first) = wanted.iter().next() {
        file_of(shared, first).await?;
    }
    link.get(&format!("jobs/{job}/manifest")).await
}

/// Where the frame's file lies once it is here; none if it will not come.
async fn file_of(shared: &Shared, frame: i32) -> Result<Option<PathBuf>> {
    loop {
        let gather = Arc::clone(&shared.gather);
        let (seen, view) = tokio::task::spawn_blocking(move || (gather.frame(frame, LOOK), gather.view()))
            .await
            .map_err(|error| Error::internal(format!("the waiting for frame {frame} ended: {error}")))?;
        match seen.state {
            GatheredState::Here => return Ok(seen.path),
            GatheredState::Cancelled => return Ok(None),
            state if state.is_settled() => return Ok(None),
            _ => {}
        }
        match view.ended {
            Some(error) => return Err(error),
            None if view.complete => return Ok(None),
            None => {}
        }
    }
}

async fn open(installation: &Installation, options: &WorkerOptions, scene: &SceneRequest) -> Result<Finisher> {
    std::fs::create_dir_all(&options.folder).map_err(|error| Error::io("make the folder", &options.folder, &error))?;
    Finisher::start(installation, options, scene).await
}

/// Brings the job's files here, as far as these frames need them.
async fn fetch_scene(
    shared: &Shared,
    link: &Link,
    job: JobId,
    manifest: Manifest,
    wanted: &FrameSet,
    folder: &Path,
) -> Result<SceneRequest> {
    if let Some(source) = &manifest.source {
        let tell = |line: &str| shared.tell(format!("revision {} of {}: {line}", source.revision, source.remote));
        let copy = Copies::open(folder, true)?.check_out(job, source, &tell).await?;
        // Nobody else uses these copies: it stays as it is.
        return Ok(SceneRequest {
            blend: manifest.main.below(&copy.folder()),
            settings: manifest.settings,
            playback: Playback::default(),
        });
    }
    for (place, file) in manifest.files.iter().enumerate() {
        let is_needed = |(first, last)| wanted.iter().any(|frame| (first..=last).contains(&frame));
        if !file.frames.is_none_or(is_needed) {
            continue;
        }
        shared.tell(format!("fetching file {} of {}", place + 1, manifest.files.len()));
        let path = file.path.below(folder);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| Error::io("make the folder", parent, &error))?;
        let expected = Expected {
            hash: file.hash,
            size_bytes: file.size_bytes,
            grid: None,
        };
        fetch::file(link, &format!("contents/{}", file.hash), expected, &path, file.path.as_str()).await?;
    }
    Ok(SceneRequest {
        blend: manifest.main.below(folder),
        settings: manifest.settings,
        playback: Playback {
            root: folder.to_path_buf(),
            baked: manifest.baked,
        },
    })
}

/// A Blender that finishes what comes in.
struct Finishing<'a> {
    shared: &'a Shared,
    request: &'a FinishRequest,
    work: &'a Path,
    /// Which file it is for the artist.
    blend: &'a str,
    finisher: &'a mut Finisher,
}

impl Finishing<'_> {
    async fn run(mut self, wanted: &FrameSet) -> Result<()> {
        let mut pictures = Vec::new();
        for frame in wanted.iter() {
            self.shared.tell(format!("waiting for frame {frame}"));
            let Some(path) = file_of(self.shared, frame).await? else {
                continue;
            };
            let picture = look_at(frame, path, self.blend)?;
            if self.finisher.is_movie() {
                pictures.push(picture);
            } else {
                self.make(&[picture]).await?;
            }
        }
        if pictures.is_empty() {
            Ok(())
        } else {
            self.make(&pictures).await
        }
    }

    /// Has the final files made, puts them into place, and lets the layers go.
    async fn make(&mut self, pictures: &[FinalPicture]) -> Result<()> {
        self.shared.tell(match pictures {
            [only] => format!("finishing frame {}", only.frame),
            _ => format!("making the movie of {} frames", pictures.len()),
        });
        let folder = Folder::make(self.work.join("final"))?;
        let files = self.finisher.finish(pictures, &folder.0).await?;
        for file in &files {
            publish(&folder.0, &self.request.folder, file)?;
        }
        for picture in pictures {
            // What stays behind goes with the work's folder.
            let _ = std::fs::remove_file(&picture.path);
        }
        self.shared.count(pictures.len(), files.len());
        Ok(())
    }
}

/// A folder that is empty at first and goes with its owner.
#[derive(Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn make(path: PathBuf) -> Result<Self> {
        let left_over = std::fs::remove_dir_all(&path);
        if let Err(error) = left_over
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::io("remove", &path, &error));
        }
        std::fs::create_dir_all(&path).map_err(|error| Error::io("make the folder", &path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind goes with the work's folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn look_at(frame: i32, path: PathBuf, blend: &str) -> Result<FinalPicture> {
    let info = images::inspect(&path)?;
    Ok(FinalPicture {
        frame,
        path,
        width: info.width,
        height: info.height,
        passes: info.layers,
        metadata: info.metadata,
        blend: blend.to_owned(),
    })
}

/// Gives a finished file its name in the folder, whole.
fn publish(from: &Path, to: &Path, name: &Path) -> Result<()> {
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Error::blender(format!(
            "Blender wrote a final file outside of its folder: {}",
            name.display()
        )));
    }
    let (made, target) = (from.join(name), to.join(name));
    let failed = |error: std::io::Error| Error::io("write", &target, &error);
    std::fs::create_dir_all(target.parent().unwrap_or(to)).map_err(failed)?;
    std::fs::File::open(&made).and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(&made, &target).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_file_takes_its_place_below_the_folder_and_nowhere_else() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(from.path().join("Matte")).unwrap();
        std::fs::write(from.path().join("Matte/0001.png"), b"new").unwrap();
        std::fs::create_dir(to.path().join("Matte")).unwrap();
        std::fs::write(to.path().join("Matte/0001.png"), b"old").unwrap();
        publish(from.path(), to.path(), Path::new("Matte/0001.png")).unwrap();
        assert_eq!(std::fs::read(to.path().join("Matte/0001.png")).unwrap(), b"new");
        let error = publish(from.path(), to.path(), Path::new("../0001.png")).unwrap_err();
        assert!(error.to_string().contains("outside"), "{error}");
    }
}
