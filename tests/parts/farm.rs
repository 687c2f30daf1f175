//! A master with what it keeps, slaves and a client, in one process.

use super::FakeBlender;
use netrender::access::{FarmKey, KeySource};
use netrender::client::Client;
use netrender::error::Result;
use netrender::files::{content::Contents, hash_file};
use netrender::ids::{ContentHash, JobId};
use netrender::link::{Link, no_progress};
use netrender::master::{Access, Master, Options};
use netrender::slave::{Slave, SlaveOptions};
use netrender::wire::{
    ContentStatus, FileEntry, FrameInfo, JobAnnounce, JobAnnounced, JobInfo, JobStateInfo, Manifest, RenderSettings,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Far longer than anything here takes on a machine that does nothing else.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Between two looks whether something is so,
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// … and how many of them are patience enough.
const LOOKS_MAX: u32 = 6000;

/// A master with what it keeps, and a client of it.
pub(crate) struct Farm {
    folder: tempfile::TempDir,
    key: FarmKey,
    port: u16,
    master: Option<Master>,
    runtime: tokio::runtime::Runtime,
}

impl Farm {
    pub(crate) fn start() -> Self {
        let mut farm = Self {
            folder: tempfile::tempdir().unwrap(),
            key: FarmKey::generate().unwrap(),
            port: 0,
            master: None,
            runtime: tokio::runtime::Runtime::new().unwrap(),
        };
        farm.start_master();
        farm
    }

    /// Starts the master, the second time on the port and the path that it had.
    pub(crate) fn start_master(&mut self) {
        let options = Options {
            path: self.folder.path().join("master"),
            address: "127.0.0.1".to_owned(),
            port: self.port,
            broadcast: false,
            clear_on_exit: false,
            access: Access::Key(self.key.clone()),
            key_file: None,
            ssl: None,
            name: "test".to_owned(),
            host_names: Vec::new(),
            force_upload: false,
        };
        let master = Master::start(options).unwrap();
        self.port = master.url().rsplit(':').next().unwrap().parse().unwrap();
        self.master = Some(master);
    }

    pub(crate) fn stop_master(&mut self) {
        self.master.take().unwrap().stop(PATIENCE).unwrap();
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn slave_options(&self, blender: &FakeBlender, name: &str) -> SlaveOptions {
        self.slave_options_of(blender.path(), name)
    }

    pub(crate) fn slave_options_of(&self, blender: PathBuf, name: &str) -> SlaveOptions {
        SlaveOptions {
            master: Some(self.address().parse().unwrap()),
            keys: KeySource::Given(self.key.clone()),
            path: Some(self.folder.path().join("slaves")),
            blenders: vec![blender],
            name: Some(name.to_owned()),
            ..SlaveOptions::default()
        }
    }

    /// Where the slaves have their folders.
    pub(crate) fn slaves(&self) -> PathBuf {
        self.folder.path().join("slaves")
    }

    /// A content on the master's disk.
    pub(crate) fn content(&self, hash: ContentHash) -> PathBuf {
        let folder = format!("master/master_{}/contents", std::process::id());
        Contents::new(self.folder.path().join(folder)).path(hash)
    }

    /// How many small pictures of a job are on the master's disk.
    pub(crate) fn thumbnails(&self, job: JobId) -> usize {
        let folder = format!("master/master_{}/jobs/{job}/thumbnails", std::process::id());
        std::fs::read_dir(self.folder.path().join(folder)).map_or(0, Iterator::count)
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.address(), &KeySource::Given(self.key.clone()), PATIENCE).unwrap()
    }

    pub(crate) fn slave(&self, blender: &FakeBlender, name: &str) -> Slave {
        Slave::start(self.slave_options(blender, name)).unwrap()
    }

    pub(crate) fn ask<T>(&self, question: impl AsyncFnOnce(Link) -> Result<T>) -> T {
        self.runtime.block_on(async {
            let keys = KeySource::Given(self.key.clone());
            let link = Link::connect(&self.address().parse().unwrap(), &keys).await.unwrap();
            question(link).await.unwrap()
        })
    }

    /// Announces a job of one file, and sends it.
    pub(crate) fn submit(&self, blend: &Path, frames: &str, chunks: u32) -> JobId {
        let (hash, size_bytes) = (hash_file(blend).unwrap(), std::fs::metadata(blend).unwrap().len());
        let path: netrender::ids::JobPath = "shots/scene.blend".parse().unwrap();
        let manifest = Manifest {
            main: path.clone(),
            files: vec![FileEntry {
                path,
                size_bytes,
                hash,
                frames: None,
                at_opening: false,
            }],
            source: None,
            artist_folder: None,
            settings: RenderSettings::default(),
            bakes: Vec::new(),
            bakes_from: None,
            baked: Vec::new(),
        };
        let announced = self.announce(manifest, frames, chunks);
        self.ask(async |link| {
            for hash in &announced.missing {
                let path = format!("contents/{hash}?offset=0&size={size_bytes}");
                let _: ContentStatus = link.put_file(&path, blend, 0, size_bytes, no_progress()).await?;
            }
            Ok(announced.job)
        })
    }

    pub(crate) fn announce(&self, manifest: Manifest, frames: &str, chunks: u32) -> JobAnnounced {
        let announce = JobAnnounce {
            id: None,
            name: "flight".to_owned(),
            category: String::new(),
            tags: Vec::new(),
            requirements: netrender::ids::Requirements::default(),
            priority: 1,
            chunks,
            frames: frames.parse().unwrap(),
            tiles: netrender::ids::TileGrid::WHOLE,
            blender: Some("3.4.1".parse().unwrap()),
            depends_on: Vec::new(),
            blacklist: Vec::new(),
            limits: netrender::wire::JobLimits::default(),
            manifest: Some(manifest),
        };
        self.ask(async |link| link.post("jobs", &announce, Duration::ZERO).await)
    }

    pub(crate) fn job(&self, job: JobId) -> JobInfo {
        self.ask(async |link| link.get(&format!("jobs/{job}")).await)
    }

    pub(crate) fn frames(&self, job: JobId) -> Vec<FrameInfo> {
        self.ask(async |link| link.get(&format!("jobs/{job}/frames?offset=0&limit=1000")).await)
    }

    pub(crate) fn log(&self, job: JobId, frame: i32, attempt: u32) -> String {
        self.ask(async |link| {
            link.get_text(&format!("jobs/{job}/frames/{frame}/log?attempt={attempt}"))
                .await
        })
    }

    pub(crate) fn wait_for_end(&self, job: JobId) -> Vec<FrameInfo> {
        wait_until("the job is over", || self.job(job).state.is_over());
        assert_eq!(self.job(job).state, JobStateInfo::Finished, "{:?}", self.frames(job));
        self.frames(job)
    }
}

/// Waits until something is so; panics if that takes far too long.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS_MAX {
        if is_so() {
            return;
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    panic!("waited in vain until {what}");
}
