//! A farm under trial, and the small language that tests are written in.

pub(in crate::farm) use super::about::answer_of;
use super::about::{request_of, touched_by};
use super::ledger::Ledger;
use crate::farm::check::check_touched;
use crate::farm::{
    Effect, Event, Farm, JobEdit, JobState, Lease, Limits, Machine, Moment, NewJob, Refusal, ReportBody, RequestId, Reset,
    Settings, TaskRef, TaskState, check,
};
use crate::ids::{FrameSet, JobId, Requirements, Role, SlaveId, TaskIndex, TileGrid};
use std::collections::{BTreeMap, BTreeSet};

/// Up to so many tasks everything is checked after each event …
const FULL_CHECK_TASKS_MAX: u32 = 1_000;
/// … and above what it touched after each event, and everything after so many events, or as many as there are tasks.
const FULL_CHECK_EVENTS: u64 = 250;

/// A farm with the store of its master. Whatever happens to it, everything that must hold is asserted.
pub(in crate::farm) struct Trial {
    pub(in crate::farm) farm: Farm,
    pub(in crate::farm) ledger: Ledger,
    pub(in crate::farm) now: Moment,
    /// Requests that want an answer.
    pub(in crate::farm) unanswered: BTreeSet<RequestId>,
    /// How many leases were the second one of their task.
    pub(in crate::farm) leased_twice: u32,
    last_request: u64,
    events: u64,
}

/// How a request was answered.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::farm) enum Answer {
    Lease(Lease),
    NoWork,
    Accept,
    Refuse(Refusal),
}

impl Trial {
    pub(in crate::farm) fn new() -> Self {
        Self {
            farm: Farm::new(),
            ledger: Ledger::default(),
            now: Moment(1_700_000_000_000),
            unanswered: BTreeSet::new(),
            leased_twice: 0,
            last_request: 0,
            events: 0,
        }
    }

