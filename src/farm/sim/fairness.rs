//! Named days of balancing: who gets how much of the farm.

use super::agent::Agent;
use super::report::{seed, tell};
use super::trial::{a_job, a_machine, job_id, slave_id};
use super::world::{Weather, World};
use crate::farm::{JobState, Moment, NewJob};

const MINUTE_MS: u64 = 60_000;

/// A world of slaves that are not quite alike, as machines are: else all of them ask at the same moments.
fn world(slaves: u64, frame_ms: u64) -> World {
    let mut world = World::new(seed(), Weather::default());
    for number in 0..slaves {
        let own_ms = frame_ms * (1_000 + number % 37) / 1_000;
        world.add(Agent::new(slave_id(number), a_machine(&[]), own_ms));
    }
    world
}

fn done(world: &World, job: u64) -> f64 {
    f64::from(world.trial.farm.job(job_id(job)).unwrap().done)
}

fn leased(world: &World, job: u64) -> u32 {
    world.trial.farm.job(job_id(job)).map_or(0, |job| job.leased)
}

fn prioritised(number: u64, priority: u32, frames: i32) -> NewJob {
    NewJob {
        priority,
        ..a_job(number, frames)
    }
}

/// The shares, in percent, of jobs with these priorities after some hours.
fn shares(slaves: u64, priorities: &[u32], rule: bool, hours: u64) -> Vec<f64> {
    let mut world = world(slaves, MINUTE_MS);
    world.change_rules(|rules| rules.share.enabled = rule);
    let jobs: Vec<u64> = (1..=priorities.len() as u64).collect();
    for (job, priority) in jobs.iter().zip(priorities) {
        world.submit(prioritised(*job, *priority, 20_000));
    }
    world.run(hours * 60 * MINUTE_MS);
    world.trial.audit();
    let all: f64 = jobs.iter().map(|job| done(&world, *job)).sum();
    jobs.iter().map(|job| done(&world, *job) / all * 100.0).collect()
}

fn written(shares: &[f64]) -> String {
    let shares: Vec<String> = shares.iter().map(|share| format!("{share:.1}")).collect();
    shares.join(":")
}

fn is_near(shares: &[f64], expected: &[f64], tolerance: f64) -> bool {
    shares.iter().zip(expected).all(|(a, b)| (a - b).abs() <= tolerance)
}

fn expected(priorities: &[u32]) -> Vec<f64> {
    let all: u32 = priorities.iter().sum();
    priorities
        .iter()
        .map(|priority| f64::from(*priority) / f64::from(all) * 100.0)
        .collect()
}

#[test]
fn shares_are_as_the_priorities() {
    let ten: Vec<u32> = (1..=10).collect();
    for (slaves, priorities) in [(10, &[1, 2][..]), (30, &[1, 2, 3]), (60, &ten)] {
        let got = shares(slaves, priorities, false, 5);
        let name = format!("SHARES {priorities:?}");
        let figures = format!("{slaves} slaves: {} %", written(&got));
        tell(&name, is_near(&got, &expected(priorities), 2.0), &figures);
    }
    let (off, on) = (shares(20, &[1, 9], false, 5), shares(20, &[1, 9], true, 5));
    let figures = format!("without {} %, with {} %", written(&off), written(&on));
    let passed = is_near(&off, &[10.0, 90.0], 2.0) && is_near(&on, &[25.0, 75.0], 2.0);
    tell("SHARES [1, 9], the rule of 75 % off and on", passed, &figures);
}

#[test]
fn categories_share_the_farm_like_jobs() {
    let mut world = world(30, MINUTE_MS);
    for number in 1..=4 {
        let category = if number == 1 { "film" } else { "advert" }.to_owned();
        world.submit(NewJob {
            category,
            ..a_job(number, 20_000)
        });
    }
    world.run(5 * 60 * MINUTE_MS);
    world.trial.audit();
    let adverts: f64 = (2..=4).map(|job| done(&world, job)).sum();
    let film = done(&world, 1) / (done(&world, 1) + adverts) * 100.0;
    let each: Vec<f64> = (2..=4).map(|job| done(&world, job) / adverts * 100.0).collect();
    let passed = (film - 50.0).abs() <= 2.0 && is_near(&each, &[33.3; 3], 2.0);
    tell(
        "CATEGORIES",
        passed,
        &format!("one film {film:.1} %, three adverts the rest: {}", written(&each)),
    );
}

/// The most slots that a job has at any moment from now to an end.
fn peak(world: &mut World, job: u64, millis: u64) -> u32 {
    let end = world.now().plus_millis(millis);
    let mut peak = 0;
    while world.step(end) {
        peak = peak.max(leased(world, job));
    }
    peak
}

