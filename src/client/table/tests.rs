//! What a gathering makes of what the master tells.

use super::*;
use crate::error::Error;
use crate::ids::ContentHash;

fn set(text: &str) -> FrameSet {
    text.parse().unwrap()
}

fn info(frame: i32, state: FrameStateInfo) -> FrameInfo {
    FrameInfo {
        frame,
        tile: None,
        tiles: None,
        state,
        attempt: 1,
        slave: None,
        percent: None,
        seconds: None,
        size_bytes: Some(10),
        hash: Some(ContentHash([1; 32])),
        failure: Some("no camera".to_owned()),
        bake: None,
    }
}

#[test]
fn finished_frames_are_fetched_in_order_and_the_awaited_one_first() {
    let mut table = Table::new(set("1-10"), &set("1-10"));
    for frame in [7, 3, 5] {
        table.learn(&info(frame, FrameStateInfo::Done));
    }
    let next: Vec<i32> = [Some(5), Some(9), None, None]
        .into_iter()
        .filter_map(|awaited| table.next_fetch(awaited))
        .map(|(frame, _)| frame)
        .collect();
    assert_eq!(next, [5, 3, 7]);
    table.learn(&info(5, FrameStateInfo::Done));
    assert_eq!(table.next_fetch(None), None, "what is being fetched is not fetched again");
    table.fetched(5, Ok("5.exr".into()), false);
    assert_eq!((table.here, table.here_bytes, table.state(5)), (1, 10, GatheredState::Here));
}

#[test]
fn a_fetch_that_failed_is_tried_again_a_few_times() {
    let mut table = Table::new(set("1"), &set("1"));
    let mut fetches = 0;
    loop {
        table.learn(&info(1, FrameStateInfo::Done));
        let Some((frame, _)) = table.next_fetch(None) else { break };
        fetches += 1;
        table.fetched(frame, Err(Error::conflict("other content")), true);
    }
    assert_eq!(fetches, FETCHES_MAX);
    assert_eq!(
        (table.state(1), table.failure(1)),
        (GatheredState::Failed, Some("other content"))
    );
    assert_eq!(table.open_pages().count(), 0);
}

#[test]
fn frames_that_were_reset_or_added_are_looked_at_anew() {
    let mut table = Table::new(set("1-3"), &set("1-3"));
    for frame in [1, 2] {
        table.learn(&info(frame, FrameStateInfo::Done));
        table.next_fetch(None);
    }
    table.fetched(1, Ok("1.exr".into()), false);
    table.renew(set("1-2,9"), Some(&set("1-2,9")));
    assert_eq!((table.here, table.wanted, table.here_bytes), (0, 3, 0));
    table.fetched(2, Ok("2.exr".into()), false);
    assert_eq!(table.state(2), GatheredState::Queued, "the old result is not the new one");
    table.learn(&info(2, FrameStateInfo::Done));
    assert!(table.next_fetch(None).is_some());
    assert_eq!(table.state(3), GatheredState::Unknown);
}

#[test]
fn pages_without_open_frames_are_left_alone() {
    let mut table = Table::new(set("1-3000"), &set("1500"));
    assert_eq!(table.open_pages().collect::<Vec<_>>(), [1]);
    table.learn(&info(1, FrameStateInfo::Done));
    assert_eq!(table.next_fetch(None), None, "an unwanted frame was fetched");
    table.learn(&info(1500, FrameStateInfo::Failed));
    assert_eq!(table.open_pages().count(), 0);
    assert!(table.want(1) && !table.want(3001));
    assert_eq!(table.open_pages().collect::<Vec<_>>(), [0]);
    assert_eq!(table.state(3001), GatheredState::Unknown);
}
