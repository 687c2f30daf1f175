//! A slot: takes one frame after the other from the desk, brings its files, and has its Blender render it.

use super::assignment::Assignment;
use super::finals::FinalOrder;
use super::finish::{self, Finishing, Made};
use super::held::{Cause, Held};
use super::job_folder::Scene;
use super::keeper::Keeper;
use super::log::AttemptLog;
use super::outbox;
use super::scene::{Scenes, Told};
use super::shop::Shop;
use super::warm::Printed;
use crate::blender::BakeOrder;
use crate::error::{Code, Error, Result};
use crate::happening::HappeningKind;
use crate::ids::JobId;
use crate::link::Backoff;
use crate::wire::BakeTask;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Rendered frames that are checked and hashed at the same time; the next frame waits for one of them.
const FINISHING_MAX: usize = 2;
/// How long before the expected end of the last frame the next chunk is asked for. Longer would keep frames waiting here
/// that an idle slave could render.
const AHEAD: Duration = Duration::from_millis(500);

/// How long the next frame waits for the master to hear that the last one failed. Without a master nothing keeps a slave from
/// failing all that it holds, and larger outcomes may have to be delivered first.
const FAILURE_TOLD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing is rendered after this machine's disk failed.
const STORAGE_PAUSE: Duration = Duration::from_secs(30);

/// One slot of a slave.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) shop: Arc<Shop>,
    pub(super) number: usize,
    pub(super) scenes: Arc<Scenes>,
    pub(super) keeper: Keeper,
    /// Seconds of the last frame, or of each tile that was rendered as one, and of which job it was.
    pace: Option<(JobId, f64)>,
    finishing: Arc<Semaphore>,
}

/// How an attempt came to its end.
enum End {
    Made(Box<(Made, Scene)>),
    Failed(Error),
    Unwanted,
    Stopped,
}

impl Slot {
    pub(super) fn new(shop: Arc<Shop>, number: usize, scenes: Arc<Scenes>) -> Self {
        Self {
            keeper: Keeper::new(Arc::clone(&shop), number),
            shop,
            number,
            scenes,
            pace: None,
            finishing: Arc::new(Semaphore::new(FINISHING_MAX)),
        }
    }

    /// Renders until the slave is stopped; then nothing of Blender is left.
    pub(super) async fn run(mut self) {
        let shop = Arc::clone(&self.shop);
        shop.desk.slot_freed(self.number);
        while let Some(assignment) = shop.stop.run_until_cancelled(self.next()).await {
            self.attempt(&assignment).await;
        }
        self.keeper.cool_down().await;
        shop.finals.end_unless(None).await;
    }

    /// Waits for the next frame, with a Blender at hand.
    async fn next(&mut self) -> Assignment {
        let shop = Arc::clone(&self.shop);
        tokio::select! {
            biased;
            assignment = shop.desk.next(self.number) => assignment,
            never = self.keeper.stay_ready() => match never {},
        }
    }

