//! What changed, for whoever follows: one bounded ring for all, in which each follower has a place of its own.
//!
//! Absences: nothing is kept for a follower and none is called, so the actor waits for nobody, however many there are and
//! however slow. Who falls behind by more than the ring holds is told to read everything anew.

use crate::ids::{FrameSet, JobId, SlaveId};
use crate::wire::{Changes, FramesChanged};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Changes kept for those who come back. About a second of the fastest dispatch.
const CHANGES_KEPT_MAX: usize = 16_384;

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// Of a job's own facts.
    Job(JobId),
    /// Of one frame of a job.
    Frame(JobId, i32),
    /// Of a slave.
    Slave(SlaveId),
    /// Of the rules of balancing.
    Rules,
    /// Of the settings.
    Settings,
}

/// A place in the ring: all before it has been told. Written as `<epoch>-<number>`, which is the id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Which run of the master: numbers of another one mean nothing.
    epoch: u64,
    number: u64,
}

/// What a follower is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing that concerns it.
    None,
    /// Something may have been missed.
    Reset,
    /// These things changed.
    Changes(Changes),
}

/// The ring.
#[derive(Debug)]
pub(super) struct Feed {
    epoch: u64,
    kept: Mutex<VecDeque<Changed>>,
    tally: watch::Sender<Tally>,
}

/// How far the ring is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// How many changes there have been.
    changes: u64,
    /// Whether there will be no more.
    pub(super) ended: bool,
}

impl Feed {
    /// An empty ring; `epoch` differs from that of any other run.
    pub(super) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            kept: Mutex::default(),
            tally: watch::Sender::default(),
        }
    }

    /// Adds what became durable together.
    pub(super) fn add(&self, changes: impl IntoIterator<Item = Changed>) {
        let mut kept = self.lock();
        let mut added = 0;
        for change in changes {
            if kept.len() >= CHANGES_KEPT_MAX {
                kept.pop_front();
            }
            kept.push_back(change);
            added += 1;
        }
        if added > 0 {
            // Within the lock, so that the tally always is that of the ring.
            self.tally.send_modify(|tally| tally.changes += added);
        }
    }

    /// Nothing more will change: the master ends.
    pub(super) fn end(&self) {
        self.tally.send_modify(|tally| tally.ended = true);
    }

    /// For those who wait for the next change.
    pub(super) fn subscribe(&self) -> watch::Receiver<Tally> {
        self.tally.subscribe()
    }

    /// What came after a place (none: somebody new), of one job or of everything; and the place to ask from next.
    pub(super) fn since(&self, place: Option<Place>, job: Option<JobId>) -> (Place, News) {
        let kept = self.lock();
        let number = self.tally.borrow().changes;
        let next = Place {
            epoch: self.epoch,
            number,
        };
        let behind = place
            .filter(|place| place.epoch == self.epoch)
            .and_then(|place| number.checked_sub(place.number))
            .and_then(|behind| kept.len().checked_sub(usize::try_from(behind).ok()?));
        let Some(told) = behind else { return (next, News::Reset) };
        let fresh: Vec<Changed> = kept.range(told..).copied().collect();
        drop(kept);
        (next, collect(&fresh, job))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Changed>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each thing once, in a stable order.
fn collect(fresh: &[Changed], only: Option<JobId>) -> News {
    let (mut jobs, mut frames, mut slaves) = (BTreeSet::new(), BTreeMap::<_, Vec<i32>>::new(), BTreeSet::new());
    let (mut rules, mut settings) = (false, false);
    for change in fresh {
        match *change {
            Changed::Job(job) | Changed::Frame(job, _) if only.is_some_and(|only| only != job) => {}
            Changed::Slave(_) | Changed::Rules | Changed::Settings if only.is_some() => {}
            Changed::Job(job) => drop(jobs.insert(job)),
            Changed::Slave(slave) => drop(slaves.insert(slave)),
            Changed::Rules => rules = true,
            Changed::Settings => settings = true,
            Changed::Frame(job, frame) => {
                // A frame that changes changes the counts of its job.
                jobs.insert(job);
                frames.entry(job).or_default().push(frame);
            }
        }
    }
    if jobs.is_empty() && slaves.is_empty() && !rules && !settings {
        return News::None;
    }
    let frames = frames.into_iter();
    News::Changes(Changes {
        jobs: jobs.into_iter().collect(),
        frames: frames
            .filter_map(|(job, frames)| FrameSet::of(frames).map(|frames| FramesChanged { job, frames }))
            .collect(),
        slaves: slaves.into_iter().collect(),
        rules,
        settings,
    })
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.number)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, number) = text.split_once('-').ok_or(())?;
        Ok(Self {
            epoch: u64::from_str_radix(epoch, 16).map_err(drop)?,
            number: number.parse().map_err(drop)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId::from_bits(1);
    const OTHER: JobId = JobId::from_bits(2);

    fn changes(news: News) -> Changes {
        match news {
            News::Changes(changes) => changes,
            other => panic!("{other:?} instead of changes"),
        }
    }

    #[test]
    fn many_changes_of_one_thing_are_told_once() {
        let feed = Feed::new(7);
        let (start, news) = feed.since(None, None);
        assert_eq!(news, News::Reset, "who is new must read everything");
        assert_eq!(feed.since(Some(start), None).1, News::None);
        feed.add([
            Changed::Job(JOB),
            Changed::Frame(JOB, 2),
            Changed::Frame(JOB, 1),
            Changed::Frame(JOB, 2),
        ]);
        feed.add([Changed::Frame(OTHER, 9), Changed::Slave(SlaveId::from_bits(3))]);
        let (next, news) = feed.since(Some(start), None);
        let told = changes(news);
        assert_eq!((told.jobs.len(), told.frames.len(), told.slaves.len()), (2, 2, 1));
        assert_eq!(told.frames[0].frames.to_string(), "1-2");
        assert_eq!(feed.since(Some(next), None).1, News::None);
        feed.add([Changed::Rules]);
        let told_of_farm = changes(feed.since(Some(next), None).1);
        assert!(told_of_farm.rules && !told_of_farm.settings);
        assert_eq!(feed.since(Some(next), Some(OTHER)).1, News::None);

        let told = changes(feed.since(Some(start), Some(OTHER)).1);
        assert_eq!(
            (told.jobs, told.slaves.len()),
            (vec![OTHER], 0),
            "who follows one job hears of that one"
        );
    }

    #[test]
    fn who_missed_something_is_told_so() {
        let feed = Feed::new(7);
        let (start, _) = feed.since(None, None);
        feed.add((0..).take(CHANGES_KEPT_MAX).map(|frame| Changed::Frame(JOB, frame)));
        assert!(
            matches!(feed.since(Some(start), None).1, News::Changes(_)),
            "the ring held them all"
        );
        feed.add([Changed::Job(JOB)]);
        assert_eq!(feed.since(Some(start), None).1, News::Reset);
        let ahead = Place {
            epoch: 7,
            number: 1 << 40,
        };
        assert_eq!(feed.since(Some(ahead), None).1, News::Reset);
    }

    #[test]
    fn a_place_of_another_run_means_nothing() {
        let (before, after) = (Feed::new(7), Feed::new(8));
        let (place, _) = before.since(None, None);
        let place = place.to_string().parse::<Place>().unwrap();
        assert_eq!(before.since(Some(place), None).1, News::None);
        assert_eq!(after.since(Some(place), None).1, News::Reset);
        for text in ["", "7", "7-", "x-1", "7-1-1"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
