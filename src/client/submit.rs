//! A job on its way to the master: what is asked for, and the handle that is left with the artist.

use super::bakes::BakeWish;
use super::board::{Board, Progress};
use super::send;
use super::threads::Threads;
use super::tiles::TilesWish;
use crate::error::{Code, Error, Result};
use crate::farm::{CHUNK_TASKS_MAX, PRIORITY_RANGE};
use crate::ids::{FrameSet, JobId, Requirements, Role, SlaveId};
use crate::link::Link;
use crate::versions::VersionWish;
use crate::wire::{JobLimits, RenderSettings};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest name or category of a job.
pub(super) const NAME_CHARACTERS_MAX: usize = 200;
/// Most tags of a job.
const TAGS_MAX: usize = 64;
/// Largest percentage that Blender takes.
const RESOLUTION_PERCENT_MAX: u32 = 32_767;

/// A job to be sent.
#[derive(Debug, Clone)]
pub struct SubmitRequest {
    /// The saved .blend.
    pub blend: PathBuf,
    /// The Blender (or Python with the `bpy` module) that collects it; none: the first one found.
    pub blender: Option<PathBuf>,
    /// The frames; none: the scene's own range.
    pub frames: Option<FrameSet>,
    /// How each frame is cut into tiles.
    pub tiles: TilesWish,
    /// Whether tiles are refused that equal the whole frame only within its noise.
    pub tiles_exact: bool,
    /// What people call it; none: the file's name.
    pub name: Option<String>,
    /// Balancing group; empty: none.
    pub category: String,
    /// A slave must have all of these.
    pub tags: Vec<String>,
    /// What else a slave must be.
    pub requirements: Requirements,
    /// 1 to 10.
    pub priority: u32,
    /// Frames per lease; 0: the master chooses.
    pub chunks: u32,
    /// Jobs that must be finished before.
    pub after: Vec<JobId>,
    /// Slaves that are to get nothing of it.
    pub blacklist: Vec<SlaveId>,
    /// Limits of its frames; 0: as the farm says.
    pub limits: JobLimits,
    /// What to render of the file, and how.
    pub settings: RenderSettings,
    /// Whether to send it although files are missing.
    pub allow_missing: bool,
    /// Send a revision of a working copy instead of files; what it does not say is guessed.
    pub version: Option<VersionWish>,
    /// What is done about simulations that are not baked.
    pub bakes: BakeWish,
    /// Bakes or objects in the order in which they are to be baked, between commas; none: as the scene says, else as it fits.
    pub bake_order: Option<String>,
}

impl SubmitRequest {
    /// A .blend as it is.
    #[must_use]
    pub fn new(blend: PathBuf) -> Self {
        Self {
            blend,
            blender: None,
            frames: None,
            tiles: TilesWish::Whole,
            tiles_exact: false,
            name: None,
            category: String::new(),
            tags: Vec::new(),
            requirements: Requirements::default(),
            priority: *PRIORITY_RANGE.start(),
            chunks: 0,
            after: Vec::new(),
            blacklist: Vec::new(),
            limits: JobLimits::default(),
            settings: RenderSettings::default(),
            allow_missing: false,
            version: None,
            bakes: BakeWish::Never,
            bake_order: None,
        }
    }

    /// Its name, given or from the file.
    pub(super) fn job_name(&self) -> String {
        self.name.clone().filter(|name| !name.trim().is_empty()).unwrap_or_else(|| {
            let stem = self.blend.file_stem().unwrap_or_default().to_string_lossy();
            stem.chars().take(NAME_CHARACTERS_MAX).collect()
        })
    }

    /// What can be known to be wrong before anything is done.
    fn check(&self) -> Result<()> {
        self.check_file()?;
        self.check_bakes()?;
        if !PRIORITY_RANGE.contains(&self.priority) {
            let (lowest, highest) = PRIORITY_RANGE.into_inner();
            return Err(Error::bad_input(format!(
                "priority {} is not from {lowest} to {highest}",
                self.priority
            )));
        }
        if self.chunks > CHUNK_TASKS_MAX {
            return Err(Error::bad_input(format!(
                "chunks of {} frames: at most {CHUNK_TASKS_MAX} go together",
                self.chunks
            )));
        }
        for (what, text) in [
            ("name", self.name.as_deref().unwrap_or_default()),
            ("category", &self.category),
        ] {
            if text.chars().count() > NAME_CHARACTERS_MAX || text.chars().any(char::is_control) {
                return Err(Error::bad_input(format!(
                    "the {what} has more than {NAME_CHARACTERS_MAX} characters, more than one line, or characters that control terminals"
                )));
            }
        }
        if self.tags.len() > TAGS_MAX {
            return Err(Error::bad_input(format!("a job has at most {TAGS_MAX} tags")));
        }
        match self.settings.resolution_percent {
            Some(percent) if percent == 0 || percent > RESOLUTION_PERCENT_MAX => Err(Error::bad_input(format!(
                "a size of {percent} % is not from 1 to {RESOLUTION_PERCENT_MAX}"
            ))),
            _ if self.settings.samples == Some(0) => Err(Error::bad_input("a picture needs at least one sample per pixel")),
            _ => Ok(()),
        }
    }

