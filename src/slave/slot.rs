//! A slot: takes one frame after the other from the desk, and has its Blender render it.

use super::HappeningKind;
use super::finish;
use super::held::{Assignment, Held};
use super::outbox;
use super::scene::{Scene, Scenes};
use super::shop::Shop;
use super::warm::{Printed, Warm};
use crate::blender::{Installation, Rendered};
use crate::error::{Code, Error, Result};
use crate::ids::BlenderVersion;
use crate::link::Backoff;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Rendered frames that are checked and hashed at the same time; the next frame waits for one of them.
const FINISHING_MAX: usize = 2;
/// How long before the expected end of the last frame the next chunk is asked for. Longer would keep frames waiting here
/// that an idle slave could render.
const AHEAD: Duration = Duration::from_millis(500);

/// How long nothing is rendered after this machine's disk failed.
const STORAGE_PAUSE: Duration = Duration::from_secs(30);

/// Pause after the second of two attempts that failed one after the other; it doubles with every further one …
const FAILURES_PAUSE_MIN: Duration = Duration::from_secs(1);
/// … up to this. A slave on which nothing succeeds would else use up all attempts at all frames within seconds.
const FAILURES_PAUSE_MAX: Duration = Duration::from_secs(30);

/// One slot of a slave.
#[derive(Debug)]
pub(super) struct Slot {
    shop: Arc<Shop>,
    scenes: Scenes,
    warm: Option<Warm>,
    /// Ends when nothing is left of the Blender that was started last.
    gone: Option<oneshot::Receiver<Infallible>>,
    /// Blender is at something: whoever gives that up has to kill it.
    busy: bool,
    /// Seconds of the last frame.
    pace: Option<f64>,
    /// Attempts that failed since the last frame was rendered.
    failures: u32,
    finishing: Arc<Semaphore>,
}

/// How an attempt came to its end.
enum End {
    Rendered(Rendered),
    Failed(Error),
    Unwanted,
    Stopped,
}

impl Slot {
    pub(super) fn new(shop: Arc<Shop>, scenes: Scenes) -> Self {
        Self {
            shop,
            scenes,
            warm: None,
            gone: None,
            busy: false,
            pace: None,
            failures: 0,
            finishing: Arc::new(Semaphore::new(FINISHING_MAX)),
        }
    }

    /// Renders until the slave is stopped; then nothing of Blender is left.
    pub(super) async fn run(mut self) {
        let shop = Arc::clone(&self.shop);
        shop.desk.slot_freed();
        while let Some(assignment) = shop.stop.run_until_cancelled(shop.desk.next()).await {
            self.attempt(&assignment).await;
        }
        self.cool_down().await;
    }

    async fn attempt(&mut self, assignment: &Assignment) {
        let shop = Arc::clone(&self.shop);
        // Never closed, so there is always one sooner or later.
        let Ok(permit) = Arc::clone(&self.finishing).acquire_owned().await else {
            return;
        };
        shop.desk.slot_taken();
        let picture = shop.work_folder.join(format!("{}.exr", outbox::stem(assignment.name)));
        let mut ahead = Ahead {
            shop: &shop,
            told: false,
        };
        let end = tokio::select! {
            biased;
            () = shop.stop.cancelled() => End::Stopped,
            () = assignment.unwanted.cancelled() => End::Unwanted,
            rendered = self.render(assignment, &picture, &mut ahead) => match rendered {
                Ok(rendered) => End::Rendered(rendered),
                Err(error) => End::Failed(error),
            },
        };
        if !matches!(end, End::Rendered(_)) && self.busy {
            // Nothing is told of the attempt before its Blender is gone.
            self.cool_down().await;
        }
        match end {
            End::Rendered(rendered) => {
                self.pace = Some(rendered.seconds);
                self.failures = 0;
                shop.desk.rendered(assignment.name);
                tokio::spawn(finish::finish(Arc::clone(&shop), assignment.name, picture, rendered, permit));
            }
            End::Failed(error) => {
                shop.board
                    .tell(HappeningKind::Warning, format!("frame {} failed: {error}", assignment.frame));
                shop.fail(assignment.name, error.to_string());
                remove(&picture);
                self.failures = self.failures.saturating_add(1);
                self.rest(&error).await;
            }
            End::Unwanted => {
                shop.forget(assignment.name);
                remove(&picture);
            }
            End::Stopped => {
                shop.desk.give_back(assignment.name);
                shop.forget_files(assignment.name);
                remove(&picture);
            }
        }
        ahead.tell();
        if !shop.desk.look(Held::has_queued) {
            shop.board.idle();
        }
    }

    /// Leaves what is queued to others for a while if the fault may be this machine's own.
    async fn rest(&self, error: &Error) {
        let pause = match error.code {
            // Others may have room: one failed frame tells enough.
            Code::Storage => Some(STORAGE_PAUSE),
            _ => pause_after(self.failures),
        };
        let Some(pause) = pause else { return };
        let shop = &self.shop;
        shop.desk.give_back_queued();
        let times = if self.failures == 1 {
            "a frame"
        } else {
            "one frame after the other"
        };
        shop.board
            .resting(format!("{times} failed here: resting for {} s", pause.as_secs()));
        shop.stop.run_until_cancelled(tokio::time::sleep(pause)).await;
    }

