//! What all parts of a slave share.

use super::assignment::Assignment;
use super::board::Board;
use super::cache::CACHE_GIB_DEFAULT;
use super::copies::Copies;
use super::desk::Desk;
use super::finals::Finals;
use super::log::Logs;
use super::machine;
use super::outbox::{Outbox, Outcome, Parcel};
use crate::access::KeySource;
use crate::blender::{Device, Installation};
use crate::error::{Code, Error, Result};
use crate::ids::SlaveId;
use crate::link::{Link, MasterAddress};
use crate::wire::{SLOTS_MAX, TaskName};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A Blender that says nothing for so long hangs, if nothing else is set.
pub const HANG_TIMEOUT_S: u64 = 1800;

/// How a slave is started.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct SlaveOptions {
    /// Where the master is; none: found by its broadcast.
    pub master: Option<MasterAddress>,
    /// Where the farm's key is.
    pub keys: KeySource,
    /// The folder in which the slave makes its own; none: in the user's data folder.
    pub path: Option<PathBuf>,
    /// Blenders, or Pythons that have the `bpy` module; none: the first that is found.
    pub blenders: Vec<PathBuf>,
    /// What people call it; none: the machine's name.
    pub name: Option<String>,
    /// What jobs may ask for.
    pub tags: Vec<String>,
    /// Chunks that are rendered at once, each by a Blender of its own.
    pub slots: usize,
    /// Threads that each Blender renders with; 0: the cores, shared out.
    pub threads: u32,
    /// What Cycles renders with, shared out to the slots; none: as the user's preferences and the scene say.
    pub devices: Vec<Device>,
    /// What it renders with beside the processor; none: what the system tells.
    pub gpus: Vec<String>,
    /// Memory that one Blender may take before a fresh one follows it, in bytes; none: a share of the machine's.
    pub blender_memory_bytes_max: Option<u64>,
    /// Whether the slave's folder is removed at the end.
    pub clear_on_exit: bool,
    /// Whether Blender's output is told as [`crate::happening::Happening`]s too.
    pub log_console: bool,
    /// Whether a small picture goes to the master with each result; else it makes one when somebody looks.
    pub thumbnails: bool,
    /// Whether scripts inside of .blend files run.
    pub allow_scripts: bool,
    /// Whether jobs may come from repositories in folders of this machine (`file://`).
    pub allow_local_repositories: bool,
    /// After how much silence a Blender is taken to hang.
    pub hang_timeout: Duration,
    /// Ends by itself after so long without anything to do; none: never.
    pub exit_when_idle: Option<Duration>,
    /// With less free on its disk it takes no work; none: 1 GiB, or a twentieth of a small disk.
    pub disk_free_bytes: Option<u64>,
    /// Bytes of jobs' files that are kept for the next time.
    pub cache_bytes_max: u64,
    /// A folder that gets a copy of each result.
    pub copy_to: Option<PathBuf>,
    /// Whether processes that Blender left behind become this process's children, to be ended with it. Not for a process
    /// that has other children than a slave's.
    pub adopt_orphans: bool,
}

impl Default for SlaveOptions {
    fn default() -> Self {
        Self {
            master: None,
            keys: KeySource::Kept,
            path: None,
            blenders: Vec::new(),
            name: None,
            tags: Vec::new(),
            slots: 1,
            threads: 0,
            devices: Vec::new(),
            gpus: Vec::new(),
            blender_memory_bytes_max: None,
            clear_on_exit: false,
            log_console: false,
            thumbnails: true,
            allow_scripts: false,
            allow_local_repositories: false,
            hang_timeout: Duration::from_secs(HANG_TIMEOUT_S),
            exit_when_idle: None,
            disk_free_bytes: None,
            cache_bytes_max: CACHE_GIB_DEFAULT << 30,
            copy_to: None,
            adopt_orphans: false,
        }
    }
}

