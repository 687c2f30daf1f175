//! Frames in tiles of jobs that were sent to an earlier release, where slaves denoised none: when they are whole, by a Blender of
//! this machine, started for the first of them and ended after the last.
//!
//! Absences: no other denoiser than Blender's own; nothing here is done for jobs whose frames slaves denoise.

use super::finishing::Folder;
use super::gather::GatherRequest;
use super::work_folder::WorkFolder;
use crate::blender::{Denoiser, Installation, WorkerOptions, choose_installation};
use crate::error::{Code, Error, Result};
use crate::ids::BlenderVersion;
use crate::images::{self, DenoisedPicture};
use crate::link::Link;
use crate::wire::{Denoising, JobInfo, Manifest};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// How frames of a job are denoised here.
#[derive(Debug)]
pub(super) struct Denoise {
    how: Denoising,
    blender: Installation,
    folder: PathBuf,
    /// One frame at a time: a denoiser has all of a frame in memory, and takes all cores.
    open: Mutex<Option<Open>>,
    /// Frames that were begun.
    count: AtomicU64,
}

#[derive(Debug)]
struct Open {
    denoiser: Denoiser,
    folder: WorkFolder,
}

impl Denoise {
    /// How the frames of a job are to be denoised; none: not at all. Without a Blender for it, it is told now rather than when
    /// the first frame is there.
    pub(super) async fn of(link: &Link, job: &JobInfo, request: &GatherRequest) -> Result<Option<Self>> {
        if job.tiles.is_whole() || job.denoises {
            return Ok(None);
        }
        let manifest: Manifest = match link.get(&format!("jobs/{}/manifest", job.id)).await {
            // A job without files.
            Err(error) if error.code == Code::NotFound => return Ok(None),
            manifest => manifest?,
        };
        let Some(how) = manifest.settings.denoising else {
            return Ok(None);
        };
        Ok(Some(Self {
            how,
            blender: blender_for(request.blender.as_deref(), job.blender).await?,
            folder: request.folder.clone(),
            open: Mutex::default(),
            count: AtomicU64::default(),
        }))
    }

    /// Denoises a frame that was put together. Its errors are of the denoising, never of the master.
    pub(super) async fn apply(&self, frame: &Path) -> Result<()> {
        self.try_on(frame).await.map_err(|error| Error {
            code: Code::Blender,
            ..error
        })
    }

    async fn try_on(&self, frame: &Path) -> Result<()> {
        let mut open = self.open.lock().await;
        // Not put back after a failure, or if this is given up half-way: its Blender may be anywhere in its work.
        let mut current = match open.take() {
            Some(current) => current,
            None => self.start().await?,
        };
        let info = images::inspect(frame)?;
        // Of its own: what was given up half-way may still be at work in the one before.
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let pictures = Folder::make(current.folder.path().join(format!("pictures{number}")))?;
        let made = current
            .denoiser
            .denoise(frame, (info.width, info.height), &self.how, &pictures.0)
            .await?;
        *open = Some(current);
        let (how, noisy) = (self.how.clone(), frame.to_path_buf());
        // The next frame's Blender may fail and take the folder with it, so it has to wait for this too.
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
        let folder = WorkFolder::make(&self.folder, "denoise")?;
        let options = WorkerOptions {
            threads: 0,
            devices: Vec::new(),
            allow_scripts: false,
            folder: folder.path().join("blender"),
        };
        std::fs::create_dir_all(&options.folder).map_err(|error| Error::io("make the folder", &options.folder, &error))?;
        let denoiser = Denoiser::start(&self.blender, &options).await?;
        Ok(Open { denoiser, folder })
    }
}

/// The one that is named, or one of the job's series.
async fn blender_for(named: Option<&Path>, series: Option<BlenderVersion>) -> Result<Installation> {
    choose_installation(named, series).await.map_err(|error| {
        let why = format!(
            "this job was sent to an earlier release: its frames are denoised on the machine that gathers it, and {}",
            error.message
        );
        Error::blender(why).hint("name a Blender of the job's series by --blender, or gather it on a machine that has one")
    })
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
