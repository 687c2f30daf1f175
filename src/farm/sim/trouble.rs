//! Named days on which things go wrong; each ends with every frame done once.

use super::agent::Agent;
use super::report::{seed, tell};
use super::trial::{Answer, Trial, a_job, a_machine, job_id, slave_id};
use super::world::{Weather, World};
use crate::farm::{Event, JobState, Moment, NewJob, Refusal};

const MINUTE_MS: u64 = 60_000;
const FRAMES: i32 = 400;

fn world(slaves: u64, frame_ms: u64, weather: Weather) -> World {
    let mut world = World::new(seed(), weather);
    for number in 0..slaves {
        world.add(Agent::new(slave_id(number), a_machine(&[]), frame_ms + 37 * number));
    }
    world.submit(NewJob {
        chunk_tasks: 4,
        ..a_job(1, FRAMES)
    });
    world
}

/// Runs to the end of the job; then all is audited. How many leases there were beyond one for each frame.
fn end(world: &mut World) -> u32 {
    let latest = world.now().plus_millis(24 * 60 * MINUTE_MS);
    while world.trial.state(job_id(1)) == JobState::Queued {
        assert!(world.step(latest), "{:?}", world.trial.farm.explain_job(job_id(1)));
    }
    world.trial.audit();
    let tasks = &world.trial.ledger.jobs[&job_id(1)].1;
    tasks.values().map(|task| task.attempts - 1).sum()
}

fn tell_end(name: &str, world: &World, again: u32, what: &str) {
    let view = world.trial.farm.job(job_id(1)).unwrap();
    let passed = view.state == JobState::Finished && view.done == view.tasks;
    tell(
        name,
        passed,
        &format!("{} of {} frames done, {again} leased again; {what}", view.done, view.tasks),
    );
}

#[test]
fn slaves_come_and_go_every_minute() {
    let mut world = world(50, 20_000, Weather::default());
    let mut gone = 0;
    for minute in 0..10 {
        world.run(MINUTE_MS);
        for place in 0..50 {
            if world.random.u32(0..5) == 0 {
                // Some lose what lay on their disk.
                world.agents[place].die(minute % 2 == 0);
                gone += 1;
            } else {
                world.start(place);
            }
        }
    }
    (0..50).for_each(|place| world.start(place));
    let again = end(&mut world);
    tell_end("CHURN", &world, again, &format!("50 slaves, {gone} deaths"));
}

#[test]
fn half_of_the_slaves_are_cut_off_and_come_back() {
    let mut world = world(20, 20_000, Weather::default());
    world.run(30_000);
    world.cut_off = (0..10).collect();
    world.run(5 * MINUTE_MS);
    let online = world.trial.farm.slaves().filter(|slave| slave.online).count();
    world.cut_off.clear();
    (0..10).for_each(|place| world.register(place));
    world.run(MINUTE_MS);
    let back = world.trial.farm.slaves().filter(|slave| slave.online).count();
    assert_eq!((online, back), (10, 20));
    let again = end(&mut world);
    tell_end(
        "PARTITION",
        &world,
        again,
        "10 of 20 slaves unreachable for 5 minutes, then back",
    );
}

#[test]
fn a_result_that_comes_late_is_taken_if_nobody_else_has_the_frame() {
    let mut trial = Trial::new();
    let (late, other) = (trial.slave(1), trial.slave(2));
    let job = trial.submit(a_job(1, 2));
    let first = trial.leased(late)[0];
    let second = trial.leased(other)[0];
    // Both are silent for too long; one of the frames goes to somebody else meanwhile.
    trial.pass(61_000);
    let third = trial.slave(3);
    let again = trial.leased(third)[0];
    assert_eq!(again.task, first.task);
    let refused = trial.done(late, first) == Answer::Refuse(Refusal::Stale(first));
    let taken = trial.done(other, second) == Answer::Accept;
    let done = trial.done(third, again) == Answer::Accept;
    trial.audit();
    let finished = trial.state(job) == JobState::Finished;
    tell(
        "LATE_RESULT",
        refused && taken && done && finished,
        "refused while another slave has the frame, taken while nobody has it",
    );
}

#[test]
fn every_message_comes_twice() {
    let weather = Weather {
        repeated: 1.0,
        delay_ms_max: 2_000,
        ..Weather::default()
    };
    let mut world = world(20, 10_000, weather);
    let again = end(&mut world);
    tell_end("DUPLICATE_RESULT", &world, again, "every call arrives twice, up to 2 s apart");
}

#[test]
fn every_fifth_message_is_lost() {
    let weather = Weather {
        lost: 0.2,
        delay_ms_max: 200,
        ..Weather::default()
    };
    let mut world = world(20, 10_000, weather);
    let again = end(&mut world);
    tell_end("LOST_REPLY", &world, again, "a fifth of all calls and answers is lost");
}

#[test]
fn the_clock_jumps() {
    const HOUR_MS: u64 = 60 * MINUTE_MS;
    let leased = |world: &World| world.trial.farm.job(job_id(1)).unwrap().leased;
    let mut steady = world(20, 20_000, Weather::default());
    let started = steady.now();
    end(&mut steady);
    let steady_ms = steady.now().millis_since(started);

    let mut world = world(20, 20_000, Weather::default());
    let (mut lived_ms, mut lost, mut gone) = (0, 0, 0);
    for (forth, hours) in [(true, 1), (false, 1), (false, 5), (true, 26), (true, 2), (false, 23)] {
        world.run(MINUTE_MS);
        lived_ms += MINUTE_MS;
        let before = leased(&world);
        let jump_ms = hours * HOUR_MS;
        let now = world.now();
        world.jump_clock(if forth {
            now.plus_millis(jump_ms)
        } else {
            Moment(now.0 - jump_ms)
        });
        world.happen(&Event::Tick);
        lost += before.saturating_sub(leased(&world));
        gone += world.trial.farm.slaves().filter(|slave| !slave.online).count();
    }
    let started = world.now();
    let again = end(&mut world);
    lived_ms += world.now().millis_since(started);
    let slower = lived_ms as f64 / steady_ms as f64;
    let view = world.trial.farm.job(job_id(1)).unwrap();
    let passed = view.state == JobState::Finished && lost == 0 && gone == 0 && slower <= 1.05;
    tell(
        "CLOCK_JUMP",
        passed,
        &format!(
            "6 jumps of 1 to 26 hours, forth and back: {lost} leases and {gone} slaves lost by them, {again} frames leased again; \
             {slower:.3} of the time without"
        ),
    );
}
