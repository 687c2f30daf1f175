//! Named scenarios of a job's life: frames that kill Blender, a machine that fails everything, jobs that wait for jobs,
//! and people who cannot make up their minds. Each prints PASS with its figures, or fails.

use super::agent::Agent;
use super::report::{seed, tell};
use super::trial::{a_job, a_machine, job_id, slave_id};
use super::world::{Weather, World};
use crate::farm::{Event, JobState, NewJob, Settings};
use crate::ids::{JobId, TaskIndex};

const MINUTE_MS: u64 = 60_000;

/// A world of able slaves with one slot each.
fn world(seed: u64, slaves: u64, frame_ms: u64) -> World {
    let mut world = World::new(seed, Weather::default());
    for number in 0..slaves {
        // Not quite alike, as machines are: else all of them ask at the same moments.
        world.add(Agent::new(slave_id(number), a_machine(&[]), frame_ms + 37 * number));
    }
    world
}

/// Lets time pass until every job is over or paused; how long that took.
fn run_all(world: &mut World, minutes_max: u64) -> u64 {
    let started = world.now();
    let end = started.plus_millis(minutes_max * MINUTE_MS);
    let rests = |state: JobState| state.is_over() || state == JobState::Paused;
    while world.trial.farm.jobs().any(|job| !rests(job.state)) {
        assert!(world.step(end), "not at rest after {minutes_max} minutes");
    }
    world.now().millis_since(started)
}

fn attempts(world: &World, job: JobId) -> impl Iterator<Item = u32> {
    let tasks = world.trial.farm.job(job).unwrap().tasks;
    (0..tasks).map(move |task| world.trial.farm.task(job, TaskIndex(task)).unwrap().attempts)
}

#[test]
fn crash_loop() {
    let mut world = world(seed(), 6, 2_000);
    let kills = |job: JobId, task: u32| job == job_id(3) || job == job_id(1) && task % 10 == 3;
    world.broken = Box::new(move |_, at| kills(at.job, at.task.0));
    for (number, frames) in [(1, 60), (2, 300), (3, 5_000)] {
        world.submit(a_job(number, frames));
    }
    let took_ms = run_all(&mut world, 60);
    let view = |number| world.trial.farm.job(job_id(number)).unwrap();
    let (some, none, all) = (view(1), view(2), view(3));
    assert_eq!((some.state, some.done, some.failed), (JobState::Failed, 54, 6));
    assert_eq!(none.state, JobState::Finished);
    assert_eq!(
        all.state,
        JobState::Paused,
        "a job of which every frame crashes is not tried to its end"
    );
    assert!(all.failed <= 30, "{} frames given up", all.failed);
    for task in (0..60).filter(|task| kills(job_id(1), *task)) {
        let record = world.trial.farm.task(job_id(1), TaskIndex(task)).unwrap();
        assert_eq!(record.failures, 3, "task {task}");
    }
    assert_eq!(world.trial.farm.bans(None).count(), 0, "no slave is to blame");
    tell(
        "CRASH_LOOP",
        true,
        &format!(
            "6 slaves, 6 of 60 frames kill Blender: given up after 3 attempts each, 354 others done; \
         a job of which all do is paused after {} frames; {:.1} min",
            all.failed,
            took_ms as f64 / 60_000.0
        ),
    );
}

#[test]
fn a_job_that_nobody_can_render_does_not_slow_down_another() {
    let minutes = |with_broken: bool| {
        let mut world = world(seed(), 6, 2_000);
        world.broken = Box::new(|_, at| at.job == job_id(2));
        world.submit(a_job(1, 1_500));
        if with_broken {
            world.submit(a_job(2, 1_500));
        }
        let (started, end) = (world.now(), world.now().plus_millis(60 * MINUTE_MS));
        while world.trial.state(job_id(1)) != JobState::Finished {
            assert!(world.step(end), "not finished after an hour");
        }
        let failed = world.trial.farm.slaves().map(|slave| slave.failed).sum::<u64>();
        (world.now().millis_since(started) as f64 / MINUTE_MS as f64, failed)
    };
    let ((alone, _), (beside, failed)) = (minutes(false), minutes(true));
    let slower = beside / alone;
    tell(
        "UNRENDERABLE",
        slower <= 1.06 && failed >= 20,
        &format!(
            "6 slaves, 1,500 frames beside a job of which every frame fails: {slower:.3} of the time without it, \
             {failed} attempts of that one"
        ),
    );
}

