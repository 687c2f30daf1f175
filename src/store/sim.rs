//! `MASTER_RESTART`: a farm that is read from the store is the farm that wrote it, whatever happened to it before.

use super::{Loaded, Store, Write};
use crate::farm::sim::report::{seed, tell};
use crate::farm::{
    Bake, Effect, Event, Farm, JobEdit, JobView, Limits, Machine, Moment, NewJob, Records, ReportBody, RequestId, Reset,
    Settings, Steering, TaskRecord, TaskRef, TaskState, check,
};
use crate::ids::{FrameSet, JobId, Requirements, Role, SlaveId, TaskIndex, TileGrid};

const SEEDS: u64 = 20;
const EVENTS: u32 = 600;
const EVENTS_BETWEEN_RESTARTS: u32 = 25;
const JOBS: u64 = 7;
const SLAVES: u64 = 4;

/// A master's farm and store, without the master.
struct Life {
    random: fastrand::Rng,
    store: Store,
    farm: Farm,
    now: Moment,
    requests: u64,
    /// How many jobs there may be. With few, slaves are idle, and a job's last frames are rendered twice.
    jobs: u64,
    /// What slaves were leased, rightly or not any more.
    held: Vec<(SlaveId, TaskRef)>,
    /// How many tasks two slaves had when the master was restarted.
    twice: usize,
}

#[test]
fn master_restart() {
    let (mut restarts, mut twice) = (0, 0);
    for seed in seed()..seed() + SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let mut life = Life {
            random: fastrand::Rng::with_seed(seed),
            store: Store::open(folder.path()).unwrap(),
            farm: Farm::new(),
            now: Moment(1_700_000_000_000),
            requests: 0,
            jobs: seed % JOBS + 1,
            held: Vec::new(),
            twice: 0,
        };
        for number in 1..=EVENTS {
            life.now = life.now.plus_millis(life.random.u64(0..4_000));
            let event = life.event();
            life.happen(event);
            life.happen(Event::Tick);
            // A task with two slaves is rare, and soon over.
            if number.is_multiple_of(EVENTS_BETWEEN_RESTARTS) || tasks_with_two(&life.farm) > 0 {
                life.restart(folder.path(), seed);
                restarts += 1;
            }
        }
        twice += life.twice;
    }
    tell(
        "MASTER_RESTART",
        twice > 0,
        &format!("{SEEDS} seeds, {restarts} restarts, {twice} tasks with two slaves: each farm equal to the one before"),
    );
}

impl Life {
    fn happen(&mut self, event: Event) {
        self.farm.handle(self.now, event);
        let mut writes = Vec::new();
        while let Some(effect) = self.farm.poll_effect() {
            match effect {
                Effect::Record(change) => writes.push(Write::Farm(change)),
                Effect::Lease { slave, lease, .. } => {
                    let job = lease.job;
                    let tasks = lease.tasks.into_iter().map(|(task, attempt)| TaskRef { job, task, attempt });
                    self.held.extend(tasks.map(|task| (slave, task)));
                }
                _ => {}
            }
        }
        self.store.apply(&writes).unwrap();
    }

    fn restart(&mut self, folder: &std::path::Path, seed: u64) {
        // What is due by now is recorded first: a restored farm would do the same at once.
        self.happen(Event::Tick);
        let loaded = Store::open(folder).unwrap().load().unwrap();
        let mut farm = Farm::restore(self.now, records(loaded));
        assert_eq!(farm.poll_effect(), None, "seed {seed}: of a restored farm");
        check(&farm);
        self.twice += tasks_with_two(&farm);
        assert_same(&self.farm, &farm, seed);
        self.farm = farm;
    }

