//! Sets of frame numbers, written as people write them: `1-10,20` or `1-100x2`.

use super::ParseError;

/// Most frames that one job may have.
pub const FRAMES_PER_JOB_MAX: usize = 1_000_000;
/// Lowest frame number that Blender knows.
pub const FRAME_MIN: i32 = -1_048_574;
/// Highest frame number that Blender knows.
pub const FRAME_MAX: i32 = 1_048_574;

/// A run of frames with one step: `first, first + step, …`, `len` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Run {
    first: i32,
    step: i32,
    len: u32,
    /// How many frames of the set come before this run.
    before: u32,
}

impl Run {
    fn last(&self) -> i32 {
        self.first + self.step * i32::try_from(self.len - 1).unwrap_or(0)
    }
}

/// A non-empty, ascending set of frame numbers without repetition, kept as runs: a million frames in a row cost one entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FrameSet {
    runs: Vec<Run>,
}

impl FrameSet {
    /// The frames `first`, `first + step`, … up to `last`.
    pub fn range(first: i32, last: i32, step: u32) -> Result<Self, ParseError> {
        let mut frames = Vec::new();
        push_range(&mut frames, &format!("{first}-{last}"), first, last, step)?;
        Ok(Self::from_frames(frames))
    }

    /// The frames of a list, in any order; `None` if there is none.
    #[must_use]
    pub fn of(frames: impl IntoIterator<Item = i32>) -> Option<Self> {
        let frames: Vec<i32> = frames.into_iter().collect();
        if frames.is_empty() {
            None
        } else {
            Some(Self::from_frames(frames))
        }
    }

    /// The frames of both sets.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self::from_frames(self.iter().chain(other.iter()).collect())
    }

    /// The frames of this set that are not in the other one; `None` if there is none.
    #[must_use]
    pub fn without(&self, other: &Self) -> Option<Self> {
        Self::of(self.iter().filter(|frame| other.place_of(*frame).is_none()))
    }

    fn from_frames(mut frames: Vec<i32>) -> Self {
        frames.sort_unstable();
        frames.dedup();
        let mut runs: Vec<Run> = Vec::new();
        let mut rest = frames.as_slice();
        let mut before = 0;
        while let [first, ..] = *rest {
            let step = rest.get(1).map_or(1, |second| second - first);
            let mut len = rest.windows(2).take_while(|pair| pair[1] - pair[0] == step).count() + 1;
            // Two frames far apart are no run: `1,20` rather than `1-20x19`, and 20 may begin a run of its own.
            if len == 2 && step != 1 {
                len = 1;
            }
            let len_frames = u32::try_from(len).unwrap_or(u32::MAX);
            runs.push(Run {
                first,
                step: if len == 1 { 1 } else { step },
                len: len_frames,
                before,
            });
            before += len_frames;
            rest = &rest[len..];
        }
        Self { runs }
    }

    /// How many frames there are; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a frame set is never empty")]
    pub fn len(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.before + run.len)
    }

    /// The frame at a place in ascending order, from 0. O(log runs).
    #[must_use]
    pub fn nth(&self, place: u32) -> Option<i32> {
        let run = self.runs[..self.runs.partition_point(|run| run.before <= place)].last()?;
        let within = place - run.before;
        (within < run.len).then(|| run.first + run.step * i32::try_from(within).unwrap_or(0))
    }

    /// The place of a frame in ascending order, if it is in the set. O(log runs).
    #[must_use]
    pub fn place_of(&self, frame: i32) -> Option<u32> {
        let run = self.runs[..self.runs.partition_point(|run| run.first <= frame)].last()?;
        // Anybody may ask for any number, also for one so far away that the distance is none.
        let distance = frame.checked_sub(run.first)?;
        let within = u32::try_from(distance / run.step).ok()?;
        (distance % run.step == 0 && within < run.len).then_some(run.before + within)
    }

    /// All frames, ascending.
    pub fn iter(&self) -> impl Iterator<Item = i32> + '_ {
        self.runs
            .iter()
            .flat_map(|run| (0..run.len).map(|i| run.first + run.step * i32::try_from(i).unwrap_or(0)))
    }
}

