//! Runs `svn` and `git`: without a shell, without input, with everything they start in one group that is ended as a whole.

use crate::access::KEY_VARIABLE;
use crate::error::{Error, Result};
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Most that a program may answer; the names of a million files are below it.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// How much is kept of what it says beside that; the end matters.
const WORDS_BYTES_MAX: usize = 16 << 10;
/// Longest line that is told.
const LINE_BYTES_MAX: usize = 400;
/// A program that says nothing for so long hangs: one that moves files (a large one takes its time without a word), …
const MOVING_SILENCE_TIMEOUT: Duration = Duration::from_mins(30);
/// … and one that is only asked.
const ASKED_SILENCE_TIMEOUT: Duration = Duration::from_mins(5);
/// A killed program that is not gone by then hangs in the kernel; nobody can do more.
const DEATH_TIMEOUT: Duration = Duration::from_secs(10);
/// Whether it has ended is looked at so often: what it started in the background may hold its streams open.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
const CHUNK_BYTES: usize = 8 << 10;

/// Language and letters of what is read here: English, and every name of a file as it is.
#[cfg(not(target_os = "macos"))]
pub(super) const LOCALE: &str = "C.UTF-8";
#[cfg(target_os = "macos")]
pub(super) const LOCALE: &str = "en_US.UTF-8";

/// Who is told what a program says, and who may end it.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    stop: CancellationToken,
    lines: Option<mpsc::Sender<String>>,
}

impl Watch {
    /// Lines go to `lines` as long as it has room; the token kills the program with all that it started.
    #[must_use]
    pub fn new(stop: CancellationToken, lines: Option<mpsc::Sender<String>>) -> Self {
        Self { stop, lines }
    }

    fn tell(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line.get(..LINE_BYTES_MAX).unwrap_or(line));
        let text = text.trim();
        if let Some(lines) = &self.lines
            && !text.is_empty()
        {
            // Progress that nobody has time for is followed by newer.
            let _ = lines.try_send(text.to_owned());
        }
    }
}

/// One run of a program.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) program: &'static str,
    pub(super) arguments: Vec<OsString>,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// What is different in its environment; none: taken out of it.
    pub(super) environment: Vec<(&'static str, Option<OsString>)>,
    /// Whether its output is progress to be told, not an answer to be kept.
    pub(super) tells: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) is_good: bool,
    /// Its output.
    pub(super) output: Vec<u8>,
    /// The end of what it said beside that.
    pub(super) words: String,
}

impl Answer {
    /// The output as text, without the end of its last line.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.output)
            .trim_end_matches(['\n', '\r'])
            .to_owned()
    }
}

/// A program and what it started; dropped, all of it is killed.
struct Running(Box<dyn ChildWrapper>);

impl Drop for Running {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.0.start_kill();
    }
}

impl Order {
    /// Runs it to its end. A failure of the program is an answer; an error is that it could not be run or was ended by us.
    pub(super) async fn run(self, watch: &Watch) -> Result<Answer> {
        let program = self.program;
        let tells = self.tells;
        let child = self.command().spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                Error::not_found(format!("this machine has no {program}")).hint("install it, and have it on the PATH")
            }
            _ => Error::io("start", program.as_ref(), &error),
        })?;
        let mut running = Running(child);
        let read = read(program, tells, &mut running, watch).await;
        if read.is_err() {
            let _ = running.0.start_kill();
        }
        let status = wait(&mut running).await;
        let (output, words) = read?;
        Ok(Answer {
            is_good: status.is_some_and(|status| status.success()),
            output,
            words,
        })
    }

    fn command(self) -> CommandWrap {
        let mut command = CommandWrap::with_new(self.program, |command| {
            command.args(self.arguments).current_dir(self.folder);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            // What it starts (ssh, credential helpers) has no need of the farm's key.
            command.env_remove(KEY_VARIABLE);
            for (name, value) in self.environment {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
        });
        #[cfg(unix)]
        command.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        command.wrap(process_wrap::tokio::JobObject);
        command.wrap(KillOnDrop);
        command
    }
}