    async fn render(&mut self, assignment: &Assignment, picture: &Path, ahead: &mut Ahead<'_>) -> Result<Rendered> {
        let shop = Arc::clone(&self.shop);
        let log = shop.logs.begin(assignment.name)?;
        let scene = self.scene(assignment).await?;
        let printed = Printed { shop: &shop, log: &log };
        let frame = assignment.frame;
        self.open(assignment, &scene, &printed).await?;
        shop.board.rendering(format!("rendering frame {frame} of {}", scene.name));
        let Some(warm) = &mut self.warm else {
            return Err(Error::internal("the Blender that was just started is not there"));
        };
        self.busy = true;
        let rendered = tokio::select! {
            rendered = warm.render(frame, picture, &printed) => rendered,
            never = ahead.in_time(self.pace) => match never {},
        };
        self.busy = rendered.is_err();
        rendered
    }

    /// Brings what the frame needs; a master that is away is waited for.
    async fn scene(&mut self, assignment: &Assignment) -> Result<Scene> {
        let shop = Arc::clone(&self.shop);
        let (job, frame) = (assignment.name.job, assignment.frame);
        if let Some(scene) = self.scenes.ready(job, frame) {
            return Ok(scene);
        }
        shop.board.fetching(format!("fetching the files for frame {frame}"));
        let tell = |text: String| shop.board.fetching(text);
        let mut backoff = Backoff::default();
        loop {
            let session = shop.session().await;
            match self.scenes.fetch(&session.link, job, frame, &tell).await {
                Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout) => {
                    tokio::time::sleep(backoff.next_wait()).await;
                }
                fetched => return fetched,
            }
        }
    }

    /// Has the scene open in a Blender that fits: the warm one if it will do, else a fresh one.
    async fn open(&mut self, assignment: &Assignment, scene: &Scene, printed: &Printed<'_>) -> Result<()> {
        let shop = Arc::clone(&self.shop);
        let blender = choose(&shop.blenders, scene.blender)?;
        let job = assignment.name.job;
        if self.warm.as_ref().is_some_and(|warm| warm.fits(job, blender)) {
            return Ok(());
        }
        self.cool_down().await;
        shop.board.fetching(format!("opening the scene of {}", scene.name));
        let (alive, gone) = oneshot::channel();
        self.gone = Some(gone);
        self.busy = true;
        self.warm = Some(Warm::start(blender, job, scene, printed, alive).await?);
        shop.desk.set_warm(Some(job));
        self.pace = None;
        Ok(())
    }

    /// Ends the Blender, if there is one. One that was given up while it opened the scene is being killed already.
    async fn cool_down(&mut self) {
        if let Some(warm) = self.warm.take() {
            warm.kill().await;
            self.shop.desk.set_warm(None);
        }
        if let Some(gone) = self.gone.take() {
            // Nothing is ever sent: it is the end of the sender that tells.
            let _ = gone.await;
        }
        self.busy = false;
    }
}

/// Tells the desk, once for each frame, that the slot is free or soon will be.
struct Ahead<'a> {
    shop: &'a Shop,
    told: bool,
}

impl Ahead<'_> {
    /// Tells it shortly before the frame is expected to be done; if nobody knows how long it takes, not at all.
    async fn in_time(&mut self, pace: Option<f64>) -> Infallible {
        let known = pace.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if let Some(expected) = known {
            tokio::time::sleep(expected.saturating_sub(AHEAD)).await;
            self.tell();
        }
        std::future::pending().await
    }

    fn tell(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            self.shop.desk.slot_freed();
        }
    }
}

/// The Blender for a job: of the same series as the one that collected it.
fn choose(blenders: &[Installation], wanted: Option<BlenderVersion>) -> Result<&Installation> {
    let fits = |blender: &&Installation| wanted.is_none_or(|wanted| blender.version.same_series(wanted));
    blenders.iter().find(fits).ok_or_else(|| {
        let series = wanted.map(BlenderVersion::series).unwrap_or_default();
        Error::blender(format!("this slave has no Blender {series}"))
    })
}

/// How long to rest after so many failures in a row; a single one may be the frame's own fault.
fn pause_after(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(2)?;
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    Some(FAILURES_PAUSE_MIN.saturating_mul(factor).min(FAILURES_PAUSE_MAX))
}

fn remove(picture: &Path) {
    // Most often it was never written. What stays is swept away at the next start.
    let _ = std::fs::remove_file(picture);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slave_on_which_nothing_succeeds_rests_ever_longer() {
        let pauses: Vec<u64> = (0..9)
            .map(|failures| pause_after(failures).map_or(0, |it| it.as_secs()))
            .collect();
        assert_eq!(pauses, [0, 0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause_after(u32::MAX), Some(FAILURES_PAUSE_MAX));
    }
}
