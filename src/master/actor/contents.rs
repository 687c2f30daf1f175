//! Which contents the master has: told to clients, so never more than is on the disk and stays there.
//!
//! This thread alone takes contents away, between two messages: what it has just told to be here cannot be on its way out.

use super::{Actor, State};
use crate::farm::{Event, Moment};
use crate::happening::HappeningKind;
use crate::ids::ContentHash;
use std::collections::HashSet;

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

    /// Takes contents that no job needs out of the way, with what has arrived of them.
    pub(super) fn discard_contents(&mut self, hashes: &[ContentHash]) {
        for hash in hashes {
            self.state.present.remove(hash);
            if let Err(error) = self.home.discard_content(*hash) {
                self.happenings.add(HappeningKind::Warning, error.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
}
