//! A child process with everything that it starts: born on a thread that outlives it, and ended as a whole.

use super::installation::Kind;
use super::log::{Log, read_lines};
use super::orphans::{Adopted, reap};
use crate::access::KEY_VARIABLE;
use crate::error::{Error, Result};
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use std::convert::Infallible;
use std::ffi::OsString;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Marks every process of a child's tree in its environment, also those that left its process group.
const MARK_VARIABLE: &str = "NETRENDER_WORKER";
/// The child's own folder, in the environment of every process of its tree: what a killed slave left is found by it.
const FOLDER_VARIABLE: &str = "NETRENDER_WORKER_FOLDER";
/// How threads of OpenMP wait for each other.
const WAIT_POLICY_VARIABLE: &str = "OMP_WAIT_POLICY";
/// How often the processes are looked through until none of the tree is left.
const SWEEPS_MAX: u32 = 50;
const SWEEP_PAUSE: Duration = Duration::from_millis(20);
/// A killed process that is not gone by then hangs in the kernel; nobody can do more.
const DEATH_TIMEOUT_S: u64 = 10;
/// What a dead child printed is read within this time.
const LAST_LINES_TIMEOUT_S: u64 = 1;

/// The scripts that children run; the first two import the others. How passes come into Blender and bakes are played back,
/// the add-on knows too.
const SCRIPTS: &[(&str, &str)] = &[
    ("worker.py", include_str!("worker.py")),
    ("collect.py", include_str!("collect.py")),
    ("opening.py", include_str!("opening.py")),
    ("finishing.py", include_str!("finishing.py")),
    ("tiles.py", include_str!("tiles.py")),
    ("denoising.py", include_str!("denoising.py")),
    ("multilayer.py", include_str!("multilayer.py")),
    ("passes.py", include_str!("../../addon/passes.py")),
    ("references.py", include_str!("references.py")),
    ("caches.py", include_str!("caches.py")),
    ("followed.py", include_str!("followed.py")),
    ("on_disk.py", include_str!("on_disk.py")),
    ("windows.py", include_str!("windows.py")),
    ("places.py", include_str!("places.py")),
    ("copies.py", include_str!("copies.py")),
    ("wants.py", include_str!("wants.py")),
    ("texts.py", include_str!("texts.py")),
    ("simulations.py", include_str!("../../addon/simulations.py")),
    ("dependencies.py", include_str!("dependencies.py")),
    ("bakes.py", include_str!("bakes.py")),
    ("bakers.py", include_str!("bakers.py")),
    ("baking.py", include_str!("baking.py")),
    ("playing.py", include_str!("playing.py")),
];

/// How a child is started.
pub(super) struct Launch<'a> {
    pub(super) program: &'a Path,
    pub(super) kind: Kind,
    /// Which of [`SCRIPTS`].
    pub(super) script: &'a str,
    /// What the script finds behind `--`.
    pub(super) argument: Option<&'a Path>,
    /// The child's own folder: scripts and temporary files.
    pub(super) folder: &'a Path,
    /// 0: all cores.
    pub(super) threads: u32,
    pub(super) allow_scripts: bool,
    /// Value of [`MARK_VARIABLE`], unique to this child.
    pub(super) mark: String,
    /// Dropped as soon as nothing of the tree is left, however that comes about.
    pub(super) alive: Option<oneshot::Sender<Infallible>>,
}

/// A child and all its descendants. Dropping it kills them all, too.
#[derive(Debug)]
pub(super) struct Tree {
    child: Box<dyn ChildWrapper>,
    mark: String,
    pid: u32,
    /// They end with the child's streams.
    readers: Vec<JoinHandle<()>>,
    /// Dropped or told: the keeper may go.
    keeper: mpsc::Sender<Swept>,
}

/// Nothing is left of the tree: the keeper need not look.
#[derive(Debug)]
struct Swept;

