//! One slave: what it is, and what it holds.

use super::event::TaskRef;
use super::limits::LEASE_REPEAT_MS;
use super::model::{Ban, SlaveRecord};
use super::time::Moment;
use crate::ids::{JobId, SlaveId, TaskIndex};
use std::collections::BTreeSet;

/// A slave with the chunks in its hands.
#[derive(Debug, Clone)]
pub(super) struct Slave {
    pub(super) record: SlaveRecord,
    pub(super) last_seen: Moment,
    pub(super) online: bool,
    /// Whether it has given a sign of life since the farm was restored.
    pub(super) heard: bool,
    /// Whether it fell silent, and said no goodbye.
    pub(super) lost: bool,
    /// In the order of leasing; an empty chunk is removed.
    pub(super) chunks: Vec<Chunk>,
    /// Wishes for work that wait for an answer.
    pub(super) waiting: u32,
    /// Why it gets nothing of any job.
    pub(super) ban: Option<Ban>,
    /// Why it takes no work, as it says.
    pub(super) resting: Option<String>,
    /// Tasks that it failed since it last finished one.
    pub(super) faults: BTreeSet<(JobId, TaskIndex)>,
    /// How much longer than others it takes for a frame, as far as was measured: 2 for twice as long.
    pub(super) pace: Option<f64>,
    /// The last task that it delivered.
    pub(super) latest: Option<TaskRef>,
    pub(super) done: u64,
    pub(super) failed: u64,
}

/// Tasks that were leased together, as long as the slave has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) job: JobId,
    /// When they were leased.
    pub(super) since: Moment,
    /// Ascending.
    pub(super) tasks: Vec<TaskIndex>,
    /// When a task of it last came to an end: since then the next one is being rendered.
    pub(super) moved: Moment,
    /// When there was last news of a task of it.
    pub(super) heard: Moment,
    /// How many of them are not rendered yet: while there is one, the chunk takes up a slot.
    pub(super) unrendered: usize,
    /// Whether the slave has shown that it knows of the chunk. If not, the answer that leased it may have been lost.
    pub(super) heard_of: bool,
    /// When that answer was last repeated.
    pub(super) repeated: Option<Moment>,
    /// Whether its tasks are tiles that are rendered as one.
    pub(super) is_block: bool,
    /// How much of a task of it is done, as the slave last told. Of no other task anything is known.
    pub(super) percent: Option<(TaskIndex, u32)>,
}

/// What a job has less of when a task is not to be rendered any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Slot,
    Spare,
    Nothing,
}

impl Chunk {
    /// How many of its tasks cannot have been started yet.
    pub(super) fn spare(&self) -> u32 {
        if self.is_block {
            return 0;
        }
        u32::try_from(self.unrendered.saturating_sub(1)).unwrap_or(u32::MAX)
    }
}

impl Slave {
    pub(super) fn new(record: SlaveRecord, last_seen: Moment) -> Self {
        Self {
            record,
            last_seen,
            online: false,
            heard: false,
            lost: false,
            chunks: Vec::new(),
            waiting: 0,
            ban: None,
            resting: None,
            faults: BTreeSet::new(),
            pace: None,
            latest: None,
            done: 0,
            failed: 0,
        }
    }

    pub(super) fn id(&self) -> SlaveId {
        self.record.id
    }

    /// Its pace; that of others as long as nothing was measured.
    pub(super) fn pace(&self) -> f64 {
        self.pace.unwrap_or(1.0)
    }

    pub(super) fn slots(&self) -> u32 {
        self.record.machine.slots.max(1)
    }

    /// How many tasks it holds.
    pub(super) fn held(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.tasks.len()).sum()
    }

    pub(super) fn slots_taken(&self) -> usize {
        self.chunks.iter().filter(|chunk| chunk.unrendered > 0).count()
    }

    /// The chunk that holds a task.
    pub(super) fn chunk_of(&self, job: JobId, task: TaskIndex) -> Option<usize> {
        let holds = |chunk: &Chunk| chunk.job == job && chunk.tasks.binary_search(&task).is_ok();
        self.chunks.iter().position(holds)
    }

    /// The last chunk that it may never have heard of, if it asks more often than it has slots for, those that wait for work
    /// counted. Repeated at once, but not again and again: it may be another chunk that got lost, or a wish.
    pub(super) fn unheard_of(&mut self, now: Moment) -> Option<&mut Chunk> {
        if self.slots_taken() + (self.waiting as usize) < self.slots() as usize {
            return None;
        }
        let is_due = |chunk: &Chunk| chunk.repeated.is_none_or(|last| now.millis_since(last) >= LEASE_REPEAT_MS);
        let unheard = |chunk: &&mut Chunk| !chunk.heard_of && chunk.unrendered > 0 && is_due(chunk);
        self.chunks.iter_mut().rfind(unheard)
    }

    /// Notes that a held task is rendered.
    pub(super) fn rendered(&mut self, job: JobId, task: TaskIndex, now: Moment) -> Loss {
        let Some(place) = self.chunk_of(job, task) else {
            return Loss::Nothing;
        };
        let chunk = &mut self.chunks[place];
        chunk.moved = now;
        chunk.unrendered -= 1;
        match chunk.unrendered {
            0 => Loss::Slot,
            _ if chunk.is_block => Loss::Nothing,
            _ => Loss::Spare,
        }
    }

    /// Notes that the slave has told of a task: the chunk has arrived.
    pub(super) fn hear_of(&mut self, job: JobId, task: TaskIndex) {
        if let Some(place) = self.chunk_of(job, task) {
            self.chunks[place].heard_of = true;
        }
    }

    /// Takes a task out of the slave's hands.
    pub(super) fn release(&mut self, job: JobId, task: TaskIndex, was_rendered: bool, now: Moment) -> Loss {
        let loss = if was_rendered {
            Loss::Nothing
        } else {
            self.rendered(job, task, now)
        };
        if let Some(place) = self.chunk_of(job, task) {
            let chunk = &mut self.chunks[place];
            chunk.tasks.retain(|it| *it != task);
            if chunk.tasks.is_empty() {
                self.chunks.remove(place);
            }
        }
        loss
    }
}
