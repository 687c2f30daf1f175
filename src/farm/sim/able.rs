//! Named days of machines that are not alike.

use super::agent::Agent;
use super::report::{seed, tell};
use super::trial::{a_job, a_machine, job_id, slave_id};
use super::world::{Weather, World};
use crate::farm::{Event, JobState, Machine, Moment, NewJob, Settings, TaskState};
use crate::ids::{JobId, TaskIndex};

/// Runs until a job is over; the seconds that it took from now.
fn seconds_until_over(world: &mut World, job: JobId) -> f64 {
    let started = world.now();
    while !world.trial.state(job).is_over() {
        assert!(world.step(Moment(u64::MAX)), "{:?}", world.trial.farm.explain_job(job));
    }
    world.now().millis_since(started) as f64 / 1_000.0
}

/// How many frames of a job were done by slaves of which something is not so.
fn wrongly_done(world: &World, job: JobId, is_able: impl Fn(&Machine) -> bool) -> usize {
    let farm = &world.trial.farm;
    let tasks = farm.job(job).map_or(0, |job| job.tasks);
    let renderer = |task| match farm.task(job, TaskIndex(task)).map(|it| it.state) {
        Some(TaskState::Done { slave, .. }) => farm.slave(slave),
        other => panic!("task {task} is {other:?}"),
    };
    (0..tasks)
        .filter(|task| !renderer(*task).is_some_and(|slave| is_able(&slave.record.machine)))
        .count()
}

#[test]
fn tags_keep_jobs_on_their_slaves() {
    let mut world = World::new(seed(), Weather::default());
    let kinds: [&[&str]; 4] = [&[], &["gpu"], &["linux"], &["gpu", "linux"]];
    for (number, tags) in (0..40).zip(kinds.iter().cycle()) {
        let machine = a_machine(tags);
        world.add(Agent::new(slave_id(number), machine, 10_000 + 37 * number));
    }
    let tagged = |number, tags: &[&str]| NewJob {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..a_job(number, 200)
    };
    let wanted: [&[&str]; 4] = [&[], &["gpu"], &["linux", "gpu"], &["farm-7"]];
    for (number, tags) in (1..).zip(wanted) {
        world.submit(tagged(number, tags));
    }
    let mut wrong = 0;
    for (number, tags) in (1..=3).zip(wanted) {
        seconds_until_over(&mut world, job_id(number));
        wrong += wrongly_done(&world, job_id(number), |machine| {
            tags.iter().all(|tag| machine.tags.iter().any(|it| it == tag))
        });
    }
    world.trial.audit();
    let told = world.trial.farm.explain_job(job_id(4)).remove(0);
    let passed = wrong == 0 && world.trial.state(job_id(4)) == JobState::Queued && told.contains("farm-7");
    tell(
        "TAGS",
        passed,
        &format!("40 slaves, 600 frames, {wrong} on a wrong slave; {told:?}"),
    );
}

#[test]
fn requirements_keep_jobs_on_able_machines() {
    let mut world = World::new(seed(), Weather::default());
    for number in 0..40 {
        let machine = Machine {
            name: format!("node{number}"),
            cores: 4 << (number % 4),
            memory_bytes: (8 << 30) << (number % 3),
            gpus: if number % 5 == 0 {
                vec!["cuda".to_owned()]
            } else {
                Vec::new()
            },
            ..a_machine(&[])
        };
        world.add(Agent::new(slave_id(number), machine, 10_000 + 37 * number));
    }
    let requiring = |number, text: &str| NewJob {
        requirements: text.parse().unwrap(),
        ..a_job(number, 200)
    };
    world.submit(requiring(1, "cores>=16; memory_gib>=32"));
    world.submit(requiring(2, "gpu=cuda; os=linux"));
    world.submit(requiring(3, "slave=node1,node2,node3; blender=3.4"));
    world.submit(requiring(4, "cores>=8; os=windows"));
    for number in 1..=3 {
        seconds_until_over(&mut world, job_id(number));
    }
    world.trial.audit();
    let strong = |machine: &Machine| machine.cores >= 16 && machine.memory_bytes >= 32 << 30;
    let named = |machine: &Machine| ["node1", "node2", "node3"].contains(&machine.name.as_str());
    let wrong = wrongly_done(&world, job_id(1), strong)
        + wrongly_done(&world, job_id(2), |machine| !machine.gpus.is_empty())
        + wrongly_done(&world, job_id(3), named);
    let told = world.trial.farm.explain_job(job_id(4)).remove(0);
    let passed = wrong == 0 && told == "waiting: needs os=windows, which no slave has";
    tell(
        "SPECS",
        passed,
        &format!("40 slaves, 600 frames, {wrong} on a wrong slave; {told:?}"),
    );
}