async fn wait(running: &mut Running) -> Option<ExitStatus> {
    tokio::time::timeout(DEATH_TIMEOUT, running.0.wait()).await.ok()?.ok()
}

/// Reads both streams until they end, the program has ended, or it is not to go on.
async fn read(program: &str, tells: bool, running: &mut Running, watch: &Watch) -> Result<(Vec<u8>, String)> {
    let mut output = Stream::new(running.0.stdout().take());
    let mut words = Stream::new(running.0.stderr().take());
    let patience = if tells {
        MOVING_SILENCE_TIMEOUT
    } else {
        ASKED_SILENCE_TIMEOUT
    };
    let mut silence = Duration::ZERO;
    let mut has_ended = false;
    while output.is_open() || words.is_open() {
        let read = tokio::select! {
            biased;
            () = watch.stop.cancelled() => return Err(Error::cancelled(format!("{program} was stopped"))),
            read = output.read() => {
                if tells {
                    output.tell(watch, 0);
                }
                if output.bytes.len() > ANSWER_BYTES_MAX {
                    return Err(Error::bad_input(format!("{program} says more than anybody can read")));
                }
                read
            }
            read = words.read() => {
                words.tell(watch, WORDS_BYTES_MAX);
                read
            }
            () = tokio::time::sleep(LOOK_INTERVAL) => {
                if has_ended {
                    // Its own words are read by now; the rest is of something that it left in the background.
                    break;
                }
                has_ended = !matches!(running.0.try_wait(), Ok(None));
                silence += LOOK_INTERVAL;
                if silence >= patience {
                    let minutes = patience.as_secs() / 60;
                    return Err(Error::timeout(format!("{program} hung: it said nothing for {minutes} min")));
                }
                continue;
            }
        };
        if read > 0 {
            silence = Duration::ZERO;
        }
    }
    let words = String::from_utf8_lossy(&words.bytes).replace('\r', "\n");
    Ok((output.bytes, words.trim().to_owned()))
}

/// A stream of a program, as far as it is read and kept.
struct Stream<S> {
    source: Option<S>,
    bytes: Vec<u8>,
    /// How much of it was told.
    told: usize,
}

impl<S: AsyncRead + Unpin> Stream<S> {
    fn new(source: Option<S>) -> Self {
        Self {
            source,
            bytes: Vec::new(),
            told: 0,
        }
    }

    fn is_open(&self) -> bool {
        self.source.is_some()
    }

    /// Reads some more; waits for ever once it has ended. Given up, nothing is lost.
    async fn read(&mut self) -> usize {
        let Some(source) = &mut self.source else {
            return std::future::pending().await;
        };
        self.bytes.reserve(CHUNK_BYTES);
        let count = source.read_buf(&mut self.bytes).await.unwrap_or(0);
        if count == 0 {
            self.source = None;
        }
        count
    }

    /// Tells the lines that are whole, and keeps only so much of the end.
    fn tell(&mut self, watch: &Watch, kept: usize) {
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        while let Some(length) = self.bytes.get(self.told..).and_then(|rest| rest.iter().position(is_end)) {
            watch.tell(self.bytes.get(self.told..self.told + length).unwrap_or_default());
            self.told += length + 1;
        }
        let excess = self.told.min(self.bytes.len().saturating_sub(kept));
        self.bytes.drain(..excess);
        self.told -= excess;
        // A line without an end.
        if self.bytes.len() > WORDS_BYTES_MAX {
            let excess = self.bytes.len() - WORDS_BYTES_MAX;
            self.bytes.drain(..excess);
            self.told = self.told.saturating_sub(excess);
        }
    }
}

/// The last lines of what a program said, on one line, for a sentence.
pub(super) fn last_words(words: &str) -> String {
    const LINES: usize = 2;
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join(" / ");
    last.chars().take(LINE_BYTES_MAX).collect()
}
