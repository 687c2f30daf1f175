//! The way of a job: collect, hash, announce, upload.

use super::bakes::{self, BakeWish};
use super::board::{Board, Stage};
use super::submit::SubmitRequest;
use super::tiles::{self, Cut};
use super::transfer::{self, Content};
use super::versions;
use crate::access;
use crate::blender::{self, CollectRequest, Collected, CollectedFile, MissingFile};
use crate::error::{Code, Error, Result};
use crate::files::{self, BuiltManifest, ContentFile, Hashing, Remembered, SourceFile};
use crate::ids::{ContentHash, FrameSet, JobId};
use crate::link::{Backoff, Link};
use crate::wire::{JobAnnounce, JobAnnounced, RenderSettings};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

/// How many missing files an error names.
const MISSING_NAMED_MAX: usize = 5;
/// How many of the scripts of a scene a warning names.
const WANTS_NAMED_MAX: usize = 3;
/// How often a job is announced until the master answers. With the waits of [`Backoff`] a master has about 16 s to come back.
const ANNOUNCE_TRIES_MAX: u32 = 9;
/// The list of hashes, in the user's cache folder.
const HASHES_FILE: &str = "hashes";
/// The .blends with other paths in them, in the same folder.
const COPIES_FOLDER: &str = "copies";
/// How long the taking back of a job may take.
const TAKE_BACK_TIMEOUT_S: u64 = 5;

/// Sends a job and returns its id. The token ends it at every stage with [`Code::Cancelled`]; what the master has by then
/// is for [`take_back`].
///
/// [`Code::Cancelled`]: crate::error::Code::Cancelled
pub(super) async fn send(link: &Link, request: &SubmitRequest, board: &Arc<Board>, token: &CancellationToken) -> Result<JobId> {
    let folder = TemporaryFolder::make()?;
    let (jobs, files) = unless(token, prepare(link, request, board, &folder.0)).await?;
    let mut last: Option<JobAnnounced> = None;
    for announce in &jobs {
        if last.is_some() {
            board.is_for_another();
        }
        board.begin(Stage::Sending, format!("announcing {}", announce.name), 0);
        let announced = announce_until_answered(link, announce, board, token).await?;
        board.announced(announced.job);
        // Of several jobs that need the same, nothing is here yet.
        last = Some(announced);
    }
    let announced = last.ok_or_else(|| Error::internal("nothing was to be sent"))?;
    unless(token, upload(link, &announced, &files, board)).await?;
    Ok(announced.job)
}

/// Announces a job, again and again while answers are lost: the job's id is the client's, so there is never a second one.
async fn announce_until_answered(
    link: &Link,
    announce: &JobAnnounce,
    board: &Board,
    token: &CancellationToken,
) -> Result<JobAnnounced> {
    let mut backoff = Backoff::default();
    for _ in 1..ANNOUNCE_TRIES_MAX {
        // A try is not given up half-way: what arrives after the job was taken back would stay. It is bounded by itself.
        let error = match link.post("jobs", announce, Duration::ZERO).await {
            Err(error) if matches!(error.code, Code::Unreachable | Code::Timeout) => error,
            answer => return answer,
        };
        if let Some(job) = announce.id {
            // The master may have it.
            board.announced(job);
        }
        board.say(format!("{}; trying again", error.message));
        let pause = async {
            tokio::time::sleep(backoff.next_wait()).await;
            Ok(())
        };
        unless(token, pause).await?;
    }
    link.post("jobs", announce, Duration::ZERO).await
}

async fn unless<T>(token: &CancellationToken, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        () = token.cancelled() => Err(Error::cancelled("the submission was cancelled")),
        result = work => result,
    }
}

/// Where each content lies on this disk.
type Contents = BTreeMap<ContentHash, ContentFile>;