    async fn attempt(&mut self, assignment: &Assignment) {
        let shop = Arc::clone(&self.shop);
        // Never closed, so there is always one sooner or later.
        let Ok(permit) = Arc::clone(&self.finishing).acquire_owned().await else {
            return;
        };
        shop.desk.slot_taken(self.number);
        let picture = shop.work_folder.join(format!("{}.exr", outbox::stem(assignment.name)));
        let mut ahead = Ahead {
            shop: &shop,
            slot: self.number,
            told: false,
        };
        let end = tokio::select! {
            biased;
            () = shop.stop.cancelled() => End::Stopped,
            () = assignment.unwanted.cancelled() => End::Unwanted,
            rendered = self.render(assignment, &picture, &mut ahead) => match rendered {
                Ok(made) => End::Made(Box::new(made)),
                Err(error) => End::Failed(error),
            },
        };
        if !matches!(end, End::Made(..)) && self.keeper.is_spoilt() {
            // Nothing is told of the attempt before its Blender is gone.
            self.keeper.cool_down().await;
        }
        match end {
            End::Made(made) => {
                let (made, scene) = *made;
                self.pace = match &made {
                    Made::Picture(rendered) if assignment.denoise.is_none() => {
                        Some((assignment.name.job, rendered.seconds / assignment.names().count() as f64))
                    }
                    // Of the next one it says nothing.
                    Made::Picture(_) | Made::Caches { .. } => None,
                };
                for name in assignment.names() {
                    shop.desk.rendered(name);
                }
                let others = assignment.others.clone();
                let finishing = Finishing {
                    task: assignment.name,
                    piece: assignment.piece,
                    job_name: scene.name.clone(),
                    picture,
                    made,
                    finals: self.final_order(assignment, scene),
                    permit,
                };
                if others.is_empty() {
                    tokio::spawn(finish::finish(Arc::clone(&shop), finishing));
                } else {
                    tokio::spawn(finish::finish_block(Arc::clone(&shop), finishing, others));
                }
            }
            End::Failed(error) => {
                let how = if error.code == Code::Unfit {
                    "is not for this slave"
                } else {
                    "failed"
                };
                shop.board
                    .tell(HappeningKind::Warning, format!("{} {how}: {error}", assignment.what()));
                shop.fail_first(assignment, &error);
                remove(&picture);
                if error.code != Code::Unfit {
                    self.keeper.note_failure(assignment.name.job);
                }
                if error.code == Code::Storage {
                    self.rest().await;
                } else {
                    // Stopped, it has no more frames to hold back.
                    shop.stop.run_until_cancelled(until_told(assignment)).await;
                }
            }
            End::Unwanted => {
                assignment.names().for_each(|name| shop.forget(name));
                remove(&picture);
            }
            End::Stopped => {
                assignment.names().for_each(|name| shop.give_back(name));
                remove(&picture);
            }
        }
        ahead.tell();
        if !shop.desk.look(Held::has_queued) {
            shop.board.idle(self.number);
        }
    }

    /// How the final files of a frame are made, if its job wants them from slaves.
    fn final_order(&self, assignment: &Assignment, scene: Scene) -> Option<FinalOrder> {
        let blender = self.keeper.blender()?.clone();
        scene.request.settings.final_frames.then(|| FinalOrder {
            frame: assignment.piece.frame,
            scene,
            blender,
            unwanted: assignment.unwanted.clone(),
        })
    }

    /// Leaves what is queued to others for a while: they may have room.
    async fn rest(&self) {
        let (shop, seconds) = (&self.shop, STORAGE_PAUSE.as_secs());
        let why = format!("its disk failed, it rests for {seconds} s");
        shop.desk.rest(Cause::Storage, why);
        shop.board
            .resting(self.number, format!("the disk failed here: resting for {seconds} s"));
        tokio::select! {
            () = shop.stop.cancelled() => (),
            () = shop.drain.cancelled() => (),
            () = tokio::time::sleep(STORAGE_PAUSE) => (),
        }
        shop.desk.go_on(Cause::Storage);
    }

    async fn render(&mut self, assignment: &Assignment, picture: &Path, ahead: &mut Ahead<'_>) -> Result<(Made, Scene)> {
        let shop = Arc::clone(&self.shop);
        let log = shop.logs.begin(assignment.name)?;
        for (name, _) in &assignment.others {
            let told = format!("netrender: rendered as one with {}, whose log tells of it", assignment.piece);
            shop.logs.begin(*name)?.write_lines(std::iter::once(told.as_str()));
        }
        self.keeper.make_room(assignment.name.job).await;
        if let Some(grid) = assignment.denoise {
            return self.denoise(assignment, grid, picture, &log).await;
        }
        let scene = self.scene(assignment, &log).await?;
        let piece = assignment.piece;
        let printed = Printed {
            shop: &shop,
            log: &log,
            bake: None,
        };
        if let Some(bake) = scene.bake(piece.frame) {
            let made = self.bake(&scene, bake, assignment, picture, &printed).await?;
            return Ok((made, scene));
        }
        self.keeper.open(assignment, &scene, &printed).await?;
        shop.board
            .rendering(self.number, format!("rendering {} of {}", assignment.what(), scene.name));
        let pace = self.pace.filter(|(job, _)| *job == assignment.name.job);
        let rendered = tokio::select! {
            rendered = self.keeper.render(assignment, picture, &printed) => rendered?,
            never = ahead.in_time(pace.map(|(_, seconds)| seconds * assignment.names().count() as f64)) => match never {},
        };
        Ok((Made::Picture(rendered), scene))
    }

