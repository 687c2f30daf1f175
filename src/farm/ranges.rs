//! A set of task indices kept as ranges: a million queued frames in a row cost one entry.

use crate::ids::TaskIndex;
use std::collections::BTreeMap;

/// Ascending, disjoint ranges that never touch each other, as first index → index after the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TaskRanges {
    ends: BTreeMap<u32, u32>,
    len: u32,
}

impl TaskRanges {
    /// The indices from 0 up to a number of tasks.
    pub(super) fn first(tasks: u32) -> Self {
        let ends = if tasks == 0 {
            BTreeMap::new()
        } else {
            BTreeMap::from([(0, tasks)])
        };
        Self { ends, len: tasks }
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn contains(&self, task: TaskIndex) -> bool {
        self.range_around(task.0).is_some()
    }

    /// All indices, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = TaskIndex> + '_ {
        self.ends.iter().flat_map(|(&start, &end)| (start..end).map(TaskIndex))
    }

    /// Adds an index; nothing changes if it is in the set already.
    pub(super) fn insert(&mut self, task: TaskIndex) {
        let index = task.0;
        if self.contains(task) {
            return;
        }
        let after = self.ends.remove(&(index + 1)).unwrap_or(index + 1);
        match self.ends.range_mut(..index).next_back() {
            Some((_, end)) if *end == index => *end = after,
            _ => {
                self.ends.insert(index, after);
            }
        }
        self.len += 1;
    }

    /// Takes an index out; nothing changes if it is not in the set.
    pub(super) fn remove(&mut self, task: TaskIndex) {
        let index = task.0;
        let Some((start, end)) = self.range_around(index) else {
            return;
        };
        if start == index {
            self.ends.remove(&start);
        } else {
            self.ends.insert(start, index);
        }
        if index + 1 < end {
            self.ends.insert(index + 1, end);
        }
        self.len -= 1;
    }

    fn range_around(&self, index: u32) -> Option<(u32, u32)> {
        let (&start, &end) = self.ends.range(..=index).next_back()?;
        (index < end).then_some((start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ranges_hold_what_a_plain_set_holds() {
        for seed in 0..50 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut plain: BTreeSet<u32> = (0..40).collect();
            let mut ranges = TaskRanges::first(40);
            for _ in 0..200 {
                let index = random.u32(0..60);
                if random.bool() {
                    plain.insert(index);
                    ranges.insert(TaskIndex(index));
                } else {
                    plain.remove(&index);
                    ranges.remove(TaskIndex(index));
                }
                assert!(ranges.iter().map(|task| task.0).eq(plain.iter().copied()), "seed {seed}");
                assert_eq!(ranges.len() as usize, plain.len(), "seed {seed}");
                assert_eq!(ranges.contains(TaskIndex(index)), plain.contains(&index), "seed {seed}");
                let touching = ranges.ends.values().any(|end| ranges.ends.contains_key(end));
                assert!(!touching, "seed {seed}: neighbours are one range");
            }
        }
    }

    #[test]
    fn a_million_tasks_in_a_row_are_one_range() {
        let mut ranges = TaskRanges::first(1_000_000);
        for index in 0..1_000 {
            ranges.remove(TaskIndex(index));
        }
        assert_eq!(ranges.ends.len(), 1);
        assert!(!ranges.is_empty());
    }
}