async fn prepare(
    link: &Link,
    request: &SubmitRequest,
    board: &Arc<Board>,
    folder: &Path,
) -> Result<(Vec<JobAnnounce>, Contents)> {
    let guess = match &request.version {
        Some(wish) => Some(versions::guess(request, wish, board).await?),
        None => None,
    };
    let collected = collect(request, board, folder).await?;
    board.warn(collected.warnings.clone());
    warn_of_simulations(&collected, request, board);
    warn_of_scripts(&collected, request, board);
    board.missing(&collected.missing);
    refuse_missing(&collected.missing, request, board)?;
    if collected.is_movie && request.settings.final_frames {
        return Err(
            Error::bad_input("the scene's output is a movie, which no slave can make of the frames that it renders")
                .hint("let this machine make it (--final client), or choose a format of single frames"),
        );
    }
    let cut = tiles::choose(request, &collected, link).await?;
    board.warn(cut.warnings.clone());
    let settings = settings(&collected, request, &cut);
    let frames = match &request.frames {
        Some(frames) => frames.clone(),
        None => FrameSet::range(collected.frame_start, collected.frame_end, collected.frame_step.max(1))?,
    };
    let BuiltManifest { manifest, contents } = match &guess {
        Some(guess) => versions::prove(guess, &collected, (request, settings), board).await?,
        None => hash(&collected, settings, board).await?,
    };
    let announce = JobAnnounce {
        id: Some(JobId::from_bits(random()?)),
        name: request.job_name(),
        category: request.category.clone(),
        tags: request.tags.clone(),
        requirements: request.requirements.clone(),
        priority: request.priority,
        chunks: request.chunks,
        frames,
        tiles: cut.grid,
        blender: Some(collected.blender),
        depends_on: request.after.clone(),
        blacklist: request.blacklist.clone(),
        limits: request.limits,
        manifest: Some(manifest),
    };
    let jobs = bakes::jobs(announce, request.bakes, collected.bakes, JobId::from_bits(random()?))?;
    Ok((jobs, contents))
}

/// Deletes the job on the master, and the one that bakes for it, if it got that far. A master that does not answer keeps a job that never starts.
pub(super) async fn take_back(link: &Link, board: &Board) {
    let known = board.read();
    for job in known.job.into_iter().chain(known.bake_job) {
        remove(link, job).await;
    }
}

async fn remove(link: &Link, job: JobId) {
    let path = format!("jobs/{job}");
    match tokio::time::timeout(Duration::from_secs(TAKE_BACK_TIMEOUT_S), link.delete(&path)).await {
        Ok(Ok(())) => {}
        // An announcement that was not answered may never have arrived.
        Ok(Err(error)) if error.code == Code::NotFound => {}
        Ok(Err(error)) => tracing::warn!(%job, %error, "a job could not be taken back"),
        Err(_) => tracing::warn!(%job, "a job could not be taken back: the master does not answer in time"),
    }
}

async fn collect(request: &SubmitRequest, board: &Board, folder: &Path) -> Result<Collected> {
    let name = request.blend.file_name().unwrap_or_default().to_string_lossy();
    board.say(format!("Blender lists what {name} needs"));
    let question = CollectRequest {
        blend: request.blend.clone(),
        scene: request.settings.scene.clone(),
        engine: request.settings.engine.clone(),
        bake_order: request.bake_order.clone(),
        copies: access::cache_folder().map(|folder| folder.join(COPIES_FOLDER)),
    };
    blender::collect(request.blender.as_deref(), &question, folder).await
}

/// Those that are not baked, if nothing is done about them; else those of which nothing can be done.
fn warn_of_simulations(collected: &Collected, request: &SubmitRequest, board: &Board) {
    if request.bakes == BakeWish::Never {
        board.warn(collected.unbaked.clone());
        board.unbaked(collected.bakes.iter().map(|bake| bake.name.clone()).collect());
    } else {
        board.warn(collected.bakes_told.clone());
    }
}

