//! What each task of a job makes, a frame or a tile of one, also after frames were added to the job or taken out.

use super::{FRAMES_PER_JOB_MAX, FrameSet, ParseError, Piece, TaskIndex, TileGrid};
use std::ops::Range;

/// How often frames may be added to one job.
pub const LAYOUT_PARTS_MAX: usize = 1_000;
/// After the grid of frames that are denoised.
const DENOISES: &str = "+1";

/// The frames of all tasks that a job ever had. Tasks are added at the end and never renumbered, because slaves name them
/// in reports that may come late. Tiles of a frame follow each other; where frames are denoised, the task of the frame as a whole
/// follows them. Written as its parts, `1-10;11-20`, with the grid before them if there is one, `4x3:1-10;11-20`, and what
/// follows the tiles of each frame, `4x3+1:1-10;11-20`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameLayout {
    grid: TileGrid,
    /// Never without tiles.
    denoises: bool,
    /// Frame sets without a common frame, each with the number of frames before it. Never empty.
    parts: Vec<(u32, FrameSet)>,
}

impl FrameLayout {
    /// One task for each frame.
    #[must_use]
    pub fn new(frames: FrameSet) -> Self {
        Self {
            grid: TileGrid::WHOLE,
            denoises: false,
            parts: vec![(0, frames)],
        }
    }

    /// One task for each tile of each frame, and one more for each frame that is cut and `denoises`: it denoises the whole.
    /// Refuses too many.
    pub fn of_tiles(frames: FrameSet, grid: TileGrid, denoises: bool) -> Result<Self, ParseError> {
        let mut layout = Self {
            grid,
            denoises: denoises && !grid.is_whole(),
            parts: Vec::new(),
        };
        layout.check_count(frames.len())?;
        layout.parts.push((0, frames));
        Ok(layout)
    }

    /// How each frame is cut.
    #[must_use]
    pub fn grid(&self) -> TileGrid {
        self.grid
    }

    /// Whether the last task of each frame denoises it, once all its tiles are done.
    #[must_use]
    pub fn denoises(&self) -> bool {
        self.denoises
    }

    /// How many tasks a frame has.
    #[must_use]
    pub fn tasks_per_frame(&self) -> u32 {
        self.grid.count() + u32::from(self.denoises)
    }

    /// How many tasks there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a job always has frames")]
    pub fn len(&self) -> u32 {
        self.frame_count() * self.tasks_per_frame()
    }

    /// The frame of a task. O(log parts + log runs).
    #[must_use]
    pub fn frame_of(&self, task: TaskIndex) -> Option<i32> {
        let number = task.0 / self.tasks_per_frame();
        let place = self.parts.partition_point(|(before, _)| *before <= number).checked_sub(1)?;
        let (before, frames) = self.parts.get(place)?;
        frames.nth(number - before)
    }

    /// What a task makes.
    #[must_use]
    pub fn piece_of(&self, task: TaskIndex) -> Option<Piece> {
        let frame = self.frame_of(task)?;
        let number = task.0 % self.tasks_per_frame();
        let tile = self.grid.tile(number).filter(|_| !self.grid.is_whole());
        Some(Piece { frame, tile })
    }

    /// The tasks of the tiles that a task denoises once they are together; none for one that renders. O(1).
    #[must_use]
    pub fn denoised_by(&self, task: TaskIndex) -> Option<Range<u32>> {
        let tiles = self.grid.count();
        let is_last = self.denoises && task.0 % self.tasks_per_frame() == tiles;
        is_last.then(|| task.0 - tiles..task.0)
    }

    /// The task that denoises what a task renders a tile of, if any does. O(1).
    #[must_use]
    pub fn denoiser_of(&self, task: TaskIndex) -> Option<TaskIndex> {
        let number = task.0 % self.tasks_per_frame();
        let tiles = self.grid.count();
        (self.denoises && number < tiles).then(|| TaskIndex(task.0 - number + tiles))
    }

    /// The task of a piece. O(parts × log runs).
    #[must_use]
    pub fn task_of(&self, piece: impl Into<Piece>) -> Option<TaskIndex> {
        let Piece { frame, tile } = piece.into();
        let first = self.tasks_of(frame)?.start;
        match tile {
            None if self.denoises => Some(TaskIndex(first + self.grid.count())),
            None => self.grid.is_whole().then_some(TaskIndex(first)),
            Some(tile) => (tile.grid() == self.grid).then_some(TaskIndex(first + tile.number())),
        }
    }

    /// The tasks of a frame. O(parts × log runs).
    #[must_use]
    pub fn tasks_of(&self, frame: i32) -> Option<Range<u32>> {
        let found = |(before, frames): &(u32, FrameSet)| frames.place_of(frame).map(|place| before + place);
        let number = self.parts.iter().find_map(found)?;
        let tasks = self.tasks_per_frame();
        Some(number * tasks..(number + 1) * tasks)
    }

    /// Adds tasks for those of these frames that have none yet. Fails if there are too many then; nothing changes by that.
    pub fn extend(&mut self, frames: &FrameSet) -> Result<(), ParseError> {
        let Some(new) = FrameSet::of(frames.iter().filter(|frame| self.tasks_of(*frame).is_none())) else {
            return Ok(());
        };
        if self.parts.len() >= LAYOUT_PARTS_MAX {
            return Err(ParseError(
                "frames were added to this job too often: send another job".to_owned(),
            ));
        }
        let count = self.frame_count();
        self.check_count(count.saturating_add(new.len()))?;
        self.parts.push((count, new));
        Ok(())
    }

    fn frame_count(&self) -> u32 {
        self.parts.last().map_or(0, |(before, frames)| before + frames.len())
    }

