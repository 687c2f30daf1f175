//! A slot: takes one frame after the other from the desk, and has its Blender render it.
//!
//! It has one Blender at any time, besides one that is being killed: *warm*, with a job's scene open, or *empty*, started
//! ahead. A warm one is kept until a frame of another job comes.

use super::empty::Empty;
use super::finals::FinalOrder;
use super::finish::{self, Finishing};
use super::held::{Assignment, Held};
use super::log::AttemptLog;
use super::outbox;
use super::pauses;
use super::scene::{Scene, Scenes, Told};
use super::shop::Shop;
use super::warm::{Printed, Warm};
use crate::blender::{Installation, Rendered};
use crate::error::{Code, Error, Result};
use crate::happening::HappeningKind;
use crate::ids::{BlenderVersion, JobId};
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

/// One slot of a slave.
#[derive(Debug)]
pub(super) struct Slot {
    shop: Arc<Shop>,
    scenes: Scenes,
    warm: Option<Warm>,
    /// Never beside a warm one.
    empty: Option<Empty>,
    /// The Blender that was used last.
    blender: Option<Installation>,
    /// Empty ones that were lost since a scene was opened in one.
    lost: u32,
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
            empty: None,
            blender: None,
            lost: 0,
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
        while let Some(assignment) = shop.stop.run_until_cancelled(self.next()).await {
            self.attempt(&assignment).await;
        }
        self.cool_down().await;
        shop.finals.end_unless(None).await;
    }

    /// Waits for the next frame, with a Blender at hand.
    async fn next(&mut self) -> Assignment {
        let shop = Arc::clone(&self.shop);
        tokio::select! {
            biased;
            assignment = shop.desk.next() => assignment,
            never = self.stay_ready() => match never {},
        }
    }

    /// Has an empty Blender started if there is none, and replaces what ends by itself. May be given up at any time.
    async fn stay_ready(&mut self) -> Infallible {
        loop {
            if let Some(warm) = &mut self.warm {
                warm.ended().await;
                self.cool_down().await;
            } else if let Some(empty) = &mut self.empty {
                let error = empty.ended().await;
                self.lost = self.lost.saturating_add(1);
                if self.lost == 1 {
                    let text = format!("no Blender can be kept ready: {error}; it is tried again");
                    self.shop.board.tell(HappeningKind::Warning, text);
                }
                self.cool_down().await;
            } else {
                tokio::time::sleep(pauses::before_start(self.lost)).await;
                self.start_last().await;
                if self.empty.is_none() {
                    std::future::pending::<()>().await;
                }
            }
        }
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
                let finishing = Finishing {
                    task: assignment.name,
                    picture,
                    rendered,
                    finals: self.final_order(assignment),
                    permit,
                };
                tokio::spawn(finish::finish(Arc::clone(&shop), finishing));
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

    /// How the final files of a frame are made, if its job wants them from slaves.
    fn final_order(&mut self, assignment: &Assignment) -> Option<FinalOrder> {
        let scene = self.scenes.ready(assignment.name.job, assignment.frame)?;
        let blender = self.blender.clone()?;
        scene.request.settings.final_frames.then(|| FinalOrder {
            frame: assignment.frame,
            scene,
            blender,
            unwanted: assignment.unwanted.clone(),
        })
    }

    /// Leaves what is queued to others for a while if the fault may be this machine's own.
    async fn rest(&self, error: &Error) {
        let pause = match error.code {
            // Others may have room: one failed frame tells enough.
            Code::Storage => Some(STORAGE_PAUSE),
            _ => pauses::after_failures(self.failures),
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
        self.make_room(assignment.name.job).await;
        let scene = self.scene(assignment, &log).await?;
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
    async fn scene(&mut self, assignment: &Assignment, log: &AttemptLog) -> Result<Scene> {
        let shop = Arc::clone(&self.shop);
        let (job, frame) = (assignment.name.job, assignment.frame);
        if let Some(scene) = self.scenes.ready(job, frame) {
            return Ok(scene);
        }
        shop.board.fetching(format!("fetching the files for frame {frame}"));
        let tell = |text: String| shop.board.fetching(text);
        let told = Told { tell: &tell, log };
        // What waits to be rendered, too: one fetch for the chunk.
        let mut frames = shop.desk.look(|held| held.queued_frames(job));
        frames.push(frame);
        let mut backoff = Backoff::default();
        loop {
            let session = shop.session().await;
            match self.scenes.fetch(&session.link, job, &frames, &told).await {
                Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout) => {
                    tokio::time::sleep(backoff.next_wait()).await;
                }
                fetched => return fetched,
            }
        }
    }

    /// Ends a Blender that is warm for another job; an empty one starts while the files are fetched.
    async fn make_room(&mut self, job: JobId) {
        if self.warm.as_ref().is_some_and(|warm| !warm.is_of(job)) {
            self.cool_down().await;
            self.shop.finals.end_unless(Some(job)).await;
        }
        if self.warm.is_none() && self.empty.is_none() {
            self.start_last().await;
        }
    }

    /// Has the scene open in a Blender that fits: the warm one if it will do, else an empty one.
    async fn open(&mut self, assignment: &Assignment, scene: &Scene, printed: &Printed<'_>) -> Result<()> {
        let shop = Arc::clone(&self.shop);
        let blender = choose(&shop.blenders, scene.blender)?;
        let job = assignment.name.job;
        if self.warm.as_mut().is_some_and(|warm| warm.fits(job, scene.revision, blender)) {
            return Ok(());
        }
        shop.board.fetching(format!("opening the scene of {}", scene.name));
        let empty = self.take_empty(blender, printed).await?;
        self.busy = true;
        self.warm = Some(Warm::open(empty, job, scene, printed).await?);
        shop.desk.set_warm(Some(job));
        self.pace = None;
        self.lost = 0;
        Ok(())
    }

    /// An empty Blender that has started: the one that was started ahead if it will do, else a fresh one. Given up
    /// half-way, it goes on to start.
    async fn take_empty(&mut self, blender: &Installation, printed: &Printed<'_>) -> Result<Empty> {
        let will_do = match &mut self.empty {
            Some(ahead) => ahead.fits(blender) && ahead.started().await.is_ok(),
            None => false,
        };
        if !will_do {
            self.cool_down().await;
            self.start(blender.clone());
            if let Some(fresh) = &mut self.empty
                && let Err(error) = fresh.started().await
            {
                printed.rest(fresh.lines());
                self.cool_down().await;
                return Err(error);
            }
        }
        self.empty
            .take()
            .ok_or_else(|| Error::internal("the Blender that has just started is not there"))
    }

    /// Starts an empty Blender of the kind that was used last, as soon as nothing is left of the one before.
    async fn start_last(&mut self) {
        self.cool_down().await;
        if let Some(blender) = self.blender.as_ref().or(self.shop.blenders.first()) {
            self.start(blender.clone());
        }
    }

    fn start(&mut self, blender: Installation) {
        let (alive, gone) = oneshot::channel();
        self.gone = Some(gone);
        self.blender = Some(blender.clone());
        self.empty = Some(Empty::start(blender, &self.shop, alive));
    }

    /// Ends the Blender, if there is one. One that was given up while it opened the scene is being killed already.
    async fn cool_down(&mut self) {
        if let Some(warm) = self.warm.take() {
            self.shop.desk.set_warm(None);
            warm.kill().await;
        }
        if let Some(empty) = self.empty.take() {
            empty.kill().await;
        }
        if let Some(gone) = &mut self.gone {
            // Nothing is ever sent: it is the end of the sender that tells.
            let _ = gone.await;
            self.gone = None;
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

fn remove(picture: &Path) {
    // Most often it was never written. What stays is swept away at the next start.
    let _ = std::fs::remove_file(picture);
}
