//! What a child Blender prints: read by lines, bounded, and never in the child's way.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::{mpsc, watch};

/// Longest line that is kept whole; the rest of it is left out.
const LINE_BYTES_MAX: usize = 4096;
/// Read at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// What `worker.py` prints when an order is done, after a record separator and before the order's number.
const MARK: &str = "netrender-mark ";
const RECORD_SEPARATOR: u8 = 0x1e;
/// How Blender complains of a scene whose engine it lacks, between the names of both. It then renders with another one.
const ENGINE_MISSING: &str = "' not available for scene '";
const NO_FRAME: i64 = i64::MIN;

/// One line of a child's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The frame being rendered when it was printed, if any.
    pub frame: Option<i32>,
    /// The line, without its end.
    pub text: String,
}

/// What the readers of a child's streams share with its worker.
#[derive(Debug)]
pub(super) struct Log {
    lines: mpsc::Sender<LogLine>,
    frame: AtomicI64,
    mark: watch::Sender<u64>,
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// The last line that was not empty: what a crashed child had to say.
    last_line: String,
    /// Scene and engine of each complaint.
    engines_missing: Vec<(String, String)>,
    /// Lines that nobody took in time.
    left_out: u64,
}

impl Log {
    pub(super) fn new(lines: mpsc::Sender<LogLine>) -> Arc<Self> {
        Arc::new(Self {
            lines,
            frame: AtomicI64::new(NO_FRAME),
            mark: watch::Sender::new(0),
            remembered: Mutex::default(),
        })
    }

    /// From now on lines belong to this frame.
    pub(super) fn set_frame(&self, frame: Option<i32>) {
        self.frame.store(frame.map_or(NO_FRAME, i64::from), Ordering::Relaxed);
    }

    /// Waits until everything printed before this mark has been read.
    pub(super) async fn reached(&self, mark: u64) {
        let mut marks = self.mark.subscribe();
        // An error would mean that the sender is gone, which is a field of `self`.
        let _ = marks.wait_for(|seen| *seen >= mark).await;
    }

    /// The last words of the child.
    pub(super) fn last_line(&self) -> String {
        self.remembered().last_line.clone()
    }

    /// The engine that the file asks for and this Blender lacks, if it said so of this scene.
    pub(super) fn engine_missing(&self, scene: &str) -> Option<String> {
        let remembered = self.remembered();
        let complaint = remembered.engines_missing.iter().find(|(of, _)| of == scene)?;
        Some(complaint.1.clone())
    }

    /// Forgets complaints about the file that was open before.
    pub(super) fn forget_engines(&self) {
        self.remembered().engines_missing.clear();
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).trim_end().to_owned();
        if let Some(mark) = text.strip_prefix(MARK).and_then(|number| number.parse().ok()) {
            self.mark.send_replace(mark);
            return;
        }
        if text.is_empty() {
            return;
        }
        let frame = i32::try_from(self.frame.load(Ordering::Relaxed)).ok();
        let mut remembered = self.remembered();
        if let Some((engine, scene)) = text.split_once(ENGINE_MISSING) {
            let engine = engine.rsplit('\'').next().unwrap_or_default();
            let scene = scene.rsplit_once("' (").map_or(scene, |(name, _)| name);
            remembered.engines_missing.push((scene.to_owned(), engine.to_owned()));
        }
        remembered.last_line.clone_from(&text);
        if remembered.left_out > 0 {
            let text = format!(
                "[{} lines left out: Blender printed faster than they were taken]",
                remembered.left_out
            );
            if self.lines.try_send(LogLine { frame, text }).is_ok() {
                remembered.left_out = 0;
            }
        }
        if self.lines.try_send(LogLine { frame, text }).is_err() {
            remembered.left_out += 1;
        }
    }
}

/// Reads a stream to its end. Lines that find no room are counted, not kept: the child must never wait for its log.
pub(super) async fn read_lines(stream: impl AsyncRead + Unpin, log: Arc<Log>) {
    let mut stream = stream;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut line = Vec::new();
    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
        for piece in chunk[..length].split_inclusive(|byte| matches!(byte, b'\n' | b'\r' | &RECORD_SEPARATOR)) {
            let (text, ends) = match piece.split_last() {
                Some((b'\n' | b'\r' | &RECORD_SEPARATOR, text)) => (text, true),
                _ => (piece, false),
            };
            let room = LINE_BYTES_MAX.saturating_sub(line.len());
            line.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                log.line(&line);
                line.clear();
            }
        }
        // 100 MB of log must leave time for others on this thread.
        tokio::task::yield_now().await;
    }
    log.line(&line);
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &[u8], room: usize) -> (Arc<Log>, Vec<LogLine>) {
        let (sender, mut receiver) = mpsc::channel(room);
        let log = Log::new(sender);
        log.set_frame(Some(7));
        read_lines(text, log.clone()).await;
        let mut lines = Vec::new();
        while let Ok(line) = receiver.try_recv() {
            lines.push(line);
        }
        (log, lines)
    }

    #[tokio::test]
    async fn lines_come_with_their_frame_and_marks_do_not_come_at_all() {
        let (log, lines) = read(b"one\r\n\ntwo without end\x1enetrender-mark 3\nthree", 9).await;
        let texts: Vec<_> = lines.iter().map(|line| (line.frame, line.text.as_str())).collect();
        assert_eq!(texts, [(Some(7), "one"), (Some(7), "two without end"), (Some(7), "three")]);
        log.reached(3).await;
        assert_eq!(log.last_line(), "three");
    }

    #[tokio::test]
    async fn an_endless_line_is_cut_and_a_full_queue_never_blocks() {
        let mut text = vec![b'x'; 100_000];
        text.extend_from_slice(b"\na\nb\nc\n");
        let (log, lines) = read(&text, 2).await;
        assert_eq!(lines[0].text.len(), LINE_BYTES_MAX);
        assert_eq!((lines.len(), log.remembered().left_out), (2, 2));
    }

    #[tokio::test]
    async fn an_engine_that_blender_lacks_is_noticed() {
        let text = b"Error: Engine 'LUX' not available for scene 'My 'Scene'' (an add-on may need to be installed or enabled)\n";
        let (log, _) = read(text, 2).await;
        assert_eq!(log.engine_missing("My 'Scene'").as_deref(), Some("LUX"));
        assert_eq!(log.engine_missing("Other"), None);
    }
}
