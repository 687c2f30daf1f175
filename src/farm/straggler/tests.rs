use crate::farm::sim::trial::{Answer, Trial, a_job, tasks_of};
use crate::farm::{Effect, Event, JobEdit, JobState, Limits, NewJob, Refusal, ReportBody, Reset, Settings, TaskRef, TaskState};
use crate::ids::{Attempt, SlaveId};

/// A job of which one frame is still with a slow slave, when a quick one that did all others asks for more.
fn at_the_end(job: NewJob) -> (Trial, [SlaveId; 2], TaskRef) {
    let mut trial = Trial::new();
    let [slow, quick] = [1, 2].map(|number| trial.slave(number));
    trial.submit(job);
    let first = trial.leased(slow)[0];
    while let Some(Answer::Lease(lease)) = trial.want(quick) {
        trial.done_in(quick, tasks_of(&lease)[0], 2.0);
    }
    (trial, [slow, quick], first)
}

/// The same when the quick one has that frame too.
fn twice(job: NewJob) -> (Trial, [SlaveId; 2], [TaskRef; 2]) {
    let (mut trial, [slow, quick], first) = at_the_end(job);
    let second = leased_later(&mut trial, quick).expect("it is leased a second time");
    assert_eq!((second.job, second.task, second.attempt), (first.job, first.task, Attempt(2)));
    (trial, [slow, quick], [first, second])
}

/// What a slave that waits is leased within some seconds.
fn leased_later(trial: &mut Trial, slave: SlaveId) -> Option<TaskRef> {
    let told = trial.pass(13_000);
    told.iter().find_map(|effect| match effect {
        Effect::Lease { slave: it, lease, .. } if *it == slave => Some(tasks_of(lease)[0]),
        _ => None,
    })
}

fn told_to_stop(told: &[Effect]) -> Vec<(SlaveId, TaskRef)> {
    let order = |effect: &Effect| match effect {
        Effect::Cancel { slave, task } => Some((*slave, *task)),
        _ => None,
    };
    told.iter().filter_map(order).collect()
}

fn deliver(trial: &mut Trial, slave: SlaveId, task: TaskRef) -> Vec<Effect> {
    let request = trial.request();
    let (seconds, result) = (2.0, None);
    let body = ReportBody::Done { seconds, result };
    trial.happen(&Event::Report {
        request,
        slave,
        task,
        body,
    })
}

#[test]
fn of_two_results_the_first_wins_whoever_brings_it() {
    for winner in [0, 1] {
        let (mut trial, slaves, tasks) = twice(a_job(1, 6));
        let loser = 1 - winner;
        let told = deliver(&mut trial, slaves[winner], tasks[winner]);
        assert_eq!(told_to_stop(&told), [(slaves[loser], tasks[loser])]);
        assert_eq!(trial.state(tasks[0].job), JobState::Finished);
        for _ in 0..2 {
            let late = trial.done(slaves[loser], tasks[loser]);
            assert_eq!(late, Answer::Refuse(Refusal::Stale(tasks[loser])));
            assert_eq!(trial.done(slaves[winner], tasks[winner]), Answer::Accept, "told again");
            trial.restart();
        }
        let record = trial.farm.task(tasks[0].job, tasks[0].task).unwrap();
        assert_eq!((record.attempt, record.attempts), (tasks[winner].attempt, 2));
        assert!(trial.farm.slave(slaves[loser]).unwrap().leased.is_empty());
        trial.reset(tasks[0].job, Reset::Frames("1".parse().unwrap()));
        let late = trial.done(slaves[loser], tasks[loser]);
        assert_eq!(late, Answer::Refuse(Refusal::Stale(tasks[loser])), "after a reset too");
        assert_eq!(
            trial.leased(slaves[winner])[0].attempt,
            Attempt(4),
            "no number is given twice"
        );
    }
}

