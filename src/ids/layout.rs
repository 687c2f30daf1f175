//! Which frame each task of a job renders, also after frames were added to it or taken out.

use super::{FRAMES_PER_JOB_MAX, FrameSet, ParseError, TaskIndex};

/// How often frames may be added to one job.
pub const LAYOUT_PARTS_MAX: usize = 1_000;

/// The frames of all tasks that a job ever had. Tasks are added at the end and never renumbered, because slaves name them
/// in reports that may come late. Written as its parts: `1-10;11-20`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameLayout {
    /// Frame sets without a common frame, each with the number of tasks before it. Never empty.
    parts: Vec<(u32, FrameSet)>,
}

impl FrameLayout {
    /// One task for each frame.
    #[must_use]
    pub fn new(frames: FrameSet) -> Self {
        Self {
            parts: vec![(0, frames)],
        }
    }

    /// How many tasks there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a job always has frames")]
    pub fn len(&self) -> u32 {
        self.parts.last().map_or(0, |(before, frames)| before + frames.len())
    }

    /// The frame of a task. O(log parts + log runs).
    #[must_use]
    pub fn frame_of(&self, task: TaskIndex) -> Option<i32> {
        let place = self.parts.partition_point(|(before, _)| *before <= task.0).checked_sub(1)?;
        let (before, frames) = self.parts.get(place)?;
        frames.nth(task.0 - before)
    }

    /// The task of a frame. O(parts × log runs).
    #[must_use]
    pub fn task_of(&self, frame: i32) -> Option<TaskIndex> {
        let found = |(before, frames): &(u32, FrameSet)| frames.place_of(frame).map(|place| TaskIndex(before + place));
        self.parts.iter().find_map(found)
    }

    /// Adds tasks for those of these frames that have none yet. Fails if there are too many then; nothing changes by that.
    pub fn extend(&mut self, frames: &FrameSet) -> Result<(), ParseError> {
        let Some(new) = FrameSet::of(frames.iter().filter(|frame| self.task_of(*frame).is_none())) else {
            return Ok(());
        };
        if self.parts.len() >= LAYOUT_PARTS_MAX {
            return Err(ParseError(
                "frames were added to this job too often: send another job".to_owned(),
            ));
        }
        let len = self.len();
        if len as usize + new.len() as usize > FRAMES_PER_JOB_MAX {
            return Err(ParseError(format!(
                "more than {FRAMES_PER_JOB_MAX} frames, those that were taken out included: send another job"
            )));
        }
        self.parts.push((len, new));
        Ok(())
    }
}

impl std::fmt::Display for FrameLayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
        let mut parts = text.split(';');
        let mut layout = Self::new(parts.next().unwrap_or_default().parse()?);
        for part in parts {
            let frames: FrameSet = part.parse()?;
            let expected = layout.len() + frames.len();
            layout.extend(&frames)?;
            if layout.len() != expected {
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