/// What stands for the frames that are left out of [`FrameSet::shortened`].
pub const FRAMES_LEFT_OUT: &str = "…";

impl FrameSet {
    /// Its text, or as many of its runs as fit into about `bytes_max` bytes, followed by [`FRAMES_LEFT_OUT`].
    #[must_use]
    pub fn shortened(&self, bytes_max: usize) -> String {
        let mut text = String::new();
        for (place, run) in self.runs.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            if text.len() >= bytes_max {
                text.push_str(FRAMES_LEFT_OUT);
                break;
            }
            text.push_str(&run.to_string());
        }
        text
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.len, self.step) {
            (1, _) => write!(f, "{}", self.first),
            (_, 1) => write!(f, "{}-{}", self.first, self.last()),
            (_, step) => write!(f, "{}-{}x{step}", self.first, self.last()),
        }
    }
}

impl std::fmt::Display for FrameSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, run) in self.runs.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            run.fmt(f)?;
        }
        Ok(())
    }
}

impl std::str::FromStr for FrameSet {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.trim().is_empty() {
            return Err(ParseError("no frames given: write them as 1-10,20 or 1-100x2".to_owned()));
        }
        let mut frames = Vec::new();
        for part in text.split(',') {
            let part = part.trim();
            let (first, last, step) = read_part(part)?;
            push_range(&mut frames, part, first, last, step)?;
        }
        Ok(Self::from_frames(frames))
    }
}

fn push_range(frames: &mut Vec<i32>, part: &str, first: i32, last: i32, step: u32) -> Result<(), ParseError> {
    if first > last {
        return Err(ParseError(format!(
            "the frame range {part:?} runs backwards: write the lower frame first"
        )));
    }
    for frame in [first, last] {
        if !(FRAME_MIN..=FRAME_MAX).contains(&frame) {
            return Err(ParseError(format!(
                "frame {frame} is outside of what Blender knows ({FRAME_MIN} to {FRAME_MAX})"
            )));
        }
    }
    if step == 0 {
        return Err(ParseError(format!("the frame range {part:?} has a step of 0")));
    }
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    let count = usize::try_from(last - first).unwrap_or(usize::MAX) / step + 1;
    if frames.len() + count > FRAMES_PER_JOB_MAX {
        return Err(ParseError(format!(
            "more than {FRAMES_PER_JOB_MAX} frames: split the range into several jobs"
        )));
    }
    frames.extend((first..=last).step_by(step));
    Ok(())
}