fn warn_of_scripts(collected: &Collected, request: &SubmitRequest, board: &Board) {
    let scripts = &collected.wants.scripts;
    if scripts.is_empty() {
        return;
    }
    let named = scripts.iter().take(WANTS_NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    let then = if request.settings.without_scripts {
        "they do not run, and the frames are as without them"
    } else {
        "only slaves that were started with --allow-scripts render it (or send it with --without-scripts)"
    };
    board.warn(vec![format!("the scene runs scripts ({named}): {then}")]);
}

fn refuse_missing(missing: &[MissingFile], request: &SubmitRequest, board: &Board) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = missing
        .iter()
        .take(MISSING_NAMED_MAX)
        .map(|it| it.path.display().to_string())
        .collect();
    let more = match missing.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let files = if missing.len() == 1 { "a file" } else { "files" };
    let text = format!(
        "the scene needs {files} that cannot be found or read: {}{more}",
        named.join(", ")
    );
    if request.allow_missing {
        board.warn(vec![text]);
        return Ok(());
    }
    Err(Error::bad_input(text).hint("put them in place, or send it as it is (--allow-missing)"))
}

/// Reads every file once, in a thread that may block.
async fn hash(collected: &Collected, settings: RenderSettings, board: &Arc<Board>) -> Result<BuiltManifest> {
    let source = |file: &CollectedFile| SourceFile {
        disk_path: file.disk_path.clone(),
        virtual_path: file.virtual_path.clone(),
        frames: file.frames,
        at_opening: file.at_opening,
    };
    let main = source(&collected.main);
    let others: Vec<SourceFile> = collected.files.iter().map(source).collect();
    let doing = match others.len() {
        0 => "reading the file".to_owned(),
        others => format!("reading {} files", others + 1),
    };
    board.begin(Stage::Hashing, doing, 0);
    let stop = StopFlag(Arc::new(AtomicBool::new(false)));
    let (stopping, board) = (Arc::clone(&stop.0), Arc::clone(board));
    #[expect(clippy::disallowed_methods, reason = "what is changed while it is read is not remembered")]
    let now = SystemTime::now();
    let hashing = move || {
        let mut remembered = access::cache_folder().map_or_else(Remembered::default, |it| Remembered::open(it.join(HASHES_FILE)));
        let hashing = Hashing {
            remembered: &mut remembered,
            now,
            cancelled: &stopping,
        };
        let built = files::build(&main, &others, settings, |done, total| board.set(done, total), hashing);
        // What was read before a cancel or a failure is remembered too.
        if let Err(error) = remembered.save() {
            tracing::warn!(%error, "the hashes of the files are not remembered");
        }
        built
    };
    tokio::task::spawn_blocking(hashing)
        .await
        .map_err(|error| Error::internal(format!("hashing ended unexpectedly: {error}")))?
}

/// What is rendered of the file; the scene is named, for the file may be saved with another one.
fn settings(collected: &Collected, request: &SubmitRequest, cut: &Cut) -> RenderSettings {
    RenderSettings {
        scene: Some(collected.scene.clone()),
        wants: collected.wants.clone(),
        overlap: cut.overlap,
        denoising: cut.denoising.clone(),
        ..request.settings.clone()
    }
}

async fn upload(link: &Link, announced: &JobAnnounced, files: &Contents, board: &Arc<Board>) -> Result<()> {
    let find = |hash: &ContentHash| {
        let found = files.get(hash).ok_or_else(|| {
            Error::internal(format!(
                "the master asks for the content {hash}, which is not part of the job"
            ))
        })?;
        Ok(Content {
            hash: *hash,
            file: found.path.clone(),
            size_bytes: found.size_bytes,
        })
    };
    let contents: Vec<Content> = announced.missing.iter().map(find).collect::<Result<_>>()?;
    let total = contents.iter().map(|content| content.size_bytes).sum();
    board.begin_sending(contents.len() as u64, total);
    transfer::upload(link, contents, announced.accepts, board).await
}

fn random() -> Result<u64> {
    getrandom::u64().map_err(|error| Error::internal(format!("the system gives no random numbers: {error}")))
}

/// Tells a blocking thread to end when nobody waits for it any more.
struct StopFlag(Arc<AtomicBool>);

impl Drop for StopFlag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Where copies with other paths lie until they are sent. Only this user can look in.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("netrender-submit-{:016x}", random()?));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&path)
            .map_err(|error| Error::io("make the folder", &path, &error))?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a temporary folder could not be removed");
        }
    }
}