impl Launch<'_> {
    /// Starts the child; what it prints goes to `log`.
    pub(super) async fn spawn(self, log: &Arc<Log>) -> Result<Tree> {
        let command = self.command()?;
        let program = self.program.to_owned();
        let failed = |error: &std::io::Error| Error::io("start", &program, error);
        let (born, birth) = oneshot::channel();
        let (keeper, orders) = mpsc::channel();
        let (mark, alive) = (self.mark.clone(), self.alive);
        let runtime = tokio::runtime::Handle::current();
        // Linux kills a child when the *thread* that started it ends, and runtimes end their threads at will.
        std::thread::Builder::new()
            .name("blender-keeper".to_owned())
            .spawn(move || {
                keep(&runtime, command, born, &orders, &mark);
                drop(alive);
            })
            .map_err(|error| failed(&error))?;
        let mut child = birth
            .await
            .map_err(|_| Error::internal("the thread that starts Blender ended"))?
            .map_err(|error| failed(&error))?;
        let mut readers = Vec::new();
        if let Some(stream) = child.stdout().take() {
            readers.push(tokio::spawn(read_lines(stream, log.clone())));
        }
        if let Some(stream) = child.stderr().take() {
            readers.push(tokio::spawn(read_lines(stream, log.clone())));
        }
        Ok(Tree {
            readers,
            pid: child.id().unwrap_or_default(),
            child,
            mark: self.mark,
            keeper,
        })
    }

    fn command(&self) -> Result<CommandWrap> {
        let scripts = self.folder.join("scripts");
        let temporary = self.folder.join("tmp");
        for folder in [&scripts, &temporary] {
            std::fs::create_dir_all(folder).map_err(|error| Error::io("make the folder", folder, &error))?;
        }
        for &(name, text) in SCRIPTS {
            let path = scripts.join(name);
            std::fs::write(&path, text).map_err(|error| Error::io("write", &path, &error))?;
        }
        let mut arguments: Vec<OsString> = vec![self.program.into()];
        let script = scripts.join(self.script).into_os_string();
        match self.kind {
            Kind::Executable => {
                let scripts_of_scenes = if self.allow_scripts { "-y" } else { "-Y" };
                arguments.extend(["-b", "-noaudio", scripts_of_scenes].map(OsString::from));
                if self.threads > 0 {
                    arguments.extend(["-t".into(), self.threads.to_string().into()]);
                }
                arguments.extend(["--python-exit-code".into(), "1".into(), "-P".into(), script]);
            }
            Kind::Module => arguments.push(script),
        }
        arguments.extend(self.argument.iter().flat_map(|argument| ["--".into(), argument.into()]));
        Ok(tree_command(&arguments, |command| {
            command.env(MARK_VARIABLE, &self.mark);
            command.env(FOLDER_VARIABLE, self.folder);
            command.env("NETRENDER_PARENT", std::process::id().to_string());
            for name in ["TMPDIR", "TEMP", "TMP"] {
                command.env(name, &temporary);
            }
            // Threads of a simulation that wait for each other by spinning leave nothing to a second Blender beside it: two
            // bakes took more than twenty times as long as one. What the slave's owner set stays.
            if std::env::var_os(WAIT_POLICY_VARIABLE).is_none() {
                command.env(WAIT_POLICY_VARIABLE, "PASSIVE");
            }
        }))
    }
}

/// A command whose process is the head of a group (a job object on Windows), without input, its output piped.
pub(super) fn tree_command(arguments: &[OsString], set_up: impl FnOnce(&mut tokio::process::Command)) -> CommandWrap {
    let program = arguments.first().cloned().unwrap_or_default();
    let mut command = CommandWrap::with_new(program, |command| {
        command.args(arguments.get(1..).unwrap_or_default());
        // Scripts of scenes run in there: the farm's key is none of their business.
        command.env_remove(KEY_VARIABLE);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        set_up(command);
    });
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::tokio::JobObject);
    command.wrap(KillOnDrop);
    command
}

/// Starts the child, then sleeps as long as it may live; what then is left of its tree is killed here.
fn keep(
    runtime: &tokio::runtime::Handle,
    mut command: CommandWrap,
    born: oneshot::Sender<std::io::Result<Box<dyn ChildWrapper>>>,
    orders: &mpsc::Receiver<Swept>,
    mark: &str,
) {
    {
        let _context = runtime.enter();
        // If nobody waits any more, the child comes back here and is killed by being dropped.
        let _ = born.send(command.spawn());
    }
    if orders.recv().is_err() {
        sweep(mark);
    }
}

