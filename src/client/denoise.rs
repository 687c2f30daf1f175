//! Frames that came in tiles are denoised when they are whole: by a Blender of this machine, started for the first of them and
//! ended after the last.
//!
//! Absences: no other denoiser than Blender's own, and none on the master or on slaves, which never have a whole frame.

use super::finishing::Folder;
use super::gather::GatherRequest;
use crate::blender::{Denoiser, WorkerOptions, choose_installation};
use crate::error::{Code, Error, Result};
use crate::ids::BlenderVersion;
use crate::images::{self, DenoisedPicture};
use crate::link::Link;
use crate::wire::{Denoising, JobInfo, Manifest};
use std::path::{Path, PathBuf};
use tokio::sync::Mutex;

/// How frames of a job are denoised here.
#[derive(Debug)]
pub(super) struct Denoise {
    how: Denoising,
    /// The Blender to use; none: one that is of the job's series.
    blender: Option<PathBuf>,
    series: Option<BlenderVersion>,
    folder: PathBuf,
    /// One frame at a time: a denoiser has all of a frame in memory, and takes all cores.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    denoiser: Denoiser,
    folder: Folder,
}

impl Denoise {
    /// How the frames of a job are to be denoised; none: not at all.
    pub(super) async fn of(link: &Link, job: &JobInfo, request: &GatherRequest) -> Result<Option<Self>> {
        if job.tiles.is_whole() {
            return Ok(None);
        }
        let manifest: Manifest = match link.get(&format!("jobs/{}/manifest", job.id)).await {
            // A job without files.
            Err(error) if error.code == Code::NotFound => return Ok(None),
            manifest => manifest?,
        };
        Ok(manifest.settings.denoising.map(|how| Self {
            how,
            blender: request.blender.clone(),
            series: job.blender,
            folder: request.folder.clone(),
            open: Mutex::default(),
        }))
    }

    /// Denoises a frame that was put together.
    pub(super) async fn apply(&self, frame: &Path) -> Result<()> {
        let mut open = self.open.lock().await;
        // Not put back after a failure, or if this is given up half-way: its Blender may be anywhere in its work.
        let mut current = match open.take() {
            Some(current) => current,
            None => self.start().await?,
        };
        let info = images::inspect(frame)?;
        let pictures = Folder::make(current.folder.0.join("pictures"))?;
        let made = current
            .denoiser
            .denoise(frame, (info.width, info.height), &self.how, &pictures.0)
            .await?;
        *open = Some(current);
        drop(open);
        let (how, noisy) = (self.how.clone(), frame.to_path_buf());
        tokio::task::spawn_blocking(move || take(&how, &made, &noisy, &pictures))
            .await
            .map_err(|error| Error::internal(format!("the frame was not denoised: {error}")))?
    }

    /// Ends the Blender, if there is one.
    pub(super) async fn end(&self) {
        let open = self.open.lock().await.take();
        if let Some(Open { denoiser, folder }) = open {
            denoiser.kill().await;
            drop(folder);
        }
    }

    async fn start(&self) -> Result<Open> {
        let installation = choose_installation(self.blender.as_deref(), self.series)
            .await
            .map_err(|error| {
                let why = format!(
                    "what was rendered in tiles is denoised on this machine, and {}",
                    error.message
                );
                Error::blender(why).hint("name a Blender of the job's series by --blender")
            })?;
        let folder = Folder::make(self.folder.join(format!(".netrender-denoise-{}", std::process::id())))?;
        let options = WorkerOptions {
            threads: 0,
            devices: Vec::new(),
            allow_scripts: false,
            folder: folder.0.join("blender"),
        };
        std::fs::create_dir_all(&options.folder).map_err(|error| Error::io("make the folder", &options.folder, &error))?;
        let denoiser = Denoiser::start(&installation, &options).await?;
        Ok(Open { denoiser, folder })
    }
}

/// Puts the denoised pictures into the frame's file.
fn take(how: &Denoising, made: &[PathBuf], frame: &Path, folder: &Folder) -> Result<()> {
    let pictures = how.layers.iter().zip(made).map(|(layer, path)| DenoisedPicture {
        layer: &layer.name,
        path,
        keeps_data: layer.keeps_data,
    });
    let output = folder.0.join("whole.exr");
    images::take_denoised(frame, &pictures.collect::<Vec<_>>(), &output)?;
    std::fs::rename(&output, frame).map_err(|error| Error::io("write", frame, &error))
}
