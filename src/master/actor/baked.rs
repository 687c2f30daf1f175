//! What came of a bake enters the state together with the report that it is done.

use super::message::{BakedFiles, Reply};
use super::{Actor, Pending};
use crate::farm::{Event, Moment, RequestId, TaskState};
use crate::store::Write;

impl Actor {
    pub(super) fn baked(&mut self, now: Moment, request: RequestId, report: Event, files: BakedFiles, reply: Reply<()>) {
        let BakedFiles {
            task,
            document,
            contents,
        } = files;
        if let Err(error) = self.find_contents(&contents) {
            let _ = reply.send(Err(error));
            return;
        }
        self.pending.insert(request, Pending::Plain(reply));
        self.handle(now, report);
        let record = self.state.farm.task(task.job, task.task);
        let is_done = |state: &TaskState| matches!(state, TaskState::Done { .. });
        // Else it was refused; whoever sent it releases its contents.
        if record.is_some_and(|record| record.attempt == task.attempt && is_done(&record.state)) {
            self.writes.push(Write::Baked {
                job: task.job,
                task: task.task,
                document,
                contents,
            });
        }
    }
}
