//! A slave keeps one Blender ready while it waits: with its scene open, or empty.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod parts;

use netrender::slave::{Slave, SlaveState};
use netrender::wire::FrameInfo;
use parts::farm::{Farm, PATIENCE, wait_until};
use parts::{FakeBlender, lives};

/// The workers that were started, oldest first.
fn workers(blender: &FakeBlender) -> Vec<u32> {
    let starts = blender.starts().into_iter();
    starts.filter(|(what, _)| what == "worker").map(|(_, pid)| pid).collect()
}

fn kill(pid: u32) {
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
}

fn assert_first_attempts(frames: &[FrameInfo]) {
    assert!(
        frames.iter().all(|frame| frame.attempt == 1),
        "an attempt was lost: {frames:?}"
    );
}

#[test]
fn an_idle_slave_has_an_empty_blender_ready_that_renders_the_next_job() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"note_starts": true}"#);
    let slave = farm.slave(&blender, "one");
    wait_until("a Blender is ready", || workers(&blender).len() == 1);
    let job = farm.submit(&blender.scene(), "1-3", 1);
    farm.wait_for_end(job);
    assert_eq!(workers(&blender).len(), 1, "another Blender was started");
    assert!(lives(workers(&blender)[0]), "the scene was not kept open");
    let next = farm.submit(&blender.scene(), "1-3", 1);
    farm.wait_for_end(next);
    let both = workers(&blender);
    assert_eq!(both.len(), 2);
    assert!(!lives(both[0]) && lives(both[1]), "there were two at a time");
    slave.stop(PATIENCE).unwrap();
    assert!(!lives(both[1]), "a Blender outlived its slave");
}

#[test]
fn a_ready_blender_that_is_killed_is_replaced_and_costs_no_attempt() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"note_starts": true}"#);
    let _slave = farm.slave(&blender, "one");
    wait_until("a Blender is ready", || workers(&blender).len() == 1);
    kill(workers(&blender)[0]);
    wait_until("another one is", || workers(&blender).len() == 2);
    let job = farm.submit(&blender.scene(), "1-3", 1);
    assert_first_attempts(&farm.wait_for_end(job));
    let warm = *workers(&blender).last().unwrap();
    kill(warm);
    wait_until("one that dies with its scene open is replaced too", || {
        workers(&blender).last().is_some_and(|pid| *pid != warm)
    });
    let next = farm.submit(&blender.scene(), "1-3", 1);
    assert_first_attempts(&farm.wait_for_end(next));
}

#[test]
fn a_blender_that_does_not_start_is_told_of_once_and_costs_no_attempt_before_a_frame_comes() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"note_starts": true, "crash_on_start": true}"#);
    let slave = farm.slave(&blender, "one");
    wait_until("it was tried again", || workers(&blender).len() == 2);
    let warnings: Vec<String> = slave.events().into_iter().map(|it| it.text).collect();
    let told = warnings
        .iter()
        .filter(|it| it.contains("no Blender can be kept ready"))
        .count();
    assert_eq!(told, 1, "{warnings:?}");
    blender.tell("{}");
    let job = farm.submit(&blender.scene(), "1-3", 1);
    assert_first_attempts(&farm.wait_for_end(job));
}

#[test]
fn after_a_cancel_a_fresh_blender_waits_for_the_next_job() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"note_starts": true, "render_ms": 600000}"#);
    let slave = farm.slave(&blender, "one");
    let job = farm.submit(&blender.scene(), "1-3", 3);
    wait_until("it renders", || slave.status().state == SlaveState::Rendering);
    let first = workers(&blender);
    assert_eq!(first.len(), 1);
    farm.ask(async |link| link.act(&format!("jobs/{job}/cancel")).await);
    wait_until("a fresh one is started", || workers(&blender).len() == 2);
    assert!(!lives(first[0]), "it was started beside the one that is cancelled");
    slave.stop(PATIENCE).unwrap();
    assert!(!lives(workers(&blender)[1]), "a Blender outlived its slave");
}

#[test]
fn a_blender_that_has_grown_too_big_is_followed_by_a_fresh_one_and_costs_no_attempt() {
    let farm = Farm::start();
    let started_for = |orders: &str| {
        let blender = FakeBlender::told(orders);
        let mut options = farm.slave_options(&blender, "one");
        options.blender_memory_bytes_max = Some(256 << 20);
        let slave = Slave::start(options).unwrap();
        let job = farm.submit(&blender.scene(), "1-12", 12);
        assert_first_attempts(&farm.wait_for_end(job));
        let (started, first) = (workers(&blender), farm.log(job, 1, 1));
        assert!(first.contains("Fra:1 "), "{first}");
        assert!(
            started[..started.len() - 1].iter().all(|pid| !lives(*pid)),
            "there were two at a time"
        );
        slave.stop(PATIENCE).unwrap();
        started.len()
    };
    assert_eq!(started_for(r#"{"note_starts": true}"#), 1);
    assert_eq!(started_for(r#"{"note_starts": true, "grow_mib": 40}"#), 2);
}
