//! The master as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::sync::oneshot;

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running master; killed when dropped.
pub(crate) struct Process {
    child: Child,
    told: Option<oneshot::Receiver<u16>>,
    port: u16,
}

impl Process {
    /// Starts one below a folder; a port of 0 takes a free one.
    pub(crate) fn start(folder: &Path, port: u16) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_netrender"))
            .args(["master", "--address", "127.0.0.1", "--no-broadcast", "--port"])
            .arg(port.to_string())
            .arg("--path")
            .arg(folder.join("master"))
            .env("NETRENDER_CONFIG", folder.join("config"))
            .env("NETRENDER_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = oneshot::channel();
        std::thread::spawn(move || {
            let mut sender = Some(sender);
            for line in lines.map_while(Result::ok) {
                let port = line.split("http://127.0.0.1:").nth(1).and_then(|rest| {
                    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                    digits.parse().ok()
                });
                if let (Some(port), Some(sender)) = (port, sender.take_if(|_| port.is_some())) {
                    let _ = sender.send(port);
                }
            }
        });
        Self {
            child,
            told: Some(receiver),
            port,
        }
    }

    /// Waits until it listens; its port.
    pub(crate) async fn port(&mut self) -> u16 {
        if let Some(told) = self.told.take() {
            self.port = tokio::time::timeout(START_TIMEOUT, told).await.unwrap().unwrap();
        }
        self.port
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
