//! What was baked on its way to the artist: into a folder, each bake whole or not at all, and a .blend that plays them back.

use super::aside::put_in_place;
use super::download::download;
use super::work_folder::WorkFolder;
use super::{Client, Pending, prepare_folder};
use crate::blender::{CopyRequest, WorkerOptions, choose_installation, copy_with_bakes};
use crate::error::{Error, Result};
use crate::files::part::sync_folder;
use crate::files::{ZipReader, write_whole};
use crate::ids::{JobId, JobPath};
use crate::link::Link;
use crate::wire::{BAKES_FOLDER, Baked, JobInfo, Manifest};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Longest zip of all bakes of a job.
const ZIP_BYTES_MAX: u64 = 1 << 42;
/// In the zip, beside the caches: what they are of. In the folder its name begins with that of the .blend, as theirs do.
const LIST: &str = "bakes.json";
const LIST_BYTES_MAX: u64 = 256 << 20;

/// What is baked, to be brought into a folder.
#[derive(Debug, Clone)]
pub struct BakesRequest {
    /// By which job.
    pub job: JobId,
    /// Where to: best the folder of the artist's .blend.
    pub folder: PathBuf,
    /// The artist's .blend, of which a copy is made in the folder that plays the bakes back; none: no copy.
    pub blend: Option<PathBuf>,
    /// The Blender that makes it; none: the first one found of the job's series.
    pub blender: Option<PathBuf>,
}

/// Bakes that lie in a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct BakesHere {
    /// The job as last seen: it may have more to bake.
    pub job: JobInfo,
    /// Which ones.
    pub bakes: Vec<Baked>,
    /// How many files.
    pub files: u64,
    /// The file that tells what they are of: all [`Baked`], as JSON.
    pub index: PathBuf,
    /// The .blend that plays them back: a copy of the artist's, or the one that has baked rigid bodies inside.
    pub blend: Option<PathBuf>,
    /// What does not play back, in sentences.
    pub told: Vec<String>,
}

impl Client {
    /// Brings the bakes that are done into a folder, each whole or not at all. The artist's own file is never changed.
    pub fn bring_bakes(&self, request: BakesRequest) -> Result<BakesHere> {
        self.ask_bring_bakes(request)?.answer()
    }

    /// The same without waiting.
    pub fn ask_bring_bakes(&self, request: BakesRequest) -> Result<Pending<BakesHere>> {
        let link = self.link.clone();
        self.threads.begin(async move { bring(&link, &request).await })
    }
}

async fn bring(link: &Link, request: &BakesRequest) -> Result<BakesHere> {
    let job: JobInfo = link.get(&format!("jobs/{}", request.job)).await?;
    let manifest: Manifest = link.get(&format!("jobs/{}/manifest", request.job)).await?;
    if manifest.bakes.is_empty() {
        return Err(Error::bad_input(format!("job {} ({}) bakes nothing", job.id, job.name))
            .hint("name a job that was sent to be baked; one that renders has frames"));
    }
    prepare_folder(&request.folder)?;
    let work = WorkFolder::make(&request.folder, &format!("bakes-{}", job.id))?;
    let zip = work.path().join("bakes.zip");
    // A zip that ends early ends short of its announced length, which fails here.
    let url = format!("jobs/{}/results.zip", job.id);
    download(link, &url, &zip, ZIP_BYTES_MAX).await?.place(&zip).await?;
    let (folder, unpacked, main) = (request.folder.clone(), work.path().join("unpacked"), manifest.main.clone());
    let placing = move || {
        let mut zip = BakesZip::open(&zip, &main)?;
        zip.place_all(&unpacked, &folder)
    };
    let (bakes, files, index, blend_inside) = tokio::task::spawn_blocking(placing)
        .await
        .map_err(|error| Error::internal(format!("the unpacking of bakes ended: {error}")))??;
    let mut here = BakesHere {
        job,
        bakes,
        files,
        index,
        blend: None,
        told: Vec::new(),
    };
    let name = name_of(Path::new(manifest.main.as_str()));
    match (blend_inside, &request.blend) {
        // Rigid bodies are baked inside of a .blend, which then is the one that has to play back the rest.
        (Some(inside), own) => {
            let part = part_of(request);
            std::fs::rename(&inside, &part).map_err(|error| Error::io("write", &part, &error))?;
            let called = own.as_deref().map_or_else(|| name.clone(), name_of);
            copy_that_plays_back(request, (&part, &name), &called, &mut here, work.path()).await?;
        }
        (None, Some(own)) => copy_that_plays_back(request, (own, &name_of(own)), &name_of(own), &mut here, work.path()).await?,
        (None, None) => {}
    }
    Ok(here)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What the copy is called until it is whole: in the folder itself, for a .blend names its caches from where it lies.
fn part_of(request: &BakesRequest) -> PathBuf {
    let name = format!(".netrender-{}-{}.blend", request.job, std::process::id());
    request.folder.join(name)
}

/// Makes `<name>_baked.blend` of a .blend and of what its caches are called after, beside the bakes that it plays back.
async fn copy_that_plays_back(
    request: &BakesRequest,
    (blend, name): (&Path, &str),
    called: &str,
    here: &mut BakesHere,
    work: &Path,
) -> Result<()> {
    let part = part_of(request);
    let _gone_in_the_end = Gone(&part);
    let installation = choose_installation(request.blender.as_deref(), here.job.blender).await?;
    let options = WorkerOptions {
        devices: Vec::new(),
        threads: 0,
        allow_scripts: false,
        folder: work.join("blender"),
    };
    std::fs::create_dir_all(&options.folder).map_err(|error| Error::io("make the folder", &options.folder, &error))?;
    let absolute = |path: &Path| std::path::absolute(path).map_err(|error| Error::io("find", path, &error));
    let copy = CopyRequest {
        blend: &absolute(blend)?,
        name,
        baked: &here.bakes,
        output: &absolute(&part)?,
    };
    here.told = copy_with_bakes(&installation, &options, &copy).await?;
    let name = format!("{}_baked.blend", stem_of(called));
    let target = request.folder.join(&name);
    let seal = request.folder.join(BAKES_FOLDER).join(format!("{name}.json"));
    if let Some(kept) = put_in_place(&part, &target, &seal)? {
        let kept = name_of(&kept);
        here.told.push(format!(
            "{name} was changed since it was made, so a new one took its name: that work is in {kept}"
        ));
    }
    here.blend = Some(target);
    Ok(())
}

fn stem_of(name: &str) -> &str {
    name.strip_suffix(".blend").unwrap_or(name)
}

/// A file that is removed in the end, unless it bears another name by then.
struct Gone<'a>(&'a Path);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.0);
    }
}

