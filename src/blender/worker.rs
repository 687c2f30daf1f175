//! One warm Blender: opens a scene once, renders its frames one by one on command.

use super::device::Device;
use super::header;
use super::installation::Installation;
use super::log::{Log, LogLine};
use super::process::{Launch, Tree, ending};
use super::talk::{NumberedBake, Reply, Talk, What};
use crate::error::{Error, Result};
use crate::ids::{BlenderVersion, JobPath, TileBlock};
use crate::wire::{BakeTask, Baked, RenderSettings};
use serde::Serialize;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// From the start of the process to its first word.
const START_TIMEOUT_S: u64 = 60;
/// A scene of many gigabytes over a slow disk takes minutes; what takes longer hangs.
const OPEN_TIMEOUT_S: u64 = 1800;

/// How a worker is started.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Threads that Blender renders with; 0: one per core.
    pub threads: u32,
    /// What Cycles renders with; none: as the user's preferences and the scene say.
    pub devices: Vec<Device>,
    /// Whether scripts inside of .blend files run.
    pub allow_scripts: bool,
    /// The worker's own folder, for its scripts and temporary files.
    pub folder: PathBuf,
}

/// A scene to open.
#[derive(Debug, Clone)]
pub struct SceneRequest {
    /// The .blend.
    pub blend: PathBuf,
    /// What is set differently from what the file says.
    pub settings: RenderSettings,
    /// What is baked, and plays back.
    pub playback: Playback,
}

/// Bakes that a scene plays back.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Playback {
    /// The folder in which the job's files lie.
    pub root: PathBuf,
    /// By number; some of their files may not be there.
    pub baked: Vec<Baked>,
}

/// A cache to bake.
#[derive(Debug, Clone, Copy)]
pub struct BakeOrder<'a> {
    /// Its number, from 1.
    pub number: u32,
    /// What to bake.
    pub bake: &'a BakeTask,
    /// Where the .blend lies inside the job.
    pub main: &'a JobPath,
    /// What the files that it works with are called, which lie beside the .blend as long as it goes on.
    pub beside: &'a str,
    /// The zip to make.
    pub output: &'a Path,
}

/// A rendered frame, and what its picture has to be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// Seconds of rendering, file included.
    pub seconds: f64,
    /// Width and height of the whole picture in pixels, by the scene's settings.
    pub picture: (u32, u32),
    /// Width and height of what was to be rendered of it …
    pub size: (u32, u32),
    /// … without what was rendered around it to be cut off, in pixels at its left, top, right and bottom.
    pub margins: [u32; 4],
    /// The view layers that are switched on for rendering.
    pub layers: Vec<String>,
}

/// A running Blender. Dropping it kills its process tree; [`Worker::kill`] also waits until it is gone. A call that is
/// given up half-way (its future dropped) leaves the worker good for nothing but killing.
#[derive(Debug)]
pub struct Worker {
    tree: Tree,
    talk: Talk,
    log: Arc<Log>,
    options: WorkerOptions,
    version: BlenderVersion,
}

impl Worker {
    /// Starts a Blender and waits until it listens. Lines that `log` has no room for are left out, and counted.
    pub async fn start(installation: &Installation, options: &WorkerOptions, log: mpsc::Sender<LogLine>) -> Result<Self> {
        Self::start_watched(installation, options, log, None).await
    }