#[test]
fn people_are_told_why_a_frame_is_rendered_twice() {
    let (trial, [_, quick], [first, _]) = twice(a_job(1, 6));
    assert_eq!(
        trial.farm.explain_slave(quick)[0],
        format!(
            "renders frame 1 of job {} (job 1) a second time, because node has rendered it for 12 s and this slave needs \
             about 2 s",
            first.job
        )
    );
    let told = trial.farm.explain_job(first.job);
    assert_eq!(told, ["rendering: the last frame is with slaves, 1 of them with two"]);
}

#[test]
fn of_two_frames_the_other_one_tells_enough() {
    let (mut trial, slaves, tasks) = twice(a_job(1, 2));
    assert_eq!(trial.done(slaves[1], tasks[1]), Answer::Accept);
    assert_eq!(trial.state(tasks[0].job), JobState::Finished);
}

#[test]
fn no_frame_is_rendered_by_three() {
    let (mut trial, ..) = twice(a_job(1, 6));
    let third = trial.slave(3);
    assert_eq!(trial.want(third), None);
    assert_eq!(leased_later(&mut trial, third), None);
}

#[test]
fn a_frame_is_not_rendered_twice_before_it_is_late_nor_if_the_farm_does_not_want_it() {
    let (mut trial, [slow, quick], _) = at_the_end(a_job(1, 6));
    assert_eq!(trial.pass(9_000), []);
    trial.set(Settings {
        straggler_s: 0,
        ..Settings::default()
    });
    assert_eq!(leased_later(&mut trial, quick), None);
    assert!(trial.farm.slave(slow).unwrap().leased.len() == 1);
}

#[test]
fn a_slave_that_is_no_faster_gets_nothing() {
    let (mut trial, [slow, quick], first) = at_the_end(a_job(1, 6));
    trial.done(slow, first);
    // It is as slow as the other one, as both have shown by now.
    trial.submit(a_job(2, 7));
    for _ in 0..6 {
        let task = trial.leased(quick)[0];
        trial.done_in(quick, task, 30.0);
    }
    trial.leased(slow);
    assert_eq!(trial.want(quick), None);
    assert_eq!(leased_later(&mut trial, quick), None);
}

#[test]
fn whoever_has_other_work_renders_nothing_twice() {
    let (mut trial, [_, quick], first) = at_the_end(a_job(1, 6));
    trial.pass(5_000);
    trial.submit(a_job(2, 2));
    let other = trial.farm.slave(quick).unwrap().leased[0];
    assert_ne!(other.job, first.job);
    trial.done(quick, other);
    assert_ne!(trial.leased(quick)[0].job, first.job);
    assert_eq!(leased_later(&mut trial, quick), None);
}

#[test]
fn a_failure_of_one_leaves_the_frame_to_the_other() {
    for failing in [0, 1] {
        let limits = Limits {
            attempts_max: 1,
            ..Limits::default()
        };
        let (mut trial, slaves, tasks) = twice(NewJob { limits, ..a_job(1, 6) });
        let job = tasks[0].job;
        for _ in 0..2 {
            assert_eq!(trial.fail(slaves[failing], tasks[failing]), Answer::Accept, "told again");
            let record = trial.farm.task(job, tasks[0].task).unwrap();
            assert!(matches!(record.state, TaskState::Leased { second: None, .. }), "{record:?}");
            assert_eq!(record.failures, 1);
        }
        trial.restart();
        assert_eq!(trial.fail(slaves[failing], tasks[failing]), Answer::Accept, "and again");
        assert_eq!(trial.done(slaves[1 - failing], tasks[1 - failing]), Answer::Accept);
        assert_eq!(trial.state(job), JobState::Finished);
    }
    let (mut trial, slaves, tasks) = twice(a_job(1, 6));
    for place in [0, 1] {
        trial.fail(slaves[place], tasks[place]);
    }
    let record = trial.farm.task(tasks[0].job, tasks[0].task).unwrap();
    assert_eq!((record.state, record.failures), (TaskState::Queued, 2));
}