impl Tree {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the child has ended, without waiting.
    pub(super) fn has_exited(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until the child ends by itself, and until its last lines are read.
    pub(super) async fn exited(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await;
        while let Some(reader) = self.readers.last_mut() {
            // A descendant may hold the stream open.
            let _ = tokio::time::timeout(Duration::from_secs(LAST_LINES_TIMEOUT_S), reader).await;
            self.readers.pop();
        }
        status
    }

    /// Kills the child and its descendants; returns when they are gone.
    pub(super) async fn kill(mut self) {
        // It may be dead already.
        let _ = self.child.start_kill();
        let mark = self.mark.clone();
        let swept = tokio::task::spawn_blocking(move || sweep(&mark)).await;
        let _ = tokio::time::timeout(Duration::from_secs(DEATH_TIMEOUT_S), self.child.wait()).await;
        if swept.is_ok() {
            let _ = self.keeper.send(Swept);
        }
    }

    /// Memory of the child now, in bytes; none once it has ended.
    pub(super) fn memory_bytes(&self) -> Option<u64> {
        let pid = sysinfo::Pid::from_u32(self.pid);
        let mut system = System::new().ok()?;
        let what = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        Some(system.process(pid)?.memory())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // The group at once; what escaped from it is the keeper's, who wakes up now.
        let _ = self.child.start_kill();
    }
}

/// Kills every process that carries the mark, until there is none, and those that lost their parent and came to us. Blocks.
fn sweep(mark: &str) {
    let wanted = OsString::from(format!("{MARK_VARIABLE}={mark}"));
    let adopted = Adopted::look_for();
    end_all(|process| process.environ().contains(&wanted) || adopted.as_ref().is_some_and(|it| it.are(process)));
}

/// Ends what still runs of Blenders that worked below a folder. Blocks.
pub fn end_leftovers(folder: &Path) {
    let variable = format!("{FOLDER_VARIABLE}=");
    let is_below = |entry: &OsString| {
        let value = entry.to_str().and_then(|entry| entry.strip_prefix(&variable));
        value.is_some_and(|value| Path::new(value).starts_with(folder))
    };
    end_all(|process| process.environ().iter().any(is_below));
}

fn end_all(is_meant: impl Fn(&Process) -> bool) {
    let Ok(mut system) = System::new() else { return };
    let what = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always);
    for _ in 0..SWEEPS_MAX {
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let mut found = false;
        for process in system.processes().values() {
            if process.thread_kind().is_none() && is_meant(process) {
                found = true;
                process.kill();
                reap(process);
            }
        }
        if !found {
            return;
        }
        std::thread::sleep(SWEEP_PAUSE);
    }
}

/// How a process ended, in words that follow "Blender".
pub(super) fn ending(status: &std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => {
            #[cfg(unix)]
            if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(status) {
                return format!("crashed (signal {signal})");
            }
            status
                .code()
                .map_or_else(|| "ended".to_owned(), |code| format!("ended (status {code})"))
        }
        Err(_) => "ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_simulations_in_two_blenders_do_not_take_the_cores_from_each_other_by_spinning() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let launch = Launch {
            program: Path::new("blender"),
            kind: Kind::Executable,
            script: "worker.py",
            argument: None,
            folder: folder.path(),
            threads: 1,
            allow_scripts: false,
            mark: "mark".to_owned(),
            alive: None,
        };
        let command = launch.command()?;
        let changes: Vec<_> = command.command().as_std().get_envs().collect();
        let wanted = (WAIT_POLICY_VARIABLE.as_ref(), Some("PASSIVE".as_ref()));
        assert!(
            changes.contains(&wanted) || std::env::var_os(WAIT_POLICY_VARIABLE).is_some(),
            "{changes:?}"
        );
        Ok(())
    }

    #[test]
    fn no_child_inherits_the_key_of_the_farm() {
        let command = tree_command(&["blender".into()], |command| {
            command.env(MARK_VARIABLE, "mark");
        });
        let changes: Vec<_> = command.command().as_std().get_envs().collect();
        assert!(changes.contains(&(KEY_VARIABLE.as_ref(), None)), "{changes:?}");
    }
}