    /// A request's id for the next event.
    pub(in crate::farm) fn request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }

    /// Lets something happen; the effects that concern others than the store.
    pub(in crate::farm) fn happen(&mut self, event: &Event) -> Vec<Effect> {
        if let Some(request) = request_of(event) {
            self.unanswered.insert(request);
        }
        if let Event::WorkUnwanted { request } = event {
            self.unanswered.remove(request);
        }
        self.farm.handle(self.now, event.clone());
        let told = self.drain(Some(event));
        if *event == Event::Tick {
            assert!(
                self.farm.next_deadline().is_none_or(|next| next > self.now),
                "a tick leaves something due"
            );
        }
        told
    }

    /// Lets time pass, with a tick at each deadline.
    pub(in crate::farm) fn pass(&mut self, millis: u64) -> Vec<Effect> {
        let end = self.now.plus_millis(millis);
        let mut told = Vec::new();
        while let Some(due) = self.farm.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            told.extend(self.happen(&Event::Tick));
        }
        self.now = end;
        told
    }

    /// The master dies and is started again: a new farm from the records alone.
    pub(in crate::farm) fn restart(&mut self) -> Vec<Effect> {
        self.farm = Farm::restore(self.now, self.ledger.read());
        self.unanswered.clear();
        self.drain(None)
    }

    fn drain(&mut self, cause: Option<&Event>) -> Vec<Effect> {
        let mut told = Vec::new();
        while let Some(effect) = self.farm.poll_effect() {
            match effect {
                Effect::Record(change) => self.ledger.apply(change),
                effect => {
                    self.assert_recorded(&effect, cause);
                    told.push(effect);
                }
            }
        }
        self.events += 1;
        let tasks: u32 = self.farm.jobs().map(|job| job.tasks).sum();
        if tasks <= FULL_CHECK_TASKS_MAX || self.events.is_multiple_of(FULL_CHECK_EVENTS.max(tasks.into())) {
            check(&self.farm);
            self.assert_records_suffice();
        } else {
            let (job, slave) = cause.map_or((None, None), touched_by);
            check_touched(&self.farm, job, slave);
        }
        told
    }

    /// Recomputes every counter, and asserts that a master restarted now would know the same.
    pub(in crate::farm) fn audit(&self) {
        check(&self.farm);
        self.assert_records_suffice();
        let restarted = Farm::restore(self.now, self.ledger.read());
        check(&restarted);
        let counters = |farm: &Farm| -> Vec<_> {
            let jobs = farm.jobs();
            jobs.map(|job| (job.state, job.tasks, job.queued, job.leased, job.done, job.failed))
                .collect()
        };
        assert_eq!(counters(&self.farm), counters(&restarted));
    }

    /// What is told to anybody is in the records by now.
    fn assert_recorded(&mut self, effect: &Effect, cause: Option<&Event>) {
        let answered = match effect {
            Effect::Lease { request, slave, lease } => {
                assert!(!lease.tasks.is_empty(), "an empty lease");
                for (task, attempt) in &lease.tasks {
                    let record = self.ledger.task(lease.job, *task).unwrap();
                    let TaskState::Leased {
                        slave: first, second, ..
                    } = record.state
                    else {
                        panic!("task {task} is told, but recorded as {:?}", record.state);
                    };
                    let first = (first, record.attempt);
                    let second = second.map(|hold| (hold.slave, hold.attempt));
                    self.leased_twice += u32::from(second == Some((*slave, *attempt)));
                    assert!(
                        first == (*slave, *attempt) || second == Some((*slave, *attempt)),
                        "task {task} is told before it is recorded"
                    );
                }
                Some(*request)
            }
            Effect::Accept { request } => {
                if let Some(cause) = cause.filter(|cause| request_of(cause) == Some(*request)) {
                    self.assert_accepted(cause);
                }
                Some(*request)
            }
            Effect::NoWork { request } | Effect::Refuse { request, .. } => Some(*request),
            Effect::Forget { job, .. } => {
                assert!(
                    !self.ledger.jobs.contains_key(job),
                    "{job} is forgotten before that is recorded"
                );
                None
            }
            Effect::Cancel { .. } | Effect::End { .. } | Effect::Record(_) => None,
        };
        if let Some(request) = answered {
            assert!(
                self.unanswered.remove(&request),
                "{request:?} is answered, but nobody waits: {effect:?}"
            );
        }
    }

    fn assert_accepted(&self, cause: &Event) {
        match cause {
            Event::JobSubmitted { job, .. } => assert!(self.ledger.jobs.contains_key(&job.id)),
            Event::JobPaused { job, .. } => assert_eq!(self.ledger.state(*job), Some(JobState::Paused)),
            Event::JobCancelled { job, .. } => assert_eq!(self.ledger.state(*job), Some(JobState::Cancelled)),
            Event::JobRemoved { job, .. } => assert_eq!(self.ledger.state(*job), None),
            Event::RulesChanged { rules, .. } => assert_eq!(self.ledger.rules, *rules),
            Event::SlaveRegistered { slave, machine, .. } => assert!(self.ledger.slaves[slave].says(machine)),
            Event::Report { slave, task, body, .. } => {
                let record = self.ledger.task(task.job, task.task).unwrap();
                match body {
                    ReportBody::Done { .. } => {
                        let theirs = matches!(record.state, TaskState::Done { slave: it, .. } if it == *slave);
                        assert!(theirs && record.attempt == task.attempt, "accepted, but not recorded as done");
                    }
                    ReportBody::Failed { .. } => assert!(record.failures > 0),
                    ReportBody::Rendered | ReportBody::Returned | ReportBody::Unfit { .. } => {}
                }
            }
            _ => {}
        }
    }

    /// The records say the same as the farm.
    fn assert_records_suffice(&self) {
        assert_eq!(self.farm.jobs().count(), self.ledger.jobs.len());
        for view in self.farm.jobs() {
            let id = view.record.job.id;
            assert_eq!(self.ledger.jobs[&id].0, *view.record, "record of {id}");
            for task in (0..view.record.layout.len()).map(TaskIndex) {
                assert_eq!(self.farm.task(id, task), self.ledger.task(id, task), "task {task} of {id}");
            }
        }
        let slaves: BTreeMap<_, _> = self.farm.slaves().map(|it| (it.record.id, it.record.clone())).collect();
        assert_eq!(slaves, self.ledger.slaves);
        assert_eq!(*self.farm.settings(), self.ledger.settings);
        let owners = self.farm.jobs().map(|job| Some(job.record.job.id)).chain([None]);
        let bans = owners.flat_map(|job| self.farm.bans(job).map(move |(slave, ban)| ((job, slave), ban.clone())));
        assert_eq!(bans.collect::<BTreeMap<_, _>>(), self.ledger.bans);
    }
}

pub(in crate::farm) fn job_id(number: u64) -> JobId {
    JobId::from_bits(number)
}

pub(in crate::farm) fn slave_id(number: u64) -> SlaveId {
    SlaveId::from_bits(1_000 + number)
}

/// A job with frames from 1, one task a lease, that any slave may render.
pub(in crate::farm) fn a_job(number: u64, frames: i32) -> NewJob {
    NewJob {
        id: job_id(number),
        name: format!("job {number}"),
        sent_by: Role::Admin,
        category: String::new(),
        tags: Vec::new(),
        requirements: Requirements::default(),
        priority: 1,
        chunk_tasks: 1,
        tiles: TileGrid::WHOLE,
        denoises: false,
        frames: FrameSet::range(1, frames, 1).unwrap(),
        blender: None,
        runs_scripts: false,
        files_missing: false,
        depends_on: Vec::new(),
        limits: Limits::default(),
        unwanted: Vec::new(),
        bakes: Vec::new(),
    }
}

