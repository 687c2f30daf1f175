//! What a scene needs to be rendered elsewhere, found by a child Blender that opens it.

use super::header;
use super::installation::{Kind, candidates, guess, none_found, probe};
use super::log::Log;
use super::process::{Launch, ending};
use super::worker::{engine_missing, last_words};
use crate::error::{Error, Result};
use crate::ids::BlenderVersion;
use crate::wire::{BakeTask, Denoising, SceneWants};
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
    /// Bakes or objects in the order in which they are to be baked, between commas; none: as the scene says, else as it fits.
    pub bake_order: Option<String>,
    /// Where copies of files whose paths had to be changed are kept, so that an unchanged scene is the same content again;
    /// none: they are made in the folder of this collecting.
    pub copies: Option<PathBuf>,
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
    /// Whether its output is one file of all frames.
    pub is_movie: bool,
    /// Width and height of its pictures in pixels …
    pub size: (u32, u32),
    /// … at this percentage.
    pub resolution_percent: u32,
    /// Why tiles of its pictures would not fit together, whatever is done about it, in words; none if they do.
    pub seams: Vec<String>,
    /// Whether adaptive sampling looks at the pixels around: tiles have to overlap.
    pub adapts: bool,
    /// How its pictures are denoised, which tiles cannot be; none: not at all.
    pub denoising: Option<Denoising>,
    /// The .blend to open.
    pub main: CollectedFile,
    /// Everything else.
    pub files: Vec<CollectedFile>,
    /// What may look different elsewhere, in sentences.
    pub warnings: Vec<String>,
    /// What the scene names but is not there.
    pub missing: Vec<MissingFile>,
    /// What it takes besides files.
    pub wants: SceneWants,
    /// Simulations that are not baked, in sentences.
    pub unbaked: Vec<String>,
    /// How they could be baked …
    pub bakes: Vec<BakeTask>,
    /// … and what of that could not be, in sentences.
    pub bakes_told: Vec<String>,
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CollectedFile {
    /// Where its content is now (for a copy with other paths in it, the copy).
    pub disk_path: PathBuf,
    /// Where it lies inside the job: its absolute path without the root, `/` between names that every system can have.
    pub virtual_path: String,
    /// What it is: blend, library, image, font, sound, clip, volume, geometry, light, script, strip, cache, text or other.
    pub kind: String,
    /// First and last frame that need it; none: all do.
    #[serde(default)]
    pub frames: Option<(i32, i32)>,
    /// Whether Blender looks for it only when it opens the scene.
    #[serde(default)]
    pub at_opening: bool,
    /// Whether its content is a copy with other paths in it.
    #[serde(default)]
    pub is_copy: bool,
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
    copies: PathBuf,
    result: &'a Path,
    scene: Option<&'a str>,
    engine: Option<&'a str>,
    bake_order: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused { refused: String, blender: [u16; 3] },
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
    is_movie: bool,
    size: (u32, u32),
    resolution_percent: u32,
    seams: Vec<String>,
    #[serde(default)]
    adapts: bool,
    #[serde(default)]
    denoising: Option<Denoising>,
    main: CollectedFile,
    files: Vec<CollectedFile>,
    warnings: Vec<String>,
    missing: Vec<MissingFile>,
    #[serde(default)]
    wants: SceneWants,
    #[serde(default)]
    unbaked: Vec<String>,
    #[serde(default)]
    bakes: Vec<BakeTask>,
    #[serde(default)]
    bakes_told: Vec<String>,
}

/// Opens a saved .blend in a child Blender (`given`, else the first one found; its scripts do not run) and lists what it
/// needs. Copies of files whose paths had to be changed lie below `folder`, which must outlive the sending of the job; the
/// originals are never written.
///
/// Blender is started once: what it is shows by its name, and its version by its answer. Only if that fails, the program is
/// asked what it is, so that the error tells what is really wrong.
pub async fn collect(given: Option<&Path>, request: &CollectRequest, folder: &Path) -> Result<Collected> {
    let saved = header::read(&request.blend)?;
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
    let search = Search { request, folder, saved };
    if let Some(program) = given {
        return search.by(program).await?;
    }
    for program in candidates() {
        if let Ok(collected) = search.by(&program).await {
            return collected;
        }
    }
    Err(none_found())
}

