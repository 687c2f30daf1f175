//! Repositories, and servers that are asked by address.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Whether the programs are here; if not, says so, and fails under CI.
pub(super) fn has(programs: &[&str]) -> bool {
    let is_here = |program: &&&str| Command::new(program).arg("--version").output().is_err();
    let Some(missing) = programs.iter().find(is_here) else {
        return true;
    };
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{missing} is missing, and CI runs every test"
    );
    eprintln!("skipped: {missing} is missing");
    false
}

/// Runs a program to its good end.
pub(super) fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub(super) fn git(folder: &Path, arguments: &[&str]) -> String {
    let own = [
        "-c",
        "user.name=Anna",
        "-c",
        "user.email=anna@example.org",
        "-c",
        "init.defaultBranch=main",
    ];
    run(folder, "git", &[&own[..], arguments].concat())
}

pub(super) fn write(path: impl Into<PathBuf>, text: &str) -> PathBuf {
    let path = path.into();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

/// Hands every connection to a program, as inetd does.
pub(super) struct Server {
    pub(super) port: u16,
    calls: Arc<AtomicUsize>,
    ends: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(program: &'static str, arguments: &[String]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (calls, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end, arguments) = (Arc::clone(&calls), Arc::clone(&ends), arguments.to_vec());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                count.fetch_add(1, Ordering::SeqCst);
                let stream = OwnedFd::from(stream.unwrap());
                let mut child = Command::new(program)
                    .args(&arguments)
                    .stdin(stream.try_clone().unwrap())
                    .stdout(stream)
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                std::thread::spawn(move || child.wait());
            }
        });
        Self {
            port,
            calls,
            ends,
            thread: Some(thread),
        }
    }

    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        self.thread.take().unwrap().join().unwrap();
    }
}