/// A machine with one slot and Blender 3.4.
pub(in crate::farm) fn a_machine(tags: &[&str]) -> Machine {
    Machine {
        name: "node".to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        blenders: vec!["3.4.1".parse().unwrap()],
        slots: 1,
        cores: 8,
        memory_bytes: 32 << 30,
        os: "Linux (Debian GNU/Linux 12)".to_owned(),
        gpus: Vec::new(),
        allows_scripts: false,
        denoises: true,
    }
}

/// What tests say to a farm in one word. Each returns the answer, or `None` while there is none.
impl Trial {
    pub(in crate::farm) fn ask(&mut self, make: impl FnOnce(RequestId) -> Event) -> Option<Answer> {
        let request = self.request();
        let told = self.happen(&make(request));
        told.iter()
            .filter_map(answer_of)
            .find(|(it, _)| *it == request)
            .map(|(_, answer)| answer)
    }

    pub(in crate::farm) fn submit(&mut self, job: NewJob) -> JobId {
        let id = job.id;
        let answer = self.ask(|request| Event::JobSubmitted { request, job });
        assert_eq!(answer, Some(Answer::Accept));
        id
    }

    pub(in crate::farm) fn register(&mut self, number: u64, machine: Machine, holding: &[TaskRef]) -> SlaveId {
        let (slave, holding) = (slave_id(number), holding.to_vec());
        let answer = self.ask(|request| Event::SlaveRegistered {
            request,
            slave,
            machine,
            holding,
        });
        assert_eq!(answer, Some(Answer::Accept));
        slave
    }

    /// An ordinary slave with one slot.
    pub(in crate::farm) fn slave(&mut self, number: u64) -> SlaveId {
        self.register(number, a_machine(&[]), &[])
    }

    pub(in crate::farm) fn want(&mut self, slave: SlaveId) -> Option<Answer> {
        self.want_warm(slave, None)
    }

    pub(in crate::farm) fn want_warm(&mut self, slave: SlaveId, warm: Option<JobId>) -> Option<Answer> {
        let until = self.now.plus_millis(30_000);
        self.ask(|request| Event::WorkWanted {
            request,
            slave,
            until,
            warm,
        })
    }

    /// Asks for work that must be there.
    pub(in crate::farm) fn leased(&mut self, slave: SlaveId) -> Vec<TaskRef> {
        match self.want(slave) {
            Some(Answer::Lease(lease)) => tasks_of(&lease),
            other => panic!("{slave} wants work and gets {other:?}"),
        }
    }

    pub(in crate::farm) fn report(&mut self, slave: SlaveId, task: TaskRef, body: ReportBody) -> Answer {
        self.ask(|request| Event::Report {
            request,
            slave,
            task,
            body,
        })
        .unwrap()
    }

    pub(in crate::farm) fn done(&mut self, slave: SlaveId, task: TaskRef) -> Answer {
        self.done_in(slave, task, 1.0)
    }

    pub(in crate::farm) fn done_in(&mut self, slave: SlaveId, task: TaskRef, seconds: f64) -> Answer {
        self.report(slave, task, ReportBody::Done { seconds, result: None })
    }

    pub(in crate::farm) fn fail(&mut self, slave: SlaveId, task: TaskRef) -> Answer {
        let reason = "the scene has no camera".to_owned();
        self.report(slave, task, ReportBody::Failed { reason })
    }

    pub(in crate::farm) fn pause(&mut self, job: JobId) -> Answer {
        self.ask(|request| Event::JobPaused { request, job }).unwrap()
    }

    pub(in crate::farm) fn resume(&mut self, job: JobId) -> Answer {
        self.ask(|request| Event::JobResumed { request, job }).unwrap()
    }

    pub(in crate::farm) fn cancel(&mut self, job: JobId) -> Answer {
        self.ask(|request| Event::JobCancelled { request, job }).unwrap()
    }

    pub(in crate::farm) fn remove(&mut self, job: JobId) {
        self.ask(|request| Event::JobRemoved {
            request,
            job,
            keep_results: false,
        });
    }

    pub(in crate::farm) fn edit(&mut self, job: JobId, edit: JobEdit) -> Answer {
        let edit = Box::new(edit);
        self.ask(|request| Event::JobEdited { request, job, edit }).unwrap()
    }

    pub(in crate::farm) fn reset(&mut self, job: JobId, which: Reset) -> Answer {
        self.ask(|request| Event::JobReset { request, job, which }).unwrap()
    }

    pub(in crate::farm) fn set(&mut self, settings: Settings) {
        let settings = Box::new(settings);
        self.ask(|request| Event::SettingsChanged { request, settings });
    }

    pub(in crate::farm) fn state(&self, job: JobId) -> JobState {
        self.farm.job(job).unwrap().state
    }
}

pub(in crate::farm) fn tasks_of(lease: &Lease) -> Vec<TaskRef> {
    let job = lease.job;
    let task = |(task, attempt): &(TaskIndex, _)| TaskRef {
        job,
        task: *task,
        attempt: *attempt,
    };
    lease.tasks.iter().map(task).collect()
}