impl SlaveOptions {
    /// Sets what it renders with, as people name it. `cuda` or `RTX 4090` is what jobs may ask for; with `cuda:0`, `optix:1` or
    /// `cpu` Cycles also renders with just that.
    pub fn rendering_with(mut self, names: Vec<String>) -> Result<Self> {
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            if name.contains(':') || name.eq_ignore_ascii_case("cpu") {
                let device: Device = name.parse()?;
                self.gpus.extend(device.gpu());
                self.devices.push(device);
            } else {
                self.gpus.push(name);
            }
        }
        self.gpus.dedup();
        Ok(self)
    }

    /// Refuses what no slave can do.
    pub(super) fn check(&self) -> Result<()> {
        if !(1..=SLOTS_MAX as usize).contains(&self.slots) {
            let refused = Error::bad_input(format!("a slave cannot have {} slots", self.slots));
            return Err(refused.hint(format!("give it 1 to {SLOTS_MAX}")));
        }
        if self.hang_timeout.is_zero() {
            return Err(Error::bad_input("a Blender cannot be taken to hang at once").hint("give it some seconds of silence"));
        }
        Ok(())
    }

    /// Threads that each Blender gets; 0: as many as there are cores.
    pub(super) fn threads_of_a_slot(&self) -> u32 {
        if self.threads > 0 || self.slots <= 1 {
            return self.threads;
        }
        let share = machine::cores() / u32::try_from(self.slots).unwrap_or(u32::MAX);
        share.max(1)
    }

    /// Memory that one Blender may take before a fresh one follows it, in bytes.
    pub(super) fn memory_bytes_max(&self) -> u64 {
        let share = || machine::worker_memory_bytes_max() / self.slots.max(1) as u64;
        self.blender_memory_bytes_max.unwrap_or_else(share)
    }
}

/// A master that knows this slave.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) link: Link,
    pub(super) slave: SlaveId,
}

/// What all parts share, as long as the slave works for one farm.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) options: SlaveOptions,
    pub(super) blenders: Vec<Installation>,
    pub(super) board: Arc<Board>,
    pub(super) desk: Desk,
    pub(super) outbox: Outbox,
    pub(super) logs: Logs,
    pub(super) finals: Finals,
    pub(super) copies: Option<Copies>,
    /// Where frames are rendered to, and where Blender has its temporary files.
    pub(super) work_folder: PathBuf,
    /// None while the master is away.
    pub(super) session: watch::Sender<Option<Session>>,
    pub(super) stop: CancellationToken,
    /// Cancelled: ends after what is being rendered.
    pub(super) drain: CancellationToken,
}

impl Shop {
    /// The master, as soon as there is one.
    pub(super) async fn session(&self) -> Session {
        let mut sessions = self.session.subscribe();
        loop {
            if let Some(session) = &*sessions.borrow_and_update() {
                return session.clone();
            }
            // The sender lives in `self`, so this only ever ends by a change.
            let _ = sessions.changed().await;
        }
    }

    /// Nobody wants this task any more: stop it, and leave nothing of it.
    pub(super) fn forget(&self, task: TaskName) {
        self.desk.forget(task);
        self.forget_files(task);
    }

    /// Leaves nothing of the task on the disk.
    pub(super) fn forget_files(&self, task: TaskName) {
        self.outbox.remove(task);
        self.logs.forget(task);
    }

    /// Given back unrendered; nothing of it stays.
    pub(super) fn give_back(&self, task: TaskName) {
        self.desk.give_back(task);
        self.forget_files(task);
    }

    /// An attempt failed. Of tiles that were rendered as one, nobody knows which it was: one has failed, the others go back.
    pub(super) fn fail_first(&self, assignment: &Assignment, error: &Error) {
        for (name, _) in &assignment.others {
            self.give_back(*name);
        }
        self.fail(assignment.name, error);
    }

    /// An attempt failed: its log is delivered first, then the reason.
    pub(super) fn fail(&self, task: TaskName, error: &Error) {
        let reason = error.to_string();
        let outcome = Outcome::Failed {
            reason: reason.clone(),
            unfit: error.code == Code::Unfit,
        };
        if self.outbox.put(&Parcel { task, outcome }).is_err() {
            // A disk that takes nothing more: then at least the reason goes out.
            self.desk.failed(task, reason);
            self.forget_files(task);
        } else if !self.desk.boxed(task, 0) {
            self.forget(task);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_and_rendered_with_and_a_name_only_told() {
        let names = ["cuda:0", "cuda:1", "cpu", "", "RTX 4090"].map(str::to_owned);
        let options = SlaveOptions::default().rendering_with(names.into()).unwrap();
        assert_eq!(options.gpus, ["cuda", "RTX 4090"]);
        let devices: Vec<String> = options.devices.iter().map(ToString::to_string).collect();
        assert_eq!(devices, ["cuda:0", "cuda:1", "cpu"]);
        let wrong = SlaveOptions::default().rendering_with(vec!["abacus:0".to_owned()]);
        assert!(wrong.unwrap_err().to_string().contains("abacus:0"));
    }

    #[test]
    fn what_no_slave_can_do_is_refused() {
        let with = |slots, hang_timeout| SlaveOptions {
            slots,
            hang_timeout,
            ..SlaveOptions::default()
        };
        let second = Duration::from_secs(1);
        with(1, second).check().unwrap();
        let most = SLOTS_MAX as usize;
        with(most, second).check().unwrap();
        for wrong in [with(0, second), with(most + 1, second), with(1, Duration::ZERO)] {
            wrong.check().unwrap_err();
        }
    }
}
