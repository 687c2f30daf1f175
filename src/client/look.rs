//! What can be asked about jobs and slaves beside what they are: why they wait, what was printed, how a frame looks.

use super::{Client, Pending, pages};
use crate::error::Result;
use crate::ids::{JobId, SlaveId};
use crate::wire::{Explanation, FrameInfo, SlaveInfo};

impl Client {
    /// The slaves that the master knows.
    pub fn slaves(&self) -> Result<Vec<SlaveInfo>> {
        self.ask_slaves()?.answer()
    }

    /// The same without waiting.
    pub fn ask_slaves(&self) -> Result<Pending<Vec<SlaveInfo>>> {
        let link = self.link.clone();
        self.threads.begin(async move { pages::all(&link, "slaves").await })
    }

    /// Why a job does not go on, or what it is doing.
    pub fn explain_job(&self, job: JobId) -> Result<Vec<String>> {
        self.ask_explain_job(job)?.answer()
    }

    /// The same without waiting.
    pub fn ask_explain_job(&self, job: JobId) -> Result<Pending<Vec<String>>> {
        self.explain(format!("jobs/{job}/explain"))
    }

    /// What a slave does, or why it does nothing.
    pub fn explain_slave(&self, slave: SlaveId) -> Result<Vec<String>> {
        self.ask_explain_slave(slave)?.answer()
    }

    /// The same without waiting.
    pub fn ask_explain_slave(&self, slave: SlaveId) -> Result<Pending<Vec<String>>> {
        self.explain(format!("slaves/{slave}/explain"))
    }

    /// The tiles of a frame, or the frame itself if it is not cut.
    pub fn tiles(&self, job: JobId, frame: i32) -> Result<Vec<FrameInfo>> {
        let link = self.link.clone();
        self.threads
            .ask(async move { link.get(&format!("jobs/{job}/frames/{frame}/tiles")).await })
    }

    /// What Blender printed in the latest attempt at a frame, or at the tile of this number.
    pub fn log(&self, job: JobId, frame: i32, tile: Option<u32>) -> Result<String> {
        let link = self.link.clone();
        let tile = tile.map_or_else(String::new, |tile| format!("?tile={tile}"));
        self.threads
            .ask(async move { link.get_text(&format!("jobs/{job}/frames/{frame}/log{tile}")).await })
    }

    /// What Blender printed in an attempt at a frame (none: the latest that has a log), from a byte on.
    pub fn log_from(&self, job: JobId, frame: i32, attempt: Option<u32>, offset: u64) -> Result<Vec<u8>> {
        self.ask_log(job, frame, attempt, offset)?.answer()
    }

    /// The same without waiting.
    pub fn ask_log(&self, job: JobId, frame: i32, attempt: Option<u32>, offset: u64) -> Result<Pending<Vec<u8>>> {
        let attempt = attempt.map_or_else(String::new, |attempt| format!("&attempt={attempt}"));
        self.bytes(format!("jobs/{job}/frames/{frame}/log?offset={offset}{attempt}"))
    }

    /// What Blender printed in an attempt at a tile, from a byte on.
    pub fn log_of_tile_from(&self, job: JobId, (frame, tile): (i32, u32), attempt: u32, offset: u64) -> Result<Vec<u8>> {
        let path = format!("jobs/{job}/frames/{frame}/log?tile={tile}&offset={offset}&attempt={attempt}");
        self.bytes(path)?.answer()
    }

    /// A small picture of a finished frame as PNG, about so many pixels wide.
    pub fn thumbnail(&self, job: JobId, frame: i32, width: u32) -> Result<Vec<u8>> {
        self.ask_thumbnail(job, frame, width)?.answer()
    }

    /// The same without waiting.
    pub fn ask_thumbnail(&self, job: JobId, frame: i32, width: u32) -> Result<Pending<Vec<u8>>> {
        self.bytes(format!("jobs/{job}/frames/{frame}/thumbnail?width={width}"))
    }

    fn explain(&self, path: String) -> Result<Pending<Vec<String>>> {
        let link = self.link.clone();
        self.threads.begin(async move {
            let told: Explanation = link.get(&path).await?;
            Ok(told.explanation)
        })
    }

    fn bytes(&self, path: String) -> Result<Pending<Vec<u8>>> {
        let link = self.link.clone();
        self.threads.begin(async move { link.get_bytes(&path).await })
    }
}