    fn event(&mut self) -> Event {
        self.requests += 1;
        let request = RequestId(self.requests);
        let job = JobId::from_bits(self.random.u64(0..self.jobs));
        let slave = SlaveId::from_bits(self.random.u64(0..SLAVES));
        match self.random.u32(0..24) {
            0 | 1 => self.submission(request, job),
            2 => Event::JobPaused { request, job },
            3 | 4 => Event::JobResumed { request, job },
            5 if self.random.u32(0..4) == 0 => Event::JobCancelled { request, job },
            6 if self.random.u32(0..4) == 0 => Event::JobRemoved {
                request,
                job,
                keep_results: false,
            },
            7 | 8 => Event::JobEdited {
                request,
                job,
                edit: Box::new(self.edit()),
            },
            9 => Event::JobReset {
                request,
                job,
                which: self.random.choice([Reset::Failed, Reset::All]).unwrap(),
            },
            10 => Event::JobFilesReady { job },
            11 => Event::SlaveBanned {
                request,
                job: self.random.bool().then_some(job),
                slave,
                reason: "a whim".to_owned(),
            },
            12 => Event::BanLifted {
                request,
                job: self.random.bool().then_some(job),
                slave: self.random.bool().then_some(slave),
            },
            13 => Event::SettingsChanged {
                request,
                settings: Box::new(Settings {
                    ban_after: self.random.u32(1..4),
                    ban_s: self.random.u32(1..100),
                    straggler_s: self.random.u32(1..10),
                    ..Settings::default()
                }),
            },
            19 => Event::SlaveSteered {
                request,
                slave,
                how: self
                    .random
                    .choice([Steering::Pause, Steering::Resume, Steering::Forget])
                    .unwrap(),
            },
            14 | 15 => Event::SlaveRegistered {
                request,
                slave,
                machine: machine(),
                holding: self
                    .held
                    .iter()
                    .filter(|(it, _)| *it == slave)
                    .map(|(_, task)| *task)
                    .collect(),
            },
            16..=18 if !self.held.is_empty() => self.report(request),
            _ => Event::WorkWanted {
                request,
                slave,
                until: self.now.plus_millis(self.random.u64(0..30_000)),
                warm: None,
            },
        }
    }

    fn submission(&mut self, request: RequestId, id: JobId) -> Event {
        let on = JobId::from_bits(self.random.u64(0..self.jobs));
        let grid = TileGrid::new(2, 3).unwrap();
        let mut job = NewJob {
            id,
            name: "a job".to_owned(),
            sent_by: if id.bits().is_multiple_of(2) {
                Role::Submit
            } else {
                Role::Admin
            },
            category: self.random.choice(["", "film"]).unwrap().to_owned(),
            tags: Vec::new(),
            requirements: Requirements::default(),
            priority: self.random.u32(1..=10),
            chunk_tasks: self.random.u32(0..4),
            frames: FrameSet::range(1, self.random.i32(1..30), 1).unwrap(),
            tiles: self.random.choice([TileGrid::WHOLE, grid]).unwrap(),
            denoises: false,
            blender: None,
            runs_scripts: self.random.bool(),
            files_missing: self.random.bool(),
            depends_on: if self.random.bool() && self.farm.job(on).is_some() {
                vec![on]
            } else {
                Vec::new()
            },
            limits: Limits::default(),
            unwanted: if self.random.bool() {
                vec![SlaveId::from_bits(2)]
            } else {
                Vec::new()
            },
            bakes: Vec::new(),
        };
        job.denoises = !job.tiles.is_whole() && self.random.bool();
        let job = if self.random.u32(0..4) == 0 { self.baking(job) } else { job };
        Event::JobSubmitted { request, job }
    }

    /// The same, but that its tasks are bakes.
    fn baking(&mut self, job: NewJob) -> NewJob {
        let bake = |index: u32| Bake {
            name: format!("cloth of  {index}"),
            after: (0..index).filter(|_| self.random.u32(0..3) == 0).map(TaskIndex).collect(),
        };
        NewJob {
            bakes: (0..job.frames.len()).map(bake).collect(),
            tiles: TileGrid::WHOLE,
            denoises: false,
            ..job
        }
    }

