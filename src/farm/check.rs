//! What must be true of a farm at any time, between its parts.

use super::Farm;
use super::balance::Standing;
use super::job::Job;
use super::model::JobState;
use super::slave::{Chunk, Slave};
use super::task::{State, Task};
use crate::ids::TaskIndex;
use std::collections::{BTreeMap, BTreeSet};

/// Asserts every cross-reference and every counter of a farm: for tests, after each event. O(everything).
///
/// # Panics
///
/// If anything is wrong.
pub fn check(farm: &Farm) {
    let mut held = BTreeMap::new();
    for slave in farm.slaves.values() {
        check_slave(farm, slave);
        for chunk in &slave.chunks {
            for task in &chunk.tasks {
                let holders: &mut BTreeSet<_> = held.entry((chunk.job, *task)).or_default();
                assert!(holders.insert(slave.id()), "{} has task {task} twice", slave.id());
            }
        }
    }
    let leased: u32 = farm.jobs.values().map(|job| job.leased).sum();
    assert_eq!(leased as usize, held.len(), "leased tasks and tasks in slaves' hands");
    for ((job, task), holders) in held {
        let holds: BTreeSet<_> = farm.jobs[&job].holds_of(task).map(|hold| hold.slave).collect();
        assert_eq!(holders, holds, "who has task {task} of {job}");
    }
    farm.jobs.values().for_each(|job| check_job(farm, job));
    check_balance(farm);
    check_waits(farm);
    check_dependencies(farm);
    farm.check_bans();
    farm.check_rests();
}

/// Asserts what one event may have broken: for farms too large to be checked whole after each.
#[cfg(test)]
pub(super) fn check_touched(farm: &Farm, job: Option<crate::ids::JobId>, slave: Option<crate::ids::SlaveId>) {
    if let Some(slave) = slave.and_then(|id| farm.slaves.get(&id)) {
        check_slave(farm, slave);
    }
    if let Some(job) = job.and_then(|id| farm.jobs.get(&id)) {
        let counted = job.waiting() + job.leased + job.done + job.failed;
        assert_eq!(counted, job.task_count(), "tasks of {}", job.id());
        check_state(farm, job);
        if let Some(share) = farm.balance.share(job.id()) {
            assert_eq!(share.dispatched, job.dispatched(), "dispatched tasks of {}", job.id());
            assert_eq!(share.standing == Standing::Ready, job.is_ready(), "readiness of {}", job.id());
            assert!(
                share.slots + share.spare <= job.leased + job.leased_twice,
                "slots of {}",
                job.id()
            );
        }
    }
    farm.balance.check();
}

fn check_job(farm: &Farm, job: &Job) {
    let (mut leased, mut leased_twice, mut done, mut failed) = (0, 0, 0, 0);
    for (index, task) in job.touched() {
        let fails_before = job.failures.contains_key(&index);
        let counts = !job.dropped.contains(index);
        let queued = task.state == State::Queued && counts;
        let is_held = job.is_held(index);
        assert_eq!(
            job.fresh.contains(index),
            queued && !is_held && !fails_before,
            "task {index} among the fresh"
        );
        assert_eq!(
            job.retries.contains(index),
            queued && !is_held && fails_before,
            "task {index} among the retries"
        );
        match task.state {
            _ if !counts => assert!(!matches!(task.state, State::Leased { .. }), "task {index} was taken out"),
            State::Queued => {}
            State::Leased { .. } | State::Done { .. } if is_held => panic!("task {index} is before its time"),
            State::Leased { second, .. } => {
                leased += 1;
                leased_twice += u32::from(second.is_some());
                check_holds(farm, job, index, task);
            }
            State::Done { .. } => done += 1,
            State::Failed { .. } => failed += 1,
        }
        assert!(
            (task.state == State::Queued || task.attempt.0 > 0) && task.attempt.0 <= task.attempts,
            "task {index} was never leased"
        );
    }
    assert_eq!(
        (leased, leased_twice, done, failed),
        (job.leased, job.leased_twice, job.done, job.failed),
        "counters of {}",
        job.id()
    );
    assert_eq!(
        job.waiting() + leased + done + failed,
        job.task_count(),
        "tasks of {}",
        job.id()
    );
    check_frames(job);
    check_state(farm, job);
}

fn check_holds(farm: &Farm, job: &Job, index: TaskIndex, task: Task) {
    let mut attempts = BTreeSet::new();
    for hold in task.holds() {
        let slave = &farm.slaves[&hold.slave];
        assert!(slave.online, "task {index} is leased to a slave that is gone");
        assert!(slave.chunk_of(job.id(), index).is_some(), "task {index} is in no chunk");
        assert!(hold.attempt.0 <= task.attempts, "attempt {} of task {index}", hold.attempt);
        assert!(attempts.insert(hold.attempt), "two leases of task {index} have one attempt");
    }
}

fn check_state(farm: &Farm, job: &Job) {
    match job.state() {
        JobState::Waiting => assert!(job.record.job.files_missing || farm.is_held_back(job)),
        JobState::Queued => assert!(!job.record.job.files_missing && !farm.is_held_back(job) && !job.is_worked_off()),
        JobState::Paused => assert!(!job.is_worked_off()),
        JobState::Finished => assert_eq!(job.done, job.task_count()),
        JobState::Failed => assert!(job.is_worked_off() && job.failed > 0),
        JobState::Cancelled => assert_eq!(job.leased, 0),
    }
}

