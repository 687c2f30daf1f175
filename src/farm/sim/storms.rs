//! Days from seeds: everything goes wrong for a while, then calm comes, and every job must end.

use super::agent::Agent;
use super::report::tell;
use super::trial::{a_job, a_machine, job_id, slave_id};
use super::whims::{undo, whim};
use super::world::{Weather, World};
use crate::farm::{Bake, Event, JobState, NewJob, ReportBody, Rule, TaskRef};
use crate::ids::{Attempt, JobId, SlaveId, TaskIndex};

const SEEDS: u64 = 300;
pub(super) const JOBS: u64 = 5;
const STORM_STEPS: u32 = 1_500;
const CALM_MS_MAX: u64 = 6 * 60 * 60 * 1_000;
const STEPS_MAX: u32 = 100_000;

#[test]
fn after_any_storm_every_job_ends_and_nothing_is_lost_or_doubled() {
    let seeds = match std::env::var("NETRENDER_SIM_SEED") {
        Ok(seed) => {
            let seed = seed.parse().unwrap();
            seed..seed + 1
        }
        Err(_) => 0..SEEDS,
    };
    let (days, mut twice) = (seeds.clone().count(), 0);
    for seed in seeds {
        let result = std::panic::catch_unwind(|| day(seed));
        twice += result.unwrap_or_else(|_| panic!("seed {seed}: run again with NETRENDER_SIM_SEED={seed}"));
    }
    let passed = twice > 0 || days < 300;
    tell(
        "STORMS",
        passed,
        &format!("{days} days, {twice} frames leased to two slaves at once"),
    );
}

/// How many frames were leased to two slaves at once.
fn day(seed: u64) -> u32 {
    let mut random = fastrand::Rng::with_seed(seed);
    let storm = Weather {
        lost: random.choice([0.0, 0.05, 0.2]).unwrap(),
        repeated: random.choice([0.0, 0.05, 0.2]).unwrap(),
        delay_ms_max: random.choice([0, 50, 3_000]).unwrap(),
        fails: random.choice([0.0, 0.02, 0.1]).unwrap(),
        upload_ms_max: random.choice([0, 500, 20_000]).unwrap(),
    };
    let mut world = World::new(random.u64(..), storm);
    for number in 0..random.u64(1..5) {
        let agent = random_agent(&mut random, number);
        world.add(agent);
    }
    let mut submitted = 0;
    for _ in 0..STORM_STEPS {
        if submitted < JOBS && random.u32(0..20) == 0 {
            world.submit(random_job(&mut random, submitted));
            submitted += 1;
        }
        world.step(world.now().plus_millis(1_000));
        if random.u32(0..40) == 0 {
            strike(&mut world, &mut random);
        }
        if random.u32(0..60) == 0 {
            whim(&mut world, &mut random);
        }
    }
    for number in submitted..JOBS {
        world.submit(random_job(&mut random, number));
    }
    calm(&mut world);
    assert_all_ended(&mut world);
    world.trial.leased_twice
}

/// One more thing goes wrong.
fn strike(world: &mut World, random: &mut fastrand::Rng) {
    let agent = random.usize(0..world.agents.len());
    let job = job_id(random.u64(0..=JOBS));
    let request = world.trial.request();
    match random.u32(0..13) {
        0 => world.agents[agent].die(random.bool()),
        1 | 2 => world.start(agent),
        3 => world.restart_master(),
        4 => world.happen(&Event::JobPaused { request, job }),
        5 => world.happen(&Event::JobResumed { request, job }),
        6 if random.u32(0..5) == 0 => world.happen(&Event::JobCancelled { request, job }),
        7 if random.u32(0..5) == 0 => world.happen(&Event::JobRemoved {
            request,
            job,
            keep_results: false,
        }),
        8 => world.happen(&Event::JobFilesReady { job }),
        9 => world.happen(&Event::SlaveLeft {
            slave: world.agents[agent].id,
        }),
        11 => world.change_rules(|rules| {
            let rule = |enabled, limit| Rule { enabled, limit };
            rules.share = rule(random.bool(), random.u32(1..=100));
            rules.new_first = rule(random.bool(), random.u32(1..=5));
            rules.starving_first = rule(random.bool(), random.u32(1..=5));
        }),
        10 => world.trial.now = crate::farm::Moment(world.now().0 - random.u64(0..5_000)),
        _ => {
            let lie = lie(random, job, world.agents[agent].id, request);
            world.happen(&lie);
        }
    }
}