    fn edit(&mut self) -> JobEdit {
        let first = self.random.i32(1..40);
        let some = FrameSet::range(first, first + 5, 1).ok();
        let on = JobId::from_bits(self.random.u64(0..self.jobs));
        match self.random.u32(0..4) {
            0 => JobEdit {
                add_frames: some,
                ..JobEdit::default()
            },
            1 => JobEdit {
                remove_frames: some,
                ..JobEdit::default()
            },
            2 => JobEdit {
                depends_on: Some(if self.random.bool() { vec![on] } else { Vec::new() }),
                ..JobEdit::default()
            },
            _ => JobEdit {
                category: Some("advert".to_owned()),
                priority: Some(self.random.u32(1..=10)),
                attempts_max: Some(self.random.u32(0..5)),
                ..JobEdit::default()
            },
        }
    }

    fn report(&mut self, request: RequestId) -> Event {
        let place = self.random.usize(0..self.held.len());
        let (slave, task) = self.held[place];
        let body = match self.random.u32(0..10) {
            0 => ReportBody::Rendered,
            1 => ReportBody::Failed {
                reason: "no camera".to_owned(),
            },
            2 => ReportBody::Returned,
            _ => ReportBody::Done {
                seconds: 1.5,
                result: None,
            },
        };
        if !matches!(body, ReportBody::Rendered) {
            self.held.swap_remove(place);
        }
        Event::Report {
            request,
            slave,
            task,
            body,
        }
    }
}

fn machine() -> Machine {
    Machine {
        name: "node".to_owned(),
        tags: Vec::new(),
        blenders: vec!["3.4.1".parse().unwrap()],
        slots: 2,
        cores: 8,
        memory_bytes: 32 << 30,
        os: "Linux".to_owned(),
        gpus: vec!["cuda".to_owned()],
        allows_scripts: true,
        denoises: true,
    }
}

fn records(loaded: Loaded) -> Records {
    Records {
        jobs: loaded.jobs,
        slaves: loaded.slaves.into_iter().map(|(record, _)| record).collect(),
        bans: loaded.bans,
        settings: loaded.settings,
        rules: loaded.rules,
    }
}

fn tasks_with_two(farm: &Farm) -> usize {
    let tasks = |job: JobView<'_>| {
        let id = job.record.job.id;
        let tasks = (0..job.record.layout.len()).filter_map(move |task| farm.task(id, TaskIndex(task)));
        tasks.collect::<Vec<_>>()
    };
    let is_with_two = |task: &TaskRecord| matches!(task.state, TaskState::Leased { second: Some(_), .. });
    farm.jobs().flat_map(tasks).filter(is_with_two).count()
}

fn assert_same(before: &Farm, after: &Farm, seed: u64) {
    assert_eq!(before.settings(), after.settings(), "seed {seed}");
    assert_eq!(before.jobs().count(), after.jobs().count(), "seed {seed}");
    for view in before.jobs() {
        let id = view.record.job.id;
        let now = after.job(id).unwrap();
        assert_eq!(view.record, now.record, "seed {seed}");
        assert_eq!(
            (view.state, view.tasks, view.queued, view.leased, view.done, view.failed),
            (now.state, now.tasks, now.queued, now.leased, now.done, now.failed),
            "seed {seed}: counts of {id}"
        );
        for task in (0..view.record.layout.len()).map(TaskIndex) {
            assert_eq!(
                before.task(id, task),
                after.task(id, task),
                "seed {seed}: task {task} of {id}"
            );
        }
        assert!(before.bans(Some(id)).eq(after.bans(Some(id))), "seed {seed}: bans of {id}");
    }
    assert!(before.bans(None).eq(after.bans(None)), "seed {seed}: bans");
    for view in before.slaves() {
        assert_eq!(
            Some(view.record),
            after.slave(view.record.id).map(|slave| slave.record),
            "seed {seed}"
        );
    }
}
