//! The conversation with a worker: one order at a time, lines of JSON over a loopback socket.

use super::log::Log;
use super::process::{Tree, ending};
use super::worker::{Playback, last_words};
use crate::error::{Error, Result};
use crate::ids::{BlenderVersion, TileBlock};
use crate::wire::{BakeTask, Baked, Denoising, RenderSettings};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// A stranger on the worker's port gets no more patience than this.
const HANDSHAKE_TIMEOUT_S: u64 = 10;
/// The rest of the log, after the answer.
const LOG_TIMEOUT_S: u64 = 2;
/// From the end of the connection to the end of the process.
const END_TIMEOUT_S: u64 = 5;
const REPLY_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Serialize)]
struct Order<'a> {
    mark: u64,
    #[serde(flatten)]
    what: What<'a>,
}

/// What `worker.py` can be told to do.
#[derive(Debug, Serialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(super) enum What<'a> {
    Open {
        blend: &'a Path,
        allow_scripts: bool,
        threads: u32,
        devices: Vec<String>,
        #[serde(flatten)]
        settings: &'a RenderSettings,
        #[serde(flatten)]
        playback: &'a Playback,
    },
    Bake {
        blend: &'a Path,
        allow_scripts: bool,
        threads: u32,
        #[serde(flatten)]
        settings: &'a RenderSettings,
        #[serde(flatten)]
        playback: &'a Playback,
        bake: NumberedBake<'a>,
        main: &'a str,
        beside: &'a str,
        output: &'a Path,
    },
    Render {
        frame: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        tile: Option<TilePlace>,
        output: &'a Path,
    },
    OpenToFinish {
        blend: &'a Path,
        allow_scripts: bool,
        threads: u32,
        #[serde(flatten)]
        settings: &'a RenderSettings,
        #[serde(flatten)]
        playback: &'a Playback,
    },
    Finish {
        pictures: &'a Path,
        folder: &'a Path,
    },
    Copy {
        blend: &'a Path,
        name: &'a str,
        baked: &'a [Baked],
        output: &'a Path,
    },
    Denoise {
        picture: &'a Path,
        size: (u32, u32),
        denoising: &'a Denoising,
        threads: u32,
        folder: &'a Path,
    },
}

/// What to bake, with its number.
#[derive(Debug, Serialize)]
pub(super) struct NumberedBake<'a> {
    pub(super) number: u32,
    #[serde(flatten)]
    pub(super) bake: &'a BakeTask,
}

/// A tile in its grid, from the top left, or a block of them.
#[derive(Debug, Serialize)]
pub(super) struct TilePlace {
    column: u32,
    row: u32,
    columns: u16,
    rows: u16,
    tapered: bool,
    wide: u32,
    high: u32,
}

impl From<TileBlock> for TilePlace {
    fn from(block: TileBlock) -> Self {
        let tile = block.first();
        Self {
            column: tile.column(),
            row: tile.row(),
            columns: tile.grid().columns(),
            rows: tile.grid().rows(),
            tapered: tile.grid().is_tapered(),
            wide: block.wide(),
            high: block.high(),
        }
    }
}

/// What it answers.
#[derive(Debug, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(super) enum Reply {
    Ready {
        token: String,
        version: [u16; 3],
    },
    Opened {
        scene: String,
    },
    Rendered {
        seconds: f64,
        picture: (u32, u32),
        size: (u32, u32),
        /// Left, top, right and bottom.
        #[serde(default)]
        margins: [u32; 4],
        layers: Vec<String>,
    },
    Baked {
        seconds: f64,
    },
    OpenedToFinish {
        is_movie: bool,
    },
    Finished {
        files: Vec<PathBuf>,
    },
    Copied {
        told: Vec<String>,
    },
    Denoised {},
    Failed {
        reason: String,
    },
    /// This Blender lacks what the scene takes.
    Lacks {
        reason: String,
    },
}

/// A connection on which a child said who it is.
#[derive(Debug)]
pub(super) struct Talk {
    replies: BufReader<OwnedReadHalf>,
    orders: OwnedWriteHalf,
    /// Counts the orders.
    marks: u64,
}

impl Talk {
    /// Waits for the child that knows the token; tells which Blender it is.
    pub(super) async fn begin(listener: &TcpListener, token: &str) -> (Self, BlenderVersion) {
        let (stream, version) = greet(listener, token).await;
        let (replies, orders) = stream.into_split();
        let talk = Self {
            replies: BufReader::new(replies),
            orders,
            marks: 0,
        };
        (talk, version)
    }

    /// Sends an order and waits for its reply, or for the end of the process.
    pub(super) async fn ask(&mut self, what: What<'_>, doing: &str, tree: &mut Tree, log: &Log) -> Result<Reply> {
        self.marks += 1;
        let mark = self.marks;
        let mut line = serde_json::to_vec(&Order { mark, what })
            .map_err(|_| Error::bad_input("a path that is not valid Unicode cannot be handed to Blender"))?;
        line.push(b'\n');
        let reply = tokio::select! {
            biased;
            reply = async {
                self.orders.write_all(&line).await.ok()?;
                read_reply(&mut self.replies).await
            } => reply,
            _ = tree.exited() => None,
        };
        if let Some(reply) = reply {
            // The lines that belong to this order come before its mark.
            let _ = timeout(Duration::from_secs(LOG_TIMEOUT_S), log.reached(mark)).await;
            return Ok(reply);
        }
        let how = match timeout(Duration::from_secs(END_TIMEOUT_S), tree.exited()).await {
            Ok(status) => ending(&status),
            Err(_) => "stopped answering".to_owned(),
        };
        Err(Error::blender(last_words(&format!("{how} {doing}"), log)))
    }
}

async fn read_reply(replies: &mut BufReader<OwnedReadHalf>) -> Option<Reply> {
    let mut line = Vec::new();
    replies.take(REPLY_BYTES_MAX).read_until(b'\n', &mut line).await.ok()?;
    serde_json::from_slice(&line).ok()
}

/// Waits for the child among whoever else may connect.
async fn greet(listener: &TcpListener, token: &str) -> (TcpStream, BlenderVersion) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            // Out of handles: the caller's time-out bounds this.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let first = timeout(Duration::from_secs(HANDSHAKE_TIMEOUT_S), read_ready(&mut stream)).await;
        if let Ok(Some((theirs, [major, minor, patch]))) = first
            && theirs == token
        {
            // Orders are small and must not wait for more.
            let _ = stream.set_nodelay(true);
            return (stream, BlenderVersion { major, minor, patch });
        }
    }
}

/// Reads the first line byte by byte, so that nothing of what follows is taken.
async fn read_ready(stream: &mut TcpStream) -> Option<(String, [u16; 3])> {
    let mut line = Vec::new();
    while line.len() < 1024 {
        match stream.read_u8().await.ok()? {
            b'\n' => {
                return match serde_json::from_slice(&line).ok()? {
                    Reply::Ready { token, version } => Some((token, version)),
                    _ => None,
                };
            }
            byte => line.push(byte),
        }
    }
    None
}