#[test]
fn bad_slave() {
    let mut world = world(seed(), 10, 4_000);
    let bad = slave_id(3);
    world.agents[3].frame_ms = 300;
    world.broken = Box::new(move |slave, _| slave == bad);
    let jobs = [1, 2, 3, 4, 5].map(|number| {
        world.submit(a_job(number, 200));
        job_id(number)
    });
    let mut failed_until_aside = None;
    let end = world.now().plus_millis(60 * MINUTE_MS);
    while jobs.iter().any(|job| world.trial.state(*job) != JobState::Finished) {
        assert!(world.step(end), "not finished after an hour");
        if failed_until_aside.is_none() && world.trial.farm.bans(None).any(|(slave, _)| slave == bad) {
            failed_until_aside = Some(world.trial.farm.slave(bad).unwrap().failed);
        }
    }
    let failed = failed_until_aside.expect("never set aside");
    assert!(failed <= 15, "{failed} attempts failed before it was set aside");
    let banned: Vec<_> = jobs
        .iter()
        .flat_map(|job| world.trial.farm.bans(Some(*job)))
        .map(|(slave, _)| slave)
        .collect();
    assert!(banned.iter().all(|slave| *slave == bad), "{banned:?}");
    let wasted: u32 = jobs
        .iter()
        .flat_map(|job| attempts(&world, *job))
        .map(|attempts| attempts - 1)
        .sum();
    // Somebody repairs it; when its time is over, it is asked for work again.
    world.broken = Box::new(|_, _| false);
    world.run(u64::from(Settings::default().ban_s.max(Settings::default().set_aside_s)) * 1_000);
    world.submit(a_job(6, 200));
    run_all(&mut world, 60);
    let done = world.trial.farm.slave(bad).unwrap().done;
    assert!(done > 0, "it never came back");
    tell(
        "BAD_SLAVE",
        true,
        &format!(
            "1 of 10 slaves fails everything: set aside after {failed} attempts, {wasted} of 1,000 frames \
         rendered again, none given up; back after its time, {done} frames done then"
        ),
    );
}

#[test]
fn dependencies() {
    for seed in (0..20).map(|it| seed() + it) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = world(seed, 4, 500);
        let count = 12;
        for number in 0..count {
            let mut depends_on: Vec<JobId> = (0..number).filter(|_| random.u32(0..4) == 0).map(job_id).collect();
            depends_on.sort_unstable();
            world.submit(NewJob {
                depends_on,
                ..a_job(number, random.i32(1..12))
            });
        }
        for _ in 0..40 {
            world.run(random.u64(0..2_000));
            let request = world.trial.request();
            let job = job_id(random.u64(0..count));
            match random.u32(0..4) {
                0 => world.happen(&Event::JobPaused { request, job }),
                1 => world.restart_master(),
                _ => world.happen(&Event::JobResumed { request, job }),
            }
        }
        for job in (0..count).map(job_id) {
            let request = world.trial.request();
            world.happen(&Event::JobResumed { request, job });
        }
        run_all(&mut world, 60);
        for view in world.trial.farm.jobs() {
            assert_eq!(view.state, JobState::Finished, "seed {seed}");
            let at = |job: JobId, state: JobState| {
                let record = world.trial.farm.job(job).unwrap().record;
                record.transitions.iter().find(|it| it.state == state).unwrap().at
            };
            for on in &view.record.job.depends_on {
                let (finished, began) = (at(*on, JobState::Finished), at(view.record.job.id, JobState::Queued));
                assert!(
                    finished <= began,
                    "seed {seed}: {} began before {on} was finished",
                    view.record.job.id
                );
            }
        }
    }
    tell(
        "DEPENDENCIES",
        true,
        "20 seeds, 12 jobs each, none began before those that it depends on were finished",
    );
}

#[test]
fn pause_resume_storm() {
    let mut changes = 0;
    for seed in (0..10).map(|it| seed() + it) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = world(seed, 5, 700);
        for number in 0..4 {
            world.submit(a_job(number, 150));
        }
        for _ in 0..1_000 {
            world.run(random.u64(0..300));
            let request = world.trial.request();
            let job = job_id(random.u64(0..4));
            changes += 1;
            if random.bool() {
                world.happen(&Event::JobPaused { request, job });
            } else {
                world.happen(&Event::JobResumed { request, job });
            }
        }
        for job in (0..4).map(job_id) {
            let request = world.trial.request();
            world.happen(&Event::JobResumed { request, job });
        }
        run_all(&mut world, 60);
        for job in (0..4).map(job_id) {
            assert_eq!(world.trial.state(job), JobState::Finished, "seed {seed}");
            assert!(
                attempts(&world, job).all(|attempts| attempts == 1),
                "seed {seed}: a frame was rendered twice"
            );
        }
    }
    tell(
        "PAUSE_RESUME_STORM",
        true,
        &format!("10 seeds, {changes} changes, 6,000 frames done, none rendered twice"),
    );
}
