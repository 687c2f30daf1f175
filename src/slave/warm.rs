//! One Blender that keeps its scene open from frame to frame, and when it is replaced by a fresh one.

use super::assignment::Assignment;
use super::empty::Empty;
use super::job_folder::Scene;
use super::log::AttemptLog;
use super::shop::Shop;
use crate::blender::{BakeOrder, BakeProgress, DenoiseOrder, Installation, LogLine, Rendered, Worker};
use crate::error::{Error, Result};
use crate::happening::HappeningKind;
use crate::ids::JobId;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;

/// Frames that one process renders; a fresh one then starts without whatever the old one lost track of.
const FRAMES_MAX: u32 = 500;
/// Frames between two looks at the process's memory.
const FRAMES_PER_LOOK: u32 = 8;
/// Lines that are written at once.
const LINES_AT_ONCE: usize = 1024;

/// A Blender with a job's scene open.
#[derive(Debug)]
pub(super) struct Warm {
    worker: Worker,
    lines: mpsc::Receiver<LogLine>,
    blender: Installation,
    job: JobId,
    /// The lease that it was opened for.
    lease: u64,
    frames: u32,
    memory_bytes_max: u64,
    /// As it was when it was opened. Keeps the job's folder.
    scene: Scene,
}

/// Where the output of Blender goes.
pub(super) struct Printed<'a> {
    pub(super) shop: &'a Shop,
    pub(super) log: &'a AttemptLog,
    /// Who is told how far a bake is: the slot, and what it is at.
    pub(super) bake: Option<(usize, &'a str)>,
}

impl Warm {
    /// Opens the job's scene in a Blender that has started.
    pub(super) async fn open(empty: Empty, (job, lease): (JobId, u64), scene: &Scene, printed: &Printed<'_>) -> Result<Self> {
        let Some((blender, mut worker, mut lines)) = empty.into_parts() else {
            return Err(Error::internal("the Blender to open the scene in has not started"));
        };
        let opened = async {
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
            blender,
            job,
            lease,
            frames: 0,
            memory_bytes_max: printed.shop.options.memory_bytes_max(),
            scene: scene.clone(),
        })
    }

    /// Whether it can go on with this job as it is.
    pub(super) fn fits(&mut self, job: JobId, scene: &Scene, blender: &Installation) -> bool {
        let is_due = is_due(self.frames, || self.is_too_big());
        self.is_of(job) && self.scene.is_same_as(scene) && self.blender == *blender && !is_due && !self.worker.has_ended()
    }

    /// Whether this job's scene is open in it.
    pub(super) fn is_of(&self, job: JobId) -> bool {
        self.job == job
    }

    /// The lease that it was opened for.
    pub(super) fn lease(&self) -> u64 {
        self.lease
    }

    /// Waits until it ends without having been asked to. May be given up and called again.
    pub(super) async fn ended(&mut self) {
        self.worker.ended().await;
    }

    /// Renders a frame, or tiles of one. After an error, or if it is given up half-way, it is good for nothing but to be killed.
    pub(super) async fn render(&mut self, assignment: &Assignment, output: &Path, printed: &Printed<'_>) -> Result<Rendered> {
        self.frames += 1;
        let rendering = self.worker.render_part(assignment.piece.frame, assignment.block(), output);
        printed
            .while_it_prints(rendering, &mut self.lines, &format!("rendering {}", assignment.what()))
            .await
    }

    /// Kills it with all that it started; returns when nothing of it is left.
    pub(super) async fn kill(self) {
        self.worker.kill().await;
    }

    fn is_too_big(&self) -> bool {
        self.worker.memory_bytes().is_some_and(|bytes| bytes > self.memory_bytes_max)
    }
}

/// Whether a fresh Blender shall follow one that has rendered so many frames.
fn is_due(frames: u32, is_too_big: impl FnOnce() -> bool) -> bool {
    frames >= FRAMES_MAX || frames > 0 && frames.is_multiple_of(FRAMES_PER_LOOK) && is_too_big()
}

/// Bakes in a Blender that has started, and ends it; the seconds that it took.
pub(super) async fn bake(empty: Empty, scene: &Scene, order: &BakeOrder<'_>, printed: &Printed<'_>) -> Result<f64> {
    let Some((_, mut worker, mut lines)) = empty.into_parts() else {
        return Err(Error::internal("the Blender to bake in has not started"));
    };
    let doing = format!("baking {}", order.bake.name);
    let baking = worker.bake(&scene.request, order);
    let baked = printed.while_it_prints(baking, &mut lines, &doing).await;
    worker.kill().await;
    baked
}

/// Denoises in a Blender that has started, and ends it; the denoised pictures.
pub(super) async fn denoise(empty: Empty, order: &DenoiseOrder<'_>, printed: &Printed<'_>) -> Result<Vec<PathBuf>> {
    let Some((_, mut worker, mut lines)) = empty.into_parts() else {
        return Err(Error::internal("the Blender to denoise in has not started"));
    };
    let denoising = worker.denoise(order);
    let denoised = printed.while_it_prints(denoising, &mut lines, "denoising").await;
    worker.kill().await;
    denoised
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
        self.write(&printed);
        self.rest(lines);
        done
    }

    /// Writes down what has been printed by now.
    pub(super) fn rest(&self, lines: &mut mpsc::Receiver<LogLine>) {
        let printed: Vec<LogLine> = std::iter::from_fn(|| lines.try_recv().ok()).collect();
        self.write(&printed);
    }

    fn write(&self, lines: &[LogLine]) {
        self.log.write_lines(lines.iter().map(|line| line.text.as_str()));
        if let Some((slot, doing)) = self.bake
            && let Some(progress) = lines.iter().rev().find_map(|line| BakeProgress::of(&line.text))
        {
            self.log.set_percent(progress.percent);
            self.shop.board.rendering(slot, format!("{doing}: {}", progress.text));
        }
        if self.shop.options.log_console {
            for line in lines {
                self.shop.board.tell(HappeningKind::Log, line.text.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_blender_follows_one_that_has_rendered_much_or_takes_much() {
        let never = || unreachable!("its memory is looked at without need");
        assert!(!is_due(0, never) && !is_due(FRAMES_PER_LOOK - 1, never));
        assert!(is_due(FRAMES_PER_LOOK, || true) && !is_due(FRAMES_PER_LOOK, || false));
        assert!(!is_due(FRAMES_MAX - 1, || true));
        assert!(is_due(FRAMES_MAX, || false) && is_due(FRAMES_MAX + 1, never));
    }
}
