//! One Blender that keeps its scene open from frame to frame, and when it is replaced by a fresh one.

use super::HappeningKind;
use super::log::AttemptLog;
use super::machine;
use super::scene::Scene;
use super::shop::Shop;
use crate::blender::{Installation, LogLine, Rendered, Worker, WorkerOptions};
use crate::error::{Error, Result};
use crate::ids::JobId;
use std::convert::Infallible;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Frames that one process renders; a fresh one then starts without whatever the old one lost track of.
const FRAMES_MAX: u32 = 500;
/// Frames between two looks at the process's memory.
const FRAMES_PER_LOOK: u32 = 8;
/// Lines of output that wait to be written; more are left out, so that Blender never waits for the log.
const LINES_MAX: usize = 16_384;
/// Lines that are written at once.
const LINES_AT_ONCE: usize = 1024;

/// A Blender with a job's scene open.
#[derive(Debug)]
pub(super) struct Warm {
    worker: Worker,
    lines: mpsc::Receiver<LogLine>,
    blender: Installation,
    job: JobId,
    frames: u32,
}

/// Where the output of Blender goes.
pub(super) struct Printed<'a> {
    pub(super) shop: &'a Shop,
    pub(super) log: &'a AttemptLog,
}

impl Warm {
    /// Starts a Blender and opens the job's scene in it. `alive` is dropped when nothing of that Blender is left, also if
    /// this is given up half-way.
    pub(super) async fn start(
        blender: &Installation,
        job: JobId,
        scene: &Scene,
        printed: &Printed<'_>,
        alive: oneshot::Sender<Infallible>,
    ) -> Result<Self> {
        let shop = printed.shop;
        let options = WorkerOptions {
            threads: shop.options.threads,
            allow_scripts: shop.options.allow_scripts,
            folder: shop.work_folder.join("blender"),
        };
        let (sender, mut lines) = mpsc::channel(LINES_MAX);
        let opened = async {
            let mut worker = Worker::start_watched(blender, &options, sender, Some(alive)).await?;
            match worker.open(&scene.request).await {
                Ok(()) => Ok(worker),
                Err(error) => {
                    worker.kill().await;
                    Err(error)
                }
            }
        };
        let doing = format!("opening the scene of {}", scene.name);
        let worker = printed.while_it_prints(opened, &mut lines, &doing).await?;
        Ok(Self {
            worker,
            lines,
            blender: blender.clone(),
            job,
            frames: 0,
        })
    }

    /// Whether it can go on with this job as it is.
    pub(super) fn fits(&self, job: JobId, blender: &Installation) -> bool {
        let is_due =
            self.frames >= FRAMES_MAX || self.frames > 0 && self.frames.is_multiple_of(FRAMES_PER_LOOK) && self.is_too_big();
        self.job == job && self.blender == *blender && !is_due
    }

    /// Renders a frame. After an error, or if it is given up half-way, it is good for nothing but to be killed.
    pub(super) async fn render(&mut self, frame: i32, output: &Path, printed: &Printed<'_>) -> Result<Rendered> {
        self.frames += 1;
        let rendering = self.worker.render(frame, output);
        printed
            .while_it_prints(rendering, &mut self.lines, &format!("rendering frame {frame}"))
            .await
    }

    /// Kills it with all that it started; returns when nothing of it is left.
    pub(super) async fn kill(self) {
        self.worker.kill().await;
    }

    fn is_too_big(&self) -> bool {
        self.worker
            .memory_bytes()
            .is_some_and(|bytes| bytes > machine::worker_memory_bytes_max())
    }
}

impl Printed<'_> {
    /// Waits for Blender to do something, writing down what it prints; a long silence means that it hangs.
    async fn while_it_prints<T>(
        &self,
        work: impl Future<Output = Result<T>>,
        lines: &mut mpsc::Receiver<LogLine>,
        doing: &str,
    ) -> Result<T> {
        let patience: Duration = self.shop.options.hang_timeout;
        let mut work = pin!(work);
        let mut silence = pin!(tokio::time::sleep(patience));
        let mut printed = Vec::new();
        let done = loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                1.. = lines.recv_many(&mut printed, LINES_AT_ONCE) => {
                    self.write(&printed);
                    printed.clear();
                    silence.as_mut().reset(tokio::time::Instant::now() + patience);
                }
                () = &mut silence => {
                    let seconds = patience.as_secs_f64();
                    break Err(Error::blender(format!("Blender hung: it said nothing for {seconds:.0} s while {doing}")));
                }
            }
        };
        printed.extend(std::iter::from_fn(|| lines.try_recv().ok()));
        self.write(&printed);
        done
    }

    fn write(&self, lines: &[LogLine]) {
        self.log.write_lines(lines.iter().map(|line| line.text.as_str()));
        if self.shop.options.log_console {
            for line in lines {
                self.shop.board.tell(HappeningKind::Log, line.text.clone());
            }
        }
    }
}
