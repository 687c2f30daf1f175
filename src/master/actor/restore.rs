//! A job from an archive enters the farm.

use super::message::{Reply, Restored};
use super::state::JobNotes;
use super::{Actor, Pending};
use crate::error::{Error, Result};
use crate::farm::{Event, Moment, RequestId};
use crate::files::part;
use crate::ids::{ContentHash, JobId};
use crate::store::Write;
use std::path::Path;

impl Actor {
    pub(super) fn restore(&mut self, now: Moment, request: RequestId, mut restored: Restored, fresh: JobId, reply: Reply<JobId>) {
        if self.state.jobs.contains_key(&restored.record.job.id) {
            restored.record.job.id = fresh;
        }
        let id = restored.record.job.id;
        let ready = self
            .find_contents(&restored.contents)
            .and_then(|()| self.take_folder(id, &restored.folder));
        if let Err(error) = ready {
            let _ = reply.send(Err(error));
            return;
        }
        let Restored {
            record,
            tasks,
            manifest,
            contents,
            bakes_from,
            ..
        } = restored;
        let mut notes = JobNotes::new(&record);
        notes.has_files = manifest.is_some();
        self.state.jobs.insert(id, notes);
        self.pending.insert(request, Pending::Restore(reply, id));
        let record = Box::new(record);
        self.handle(now, Event::JobRestored { request, record, tasks });
        if let Some(document) = manifest {
            self.writes.push(Write::Manifest {
                job: id,
                document,
                contents,
                bakes_from,
            });
        }
    }

    /// Removes those contents that no job needs.
    pub(super) fn release(&mut self, contents: &[ContentHash]) {
        // Better one too many than one too few: the next start looks through them all.
        let is_needless = |hash: &ContentHash| matches!(self.state.store.needs(*hash), Ok(false));
        let needless: Vec<ContentHash> = contents.iter().copied().filter(is_needless).collect();
        self.discard_contents(&needless);
    }

    /// They were there when an archive was read, or a bake arrived, but another job may have taken some with it.
    pub(super) fn find_contents(&mut self, contents: &[ContentHash]) -> Result<()> {
        for hash in contents {
            if !self.state.present.contains(hash) {
                if !self.home.folders.contents.status(*hash)?.complete {
                    return Err(
                        Error::unreachable("files that came were removed together with another job").hint("send them again")
                    );
                }
                self.state.present.insert(*hash);
            }
        }
        Ok(())
    }

    /// The pictures get their place before anybody knows the job; after a crash in between, the next start removes them.
    fn take_folder(&self, job: JobId, folder: &Path) -> Result<()> {
        let target = self.home.folders.job(job);
        part::make_folder(&self.home.folders.jobs())?;
        std::fs::rename(folder, &target).map_err(|error| Error::io("place", &target, &error))?;
        part::sync_folder(&self.home.folders.jobs())
    }
}
