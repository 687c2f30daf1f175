//! What a gathering knows of its frames. A plain value: no network, no disk, no clock.

use crate::client::PAGE;
use crate::client::fetch::Expected;
use crate::error::Result;
use crate::ids::{FrameSet, SlaveId};
use crate::wire::{FrameInfo, FrameStateInfo, TilesInfo};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// How often the fetching of one frame may fail before it is given up.
const FETCHES_MAX: u8 = 5;

/// Where a frame stands, as whoever waits for its picture sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GatheredState {
    /// Waits for a slave.
    Queued,
    /// A slave renders it.
    Rendering,
    /// On its way from the slave to the master.
    Delivering,
    /// On its way from the master, or next to be.
    Fetching,
    /// Its file lies in the folder.
    Here,
    /// It could not be rendered, or not be fetched.
    Failed,
    /// The master knows no such frame or job.
    Unknown,
    /// The job was cancelled before it was rendered.
    Cancelled,
}

impl GatheredState {
    /// The state in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Rendering => "rendering",
            Self::Delivering => "delivering",
            Self::Fetching => "fetching",
            Self::Here => "here",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether to wait longer is no use.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Here | Self::Failed | Self::Unknown | Self::Cancelled)
    }
}

/// One frame of a gathering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatheredFrame {
    /// Where it stands.
    pub state: GatheredState,
    /// The multilayer EXR, once it is whole and checked.
    pub path: Option<PathBuf>,
    /// One line for people.
    pub text: String,
}

/// One byte a frame, because a job may have a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Unwanted,
    /// Wanted, and the master has not told of it yet.
    Unseen,
    Queued,
    Rendering,
    Delivering,
    /// Done on the master, not asked for yet.
    Ready,
    Fetching,
    Here,
    Failed,
}

impl Row {
    /// Whether the master need not be asked about it any more.
    fn is_settled(self) -> bool {
        matches!(self, Self::Unwanted | Self::Here | Self::Failed)
    }
}

/// All frames of a job, of which some are wanted.
#[derive(Debug)]
pub(in crate::client) struct Table {
    frames: FrameSet,
    rows: Vec<Row>,
    /// How many rows of each page are not settled.
    open_in_page: Vec<u32>,
    ready: BTreeMap<u32, Expected>,
    fetching: HashMap<u32, Expected>,
    fetches_failed: HashMap<u32, u8>,
    slaves: HashMap<u32, SlaveId>,
    failures: HashMap<u32, String>,
    /// Of frames that are not done.
    tiles: BTreeMap<u32, TilesInfo>,
    pub(in crate::client) wanted: u32,
    pub(in crate::client) here: u32,
    pub(in crate::client) failed: u32,
    pub(in crate::client) here_bytes: u64,
}

impl Table {
    pub(in crate::client) fn new(frames: FrameSet, wanted: &FrameSet) -> Self {
        let mut table = Self::empty(frames);
        for frame in wanted.iter() {
            table.want(frame);
        }
        table
    }

    fn empty(frames: FrameSet) -> Self {
        let len = frames.len() as usize;
        Self {
            rows: vec![Row::Unwanted; len],
            open_in_page: vec![0; len.div_ceil(PAGE as usize)],
            ready: BTreeMap::new(),
            fetching: HashMap::new(),
            fetches_failed: HashMap::new(),
            slaves: HashMap::new(),
            failures: HashMap::new(),
            tiles: BTreeMap::new(),
            wanted: 0,
            here: 0,
            failed: 0,
            here_bytes: 0,
            frames,
        }
    }

    /// The job has other frames now, or some of them were reset: nothing is known of any until the master tells. What is
    /// being fetched counts for nothing.
    pub(in crate::client) fn renew(&mut self, frames: FrameSet, wanted: Option<&FrameSet>) {
        let mut renewed = Self::empty(frames);
        wanted.into_iter().flat_map(FrameSet::iter).for_each(|frame| {
            renewed.want(frame);
        });
        for (place, row) in (0_u32..).zip(&self.rows) {
            if *row != Row::Unwanted
                && let Some(frame) = self.frames.nth(place)
            {
                renewed.want(frame);
            }
        }
        *self = renewed;
    }

