//! Balancing by numbers.

use crate::farm::sim::trial::{Answer, Trial, a_job};
use crate::farm::{Event, Rules};

fn change(trial: &mut Trial, rules: Rules) {
    let answer = trial.ask(|request| Event::RulesChanged { request, rules });
    assert_eq!(answer, Some(Answer::Accept));
}

#[test]
fn a_job_gets_no_more_than_its_share_unless_it_is_the_only_one() {
    let mut trial = Trial::new();
    let slaves: Vec<_> = (1..=4).map(|number| trial.slave(number)).collect();
    let mut rules = Rules::default();
    rules.share.limit = 25;
    change(&mut trial, rules);
    let jobs = [1, 2].map(|number| trial.submit(a_job(number, 9)));
    let wanted: Vec<_> = slaves.iter().map(|slave| trial.want(*slave).is_some()).collect();
    assert_eq!(wanted, [true, true, false, false], "one slave each");
    let told = trial.farm.explain_job(jobs[0]);
    assert_eq!(told, ["waiting: uses 25 % of 4 slaves, limit 25 %"]);
    trial.pause(jobs[1]);
    assert_eq!(trial.farm.job(jobs[0]).unwrap().leased, 3, "who waited has the rest");
}

#[test]
fn what_no_other_job_could_use_is_not_kept_free() {
    let mut trial = Trial::new();
    let slaves: Vec<_> = (1..=4).map(|number| trial.slave(number)).collect();
    let (plain, picky) = (a_job(1, 9), a_job(2, 9));
    let plain = trial.submit(plain);
    trial.submit(crate::farm::NewJob {
        tags: vec!["gpu".to_owned()],
        ..picky
    });
    for slave in slaves {
        trial.leased(slave);
    }
    assert_eq!(trial.farm.job(plain).unwrap().leased, 4);
}

#[test]
fn rules_that_are_changed_hold_at_once_and_after_a_restart() {
    let mut trial = Trial::new();
    let slaves: Vec<_> = (1..=4).map(|number| trial.slave(number)).collect();
    let jobs = [1, 2].map(|number| trial.submit(a_job(number, 9)));
    let mut rules = Rules::default();
    rules.share.limit = 25;
    change(&mut trial, rules);
    for slave in &slaves {
        trial.want(*slave);
    }
    let leased = |trial: &Trial| jobs.map(|job| trial.farm.job(job).unwrap().leased);
    assert_eq!(leased(&trial), [1, 1]);
    rules.share.enabled = false;
    change(&mut trial, rules);
    assert_eq!(leased(&trial), [2, 2], "who waited has work at once");
    trial.restart();
    assert_eq!(trial.farm.rules(), rules);
}

#[test]
fn a_new_job_comes_before_all_that_were_dispatched() {
    let mut trial = Trial::new();
    let slave = trial.slave(1);
    trial.submit(crate::farm::NewJob {
        priority: 10,
        category: "film".to_owned(),
        ..a_job(1, 9)
    });
    let task = trial.leased(slave)[0];
    trial.pass(60_000);
    let used = trial.submit(crate::farm::NewJob {
        category: "film".to_owned(),
        ..a_job(2, 9)
    });
    trial.done(slave, task);
    assert_eq!(trial.leased(slave)[0].job, used);
}

#[test]
fn a_job_that_has_had_no_slave_for_too_long_comes_first() {
    let mut trial = Trial::new();
    let slave = trial.slave(1);
    let poor = trial.submit(a_job(1, 9));
    let task = trial.leased(slave)[0];
    trial.done(slave, task);
    let rich = trial.submit(crate::farm::NewJob {
        priority: 10,
        ..a_job(2, 900)
    });
    let mut order = Vec::new();
    for _ in 0..60 {
        let task = trial.leased(slave)[0];
        trial.pass(10_000);
        trial.done(slave, task);
        order.push(task.job);
    }
    let turns: Vec<_> = (0..)
        .zip(&order)
        .filter(|(_, job)| **job == poor)
        .map(|(turn, _)| turn)
        .collect();
    assert!(
        turns.windows(2).all(|pair| pair[1] - pair[0] <= 14),
        "every two minutes: {turns:?}"
    );
    assert!(order.iter().filter(|job| **job == rich).count() > 50);
}