#[test]
fn what_one_of_two_loses_the_other_goes_on_with() {
    let lose: [fn(&mut Trial, SlaveId, TaskRef); 4] = [
        |trial, slave, _| {
            trial.happen(&Event::SlaveLeft { slave });
        },
        |trial, slave, task| {
            trial.report(slave, task, ReportBody::Returned);
        },
        |trial, slave, _| {
            trial.slave(slave.bits() - 1_000);
        },
        |trial, slave, task| {
            let (job, reason) = (Some(task.job), String::new());
            trial.ask(|request| Event::SlaveBanned {
                request,
                job,
                slave,
                reason,
            });
        },
    ];
    for lose in lose {
        for loser in [0, 1] {
            let (mut trial, slaves, tasks) = twice(a_job(1, 6));
            lose(&mut trial, slaves[loser], tasks[loser]);
            assert_eq!(trial.farm.slave(slaves[loser]).unwrap().leased, []);
            assert_eq!(trial.farm.job(tasks[0].job).unwrap().leased, 1);
            trial.restart();
            let late = trial.done(slaves[loser], tasks[loser]);
            assert_eq!(late, Answer::Refuse(Refusal::Stale(tasks[loser])), "somebody has the frame");
            assert_eq!(trial.done(slaves[1 - loser], tasks[1 - loser]), Answer::Accept);
            assert_eq!(trial.state(tasks[0].job), JobState::Finished);
        }
    }
}

#[test]
fn what_nobody_wants_any_more_both_are_told_to_stop() {
    let ends: [fn(TaskRef, crate::farm::RequestId) -> Event; 4] = [
        |task, request| Event::JobCancelled { request, job: task.job },
        |task, request| Event::JobRemoved {
            request,
            job: task.job,
            keep_results: false,
        },
        |task, request| Event::JobReset {
            request,
            job: task.job,
            which: Reset::All,
        },
        |task, request| Event::JobEdited {
            request,
            job: task.job,
            edit: Box::new(JobEdit {
                remove_frames: Some("1".parse().unwrap()),
                ..JobEdit::default()
            }),
        },
    ];
    for end in ends {
        let (mut trial, slaves, tasks) = twice(a_job(1, 6));
        let request = trial.request();
        let told = trial.happen(&end(tasks[0], request));
        assert_eq!(told_to_stop(&told), [(slaves[0], tasks[0]), (slaves[1], tasks[1])]);
        for place in [0, 1] {
            assert!(matches!(trial.done(slaves[place], tasks[place]), Answer::Refuse(_)));
        }
    }
}

#[test]
fn a_paused_job_lets_both_end_and_a_restarted_master_knows_both() {
    let (mut trial, slaves, tasks) = twice(a_job(1, 6));
    trial.pause(tasks[0].job);
    trial.report(slaves[0], tasks[0], ReportBody::Rendered);
    trial.restart();
    for place in [0, 1] {
        assert_eq!(trial.farm.slave(slaves[place]).unwrap().leased, [tasks[place]]);
    }
    let told = deliver(&mut trial, slaves[1], tasks[1]);
    assert_eq!(told_to_stop(&told), [(slaves[0], tasks[0])]);
    assert_eq!(trial.state(tasks[0].job), JobState::Finished);
}

#[test]
fn how_fast_a_slave_is_shows_against_the_others() {
    let mut trial = Trial::new();
    let [slow, quick] = [1, 2].map(|number| trial.slave(number));
    assert!((trial.farm.slave(slow).unwrap().speed - 1.0).abs() < f64::EPSILON);
    trial.submit(a_job(1, 12));
    for _ in 0..5 {
        for (slave, seconds) in [(quick, 2.0), (slow, 6.0)] {
            let task = trial.leased(slave)[0];
            trial.done_in(slave, task, seconds);
        }
    }
    let [slow, quick] = [slow, quick].map(|slave| trial.farm.slave(slave).unwrap().speed);
    assert!(slow < quick, "{slow} {quick}");
}
