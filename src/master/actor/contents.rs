//! Which contents the master has: told to clients, so never more than is on the disk and stays there.
//!
//! This thread alone takes contents away, between two messages: what it has just told to be here cannot be on its way out.

use super::{Actor, State};
use crate::farm::{Event, Moment};
use crate::happening::HappeningKind;
use crate::ids::ContentHash;
use std::collections::HashSet;

/// Most contents that are taken out of the way at once: about ten milliseconds, in which nobody is answered.
const SWEPT_AT_ONCE: usize = 256;

impl Actor {
    /// Contents are complete and on the disk. The jobs that waited for them go on; one that no job waits for any more goes.
    pub(super) fn arrived(&mut self, now: Moment, hashes: Vec<ContentHash>) {
        let State { jobs, present, .. } = &mut self.state;
        let new: HashSet<ContentHash> = hashes.into_iter().filter(|hash| !present.contains(hash)).collect();
        if new.is_empty() {
            return;
        }
        let contents = &self.home.folders.contents;
        let mut ready = Vec::new();
        for (job, notes) in jobs.iter_mut().filter(|(_, notes)| !notes.missing.is_empty()) {
            // Gone again if its job was removed, and announced anew by another, while it was on its way.
            let arrived: Vec<_> = new.iter().filter(|hash| notes.missing.contains(hash)).copied().collect();
            for hash in arrived {
                if present.contains(&hash) || contents.has(hash) {
                    present.insert(hash);
                    notes.missing.remove(&hash);
                }
            }
            if notes.missing.is_empty() {
                ready.push(*job);
            }
        }
        let unwanted: Vec<_> = new.into_iter().filter(|hash| !present.contains(hash)).collect();
        self.discard_contents(&unwanted);
        for job in ready {
            self.handle(now, Event::JobFilesReady { job });
        }
    }

    /// Contents that no job needs are not here any more, whatever is on the disk. They go from there bit by bit.
    pub(super) fn discard_contents(&mut self, hashes: &[ContentHash]) {
        for hash in hashes {
            self.state.present.remove(hash);
        }
        self.unneeded.extend(hashes);
        let needed = self.sweep_contents();
        self.unneeded.extend(needed);
    }

    /// Goes on with what is left to be taken out of the way. What a job has come to need meanwhile has arrived: its client asks the
    /// disk, and sends nothing.
    pub(super) fn go_on_sweeping(&mut self, now: Moment) {
        let needed = self.sweep_contents();
        self.arrived(now, needed);
    }

    /// Takes some of the contents that no job needs out of the way, with what has arrived of them. Those that are here and that a
    /// job needs again stay, and are returned.
    fn sweep_contents(&mut self) -> Vec<ContentHash> {
        let State { jobs, present, farm, .. } = &self.state;
        // A job that has just been removed is still noted.
        let waiting: Vec<_> = jobs
            .iter()
            .filter(|(job, notes)| !notes.missing.is_empty() && farm.job(**job).is_some())
            .map(|(_, notes)| &notes.missing)
            .collect();
        let first = self.unneeded.len().saturating_sub(SWEPT_AT_ONCE);
        let mut needed = Vec::new();
        for hash in self.unneeded.drain(first..).filter(|hash| !present.contains(hash)) {
            if waiting.iter().any(|missing| missing.contains(&hash)) {
                needed.push(hash);
            } else if let Err(error) = self.home.discard_content(hash) {
                self.happenings.add(HappeningKind::Warning, error.to_string());
            }
        }
        needed.retain(|hash| self.home.folders.contents.has(*hash));
        needed
    }
}

#[cfg(test)]
mod tests {
    use super::SWEPT_AT_ONCE;
    use crate::ids::ContentHash;
    use crate::master::actor::{Telling, start};
    use crate::master::home::Home;

    #[test]
    fn a_content_whose_job_has_gone_while_it_came_goes_too() {
        let folder = tempfile::tempdir().unwrap();
        let (home, store) = Home::open(folder.path(), false).unwrap();
        let contents = home.folders.contents.clone();
        let (desk, thread) = start(home, store, Telling::to_nobody()).unwrap();
        let hash = ContentHash([7; 32]);
        let mut batch = contents.begin_batch().unwrap();
        batch.add(hash, b"wood").unwrap();
        batch.place(|_| true).unwrap();
        desk.arrived(vec![hash]).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let present = runtime
            .block_on(desk.look(move |state| state.present.contains(&hash)))
            .unwrap();
        assert!(!present && !contents.has(hash));
        desk.stop().unwrap();
        thread.join().unwrap();
    }

    #[test]
    fn many_contents_go_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        let (home, store) = Home::open(folder.path(), false).unwrap();
        let contents = home.folders.contents.clone();
        let (desk, thread) = start(home, store, Telling::to_nobody()).unwrap();
        let hashes: Vec<_> = (0..3 * SWEPT_AT_ONCE)
            .map(|number| {
                let mut bytes = [9; 32];
                bytes[..8].copy_from_slice(&number.to_le_bytes());
                ContentHash(bytes)
            })
            .collect();
        let mut batch = contents.begin_batch().unwrap();
        for hash in &hashes {
            batch.add(*hash, b"smoke").unwrap();
        }
        batch.place(|_| true).unwrap();
        desk.arrived(hashes.clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let left = || hashes.iter().filter(|hash| contents.has(**hash)).count();
        // Each question is a round, and each round takes some of them.
        for _ in 0..4 {
            runtime.block_on(desk.look(|state| state.jobs.len())).unwrap();
        }
        assert_eq!(left(), 0);
        desk.stop().unwrap();
        thread.join().unwrap();
    }
}