    fn check_count(&self, frames: u32) -> Result<(), ParseError> {
        if u64::from(frames) * u64::from(self.tasks_per_frame()) <= FRAMES_PER_JOB_MAX as u64 {
            return Ok(());
        }
        let what = if self.grid.is_whole() { "frames" } else { "tiles" };
        Err(ParseError(format!(
            "more than {FRAMES_PER_JOB_MAX} {what}, those that were taken out included: send another job"
        )))
    }
}

impl std::fmt::Display for FrameLayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.grid.is_whole() {
            let more = if self.denoises { DENOISES } else { "" };
            write!(f, "{}{more}:", self.grid)?;
        }
        for (place, (_, frames)) in self.parts.iter().enumerate() {
            if place > 0 {
                f.write_str(";")?;
            }
            frames.fmt(f)?;
        }
        Ok(())
    }
}

impl std::str::FromStr for FrameLayout {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (tasks, frames) = text.split_once(':').unwrap_or(("1x1", text));
        let grid = tasks.strip_suffix(DENOISES);
        let denoises = grid.is_some();
        let mut parts = frames.split(';');
        let first = parts.next().unwrap_or_default().parse()?;
        let mut layout = Self::of_tiles(first, grid.unwrap_or(tasks).parse()?, denoises)?;
        for part in parts {
            let frames: FrameSet = part.parse()?;
            let expected = layout.frame_count() + frames.len();
            layout.extend(&frames)?;
            if layout.frame_count() != expected {
                return Err(ParseError(format!("the frames {part:?} have tasks already")));
            }
        }
        Ok(layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_keep_their_frames_whatever_is_added() {
        let mut layout = FrameLayout::new("5-7".parse().unwrap());
        layout.extend(&"1-20x2".parse().unwrap()).unwrap();
        layout.extend(&"5".parse().unwrap()).unwrap();
        layout.extend(&"2,30".parse().unwrap()).unwrap();
        let frames: Vec<i32> = (0..layout.len())
            .filter_map(|task| layout.frame_of(TaskIndex(task)))
            .collect();
        assert_eq!(frames, [5, 6, 7, 1, 3, 9, 11, 13, 15, 17, 19, 2, 30]);
        for (place, frame) in (0..).zip(frames) {
            assert_eq!(layout.task_of(frame), Some(TaskIndex(place)));
        }
        assert_eq!((layout.frame_of(TaskIndex(13)), layout.task_of(4)), (None, None));
        assert_eq!(layout.to_string().parse::<FrameLayout>().unwrap(), layout);
        assert!("1-5;5-6".parse::<FrameLayout>().is_err() && "".parse::<FrameLayout>().is_err());
    }

    #[test]
    fn tiles_of_a_frame_are_tasks_in_a_row() {
        let mut layout = FrameLayout::of_tiles("5-6".parse().unwrap(), "3x2".parse().unwrap(), false).unwrap();
        layout.extend(&"1,6".parse().unwrap()).unwrap();
        assert_eq!((layout.len(), layout.to_string().as_str()), (18, "3x2:5-6;1"));
        assert_eq!(layout.to_string().parse::<FrameLayout>().unwrap(), layout);
        let pieces: Vec<Piece> = (0..layout.len())
            .filter_map(|task| layout.piece_of(TaskIndex(task)))
            .collect();
        assert_eq!(pieces.len(), 18);
        for (place, piece) in (0..).zip(&pieces) {
            assert_eq!(layout.task_of(*piece), Some(TaskIndex(place)));
        }
        assert_eq!(pieces[16].to_string(), "tile 5 of 3x2 of frame 1");
        assert_eq!(
            (layout.tasks_of(1), layout.tasks_of(2), layout.task_of(5)),
            (Some(12..18), None, None)
        );
        assert!(layout.extend(&FrameSet::range(10, 400_000, 1).unwrap()).is_err());
    }

    #[test]
    fn the_task_that_denoises_a_frame_follows_its_tiles() {
        let mut layout = FrameLayout::of_tiles("5-6".parse().unwrap(), "3x2".parse().unwrap(), true).unwrap();
        layout.extend(&"1".parse().unwrap()).unwrap();
        assert_eq!((layout.len(), layout.to_string().as_str()), (21, "3x2+1:5-6;1"));
        assert_eq!(layout.to_string().parse::<FrameLayout>().unwrap(), layout);
        for task in (0..layout.len()).map(TaskIndex) {
            assert_eq!(layout.task_of(layout.piece_of(task).unwrap()), Some(task));
        }
        let last = layout.task_of(6).unwrap();
        assert_eq!(
            (last, layout.tasks_of(6), layout.denoised_by(last)),
            (TaskIndex(13), Some(7..14), Some(7..13))
        );
        assert_eq!(
            (layout.denoiser_of(TaskIndex(7)), layout.denoiser_of(last)),
            (Some(last), None)
        );
        assert_eq!(layout.denoised_by(TaskIndex(12)), None);
        let whole = FrameLayout::of_tiles("5".parse().unwrap(), TileGrid::WHOLE, true).unwrap();
        assert_eq!((whole.len(), whole.denoises()), (1, false));
    }

    #[test]
    fn a_layout_has_its_bounds() {
        let mut layout = FrameLayout::new(FrameSet::range(1, 1_000_000, 1).unwrap());
        let before = layout.clone();
        assert!(layout.extend(&"0".parse().unwrap()).is_err());
        assert_eq!(layout, before);
        let mut layout = FrameLayout::new("0".parse().unwrap());
        for frame in 1..LAYOUT_PARTS_MAX {
            layout.extend(&frame.to_string().parse().unwrap()).unwrap();
        }
        assert!(layout.extend(&"-1".parse().unwrap()).is_err());
    }
}