/// What is taken out, and nothing else, is in no queue and no counter.
fn check_frames(job: &Job) {
    assert_eq!(job.record.layout.grid(), job.record.job.tiles, "tiles of {}", job.id());
    let denoises = job.record.job.denoises && !job.record.job.tiles.is_whole();
    assert_eq!(job.record.layout.denoises(), denoises, "denoising of {}", job.id());
    for index in (0..job.record.layout.len()).map(TaskIndex) {
        let waits = job.task(index).is_some_and(|task| task.state == State::Queued) && !job.dropped.contains(index);
        assert_eq!(
            job.held.contains(index),
            waits && job.is_held(index),
            "task {index} among those held"
        );
        assert_eq!(job.dropped.contains(index), !job.is_wanted(index), "frame of task {index}");
    }
    assert_eq!(
        job.record.layout.len(),
        job.task_count() + job.dropped.len(),
        "frames of {}",
        job.id()
    );
}

/// Both directions say the same.
fn check_dependencies(farm: &Farm) {
    let links = |job: &Job| {
        let id = job.id();
        job.record.job.depends_on.iter().map(move |on| (*on, id)).collect::<Vec<_>>()
    };
    let forth: BTreeSet<_> = farm.jobs.values().flat_map(links).collect();
    let back = farm.dependents.iter();
    let back: BTreeSet<_> = back.flat_map(|(on, ids)| ids.iter().map(|id| (*on, *id))).collect();
    assert_eq!(forth, back, "dependencies");
}

fn check_slave(farm: &Farm, slave: &Slave) {
    let id = slave.id();
    assert!(
        slave.online || slave.chunks.is_empty() && slave.waiting == 0,
        "{id} is gone but has something"
    );
    assert!(slave.waiting <= slave.slots(), "{id} waits more often than it has slots");
    assert_eq!(slave.waiting as usize, farm.waits.of(id).len(), "waits of {id}");
    for chunk in &slave.chunks {
        assert!(!chunk.tasks.is_empty(), "an empty chunk of {id}");
        assert!(chunk.tasks.is_sorted());
        let job = &farm.jobs[&chunk.job];
        let unrendered = |task: &&_| match job.hold_of(**task, id) {
            Some(hold) => !hold.rendered,
            None => panic!("{id} holds a task that is {:?}", job.task(**task)),
        };
        assert_eq!(
            chunk.tasks.iter().filter(unrendered).count(),
            chunk.unrendered,
            "unrendered tasks of {id}"
        );
    }
    let due = farm.silence_due;
    let silent_at = slave.last_seen.plus_millis(farm.settings.silence_ms());
    assert!(
        !slave.online || due.is_some_and(|due| due <= silent_at),
        "nobody notices when {id} goes silent"
    );
}

fn check_balance(farm: &Farm) {
    let online = farm.slaves.values().filter(|slave| slave.online);
    assert_eq!(
        online.map(Slave::slots).sum::<u32>(),
        farm.balance.slots(),
        "slots of the farm"
    );
    let mut shares = BTreeSet::new();
    for share in farm.balance.shares() {
        let id = share.job;
        shares.insert(id);
        let job = &farm.jobs[&id];
        let chunks = farm.slaves.values().flat_map(|slave| &slave.chunks);
        let slots = chunks.filter(|chunk| chunk.job == id && chunk.unrendered > 0).count();
        assert_eq!(share.slots as usize, slots, "slots of {id}");
        let chunks = farm.slaves.values().flat_map(|slave| &slave.chunks);
        let spare: u32 = chunks.filter(|chunk| chunk.job == id).map(Chunk::spare).sum();
        assert_eq!(share.spare, spare, "spare tasks of {id}");
        assert_eq!(share.dispatched, job.dispatched(), "dispatched tasks of {id}");
        assert_eq!(share.standing == Standing::Ready, job.is_ready(), "readiness of {id}");
        assert_eq!(share.standing == Standing::Over, job.state().is_over(), "end of {id}");
    }
    for job in farm.jobs.values().filter(|job| !job.state().is_over()) {
        assert!(shares.contains(&job.id()), "{} has no share", job.id());
    }
    farm.balance.check();
}

/// Nobody waits while there is work, except for tasks that are kept from those who failed them, and except that a job which
/// has its share leaves the rest to another one.
fn check_waits(farm: &Farm) {
    assert!(farm.waits.is_consistent(), "waits");
    for (request, wait) in farm.waits.iter() {
        let slave = &farm.slaves[&wait.slave];
        let full = slave.held() >= super::limits::SLAVE_TASKS_MAX || farm.disk_is_low;
        let fitting = || farm.jobs.values().filter(|job| farm.obstacle(slave, job).is_none());
        for job in fitting().filter(|job| !job.fresh.is_empty() && !full) {
            let id = job.id();
            let is_held_back = farm.balance.is_held_back(id).is_some() && fitting().any(|other| other.id() != id);
            assert!(is_held_back, "{request:?} waits, but {id} has work");
        }
    }
}