/// How much longer than ideal a job takes on slaves of speeds 1, 2 and 8.
fn tail(chunk_tasks: u32) -> f64 {
    let mut world = World::new(seed(), Weather::default());
    let mut frames_per_s = 0.0;
    for (number, frame_ms) in (0..12).zip([80_000_u64, 40_000, 10_000].into_iter().cycle()) {
        frames_per_s += 1_000.0 / frame_ms as f64;
        world.add(Agent::new(slave_id(number), a_machine(&[]), frame_ms));
    }
    world.submit(NewJob {
        chunk_tasks,
        ..a_job(1, 1_000)
    });
    let seconds = seconds_until_over(&mut world, job_id(1));
    world.trial.audit();
    seconds / (1_000.0 / frames_per_s)
}

#[test]
fn slow_slaves_do_not_hold_up_the_end() {
    for chunk_tasks in [0, 1, 20] {
        let tail = tail(chunk_tasks);
        let name = format!("HETEROGENEOUS, chunks of {chunk_tasks}");
        tell(
            &name,
            tail <= 1.1,
            &format!("speeds 1:2:8, 1,000 frames: {tail:.3} of the ideal time"),
        );
    }
}

/// Ten slaves of which one is much slower, from the start or since shortly before the end: how much longer than ideal a job
/// takes, and how many of its frames were leased to two slaves at once.
fn straggle(slow_from_start: bool, chunk_tasks: u32, straggler_s: u32) -> (f64, u32) {
    const FRAMES: i32 = 400;
    const FRAME_MS: u64 = 15_000;
    const SLOWER: u64 = 20;
    let mut world = World::new(seed(), Weather::default());
    let request = world.trial.request();
    let settings = Box::new(Settings {
        straggler_s,
        ..Settings::default()
    });
    world.happen(&Event::SettingsChanged { request, settings });
    for number in 0..10 {
        let factor = if slow_from_start && number == 0 { SLOWER } else { 1 };
        world.add(Agent::new(
            slave_id(number),
            a_machine(&[]),
            factor * (FRAME_MS + 37 * number),
        ));
    }
    world.submit(NewJob {
        chunk_tasks,
        ..a_job(1, FRAMES)
    });
    let started = world.now();
    if !slow_from_start {
        world.run(FRAME_MS * (FRAMES as u64 / 10 - 2));
        world.agents[0].frame_ms *= SLOWER;
    }
    seconds_until_over(&mut world, job_id(1));
    world.trial.audit();
    let seconds = world.now().millis_since(started) as f64 / 1_000.0;
    let slow = if slow_from_start { 1.0 / SLOWER as f64 } else { 1.0 };
    let ideal_s = f64::from(FRAMES) / (9.0 + slow) * FRAME_MS as f64 / 1_000.0;
    (seconds / ideal_s, world.trial.leased_twice)
}

#[test]
fn one_slow_slave_does_not_hold_up_the_end() {
    for slow_from_start in [true, false] {
        for chunk_tasks in [0, 1, 20] {
            let without = straggle(slow_from_start, chunk_tasks, 0).0;
            let (with, again) = straggle(slow_from_start, chunk_tasks, Settings::default().straggler_s);
            let since = if slow_from_start {
                "from the start"
            } else {
                "shortly before the end"
            };
            tell(
                &format!("STRAGGLER, {since}, chunks of {chunk_tasks}"),
                with <= 1.2 && with <= without && again <= 10,
                &format!(
                    "1 of 10 slaves 20 times slower {since}: {with:.3} of the ideal time, {without:.3} without a second lease; \
                     {again} of 400 frames leased twice"
                ),
            );
        }
    }
}
