//! Requests of slaves for work, from the first report to the answer.

use super::message::Reply;
use super::state::State;
use crate::error::Error;
use crate::farm::{Event, Lease, Moment, Refusal, ReportBody, RequestId, TaskRef};
use crate::ids::SlaveId;
use crate::master::convert::{self, task_name, task_ref};
use crate::wire::{LeaseInfo, LeasedTask, ReportInfo, ReportKind, TaskName, WorkAnswer, WorkWanted};

/// One request, until it is answered. Its wish is request `first`, its reports are those that follow.
pub(super) struct Work {
    slave: SlaveId,
    reports: Vec<TaskName>,
    /// Answers of the farm still to come.
    open: usize,
    answer: WorkAnswer,
    reply: Reply<WorkAnswer>,
    /// In which round, and at which microsecond, it came.
    pub(super) asked: (u64, u64),
}

/// What was leased to a slave whose connection has gone: it is to go back to the farm.
pub(super) struct Lost {
    pub(super) slave: SlaveId,
    pub(super) tasks: Vec<TaskRef>,
}

impl Work {
    pub(super) fn new(slave: SlaveId, wanted: &WorkWanted, reply: Reply<WorkAnswer>, asked: (u64, u64)) -> Self {
        Self {
            slave,
            reports: wanted.reports.iter().map(|report| report.task).collect(),
            open: wanted.reports.len() + usize::from(wanted.want),
            answer: WorkAnswer::default(),
            reply,
            asked,
        }
    }

    /// A report that never reaches the farm.
    pub(super) fn refuse_report(&mut self, task: TaskName) {
        self.open -= 1;
        self.answer.refused.push(task);
    }

    /// Whether nothing is to be waited for.
    pub(super) fn is_complete(&self) -> bool {
        self.open == 0
    }

    pub(super) fn accept(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    pub(super) fn lease(&mut self, lease: &Lease, state: &State) {
        self.accept();
        self.answer.lease = Some(LeaseInfo {
            job: lease.job,
            as_one: lease.as_one && lease.tasks.len() > 1,
            tasks: lease
                .tasks
                .iter()
                .filter_map(|(task, attempt)| {
                    let piece = state.farm.piece_of(lease.job, *task)?;
                    Some(LeasedTask {
                        task: task.0,
                        attempt: attempt.0,
                        frame: piece.frame,
                        tile: piece.tile,
                        denoise: state.farm.denoises(lease.job, *task),
                    })
                })
                .collect(),
        });
    }

    /// A refused report is named in the answer; that the slave itself is unknown makes the whole request fail, because it
    /// must register and then say all of it again.
    pub(super) fn refuse(mut self, first: RequestId, request: RequestId, refusal: &Refusal) -> Option<Self> {
        let place = usize::try_from(request.0 - first.0).unwrap_or(0);
        match (refusal, place.checked_sub(1).and_then(|place| self.reports.get(place))) {
            (Refusal::UnknownSlave(_), _) | (_, None) => {
                self.fail(convert::refused(refusal));
                None
            }
            (_, Some(task)) => {
                self.refuse_report(*task);
                Some(self)
            }
        }
    }

    pub(super) fn fail(self, error: Error) {
        // Who does not wait any more misses nothing.
        let _ = self.reply.send(Err(error));
    }

    /// Answers, if somebody is still there.
    pub(super) fn finish(self) -> Result<(), Lost> {
        let slave = self.slave;
        self.reply.send(Ok(self.answer)).map_err(|answer| Lost {
            slave,
            tasks: tasks_of(answer),
        })
    }
}

fn tasks_of(answer: Result<WorkAnswer, Error>) -> Vec<TaskRef> {
    let lease = answer.ok().and_then(|answer| answer.lease);
    lease.map_or_else(Vec::new, |lease| {
        lease
            .tasks
            .iter()
            .map(|task| {
                task_ref(TaskName {
                    job: lease.job,
                    task: task.task,
                    attempt: task.attempt,
                })
            })
            .collect()
    })
}

/// The events of a request, in order: reports first, so that the wish finds the slot free.
pub(super) fn events(first: RequestId, slave: SlaveId, wanted: WorkWanted, until: Moment) -> impl Iterator<Item = Event> {
    let WorkWanted { reports, want, warm, .. } = wanted;
    let reports = reports
        .into_iter()
        .zip(first.0 + 1..)
        .map(move |(report, request)| Event::Report {
            request: RequestId(request),
            slave,
            task: task_ref(report.task),
            body: body(report),
        });
    let wish = want.then_some(Event::WorkWanted {
        request: first,
        slave,
        until,
        warm,
    });
    reports.chain(wish)
}

/// Whether a report says what only an arriving result may say.
pub(super) fn is_done_without_its_file(event: &Event, state: &State) -> Option<TaskName> {
    match event {
        Event::Report {
            task,
            body: ReportBody::Done { .. },
            ..
        } if state.jobs.get(&task.job).is_some_and(|notes| notes.has_files) => Some(task_name(*task)),
        _ => None,
    }
}

fn body(report: ReportInfo) -> ReportBody {
    match report.kind {
        ReportKind::Rendered => ReportBody::Rendered,
        ReportKind::Done { seconds } => ReportBody::Done { seconds, result: None },
        ReportKind::Failed { reason } => ReportBody::Failed { reason },
        ReportKind::Unfit { reason } => ReportBody::Unfit { reason },
        ReportKind::Returned => ReportBody::Returned,
    }
}