/// Reads `7`, `-3`, `1-10`, `1..10`, `-5--1` or `1-100x2`.
fn read_part(part: &str) -> Result<(i32, i32, u32), ParseError> {
    let wrong = || {
        ParseError(format!(
            "{part:?} is not a frame or a range of frames such as 7, 1-10 or 1-100x2"
        ))
    };
    let number = |text: &str| text.trim().parse::<i32>().map_err(|_| wrong());
    let (range, step) = match part.split_once('x') {
        Some((range, step)) => (range.trim(), step.trim().parse().map_err(|_| wrong())?),
        None => (part, 1),
    };
    if let Some((first, last)) = range.split_once("..") {
        return Ok((number(first)?, number(last)?, step));
    }
    // The first sign belongs to the first number: "-5--1" is from -5 to -1.
    let start = usize::from(range.starts_with('-'));
    match range.get(start..).and_then(|rest| rest.find('-')) {
        Some(dash) => {
            let (first, last) = range.split_at(start + dash);
            Ok((number(first)?, number(&last[1..])?, step))
        }
        None => number(range).map(|frame| (frame, frame, step)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, frames: &[i32], spelling: &str) {
        let set: FrameSet = text.parse().unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), frames, "{text}");
        assert_eq!(set.to_string(), spelling);
        assert_eq!(spelling.parse::<FrameSet>().unwrap(), set);
        assert_eq!(set.len() as usize, frames.len());
        for (place, frame) in frames.iter().enumerate() {
            let place = u32::try_from(place).unwrap();
            assert_eq!(set.nth(place), Some(*frame), "{text} at {place}");
            assert_eq!(set.place_of(*frame), Some(place), "{text} of {frame}");
        }
        assert_eq!(set.nth(set.len()), None);
        assert_eq!(set.place_of(frames[frames.len() - 1] + 1), None);
        assert_eq!(set.place_of(frames[0] - 1), None);
        assert_eq!([i32::MIN, i32::MAX].map(|frame| set.place_of(frame)), [None; 2]);
    }

    #[test]
    fn a_ragged_set_is_shown_by_its_beginning() {
        let ragged = FrameSet::of((0..1_000_000).filter(|frame| frame % 3 != 0 && frame % 7 != 0)).unwrap();
        let shown = ragged.shortened(20);
        assert_eq!(shown, "1-2,4-5,8,10-11,13,16-17,…");
        assert!(shown.parse::<FrameSet>().is_err(), "nobody takes it for the whole");
        let even: FrameSet = "1-9,20-1000000x2".parse().unwrap();
        assert_eq!(even.shortened(20), even.to_string());
    }

    #[test]
    fn frames_are_read_as_people_write_them() {
        check("7", &[7], "7");
        check("1-3,20", &[1, 2, 3, 20], "1-3,20");
        check(" 3 , 1-2,2", &[1, 2, 3], "1-3");
        check("1..3", &[1, 2, 3], "1-3");
        check("-5--3,0", &[-5, -4, -3, 0], "-5--3,0");
        check("1-9x2", &[1, 3, 5, 7, 9], "1-9x2");
        check("1-10x4,2", &[1, 2, 5, 9], "1-2,5,9");
        check("1,20,21,22", &[1, 20, 21, 22], "1,20-22");
    }

    #[test]
    fn frames_are_added_and_taken_out() {
        let set = |text: &str| text.parse::<FrameSet>().unwrap();
        assert_eq!(set("1-3").with(&set("3-5,9")), set("1-5,9"));
        assert_eq!(set("1-5").without(&set("2-3,7")), Some(set("1,4-5")));
        assert_eq!(set("1-5").without(&set("1-9")), None);
    }

    #[test]
    fn wrong_ranges_are_told_in_a_sentence() {
        for (text, sentence) in [
            ("", "no frames given"),
            ("5-1", "runs backwards"),
            ("a-b", "is not a frame"),
            ("1-", "is not a frame"),
            ("1,,2", "is not a frame"),
            ("1-10x0", "step of 0"),
            ("é", "is not a frame"),
            ("1-10000000", "outside of what Blender knows"),
            ("-1000000-1000000", "more than 1000000 frames"),
            ("99999999999", "is not a frame"),
        ] {
            let error = text.parse::<FrameSet>().unwrap_err().to_string();
            assert!(error.contains(sentence), "{text}: {error}");
        }
    }

    #[test]
    fn any_set_of_frames_is_read_back_from_its_text() {
        let seed = 11;
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..300 {
            let frames: Vec<i32> = (0..random.usize(1..40)).map(|_| random.i32(-30..60)).collect();
            let set = FrameSet::of(frames.iter().copied()).unwrap();
            assert_eq!(
                set.to_string().parse::<FrameSet>().unwrap().iter().collect::<Vec<_>>(),
                set.iter().collect::<Vec<_>>()
            );
            for (place, frame) in set.iter().enumerate() {
                assert_eq!(set.nth(u32::try_from(place).unwrap()), Some(frame), "seed {seed}: {frames:?}");
            }
        }
    }
}