    /// Bakes a cache in a Blender of its own.
    async fn bake(
        &mut self,
        scene: &Scene,
        bake: &BakeTask,
        assignment: &Assignment,
        picture: &Path,
        printed: &Printed<'_>,
    ) -> Result<Made> {
        let doing = format!("baking {} of {}", bake.name, scene.name);
        self.shop.board.rendering(self.number, doing.clone());
        let printed = Printed {
            bake: Some((self.number, &doing)),
            ..*printed
        };
        let number = assignment.name.task + 1;
        let zip = zip_beside(picture);
        let order = BakeOrder {
            number,
            bake,
            main: scene.main(),
            // A slot bakes one cache at a time.
            beside: &format!("netrender_bake_{number}_{}", self.number),
            output: &zip,
        };
        let seconds = self.keeper.bake(scene, &order, &printed).await?;
        std::fs::rename(&zip, picture).map_err(|error| Error::io("read the bake", &zip, &error))?;
        Ok(Made::Caches {
            seconds,
            number,
            main: scene.main().clone(),
        })
    }

    /// Brings what the frame needs; a master that is away is waited for.
    async fn scene(&self, assignment: &Assignment, log: &AttemptLog) -> Result<Scene> {
        let shop = Arc::clone(&self.shop);
        let (job, frame) = (assignment.name.job, assignment.piece.frame);
        let lease = assignment.lease;
        if let Some(scene) = self.scenes.ready(job, lease, frame) {
            return Ok(scene);
        }
        let tell = |text: String| shop.board.fetching(self.number, text);
        tell(format!("fetching the files for frame {frame}"));
        let told = Told { tell: &tell, log };
        let _first = self.scenes.in_a_hurry();
        // What waits to be rendered, too: one fetch for the chunk.
        let mut frames = shop.desk.look(|held| held.queued_frames(job));
        frames.push(frame);
        let mut backoff = Backoff::default();
        loop {
            let session = shop.session().await;
            match self.scenes.fetch(&session.link, (job, lease), &frames, &told).await {
                Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout) => {
                    tokio::time::sleep(backoff.next_wait()).await;
                }
                fetched => return fetched,
            }
        }
    }
}

/// Tells the desk, once for each frame, that the slot is free or soon will be.
struct Ahead<'a> {
    shop: &'a Shop,
    slot: usize,
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
            self.shop.desk.slot_freed(self.slot);
        }
    }
}

/// Waits until the master knows that an attempt failed: it decides whether more of the job is tried here.
async fn until_told(failed: &Assignment) {
    // Whether it knows or cannot be told, there is nothing else to wait for.
    let _ = tokio::time::timeout(FAILURE_TOLD_TIMEOUT, failed.unwanted.cancelled()).await;
}

/// Where Blender puts the zip of a bake, until it takes the place of a picture.
fn zip_beside(picture: &Path) -> PathBuf {
    picture.with_extension("zip")
}

fn remove(picture: &Path) {
    // Most often it was never written. What stays is swept away at the next start.
    let _ = std::fs::remove_file(picture);
    let _ = std::fs::remove_file(zip_beside(picture));
}
