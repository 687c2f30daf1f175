//! A real master and real slaves in one process, with a Blender that fails on command.
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

mod parts;

use netrender::access::{FarmKey, KeySource};
use netrender::happening::HappeningKind;
use netrender::slave::{Slave, SlaveState};
use netrender::wire::{FrameStateInfo, JobInfo, SlaveInfo};
use parts::farm::{Farm, PATIENCE, wait_until};
use parts::{FakeBlender, lives};
use std::time::Duration;

#[test]
fn two_slaves_on_one_path_render_every_frame_once() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"render_ms": 20}"#);
    let slaves = [farm.slave(&blender, "one"), farm.slave(&blender, "two")];
    let job = farm.submit(&blender.scene(), "1-40", 2);
    let frames = farm.wait_for_end(job);
    assert!(
        frames
            .iter()
            .all(|frame| frame.state == FrameStateInfo::Done && frame.attempt == 1),
        "{frames:?}"
    );
    let known: Vec<SlaveInfo> = farm.ask(async |link| link.get("slaves").await);
    assert!(
        known.iter().all(|slave| slave.done > 0),
        "one slave did all the work: {known:?}"
    );
    assert!(farm.log(job, 7, 1).contains("Fra:7 "));
    assert!(!farm.log(job, 7, 1).contains("Fra:8 "));
    wait_until("all is counted", || {
        slaves.iter().map(|slave| slave.status().done).sum::<u64>() == 40
    });
    for slave in &slaves {
        slave.stop(PATIENCE).unwrap();
        assert_eq!(slave.status().state, SlaveState::Stopped);
    }
}

#[test]
fn a_slave_that_lacks_what_a_scene_takes_is_passed_over_and_no_frame_has_failed() {
    let farm = Farm::start();
    let bare = FakeBlender::told(r#"{"lacks_on_open": "the scene has nodes of an add-on that this Blender lacks: FooNode"}"#);
    let _bare = farm.slave(&bare, "bare");
    let job = farm.submit(&bare.scene(), "1-8", 2);
    let explained = || {
        farm.ask(async |link| link.get::<JobInfo>(&format!("jobs/{job}")).await)
            .explanation
    };
    wait_until("it is found out", || explained()[0].ends_with("this Blender lacks: FooNode"));
    let able = FakeBlender::told("{}");
    let _able = farm.slave(&able, "able");
    let frames = farm.wait_for_end(job);
    assert!(
        frames
            .iter()
            .all(|frame| frame.state == FrameStateInfo::Done && frame.failure.is_none()),
        "{frames:?}"
    );
    assert_eq!(farm.thumbnails(job), 8, "they come with the results, before anybody looks");
}

#[test]
fn a_cancelled_job_leaves_no_process() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"render_ms": 600000, "grandchild": true}"#);
    let slave = farm.slave(&blender, "one");
    let job = farm.submit(&blender.scene(), "1-3", 3);
    wait_until("it renders", || slave.status().state == SlaveState::Rendering);
    let escaped = blender.grandchild().unwrap();
    assert!(lives(escaped));
    farm.ask(async |link| link.act(&format!("jobs/{job}/cancel")).await);
    wait_until("it is idle again", || slave.status().state == SlaveState::Idle);
    assert!(!lives(escaped), "a slave is idle only once nothing of its Blender is left");
    blender.tell("{}");
    let next = farm.submit(&blender.scene(), "1-3", 1);
    farm.wait_for_end(next);
}

#[test]
fn a_frame_that_takes_longer_than_it_may_is_ended_with_all_that_it_started() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"hang_on_frames": [1], "grandchild": true}"#);
    let slave = farm.slave(&blender, "one");
    let job = farm.submit(&blender.scene(), "1", 1);
    wait_until("it renders", || slave.status().state == SlaveState::Rendering);
    let escaped = blender.grandchild().unwrap();
    let limits = serde_json::json!({"frame_s": 1});
    let _: JobInfo = farm.ask(async |link| link.patch(&format!("jobs/{job}"), &limits).await);
    let failure = || farm.frames(job)[0].failure.clone().unwrap_or_default();
    wait_until("it says why", || {
        failure().contains("took longer than the 1 s that a frame of this job may take")
    });
    wait_until("nothing of it is left", || !lives(escaped));
}

/// One frame of three misbehaves once: it is done at the second attempt, and what happened can be read.
fn check_second_attempt(orders: &str, words: &str, printed: &str) {
    let farm = Farm::start();
    let blender = FakeBlender::told(orders);
    let mut options = farm.slave_options(&blender, "one");
    options.hang_timeout = Duration::from_secs(1);
    options.log_console = true;
    let slave = Slave::start(options).unwrap();
    let job = farm.submit(&blender.scene(), "1-3", 3);
    let frames = farm.wait_for_end(job);
    let attempts: Vec<u32> = frames.iter().map(|frame| frame.attempt).collect();
    assert_eq!(attempts, [1, 2, 1], "{frames:?}");
    let failure = frames[1].failure.clone().unwrap_or_default();
    assert!(failure.contains(words), "{failure}");
    let log = farm.log(job, 2, 1);
    assert!(log.contains(printed), "{log}");
    let told = slave.events();
    assert!(
        told.iter()
            .any(|it| it.kind == HappeningKind::Log && it.text.contains(printed)),
        "{told:?}"
    );
}