    /// The same; `alive` is dropped as soon as nothing of the process tree is left, also if this call is given up half-way.
    pub async fn start_watched(
        installation: &Installation,
        options: &WorkerOptions,
        log: mpsc::Sender<LogLine>,
        alive: Option<oneshot::Sender<Infallible>>,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| Error::internal(format!("no loopback socket for Blender: {error}")))?;
        let port = listener.local_addr().map_or(0, |address| address.port());
        let token = one_time_token()?;
        let log = Log::new(log);
        let launch = Launch {
            program: &installation.program,
            kind: installation.kind,
            script: "worker.py",
            argument: None,
            folder: &options.folder,
            threads: options.threads,
            allow_scripts: options.allow_scripts,
            mark: format!("{port}:{token}"),
            alive,
        };
        let mut tree = launch.spawn(&log).await?;
        let connected = tokio::select! {
            connected = timeout(Duration::from_secs(START_TIMEOUT_S), Talk::begin(&listener, &token)) => connected
                .map_err(|_| Error::timeout(format!("Blender did not start within {START_TIMEOUT_S} s"))),
            status = tree.exited() => Err(Error::blender(last_words(&format!("{} at its start", ending(&status)), &log))),
        };
        match connected {
            Ok((talk, version)) => Ok(Self {
                tree,
                talk,
                log,
                options: options.clone(),
                version,
            }),
            Err(error) => {
                tree.kill().await;
                Err(error)
            }
        }
    }

    /// Opens a scene, in place of the one that was open.
    pub async fn open(&mut self, scene: &SceneRequest) -> Result<()> {
        let name = scene.blend.file_name().unwrap_or_default().to_string_lossy().into_owned();
        header::check(&scene.blend, self.version)?;
        self.log.set_frame(None);
        self.log.forget_engines();
        let what = What::Open {
            blend: &scene.blend,
            allow_scripts: self.options.allow_scripts,
            threads: self.options.threads,
            devices: self.options.devices.iter().map(ToString::to_string).collect(),
            settings: &scene.settings,
            playback: &scene.playback,
        };
        let opening = format!("while opening {name}");
        let reply = self.talk.ask(what, &opening, &mut self.tree, &self.log);
        match timeout(Duration::from_secs(OPEN_TIMEOUT_S), reply).await {
            Ok(Ok(Reply::Opened { scene: opened })) => match self.log.engine_missing(&opened) {
                Some(engine) if scene.settings.engine.is_none() => Err(engine_missing(&opened, &engine)),
                _ => Ok(()),
            },
            Ok(reply) => Err(unexpected(reply, &opening)),
            Err(_) => Err(Error::timeout(format!(
                "Blender did not open {name} within {OPEN_TIMEOUT_S} s"
            ))),
        }
    }

    /// Renders a frame of the open scene into a file of exactly this name, as raw multilayer EXR. Waits as long as it takes.
    /// When it returns, all lines that the frame printed have been handed to the log.
    pub async fn render(&mut self, frame: i32, output: &Path) -> Result<Rendered> {
        self.render_part(frame, None, output).await
    }

    /// The same of some tiles of the frame's picture, as one; none: of all of it. Refuses tiles that would not fit together.
    pub async fn render_part(&mut self, frame: i32, tiles: Option<TileBlock>, output: &Path) -> Result<Rendered> {
        self.log.set_frame(Some(frame));
        let tile = tiles.map(Into::into);
        let what = What::Render { frame, tile, output };
        let rendering = format!("while rendering frame {frame}");
        let reply = self.talk.ask(what, &rendering, &mut self.tree, &self.log).await;
        self.log.set_frame(None);
        match reply {
            Ok(Reply::Rendered {
                seconds,
                picture,
                size,
                margins,
                layers,
            }) => Ok(Rendered {
                seconds,
                picture,
                size,
                margins,
                layers,
            }),
            reply => Err(unexpected(reply, &rendering)),
        }
    }

    /// Bakes a cache of a scene, which is opened for it, into a zip; the seconds that it took. Waits as long as it takes. It is
    /// good for nothing but to be killed afterwards.
    pub async fn bake(&mut self, scene: &SceneRequest, order: &BakeOrder<'_>) -> Result<f64> {
        header::check(&scene.blend, self.version)?;
        self.log.set_frame(None);
        let what = What::Bake {
            blend: &scene.blend,
            allow_scripts: self.options.allow_scripts,
            threads: self.options.threads,
            settings: &scene.settings,
            playback: &scene.playback,
            bake: NumberedBake {
                number: order.number,
                bake: order.bake,
            },
            main: order.main.as_str(),
            beside: order.beside,
            output: order.output,
        };
        let baking = format!("while baking {}", order.bake.name);
        match self.order(what, &baking).await {
            Ok(Reply::Baked { seconds }) => Ok(seconds),
            reply => Err(unexpected(reply, &baking)),
        }
    }

    /// How many threads it may take; 0: as many as it likes.
    pub(super) fn threads(&self) -> u32 {
        self.options.threads
    }

    /// Sends an order and waits for its reply. All lines that it printed have been handed to the log by then.
    pub(super) async fn order(&mut self, what: What<'_>, doing: &str) -> Result<Reply> {
        self.talk.ask(what, doing, &mut self.tree, &self.log).await
    }

    /// Whether the process has ended, without waiting.
    pub fn has_ended(&mut self) -> bool {
        self.tree.has_exited()
    }

    /// Waits until the process ends by itself. May be given up and called again.
    pub async fn ended(&mut self) {
        // How it ended, a later order tells.
        let _ = self.tree.exited().await;
    }

    /// Kills Blender and all that it started; returns when nothing of it is left.
    pub async fn kill(self) {
        self.tree.kill().await;
    }

    /// Memory of the process now, in bytes; none once it has ended.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<u64> {
        self.tree.memory_bytes()
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.tree.pid()
    }
}

fn one_time_token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(format!("the system gives no random numbers: {error}")))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

pub(super) fn engine_missing(scene: &str, engine: &str) -> Error {
    Error::unfit(format!(
        "the scene {scene:?} wants the render engine {engine}, which this Blender does not have"
    ))
    .hint("enable its add-on in that Blender, or choose another engine for the job, such as CYCLES")
}

/// "Blender crashed …: the last line that it printed".
pub(super) fn last_words(what: &str, log: &Log) -> String {
    let last = log.last_line();
    if last.is_empty() {
        format!("Blender {what}")
    } else {
        format!("Blender {what}; its last line was: {last}")
    }
}

pub(super) fn unexpected(reply: Result<Reply>, doing: &str) -> Error {
    match reply {
        Err(error) => error,
        Ok(Reply::Failed { reason }) => Error::blender(reason),
        Ok(Reply::Lacks { reason }) => Error::unfit(reason),
        Ok(_) => Error::internal(format!("Blender gave an answer that does not fit {doing}")),
    }
}