/// What is looked for, and where the answer goes.
struct Search<'a> {
    request: &'a CollectRequest,
    folder: &'a Path,
    /// Which Blender saved the file, if that is known.
    saved: Option<BlenderVersion>,
}

impl Search<'_> {
    /// The outer error is that the program is no Blender.
    async fn by(&self, program: &Path) -> Result<Result<Collected>> {
        let guessed = guess(program);
        let failure = match guessed {
            Some(kind) => match self.ask(program, kind).await {
                Ok(told) => return Ok(told),
                Err(failure) => Some(failure),
            },
            None => None,
        };
        let installation = probe(program).await?;
        let own = installation.version;
        if let Err(newer) = header::refuse_newer(&self.request.blend, self.saved, own) {
            return Ok(Err(newer));
        }
        match failure {
            Some(failure) if guessed == Some(installation.kind) => Ok(Err(failure)),
            _ => Ok(self.ask(program, installation.kind).await.flatten()),
        }
    }

    /// The outer error is that Blender, if it is one, did not answer.
    async fn ask(&self, program: &Path, kind: Kind) -> Result<Result<Collected>> {
        let (question, result) = (self.folder.join("question.json"), self.folder.join("answer.json"));
        self.write_question(&question, &result)?;
        // Nobody listens: the log only remembers what matters.
        let log = Log::new(mpsc::channel(1).0);
        run(program, kind, &question, self.folder, &log).await?;
        Ok(match read(&result, &log)? {
            Answer::Refused { refused, blender } => self.refuse_newer(blender).and(Err(Error::blender(refused))),
            Answer::Found(found) => self.refuse_newer(found.blender).and_then(|()| self.judge(*found, &log)),
        })
    }

    fn refuse_newer(&self, [major, minor, patch]: [u16; 3]) -> Result<()> {
        header::refuse_newer(&self.request.blend, self.saved, BlenderVersion { major, minor, patch })
    }

    fn judge(&self, found: Found, log: &Log) -> Result<Collected> {
        match log.engine_missing(&found.scene) {
            Some(engine) if self.request.engine.is_none() => Err(engine_missing(&found.scene, &engine)),
            _ => Ok(found.into_collected()),
        }
    }

    /// The folder for copies that can be written: the one that is wanted, else this collecting's own.
    fn copies(&self) -> PathBuf {
        let wanted = self.request.copies.as_deref();
        let kept = wanted.filter(|folder| std::fs::create_dir_all(folder).is_ok());
        kept.map_or_else(|| self.folder.join("copies"), Path::to_path_buf)
    }

    fn write_question(&self, path: &Path, result: &Path) -> Result<()> {
        let request = self.request;
        let blend = std::path::absolute(&request.blend).map_err(|error| Error::io("find", &request.blend, &error))?;
        let question = Question {
            blend: &blend,
            copies: self.copies(),
            result,
            scene: request.scene.as_deref(),
            engine: request.engine.as_deref(),
            bake_order: request.bake_order.as_deref(),
        };
        let text = serde_json::to_vec(&question)
            .map_err(|_| Error::bad_input("a path that is not valid Unicode cannot be handed to Blender"))?;
        std::fs::write(path, text).map_err(|error| Error::io("write", path, &error))
    }
}

async fn run(program: &Path, kind: Kind, question: &Path, folder: &Path, log: &std::sync::Arc<Log>) -> Result<()> {
    let launch = Launch {
        program,
        kind,
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

fn read(result: &Path, log: &Log) -> Result<Answer> {
    let silent = || Error::blender(last_words("ended without telling what the scene needs", log));
    if std::fs::metadata(result).map_err(|_| silent())?.len() > RESULT_BYTES_MAX {
        return Err(Error::blender("the scene needs more files than a job can hold"));
    }
    let text = std::fs::read(result).map_err(|_| silent())?;
    serde_json::from_slice(&text).map_err(|_| {
        Error::blender("a file that the scene needs has a name that is not valid Unicode")
            .hint("rename it, and choose it again in Blender")
    })
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
            is_movie: self.is_movie,
            size: self.size,
            resolution_percent: self.resolution_percent,
            seams: self.seams,
            adapts: self.adapts,
            denoising: self.denoising,
            main: self.main,
            files: self.files,
            warnings: self.warnings,
            missing: self.missing,
            wants: self.wants,
            unbaked: self.unbaked,
            bakes: self.bakes,
            bakes_told: self.bakes_told,
        }
    }
}