/// A report that nobody should have sent: another's task, another attempt, an unknown job, task or slave.
fn lie(random: &mut fastrand::Rng, job: JobId, slave: SlaveId, request: crate::farm::RequestId) -> Event {
    let slave = if random.u32(0..4) == 0 { slave_id(99) } else { slave };
    let (task, attempt) = (TaskIndex(random.u32(0..50)), Attempt(random.u32(0..4)));
    let task = TaskRef { job, task, attempt };
    let body = match random.u32(0..4) {
        0 => ReportBody::Rendered,
        1 => ReportBody::Done {
            seconds: f64::NAN,
            result: None,
        },
        2 => ReportBody::Failed {
            reason: "a lie".to_owned(),
        },
        _ => ReportBody::Returned,
    };
    Event::Report {
        request,
        slave,
        task,
        body,
    }
}

/// Nothing goes wrong any more: all slaves live, and tell what they hold, as they do after a lost connection.
fn calm(world: &mut World) {
    world.weather = Weather::default();
    for agent in 0..world.agents.len() {
        world.start(agent);
        world.register(agent);
    }
    undo(world);
    for job in (0..JOBS).map(job_id) {
        let request = world.trial.request();
        world.happen(&Event::JobResumed { request, job });
        world.happen(&Event::JobFilesReady { job });
    }
    let end = world.now().plus_millis(CALM_MS_MAX);
    let mut steps = 0;
    while world.trial.farm.jobs().any(|job| !job.state.is_over()) {
        assert!(world.step(end), "jobs do not end: {:?}", explained(world));
        steps += 1;
        assert!(
            steps < STEPS_MAX,
            "jobs do not end within {STEPS_MAX} steps: {:?}",
            explained(world)
        );
    }
}

fn explained(world: &World) -> Vec<Vec<String>> {
    let farm = &world.trial.farm;
    let jobs = farm.jobs().map(|job| farm.explain_job(job.record.job.id));
    jobs.chain(farm.slaves().map(|slave| farm.explain_slave(slave.record.id)))
        .collect()
}

fn assert_all_ended(world: &mut World) {
    for job in world.trial.farm.jobs() {
        match job.state {
            JobState::Finished => assert_eq!(job.done, job.tasks),
            JobState::Failed => assert_eq!(job.done + job.failed, job.tasks),
            JobState::Cancelled => assert_eq!(job.leased, 0),
            state => panic!("{} is {state:?}", job.record.job.id),
        }
    }
    // Long enough for every wait to end; nobody asks anew.
    world.trial.pass(120_000);
    let unanswered = &world.trial.unanswered;
    assert!(unanswered.is_empty(), "never answered: {unanswered:?}");
}

/// The first one can render anything, so that calm ends every job.
fn random_agent(random: &mut fastrand::Rng, number: u64) -> Agent {
    let able = number == 0 || random.bool();
    let mut machine = a_machine(if able { &["gpu"] } else { &[] });
    if able {
        machine.cores = 16;
        machine.blenders.push("5.0.1".parse().unwrap());
    }
    machine.slots = random.u32(1..4);
    let frame_ms = random.choice([0, 200, 3_000, 30_000]).unwrap();
    Agent::new(slave_id(number), machine, frame_ms)
}

fn random_job(random: &mut fastrand::Rng, number: u64) -> NewJob {
    let blender = random.choice([None, Some("3.4.9"), Some("5.0.0")]).unwrap();
    NewJob {
        category: random.choice(["", "", "film", "advert"]).unwrap().to_owned(),
        tags: random.choice([vec![], vec!["gpu".to_owned()]]).unwrap(),
        requirements: random.choice(["", "cores>=8", "cores>8"]).unwrap().parse().unwrap(),
        priority: random.u32(1..=10),
        chunk_tasks: random.choice([0, 1, 3, 10]).unwrap(),
        blender: blender.map(|version| version.parse().unwrap()),
        files_missing: random.bool(),
        ..random_tasks(random, number)
    }
}

/// Frames, or now and then tiles, or bakes, of which some come after others.
fn random_tasks(random: &mut fastrand::Rng, number: u64) -> NewJob {
    match random.u32(0..4) {
        0 => {}
        1 => {
            return NewJob {
                tiles: random.choice(["2x1", "3x3t"]).unwrap().parse().unwrap(),
                denoises: random.bool(),
                ..a_job(number, random.i32(1..9))
            };
        }
        _ => return a_job(number, random.i32(1..60)),
    }
    let count = random.u32(1..9);
    let bake = |index: u32, random: &mut fastrand::Rng| Bake {
        name: format!("cloth {index}"),
        after: (0..index).filter(|_| random.u32(0..3) == 0).map(TaskIndex).collect(),
    };
    NewJob {
        bakes: (0..count).map(|index| bake(index, random)).collect(),
        ..a_job(number, count.cast_signed())
    }
}
