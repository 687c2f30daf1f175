//! What a scene needs to be rendered elsewhere, found by a child Blender that opens it.

use super::header;
use super::installation::Installation;
use super::log::Log;
use super::process::{Launch, ending};
use super::worker::{engine_missing, last_words};
use crate::error::{Error, Result};
use crate::ids::BlenderVersion;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// A scene with many libraries, each opened and saved, over a slow disk.
const COLLECT_TIMEOUT_S: u64 = 3600;
/// A result of 200,000 paths is far below this.
const RESULT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What to collect.
#[derive(Debug, Clone, Default)]
pub struct CollectRequest {
    /// The saved .blend.
    pub blend: PathBuf,
    /// The scene to render; none: the one that the file was saved in.
    pub scene: Option<String>,
    /// The engine to render with; none: the scene's own.
    pub engine: Option<String>,
}

/// A scene with all that it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// The Blender that collected it; slaves need the same series.
    pub blender: BlenderVersion,
    /// The scene to render.
    pub scene: String,
    /// The engine that will render it.
    pub engine: String,
    /// First frame of its animation.
    pub frame_start: i32,
    /// Last frame of its animation.
    pub frame_end: i32,
    /// Every so many frames.
    pub frame_step: u32,
    /// The .blend to open.
    pub main: CollectedFile,
    /// Everything else.
    pub files: Vec<CollectedFile>,
    /// What may look different elsewhere, in sentences.
    pub warnings: Vec<String>,
    /// What the scene names but is not there.
    pub missing: Vec<MissingFile>,
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CollectedFile {
    /// Where its content is now (for a copy with other paths in it, the copy).
    pub disk_path: PathBuf,
    /// Where it lies inside the job: its absolute path without the root, `/` between names.
    pub virtual_path: String,
    /// What it is: blend, library, image, font, sound, clip, volume, cache, text or other.
    pub kind: String,
}

/// A file that should be there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MissingFile {
    /// Where it was looked for.
    pub path: PathBuf,
    /// What it would be.
    pub kind: String,
}

#[derive(Debug, Serialize)]
struct Question<'a> {
    blend: &'a Path,
    folder: &'a Path,
    result: &'a Path,
    scene: Option<&'a str>,
    engine: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused { refused: String },
    Found(Box<Found>),
}

#[derive(Debug, Deserialize)]
struct Found {
    blender: [u16; 3],
    scene: String,
    engine: String,
    frame_start: i32,
    frame_end: i32,
    frame_step: u32,
    main: CollectedFile,
    files: Vec<CollectedFile>,
    warnings: Vec<String>,
    missing: Vec<MissingFile>,
}

/// Opens a saved .blend in a child Blender (its scripts do not run) and lists what it needs. Copies of files whose paths had
/// to be changed lie below `folder`, which must outlive the sending of the job; the originals are never written.
pub async fn collect(installation: &Installation, request: &CollectRequest, folder: &Path) -> Result<Collected> {
    header::check(&request.blend, &installation.version.to_string())?;
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    let blend = std::path::absolute(&request.blend).map_err(|error| Error::io("find", &request.blend, &error))?;
    let (question_path, result) = (folder.join("question.json"), folder.join("answer.json"));
    let question = Question {
        blend: &blend,
        folder,
        result: &result,
        scene: request.scene.as_deref(),
        engine: request.engine.as_deref(),
    };
    let text = serde_json::to_vec(&question)
        .map_err(|_| Error::bad_input("a path that is not valid Unicode cannot be handed to Blender"))?;
    std::fs::write(&question_path, text).map_err(|error| Error::io("write", &question_path, &error))?;
    // Nobody listens: the log only remembers what matters.
    let log = Log::new(mpsc::channel(1).0);
    run(installation, &question_path, folder, &log).await?;
    let found = read(&result, &log)?;
    match log.engine_missing(&found.scene) {
        Some(engine) if request.engine.is_none() => Err(engine_missing(&found.scene, &engine)),
        _ => Ok(found),
    }
}

async fn run(installation: &Installation, question: &Path, folder: &Path, log: &std::sync::Arc<Log>) -> Result<()> {
    let launch = Launch {
        installation,
        script: "collect.py",
        argument: Some(question),
        folder,
        threads: 0,
        allow_scripts: false,
        mark: format!("collect:{}:{}", std::process::id(), folder.display()),
        alive: None,
    };
    let mut tree = launch.spawn(log).await?;
    let status = tokio::time::timeout(Duration::from_secs(COLLECT_TIMEOUT_S), tree.exited()).await;
    tree.kill().await;
    match status {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(status) => Err(Error::blender(last_words(
            &format!("{} while looking through the scene", ending(&status)),
            log,
        ))),
        Err(_) => Err(Error::timeout(format!(
            "Blender did not look through the scene within {COLLECT_TIMEOUT_S} s"
        ))),
    }
}

fn read(result: &Path, log: &Log) -> Result<Collected> {
    let silent = || Error::blender(last_words("ended without telling what the scene needs", log));
    if std::fs::metadata(result).map_err(|_| silent())?.len() > RESULT_BYTES_MAX {
        return Err(Error::blender("the scene needs more files than a job can hold"));
    }
    let text = std::fs::read(result).map_err(|_| silent())?;
    match serde_json::from_slice(&text) {
        Ok(Answer::Refused { refused }) => Err(Error::blender(refused)),
        Ok(Answer::Found(found)) => Ok(found.into_collected()),
        Err(_) => Err(
            Error::blender("a file that the scene needs has a name that is not valid Unicode")
                .hint("rename it, and choose it again in Blender"),
        ),
    }
}

impl Found {
    fn into_collected(self) -> Collected {
        let [major, minor, patch] = self.blender;
        Collected {
            blender: BlenderVersion { major, minor, patch },
            scene: self.scene,
            engine: self.engine,
            frame_start: self.frame_start,
            frame_end: self.frame_end,
            frame_step: self.frame_step,
            main: self.main,
            files: self.files,
            warnings: self.warnings,
            missing: self.missing,
        }
    }
}