#[test]
fn a_frame_at_which_blender_crashes_is_tried_again() {
    check_second_attempt(
        r#"{"crash_on_frames": [2], "times": 1}"#,
        "Blender crashed",
        "fake: about to crash",
    );
}

#[test]
fn a_frame_at_which_blender_hangs_is_tried_again() {
    check_second_attempt(
        r#"{"hang_on_frames": [2], "times": 1}"#,
        "Blender hung",
        "fake: about to hang",
    );
}

#[test]
fn a_picture_that_is_cut_short_never_reaches_the_master() {
    check_second_attempt(r#"{"truncate_frames": [2], "times": 1}"#, "cannot be used", "Fra:2 ");
}

#[test]
fn a_picture_of_another_size_never_reaches_the_master() {
    check_second_attempt(r#"{"shrink_frames": [2], "times": 1}"#, "is 1x1 pixels, not 8x8", "Fra:2 ");
}

#[test]
fn a_picture_without_one_of_the_view_layers_is_a_failed_frame() {
    let farm = Farm::start();
    let blender = FakeBlender::told(r#"{"layers": ["ViewLayer", "Fog"]}"#);
    let _slave = farm.slave(&blender, "one");
    let job = farm.submit(&blender.scene(), "1", 1);
    let failure = || farm.frames(job)[0].failure.clone().unwrap_or_default();
    wait_until("it says what is missing", || {
        failure().contains("the view layer \"Fog\" is not in it")
    });
}

#[test]
fn a_master_that_goes_away_and_comes_back_gets_what_was_rendered_meanwhile() {
    let mut farm = Farm::start();
    let blender = FakeBlender::told(r#"{"render_ms": 100}"#);
    let slave = farm.slave(&blender, "one");
    let job = farm.submit(&blender.scene(), "1-12", 12);
    wait_until("a frame is done", || slave.status().done > 0);
    farm.stop_master();
    wait_until("it has rendered the rest", || slave.status().state == SlaveState::Connecting);
    farm.start_master();
    let frames = farm.wait_for_end(job);
    assert!(
        frames.iter().all(|frame| frame.attempt == 1),
        "a frame was rendered twice: {frames:?}"
    );
}

#[test]
fn what_a_stopped_slave_could_not_deliver_is_delivered_by_the_next_one() {
    let mut farm = Farm::start();
    let blender = FakeBlender::told(r#"{"render_ms": 300}"#);
    let slave = farm.slave(&blender, "one");
    let id = slave.status().id;
    let job = farm.submit(&blender.scene(), "1-2", 2);
    wait_until("it renders", || slave.status().state == SlaveState::Rendering);
    farm.stop_master();
    wait_until("it has rendered both", || slave.status().state == SlaveState::Connecting);
    slave.stop(PATIENCE).unwrap();
    blender.tell(r#"{"fail_on_frames": [1, 2]}"#);
    farm.start_master();
    let again = farm.slave(&blender, "one");
    let frames = farm.wait_for_end(job);
    assert!(
        frames.iter().all(|frame| frame.attempt == 1),
        "a frame was rendered twice: {frames:?}"
    );
    assert!(id.is_none() || again.status().id == id);
}

#[test]
fn a_slave_with_a_wrong_key_says_so_once_and_goes_on_trying() {
    let farm = Farm::start();
    let blender = FakeBlender::told("{}");
    let mut options = farm.slave_options(&blender, "one");
    options.keys = KeySource::Given(FarmKey::generate().unwrap());
    let slave = Slave::start(options).unwrap();
    wait_until("it says why", || slave.status().text.contains("the key belongs to farm"));
    assert_eq!(slave.status().state, SlaveState::Connecting);
    slave.stop(PATIENCE).unwrap();
    let warnings = slave
        .events()
        .into_iter()
        .filter(|it| it.kind == HappeningKind::Warning)
        .count();
    assert_eq!(warnings, 1);
}

#[test]
fn a_slave_that_stops_gives_back_what_it_has_not_rendered() {
    let farm = Farm::start();
    let slow = FakeBlender::told(r#"{"render_ms": 600000}"#);
    let slave = farm.slave(&slow, "slow");
    let job = farm.submit(&slow.scene(), "1-3", 3);
    wait_until("it renders", || slave.status().state == SlaveState::Rendering);
    slave.stop(PATIENCE).unwrap();
    let quick = FakeBlender::told("{}");
    let _other = farm.slave(&quick, "quick");
    let frames = farm.wait_for_end(job);
    assert!(frames.iter().all(|frame| frame.failure.is_none()), "{frames:?}");
}