    fn check_bakes(&self) -> Result<()> {
        if self.bakes == BakeWish::Never {
            return Ok(());
        }
        if self.version.is_some() {
            return Err(
                Error::bad_input("a job out of a working copy can neither bake nor be rendered with bakes")
                    .hint("send its files instead: leave --vcs away"),
            );
        }
        let is_plain = self.frames.is_none() && self.tiles == TilesWish::Whole && !self.settings.final_frames;
        if self.bakes == BakeWish::Only && !is_plain {
            return Err(Error::bad_input(
                "a job that only bakes has neither frames nor tiles nor final frames",
            ));
        }
        Ok(())
    }

    fn check_file(&self) -> Result<()> {
        let blend = &self.blend;
        let facts = std::fs::metadata(blend).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::bad_input(format!("there is no file {}", blend.display())),
            _ => Error::io("read", blend, &error),
        })?;
        if facts.is_file() {
            return Ok(());
        }
        Err(Error::bad_input(format!("{} is no file", blend.display())).hint("name a saved .blend"))
    }
}

/// A job on its way to the master. Dropped, it goes on.
#[derive(Debug)]
pub struct Submission {
    board: Arc<Board>,
    token: CancellationToken,
}

/// Checks the request, then lets it go on in the client's threads.
pub(super) fn start(threads: &Threads, link: &Link, request: SubmitRequest) -> Result<Submission> {
    request.check()?;
    link.require(Role::Submit, "send jobs")?;
    let board = Arc::new(Board::new());
    let token = CancellationToken::new();
    let ending = Ending(Arc::clone(&board));
    let (link, stop) = (link.clone(), token.clone());
    threads.spawn(async move {
        let board = &ending.0;
        match send::send(&link, &request, board, &stop).await {
            Ok(job) => {
                board.sent(format!("job {job} is with the master"));
                // It can still be taken back.
                stop.cancelled().await;
            }
            Err(error) if error.code == Code::Cancelled => {}
            Err(error) => {
                send::take_back(&link, board).await;
                board.fail(error);
                return;
            }
        }
        send::take_back(&link, board).await;
        board.cancelled();
    })?;
    Ok(Submission { board, token })
}

impl Submission {
    /// Where it stands; never blocks.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.board.read()
    }

    /// The job's id, or none if it is not with the master after `timeout`. The error is what made it fail.
    pub fn wait(&self, timeout: Duration) -> Result<Option<JobId>> {
        self.board.wait(timeout)
    }

    /// Stops it, and takes the job back if the master has it already; returns at once, [`Submission::progress`] tells when
    /// that is done.
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

/// Dropped with the sending, however that ends: whoever waits is told.
struct Ending(Arc<Board>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0
            .fail(Error::stopped("the connection was closed before the job was sent"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut SubmitRequest)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let blend = folder.path().join("shot.blend");
        std::fs::write(&blend, b"BLENDER").unwrap();
        let mut request = SubmitRequest::new(blend);
        assert_eq!(request.check(), Ok(()));
        change(&mut request);
        request.check().unwrap_err().to_string()
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_done() {
        assert!(refusal(|it| it.priority = 0).contains("priority 0 is not from 1 to 10"));
        assert!(refusal(|it| it.priority = 11).contains("priority 11"));
        assert!(refusal(|it| it.chunks = 65_536).contains("at most 65535"));
        assert!(refusal(|it| it.name = Some("a\nb".to_owned())).contains("the name has"));
        assert!(refusal(|it| it.category = "x".repeat(201)).contains("the category has"));
        assert!(refusal(|it| it.settings.resolution_percent = Some(0)).contains("0 %"));
        assert!(refusal(|it| it.settings.samples = Some(0)).contains("one sample"));
        assert!(refusal(|it| it.blend = it.blend.with_extension("gone")).contains("there is no file"));
        assert!(refusal(|it| it.blend = it.blend.parent().unwrap().to_path_buf()).contains("is no file"));
    }

    #[test]
    fn a_job_without_a_name_is_called_like_its_file() {
        let mut request = SubmitRequest::new("shots/shot_010.blend".into());
        assert_eq!(request.job_name(), "shot_010");
        request.name = Some("Opening".to_owned());
        assert_eq!(request.job_name(), "Opening");
    }
}
