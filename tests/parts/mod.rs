//! What integration tests share: the real Blenders of this machine, and the one that fails on command.
//!
//! A test that lacks a component skips and says so; under `CI=true` it fails, so that nothing is skipped in silence there.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "these are tests, though clippy does not see it"
)]
#![allow(dead_code, reason = "every test file takes only what it needs")]

pub(crate) mod bench;
pub(crate) mod farm;
pub(crate) mod gathering;

use netrender::blender::{Installation, Kind, probe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A script of `tests/`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Whether a component is there; if not, says so, and fails under CI.
pub(crate) fn or_skip<T>(found: Option<T>, what: &str) -> Option<T> {
    if found.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{what} is missing, and CI runs every test"
        );
        eprintln!("skipped: {what} is missing");
    }
    found
}

/// The real Blenders of this machine: the program (`NETRENDER_TEST_BLENDER`, else `blender` on the PATH) and the module
/// (`NETRENDER_TEST_BPY_PYTHON`).
pub(crate) async fn real_blenders() -> Vec<Installation> {
    let named = |variable: &str| {
        std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|folder| folder.join("blender"))
            .find(|path| path.is_file())
    };
    let program = or_skip(named("NETRENDER_TEST_BLENDER").or_else(on_path), "the blender program");
    let module = or_skip(
        named("NETRENDER_TEST_BPY_PYTHON"),
        "a Python with bpy (NETRENDER_TEST_BPY_PYTHON)",
    );
    let mut found = Vec::new();
    for path in program.iter().chain(&module) {
        found.push(probe(path).await.unwrap());
    }
    found
}

/// Real scenes that nobody of this project made: `NETRENDER_TEST_SCENES`, else `../shared/blends`.
pub(crate) fn shared_scenes() -> Option<PathBuf> {
    let named = std::env::var_os("NETRENDER_TEST_SCENES")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/blends");
    named.or(Some(beside)).filter(|folder| folder.is_dir())
}

/// Runs a script that makes scenes in a real Blender.
pub(crate) fn make_scene(installation: &Installation, name: &str, folder: &Path) {
    let mut command = Command::new(&installation.program);
    if installation.kind == Kind::Executable {
        command.args(["-b", "-noaudio", "--factory-startup", "--python-exit-code", "1", "-P"]);
    }
    run(command.arg(script(name)).arg("--").arg(folder));
}

/// Renders frames as a person would by hand, in one cold Blender; they come as `000001.exr`.
pub(crate) fn render_locally(installation: &Installation, blend: &Path, folder: &Path, frames: &str, options: &[&str]) {
    let mut command = Command::new(&installation.program);
    let local_render = script("scenes/local_render.py");
    if installation.kind == Kind::Executable {
        command
            .args(["-b", "-noaudio"])
            .arg(blend)
            .args(["--python-exit-code", "1", "-t", "2", "-P"]);
        command.arg(local_render).arg("--");
    } else {
        command.arg(local_render).arg(blend).arg("2");
    }
    run(command.arg(folder).arg(frames).args(options));
}

/// What it prints is shown only if it fails.
fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A copy of `fake_blender.py` in a folder of its own, told what to do by JSON.
pub(crate) struct FakeBlender {
    folder: tempfile::TempDir,
}

impl FakeBlender {
    pub(crate) fn told(orders: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(script("fake_blender.py"), folder.path().join("fake_blender.py")).unwrap();
        let fake = Self { folder };
        fake.tell(orders);
        fake
    }

    /// Changes what it does from its next order on.
    pub(crate) fn tell(&self, orders: &str) {
        std::fs::write(self.folder.path().join("fake_blender.json"), orders).unwrap();
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("fake_blender.py")
    }

    /// A .blend as far as its header goes.
    pub(crate) fn scene(&self) -> PathBuf {
        let path = self.folder.path().join("scene.blend");
        std::fs::write(&path, "BLENDER-v304RENDH and no more").unwrap();
        path
    }

    /// The id of the process that left the process group, once there is one.
    pub(crate) fn grandchild(&self) -> Option<u32> {
        std::fs::read_to_string(self.folder.path().join("grandchild.pid"))
            .ok()?
            .parse()
            .ok()
    }

    /// What it was started for and as which process, in order, if it was told to note it.
    pub(crate) fn starts(&self) -> Vec<(String, u32)> {
        let noted = std::fs::read_to_string(self.folder.path().join("fake_blender.starts")).unwrap_or_default();
        let read = |line: &str| Some((line.split_once(' ')?.0.to_owned(), line.split_once(' ')?.1.parse().ok()?));
        noted.lines().filter_map(read).collect()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// Whether a process lives (one that is dead but not yet reaped does not).
pub(crate) fn lives(pid: u32) -> bool {
    /// What the kernel notes of a process that is on its way out. (No command line has one that begins, too.)
    const EXITING: u64 = 4;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before the last bracket may be anything.
    let mut facts = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let (state, flags) = (facts.next(), facts.nth(5).and_then(|flags| flags.parse::<u64>().ok()));
    !matches!(state, Some("Z" | "X")) && flags.is_some_and(|flags| flags & EXITING == 0)
}