/// All bakes of a job, with a list of what they are.
struct BakesZip {
    zip: ZipReader,
    bakes: Vec<Baked>,
    main: JobPath,
    /// That of the .blend inside the job, with a slash at the end.
    above: String,
}

impl BakesZip {
    fn open(path: &Path, main: &JobPath) -> Result<Self> {
        let mut zip = ZipReader::open(path)?;
        let above = main
            .as_str()
            .rsplit_once('/')
            .map_or_else(String::new, |(above, _)| format!("{above}/"));
        let list = zip.read(&format!("{above}{BAKES_FOLDER}/{LIST}"), LIST_BYTES_MAX)?;
        let bakes = serde_json::from_slice(&list)
            .map_err(|error| Error::bad_input(format!("the list of the bakes cannot be read: {error}")))?;
        Ok(Self {
            zip,
            bakes,
            main: main.clone(),
            above,
        })
    }

    /// Unpacks all of them, then puts each in its place; an older bake of that place goes. Returns them, how many files they have,
    /// the file that lists them, and the .blend that has some of them inside.
    fn place_all(&mut self, unpacked: &Path, folder: &Path) -> Result<(Vec<Baked>, u64, PathBuf, Option<PathBuf>)> {
        let bakes = std::mem::take(&mut self.bakes);
        let (mut files, mut blend) = (0, None);
        for baked in &bakes {
            for file in &baked.files {
                if file.path == self.main {
                    blend = Some(unpacked.join("baked.blend"));
                    self.unpack(&file.path, &unpacked.join("baked.blend"))?;
                } else {
                    self.unpack(&file.path, &self.place(&file.path)?.below(unpacked))?;
                }
                files += 1;
            }
        }
        let caches = folder.join(BAKES_FOLDER);
        std::fs::create_dir_all(&caches).map_err(|error| Error::io("make the folder", &caches, &error))?;
        for name in names_in(&unpacked.join(BAKES_FOLDER))? {
            let target = caches.join(&name);
            replace_folder(&unpacked.join(BAKES_FOLDER).join(&name), &target)?;
        }
        let list = serde_json::to_vec(&bakes).map_err(|error| Error::internal(format!("no list of bakes: {error}")))?;
        let main = name_of(Path::new(self.main.as_str()));
        let index = caches.join(format!("{}_{LIST}", stem_of(&main)));
        write_whole(&index, &list)?;
        Ok((bakes, files, index, blend))
    }

    fn unpack(&mut self, path: &JobPath, target: &Path) -> Result<()> {
        let failed = |error: std::io::Error| Error::io("write", target, &error);
        std::fs::create_dir_all(target.parent().unwrap_or(target)).map_err(failed)?;
        let mut file = std::fs::File::create(target).map_err(failed)?;
        let size_bytes = self.zip.size_bytes(path.as_str())?;
        self.zip
            .stream(path.as_str(), size_bytes, |piece| file.write_all(piece).map_err(failed))?;
        file.sync_all().map_err(failed)
    }

    /// Where a file lies, from the .blend.
    fn place(&self, path: &JobPath) -> Result<JobPath> {
        let inside = path.as_str().strip_prefix(&self.above).filter(|it| {
            let mut names = it.split('/');
            names.next() == Some(BAKES_FOLDER) && names.count() > 1
        });
        let inside = inside.ok_or_else(|| Error::bad_input(format!("{:?} is no file of a bake", path.as_str())))?;
        Ok(inside.parse()?)
    }
}

fn names_in(folder: &Path) -> Result<Vec<std::ffi::OsString>> {
    match std::fs::read_dir(folder) {
        // Rigid bodies have no files.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io("read", folder, &error)),
        Ok(entries) => entries
            .map(|entry| Ok(entry.map_err(|error| Error::io("read", folder, &error))?.file_name()))
            .collect(),
    }
}

/// Puts a whole folder in the place of another one, whose files are of an older bake.
fn replace_folder(made: &Path, target: &Path) -> Result<()> {
    match std::fs::remove_dir_all(target) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", target, &error)),
        _ => {}
    }
    std::fs::rename(made, target).map_err(|error| Error::io("write", target, &error))?;
    sync_folder(target.parent().unwrap_or(target))
}
