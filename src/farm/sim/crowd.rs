//! A farm so large that nothing can be asked of it but the leading: ten thousand slaves that only render, and a store that
//! only counts.

use super::report::tell;
use super::trial::{a_job, a_machine, job_id, slave_id};
use crate::farm::check::check_touched;
use crate::farm::{Change, Effect, Event, Farm, JobState, Moment, NewJob, ReportBody, RequestId, TaskRef, TaskState, check};
use crate::ids::SlaveId;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

const SLAVES: u64 = 10_000;
const FRAMES: i32 = 1_000_000;
const FRAME_MS: u64 = 60_000;
/// Between two signs of life of a slave that renders.
const SEEN_MS: u64 = 30_000;
/// All is checked after every so many events; after each one only what it touched.
const FULL_CHECK_EVENTS: u64 = 500_000;

struct Crowd {
    farm: Farm,
    now: Moment,
    /// What each slave renders now and next.
    held: HashMap<SlaveId, VecDeque<TaskRef>>,
    plans: BinaryHeap<Reverse<(Moment, SlaveId, Plan)>>,
    /// How often each task was recorded as done.
    done: Vec<u8>,
    events: u64,
    busy_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Plan {
    Seen(TaskRef),
    Rendered(TaskRef),
}

impl Crowd {
    fn new() -> Self {
        Self {
            farm: Farm::new(),
            now: Moment(1_700_000_000_000),
            held: HashMap::new(),
            plans: BinaryHeap::new(),
            done: vec![0; FRAMES as usize],
            events: 0,
            busy_ms: 0,
        }
    }

    fn request(&self) -> RequestId {
        RequestId(self.events + 1)
    }

    fn happen(&mut self, event: Event, slave: Option<SlaveId>) {
        self.events += 1;
        self.farm.handle(self.now, event);
        while let Some(effect) = self.farm.poll_effect() {
            match effect {
                Effect::Record(Change::Task { task, record, .. }) => {
                    if let TaskState::Done { .. } = record.state {
                        self.done[task.0 as usize] += 1;
                    }
                }
                Effect::Lease { slave, lease, .. } => {
                    let job = lease.job;
                    let task = |(task, attempt)| TaskRef { job, task, attempt };
                    self.held.entry(slave).or_default().extend(lease.tasks.into_iter().map(task));
                    self.render(slave);
                }
                Effect::Refuse { refusal, .. } => panic!("{refusal:?}"),
                _ => {}
            }
        }
        check_touched(&self.farm, Some(job_id(1)), slave);
        if self.events.is_multiple_of(FULL_CHECK_EVENTS) {
            check(&self.farm);
        }
    }

    fn render(&mut self, slave: SlaveId) {
        let Some(task) = self.held.get(&slave).and_then(|held| held.front()).copied() else {
            return;
        };
        // Two percent faster or slower, each in its own way.
        let frame_ms = FRAME_MS * (9_800 + slave.bits() % 400) / 10_000;
        self.busy_ms += frame_ms;
        let plan = |after_ms, plan| Reverse((self.now.plus_millis(after_ms), slave, plan));
        self.plans.push(plan(SEEN_MS, Plan::Seen(task)));
        self.plans.push(plan(frame_ms, Plan::Rendered(task)));
    }

    fn ask(&mut self, slave: SlaveId) {
        let (request, until) = (self.request(), self.now.plus_millis(25_000));
        let warm = None;
        let event = Event::WorkWanted {
            request,
            slave,
            until,
            warm,
        };
        self.happen(event, Some(slave));
    }

    fn step(&mut self) -> bool {
        let Some(Reverse((at, slave, plan))) = self.plans.pop() else {
            return false;
        };
        while let Some(due) = self.farm.next_deadline().filter(|due| *due < at) {
            self.now = self.now.max(due);
            self.happen(Event::Tick, None);
        }
        self.now = at;
        match plan {
            Plan::Seen(_) => self.happen(Event::SlaveSeen { slave }, Some(slave)),
            Plan::Rendered(task) => {
                let (request, seconds) = (self.request(), FRAME_MS as f64 / 1_000.0);
                let body = ReportBody::Done { seconds, result: None };
                let event = Event::Report {
                    request,
                    slave,
                    task,
                    body,
                };
                self.happen(event, Some(slave));
                let held = self.held.entry(slave).or_default();
                held.pop_front();
                if held.is_empty() {
                    self.ask(slave);
                } else {
                    self.render(slave);
                }
            }
        }
        true
    }
}

#[test]
fn a_million_frames_keep_ten_thousand_slaves_busy() {
    let mut crowd = Crowd::new();
    for number in 0..SLAVES {
        let (request, slave) = (crowd.request(), slave_id(number));
        let (machine, holding) = (a_machine(&[]), Vec::new());
        let event = Event::SlaveRegistered {
            request,
            slave,
            machine,
            holding,
        };
        crowd.happen(event, Some(slave));
        crowd.ask(slave);
    }
    let (request, job) = (crowd.request(), a_job(1, FRAMES));
    let started = crowd.now;
    let job = NewJob { chunk_tasks: 0, ..job };
    crowd.happen(Event::JobSubmitted { request, job }, None);
    while crowd.farm.job(job_id(1)).unwrap().state == JobState::Queued {
        assert!(crowd.step(), "nothing is left to happen");
    }
    check(&crowd.farm);
    let once = crowd.done.iter().all(|done| *done == 1);
    let farm_ms = crowd.now.millis_since(started) * SLAVES;
    let busy = crowd.busy_ms as f64 / farm_ms as f64 * 100.0;
    let bytes = crowd.farm.task_bytes() as f64 / f64::from(FRAMES);
    let passed = once && busy >= 99.0 && bytes < 100.0;
    tell(
        "MILLION",
        passed,
        &format!(
            "{FRAMES} frames on {SLAVES} slaves: {busy:.2} % busy, {bytes:.0} bytes a frame, {} events",
            crowd.events
        ),
    );
}