#[test]
fn no_job_uses_more_than_75_percent_beside_another() {
    let mut world = world(8, MINUTE_MS);
    world.submit(prioritised(1, 1, 20_000));
    world.submit(prioritised(2, 10, 20_000));
    let peak = peak(&mut world, 2, 3 * 60 * MINUTE_MS);
    let told = world.trial.farm.explain_job(job_id(2)).remove(0);
    let passed = peak == 6 && told == "waiting: uses 75 % of 8 slaves, limit 75 %";
    tell("CAP75", passed, &format!("{peak} of 8 slaves at most; {told:?}"));
}

#[test]
fn a_job_that_is_alone_uses_all() {
    let mut world = world(8, MINUTE_MS);
    world.submit(prioritised(1, 1, 20_000));
    let alone = peak(&mut world, 1, 10 * MINUTE_MS);
    world.submit(prioritised(2, 1, 100));
    world.run(2 * MINUTE_MS);
    let beside = leased(&world, 1);
    while world.trial.state(job_id(2)) == JobState::Queued {
        assert!(world.step(Moment(u64::MAX)));
    }
    world.run(2 * MINUTE_MS);
    let again = leased(&world, 1);
    let passed = alone == 8 && beside <= 6 && again == 8;
    let figures = format!("{alone} of 8 slaves alone, {beside} beside another, {again} when that has ended");
    tell("CAP75_ALONE", passed, &figures);
}

#[test]
fn new_jobs_come_first() {
    let mut world = world(10, MINUTE_MS);
    world.submit(prioritised(1, 10, 20_000));
    world.run(20 * MINUTE_MS);
    let submitted = world.now();
    for job in 2..=21 {
        world.submit(prioritised(job, 1, 50));
    }
    let is_new = |world: &World, job: u64| leased(world, job) == 0 && done(world, job) == 0.0;
    while (2..=21).any(|job| is_new(&world, job)) {
        assert!(
            world.step(submitted.plus_millis(60 * MINUTE_MS)),
            "a new job gets nothing for an hour"
        );
    }
    let dispatched: u32 = (2..=21).map(|job| leased(&world, job)).sum();
    let seconds = world.now().millis_since(submitted) / 1_000;
    // Ten slaves have two turns of a minute for twenty jobs.
    let passed = seconds <= 130 && dispatched <= 20;
    tell(
        "NEW_FIRST",
        passed,
        &format!("20 jobs of priority 1 beside one of 10: each has a frame out after {seconds} s"),
    );
}

/// The longest time without a dispatch of the first of six jobs, five of which have ten times its priority.
fn longest_wait_s(rule: bool) -> u64 {
    let mut world = world(2, 30_000);
    world.change_rules(|rules| rules.starving_first.enabled = rule);
    for job in 1..=6 {
        world.submit(prioritised(job, if job == 1 { 1 } else { 10 }, 20_000));
    }
    let end = world.now().plus_millis(4 * 60 * MINUTE_MS);
    let (mut last, mut longest_ms) = (world.now(), 0);
    let mut dispatched = 0.0;
    while world.step(end) {
        let now = done(&world, 1) + f64::from(leased(&world, 1));
        if now > dispatched {
            longest_ms = longest_ms.max(world.now().millis_since(last));
            (dispatched, last) = (now, world.now());
        }
    }
    longest_ms.max(world.now().millis_since(last)) / 1_000
}

#[test]
fn no_job_starves() {
    let (with, without) = (longest_wait_s(true), longest_wait_s(false));
    // Two minutes without a slave, after a frame of half a minute, and until the next slave is free.
    let passed = with <= 120 + 30 + 31 && without > with;
    tell(
        "STARVING",
        passed,
        &format!("priority 1 beside five of 10: {with} s without a dispatch at most, {without} s if the rule is off"),
    );
}

#[test]
fn an_open_scene_is_kept_without_harm_to_the_shares() {
    let mut world = world(10, MINUTE_MS);
    for agent in &mut world.agents {
        agent.keeps_scene = true;
    }
    world.change_rules(|rules| rules.share.enabled = false);
    world.submit(prioritised(1, 1, 20_000));
    world.submit(prioritised(2, 2, 20_000));
    world.run(5 * 60 * MINUTE_MS);
    let share = done(&world, 1) / (done(&world, 1) + done(&world, 2)) * 100.0;
    let (kept, leases) = world.agents.iter().fold((0, 0), |(kept, leases), agent| {
        (kept + agent.kept_scene, leases + agent.leases)
    });
    let kept = f64::from(kept) / f64::from(leases) * 100.0;
    let passed = (share - 33.3).abs() <= 2.0 && kept >= 60.0;
    tell(
        "AFFINITY",
        passed,
        &format!("priorities 1:2 get {share:.1} % and the rest, {kept:.0} % of the leases go on with the open scene"),
    );
}