    /// Adds a frame to those wanted. False if the job has no such frame.
    pub(in crate::client) fn want(&mut self, frame: i32) -> bool {
        let Some(place) = self.frames.place_of(frame) else {
            return false;
        };
        if self.row(place) == Row::Unwanted {
            self.wanted += 1;
            self.set(place, Row::Unseen);
        }
        true
    }

    pub(in crate::client) fn place_of(&self, frame: i32) -> Option<u32> {
        self.frames.place_of(frame)
    }

    /// Pages about which the master knows more than we do.
    pub(in crate::client) fn open_pages(&self) -> impl Iterator<Item = u32> + '_ {
        (0..)
            .zip(&self.open_in_page)
            .filter(|(_, open)| **open > 0)
            .map(|(page, _)| page)
    }

    /// What the master says of a frame. What is being fetched or is here stays so: it is durable there.
    pub(in crate::client) fn learn(&mut self, info: &FrameInfo) {
        let Some(place) = self.frames.place_of(info.frame) else {
            return;
        };
        if matches!(self.row(place), Row::Unwanted | Row::Fetching | Row::Here) || self.is_given_up(place) {
            return;
        }
        match info.slave {
            Some(slave) => self.slaves.insert(place, slave),
            None => self.slaves.remove(&place),
        };
        match info.tiles.filter(|_| info.state != FrameStateInfo::Done) {
            Some(tiles) => self.tiles.insert(place, tiles),
            None => self.tiles.remove(&place),
        };
        let row = match (info.state, info.hash, info.size_bytes) {
            (FrameStateInfo::Queued, ..) => Row::Queued,
            (FrameStateInfo::Rendering, ..) => Row::Rendering,
            (FrameStateInfo::Delivering, ..) => Row::Delivering,
            (FrameStateInfo::Done, Some(hash), Some(size_bytes)) => {
                // Denoised by a slave, it is one file like any frame.
                let in_tiles = info.tiles.filter(|tiles| tiles.denoising.is_none());
                let grid = in_tiles.map(|tiles| tiles.grid);
                let expected = Expected { hash, size_bytes, grid };
                self.ready.insert(place, expected);
                Row::Ready
            }
            (FrameStateInfo::Done, ..) => {
                self.failures.insert(place, "it has no result file".to_owned());
                Row::Failed
            }
            (FrameStateInfo::Failed, ..) => {
                self.failures
                    .insert(place, info.failure.clone().unwrap_or_else(|| "no reason was told".to_owned()));
                Row::Failed
            }
        };
        self.set(place, row);
    }

    /// How far the tiles of a frame are that is not done.
    pub(in crate::client) fn tiles(&self, frame: i32) -> Option<TilesInfo> {
        self.tiles.get(&self.frames.place_of(frame)?).copied()
    }

    /// A frame of which some tiles are done that were not before: the one that somebody waits for, else the lowest.
    pub(in crate::client) fn tiles_to_come(
        &self,
        awaited: Option<i32>,
        is_news: impl Fn(i32, u32) -> bool,
    ) -> Option<(i32, TilesInfo)> {
        let first = awaited.and_then(|frame| self.frames.place_of(frame));
        let first = first.and_then(|place| self.tiles.get_key_value(&place));
        let mut all = first.into_iter().chain(&self.tiles);
        all.find_map(|(place, tiles)| {
            let frame = self.frames.nth(*place)?;
            (tiles.done > 0 && is_news(frame, tiles.done)).then_some((frame, *tiles))
        })
    }

    /// The next frame to fetch: the one that somebody waits for, else the lowest.
    pub(in crate::client) fn next_fetch(&mut self, awaited: Option<i32>) -> Option<(i32, Expected)> {
        let first = awaited
            .and_then(|frame| self.frames.place_of(frame))
            .filter(|place| self.ready.contains_key(place))
            .or_else(|| self.ready.keys().next().copied())?;
        let expected = self.ready.remove(&first)?;
        self.fetching.insert(first, expected);
        self.set(first, Row::Fetching);
        self.frames.nth(first).map(|frame| (frame, expected))
    }

    /// How a fetch ended. One that failed is looked at anew, a few times.
    pub(in crate::client) fn fetched(&mut self, frame: i32, outcome: Result<PathBuf>, is_our_fault: bool) {
        let Some(place) = self.frames.place_of(frame) else { return };
        // Begun before the frame was reset.
        let Some(expected) = self.fetching.remove(&place) else {
            return;
        };
        let Err(error) = outcome else {
            self.here_bytes += expected.size_bytes;
            self.set(place, Row::Here);
            return;
        };
        self.set(place, Row::Delivering);
        // A master that is away for a while costs no try.
        if is_our_fault {
            let failed = self.fetches_failed.entry(place).or_default();
            *failed += 1;
            if *failed >= FETCHES_MAX {
                self.failures.insert(place, error.message);
                self.set(place, Row::Failed);
            }
        }
    }

    pub(in crate::client) fn state(&self, frame: i32) -> GatheredState {
        match self.frames.place_of(frame).map(|place| self.row(place)) {
            None => GatheredState::Unknown,
            Some(Row::Unwanted | Row::Unseen | Row::Queued) => GatheredState::Queued,
            Some(Row::Rendering) => GatheredState::Rendering,
            Some(Row::Delivering) => GatheredState::Delivering,
            Some(Row::Ready | Row::Fetching) => GatheredState::Fetching,
            Some(Row::Here) => GatheredState::Here,
            Some(Row::Failed) => GatheredState::Failed,
        }
    }

    /// Whether the master said that the frame is not done.
    pub(in crate::client) fn is_undone(&self, frame: i32) -> bool {
        let row = self.frames.place_of(frame).map(|place| self.row(place));
        matches!(row, Some(Row::Queued | Row::Rendering | Row::Delivering))
    }

    /// Whether a wanted frame is neither here nor failed.
    pub(in crate::client) fn is_open(&self) -> bool {
        self.here + self.failed < self.wanted
    }

    /// Who has the frame, had it last or failed at it.
    pub(in crate::client) fn slave(&self, frame: i32) -> Option<SlaveId> {
        self.frames.place_of(frame).and_then(|place| self.slaves.get(&place).copied())
    }

    /// Why the frame failed.
    pub(in crate::client) fn failure(&self, frame: i32) -> Option<&str> {
        let place = self.frames.place_of(frame)?;
        self.failures.get(&place).map(String::as_str)
    }

    /// Whether something is being fetched or could be.
    pub(in crate::client) fn has_fetches(&self) -> bool {
        !self.ready.is_empty() || !self.fetching.is_empty()
    }

    fn is_given_up(&self, place: u32) -> bool {
        self.fetches_failed.get(&place).is_some_and(|failed| *failed >= FETCHES_MAX)
    }

    fn row(&self, place: u32) -> Row {
        self.rows.get(place as usize).copied().unwrap_or(Row::Unwanted)
    }

    /// The one place where a row changes, so that the counters follow.
    fn set(&mut self, place: u32, new: Row) {
        let Some(row) = self.rows.get_mut(place as usize) else {
            return;
        };
        let old = std::mem::replace(row, new);
        if new != Row::Ready {
            self.ready.remove(&place);
        }
        let count = |row: Row, kind: Row| u32::from(row == kind);
        self.here = self.here + count(new, Row::Here) - count(old, Row::Here);
        self.failed = self.failed + count(new, Row::Failed) - count(old, Row::Failed);
        if let Some(open) = self.open_in_page.get_mut((place / PAGE) as usize) {
            *open = *open + u32::from(!new.is_settled()) - u32::from(!old.is_settled());
        }
    }
}

#[cfg(test)]
mod tests;
