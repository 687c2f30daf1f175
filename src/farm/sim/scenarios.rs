//! Days with a name.

use super::agent::Agent;
use super::trial::{Answer, a_job, a_machine, job_id, slave_id};
use super::world::{Weather, World};
use crate::farm::{Event, JobState, NewJob};

/// A world of able slaves with one slot each.
fn world(slaves: u64, frame_ms: u64) -> World {
    let mut world = World::new(7, Weather::default());
    for number in 0..slaves {
        // Not quite alike, as machines are: else all of them ask at the same moments.
        world.add(Agent::new(slave_id(number), a_machine(&[]), frame_ms + 37 * number));
    }
    world
}

fn done(world: &World, job: u64) -> f64 {
    f64::from(world.trial.farm.job(job_id(job)).unwrap().done)
}

#[test]
fn jobs_of_priority_1_and_2_get_33_and_66_percent() {
    for (slaves, frame_ms) in [(1, 2_000), (2, 2_000), (6, 2_000), (20, 2_000), (2, 60_000), (20, 300_000)] {
        let mut world = world(slaves, frame_ms);
        // On two slaves, no job may use more than one of them.
        world.change_rules(|rules| rules.share.enabled = false);
        for priority in [1, 2] {
            let job = a_job(u64::from(priority), 20_000);
            world.submit(NewJob { priority, ..job });
        }
        world.run(1_800 * frame_ms / slaves);
        let share = done(&world, 1) / (done(&world, 1) + done(&world, 2));
        assert!(
            (share - 1.0 / 3.0).abs() < 0.03,
            "{slaves} slaves, frames of {frame_ms} ms: {share}"
        );
    }
}

#[test]
fn a_late_job_gets_its_share_of_a_busy_farm_too() {
    let mut world = world(10, 2_000);
    world.submit(a_job(1, 20_000));
    world.run(5 * 60 * 1_000);
    let before = done(&world, 1);
    world.submit(a_job(2, 20_000));
    world.run(30 * 60 * 1_000);
    let share = done(&world, 2) / (done(&world, 1) - before + done(&world, 2));
    // A little more than half, because it has some catching up to do.
    assert!((0.48..0.56).contains(&share), "{share}");
}

#[test]
fn categories_share_the_farm_whatever_number_of_jobs_they_have() {
    let mut world = world(6, 2_000);
    for number in 1..=4 {
        let category = if number == 1 { "film" } else { "advert" }.to_owned();
        let job = a_job(number, 20_000);
        world.submit(NewJob { category, ..job });
    }
    world.run(20 * 60 * 1_000);
    let adverts: f64 = (2..=4).map(|number| done(&world, number)).sum();
    let share = done(&world, 1) / (done(&world, 1) + adverts);
    assert!((share - 0.5).abs() < 0.03, "{share}");
    for number in 2..=4 {
        let share = done(&world, number) / adverts;
        assert!((share - 1.0 / 3.0).abs() < 0.05, "job {number}: {share}");
    }
}

#[test]
fn a_fast_slave_does_more_and_all_end_together_with_chunks_chosen_by_the_farm() {
    let mut world = World::new(7, Weather::default());
    world.add(Agent::new(slave_id(0), a_machine(&[]), 100));
    world.add(Agent::new(slave_id(1), a_machine(&[]), 400));
    let job = a_job(1, 500);
    world.submit(NewJob { chunk_tasks: 0, ..job });
    let started = world.now();
    while world.trial.state(job_id(1)) == JobState::Queued {
        assert!(world.step(started.plus_millis(10 * 60 * 1_000)));
    }
    // Together they do 12.5 frames a second: 40 s, and at most one frame of the slow one more.
    let seconds = world.now().millis_since(started) as f64 / 1_000.0;
    assert!((39.0..42.0).contains(&seconds), "{seconds}");
    let asked: Vec<u64> = [0, 1].map(|it| world.trial.farm.slave(slave_id(it)).unwrap().done).into();
    assert!(asked[0] > 3 * asked[1], "{asked:?}");
}

#[test]
fn a_farm_survives_a_hundred_pauses() {
    let mut world = world(3, 500);
    world.submit(a_job(1, 300));
    for _ in 0..100 {
        world.run(700);
        let request = world.trial.request();
        world.happen(&Event::JobPaused { request, job: job_id(1) });
        world.run(700);
        let request = world.trial.request();
        world.happen(&Event::JobResumed { request, job: job_id(1) });
    }
    world.run(60_000);
    assert_eq!(world.trial.state(job_id(1)), JobState::Finished);
    let attempts = world.trial.ledger.jobs[&job_id(1)].1.values().map(|task| task.attempts).max();
    assert_eq!(attempts, Some(1), "no frame was rendered twice");
}

#[test]
fn a_master_that_dies_each_second_still_ends_the_job_without_rendering_twice() {
    let mut world = world(2, 1_700);
    world.submit(a_job(1, 20));
    for _ in 0..60 {
        world.run(1_000);
        world.restart_master();
    }
    world.run(5 * 60 * 1_000);
    assert_eq!(world.trial.state(job_id(1)), JobState::Finished);
    let attempts = world.trial.ledger.jobs[&job_id(1)].1.values().map(|task| task.attempts).max();
    assert_eq!(attempts, Some(1));
}

#[test]
fn a_million_frames_are_accepted_and_led_as_easily_as_ten() {
    let mut farm = crate::farm::Farm::new();
    let now = crate::farm::Moment(1_000);
    let (job, request) = (a_job(1, 1_000_000), crate::farm::RequestId(1));
    farm.handle(now, Event::JobSubmitted { request, job });
    let view = farm.job(job_id(1)).unwrap();
    assert_eq!((view.queued, view.tasks), (1_000_000, 1_000_000));
    assert_eq!(farm.frame_of(job_id(1), crate::ids::TaskIndex(999_999)), Some(1_000_000));
    let effects: Vec<_> = std::iter::from_fn(|| farm.poll_effect()).collect();
    assert_eq!(effects.len(), 2, "one record, one answer");
}

#[test]
fn refusals_are_answers_too() {
    let mut world = world(0, 0);
    let answer = world.trial.ask(|request| Event::JobCancelled { request, job: job_id(5) });
    assert!(matches!(answer, Some(Answer::Refuse(_))), "{answer:?}");
}
