//! The Blender of a slot: when it is started, kept warm, replaced and ended.
//!
//! There is one at any time, besides one that is being killed: *warm*, with a job's scene open, or *empty*, started ahead. A
//! warm one is kept until a frame of another job comes. Where frames of a job failed again and again, or the job asks for
//! it, each of its chunks gets a fresh one.

use super::assignment::Assignment;
use super::empty::Empty;
use super::job_folder::Scene;
use super::pauses;
use super::shop::Shop;
use super::warm::{self, Printed, Warm};
use crate::blender::{BakeOrder, DenoiseOrder, Installation, Rendered};
use crate::error::{Error, Result};
use crate::happening::HappeningKind;
use crate::ids::{BlenderVersion, JobId};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::oneshot;

/// After so many failed frames of a job each of its chunks gets a Blender of its own.
const FAILURES_TILL_FRESH: u32 = 2;
/// Jobs whose failures are remembered.
const JOBS_REMEMBERED_MAX: usize = 16;

/// One slot's Blender.
#[derive(Debug)]
pub(super) struct Keeper {
    shop: Arc<Shop>,
    /// Which slot's.
    slot: usize,
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
    /// What the latest bake may have left beside its .blend: where that is, and what it is called.
    left_over: Option<(PathBuf, String)>,
    /// Frames of which job failed here, and how many: the latest last.
    failures: Vec<(JobId, u32)>,
}

impl Keeper {
    pub(super) fn new(shop: Arc<Shop>, slot: usize) -> Self {
        Self {
            shop,
            slot,
            warm: None,
            empty: None,
            blender: None,
            lost: 0,
            gone: None,
            busy: false,
            left_over: None,
            failures: Vec::new(),
        }
    }

    /// Has an empty Blender started if there is none, and replaces what ends by itself. May be given up at any time.
    pub(super) async fn stay_ready(&mut self) -> Infallible {
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

    /// Whether Blender is at something that was given up, or failed: it is good for nothing but to be killed.
    pub(super) fn is_spoilt(&self) -> bool {
        self.busy
    }

    /// The Blender that was used last.
    pub(super) fn blender(&self) -> Option<&Installation> {
        self.blender.as_ref()
    }

    /// A frame of the job failed.
    pub(super) fn note_failure(&mut self, job: JobId) {
        let place = self.failures.iter().position(|(it, _)| *it == job);
        let count = place.map_or(0, |place| self.failures.remove(place).1);
        if self.failures.len() >= JOBS_REMEMBERED_MAX {
            self.failures.remove(0);
        }
        self.failures.push((job, count.saturating_add(1)));
    }

    /// Whether each chunk of this job gets a Blender of its own.
    fn wants_fresh(&self, job: JobId, scene: &Scene) -> bool {
        let failed_often = |(it, count): &(JobId, u32)| *it == job && *count >= FAILURES_TILL_FRESH;
        scene.request.settings.fresh_blender || self.failures.iter().any(failed_often)
    }

    /// Renders a frame, or tiles of one, in the Blender that has its scene open. Given up half-way, that has to be killed.
    pub(super) async fn render(&mut self, assignment: &Assignment, picture: &Path, printed: &Printed<'_>) -> Result<Rendered> {
        let Some(warm) = &mut self.warm else {
            return Err(Error::internal("the Blender that was just started is not there"));
        };
        self.busy = true;
        let rendered = warm.render(assignment, picture, printed).await;
        self.busy = rendered.is_err();
        rendered
    }

    /// Ends a Blender that is warm for another job; an empty one starts while the files are fetched.
    pub(super) async fn make_room(&mut self, job: JobId) {
        if self.warm.as_ref().is_some_and(|warm| !warm.is_of(job)) {
            self.cool_down().await;
            self.shop.finals.end_unless(Some(job)).await;
        }
        if self.warm.is_none() && self.empty.is_none() {
            self.start_last().await;
        }
    }

    /// Has the scene open in a Blender that fits: the warm one if it will do, else an empty one.
    pub(super) async fn open(&mut self, assignment: &Assignment, scene: &Scene, printed: &Printed<'_>) -> Result<()> {
        let shop = Arc::clone(&self.shop);
        let blender = choose(&shop.blenders, scene.blender)?;
        let (job, lease) = (assignment.name.job, assignment.lease);
        let needs_fresh = self.wants_fresh(job, scene);
        let will_do = |warm: &mut Warm| warm.fits(job, scene, blender) && (!needs_fresh || warm.lease() == lease);
        if self.warm.as_mut().is_some_and(will_do) {
            return Ok(());
        }
        shop.board.fetching(self.slot, format!("opening the scene of {}", scene.name));
        let empty = self.take_empty(blender, printed).await?;
        self.busy = true;
        self.warm = Some(Warm::open(empty, (job, lease), scene, printed).await?);
        shop.desk.set_warm(self.slot, Some(job));
        self.lost = 0;
        Ok(())
    }

    /// Bakes in a fresh Blender that is ended afterwards. Given up half-way, that has to be killed.
    pub(super) async fn bake(&mut self, scene: &Scene, order: &BakeOrder<'_>, printed: &Printed<'_>) -> Result<f64> {
        let shop = Arc::clone(&self.shop);
        let blender = choose(&shop.blenders, scene.blender)?;
        let empty = self.take_empty(blender, printed).await?;
        self.busy = true;
        let folder = scene.request.blend.parent().unwrap_or(Path::new("."));
        self.left_over = Some((folder.to_path_buf(), order.beside.to_owned()));
        let baked = warm::bake(empty, scene, order, printed).await;
        self.cool_down().await;
        self.lost = 0;
        baked
    }

    /// Denoises in a fresh Blender that is ended afterwards; the denoised pictures. Given up half-way, that has to be killed.
    pub(super) async fn denoise(
        &mut self,
        scene: &Scene,
        order: &DenoiseOrder<'_>,
        printed: &Printed<'_>,
    ) -> Result<Vec<PathBuf>> {
        let shop = Arc::clone(&self.shop);
        let blender = choose(&shop.blenders, scene.blender)?;
        let empty = self.take_empty(blender, printed).await?;
        self.busy = true;
        let denoised = warm::denoise(empty, order, printed).await;
        self.cool_down().await;
        self.lost = 0;
        denoised
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
        self.empty = Some(Empty::start(blender, &self.shop, self.slot, alive));
    }

    /// Ends the Blender, if there is one. One that was given up while it opened the scene is being killed already.
    pub(super) async fn cool_down(&mut self) {
        if let Some(warm) = self.warm.take() {
            self.shop.desk.set_warm(self.slot, None);
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
        if let Some((folder, name)) = self.left_over.take() {
            sweep(&folder, &name);
        }
        self.busy = false;
    }
}

/// Removes what a bake works with, which a Blender that was killed leaves. What cannot be removed goes with the job.
fn sweep(folder: &Path, name: &str) {
    let _ = std::fs::remove_file(folder.join(format!("{name}.blend")));
    for left in [name.to_owned(), format!("blendcache_{name}")] {
        let _ = std::fs::remove_dir_all(folder.join(left));
    }
}

/// The Blender for a job: of the same series as the one that collected it.
fn choose(blenders: &[Installation], wanted: Option<BlenderVersion>) -> Result<&Installation> {
    let fits = |blender: &&Installation| wanted.is_none_or(|wanted| blender.version.same_series(wanted));
    blenders.iter().find(fits).ok_or_else(|| {
        let series = wanted.map(BlenderVersion::series).unwrap_or_default();
        Error::unfit(format!("this slave has no Blender {series}"))
    })
}
