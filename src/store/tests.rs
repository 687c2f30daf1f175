//! What was applied is there after a reopening; what is not ours is never touched.

use super::*;
use crate::farm::{BanCause, Hold, JobState, Limits, Machine, Moment, NewJob, ResultFile, TaskState, Transition};
use crate::ids::{Attempt, Role};

fn job(bits: u64) -> JobRecord {
    let (at, state) = (Moment(1_000), JobState::Waiting);
    JobRecord {
        job: NewJob {
            id: JobId::from_bits(bits),
            name: "shot 010 \"ü\"".to_owned(),
            sent_by: Role::Submit,
            category: "film".to_owned(),
            tags: vec!["gpu".to_owned(), "big memory".to_owned()],
            requirements: "cores>=8; os=linux".parse().unwrap(),
            priority: 3,
            chunk_tasks: 5,
            frames: "-5-10,20".parse().unwrap(),
            tiles: "4x3".parse().unwrap(),
            denoises: true,
            blender: Some("3.4.1".parse().unwrap()),
            runs_scripts: true,
            files_missing: true,
            depends_on: vec![JobId::from_bits(70), JobId::from_bits(71)],
            limits: Limits {
                attempts_max: 5,
                silence_s: 20,
                stall_s: 30,
                frame_s: 40,
            },
            unwanted: vec![SlaveId::from_bits(72)],
            bakes: Vec::new(),
        },
        layout: "4x3+1:-5-10,20".parse().unwrap(),
        resets: 0,
        submitted: at,
        transitions: vec![Transition { at, state }],
        last_dispatched: None,
    }
}

fn slave(bits: u64) -> SlaveRecord {
    SlaveRecord {
        id: SlaveId::from_bits(bits),
        machine: Machine {
            name: "node3".to_owned(),
            tags: vec!["gpu".to_owned()],
            blenders: vec!["3.4.1".parse().unwrap(), "5.0.1".parse().unwrap()],
            slots: 2,
            cores: 8,
            memory_bytes: 32 << 30,
            os: "Linux (Debian GNU/Linux 12)".to_owned(),
            gpus: vec!["cuda".to_owned(), "NVIDIA GeForce RTX 4090".to_owned()],
            allows_scripts: true,
            denoises: true,
        },
        paused: true,
        own_tags: Some(vec!["cpu".to_owned(), "old".to_owned()]),
    }
}

fn task(attempt: u32, state: TaskState) -> TaskRecord {
    TaskRecord {
        attempt: Attempt(attempt),
        attempts: attempt + attempt / 2,
        failures: attempt - 1,
        state,
        last_failure: (attempt > 1).then(|| "Blender crashed".to_owned()),
        failed_on: vec![SlaveId::from_bits(3); attempt as usize - 1],
        failed_before: vec![SlaveId::from_bits(4)],
    }
}

fn tasks() -> Vec<(TaskIndex, TaskRecord)> {
    let slave = SlaveId::from_bits(9);
    let leased = TaskState::Leased {
        slave,
        since: Moment(77),
        rendered: true,
        second: Some(Hold {
            slave: SlaveId::from_bits(10),
            attempt: Attempt(3),
            since: Moment(78),
            rendered: false,
        }),
    };
    let done = TaskState::Done {
        slave,
        seconds: 1.5,
        result: Some(ResultFile {
            hash: ContentHash([7; 32]),
            size_bytes: 1 << 40,
        }),
    };
    let failed = TaskState::Failed {
        slave,
        reason: "no camera".to_owned(),
    };
    let states = [TaskState::Queued, leased, done, failed].into_iter().zip(1..);
    states
        .map(|(state, attempt)| (TaskIndex(attempt * 3), task(attempt, state)))
        .collect()
}

fn farm(change: Change) -> Write {
    Write::Farm(change)
}

#[test]
fn what_was_applied_is_there_after_a_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let mut expected = job(5);
    let mut writes = vec![
        farm(Change::JobAdded(Box::new(expected.clone()))),
        farm(Change::Slave(slave(9))),
        Write::Facts {
            slave: SlaveId::from_bits(9),
            document: "{}".to_owned(),
        },
        Write::Manifest {
            job: expected.job.id,
            document: "{\"main\":1}".to_owned(),
            contents: vec![ContentHash([1; 32]), ContentHash([1; 32]), ContentHash([2; 32])],
            bakes_from: None,
        },
        Write::Note {
            name: "directory",
            value: "master_1".to_owned(),
        },
    ];
    let transition = Transition {
        at: Moment(2_000),
        state: JobState::Queued,
    };
    writes.push(farm(Change::JobState {
        job: expected.job.id,
        transition,
    }));
    writes.extend([3_000, 4_000].map(|at| {
        farm(Change::JobDispatched {
            job: expected.job.id,
            at: Moment(at),
        })
    }));
    writes.extend(tasks().into_iter().map(|(index, record)| {
        farm(Change::Task {
            job: expected.job.id,
            task: index,
            record,
        })
    }));
    store.apply(&writes).unwrap();
    // A slave that tells other facts keeps what the master wrote.
    store.apply(&[farm(Change::Slave(slave(9)))]).unwrap();
    drop(store);

    let store = Store::open(folder.path()).unwrap();
    let loaded = store.load().unwrap();
    expected.transitions.push(transition);
    expected.last_dispatched = Some(Moment(4_000));
    assert_eq!(loaded.jobs, [(expected.clone(), tasks())]);
    assert_eq!(loaded.slaves, [(slave(9), Some("{}".to_owned()))]);
    assert_eq!(
        loaded.contents,
        [(expected.job.id, vec![ContentHash([1; 32]), ContentHash([2; 32])])]
    );
    assert_eq!(store.manifest(expected.job.id).unwrap().as_deref(), Some("{\"main\":1}"));
    assert_eq!(store.note("directory").unwrap().as_deref(), Some("master_1"));
    assert_eq!(store.note("other").unwrap(), None);
}

#[test]
fn a_removed_job_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let writes = [
        farm(Change::JobAdded(Box::new(job(5)))),
        farm(Change::JobAdded(Box::new(job(6)))),
        farm(Change::Task {
            job: JobId::from_bits(5),
            task: TaskIndex(0),
            record: task(1, TaskState::Queued),
        }),
        farm(Change::JobRemoved(JobId::from_bits(5))),
        farm(Change::Slave(slave(1))),
        farm(Change::SlaveRemoved(SlaveId::from_bits(1))),
    ];
    store.apply(&writes).unwrap();
    let loaded = store.load().unwrap();
    assert_eq!(loaded.jobs, [(job(6), vec![])]);
    assert!(loaded.slaves.is_empty() && loaded.contents.is_empty());
}

#[test]
fn of_a_batch_that_fails_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let twice = [
        farm(Change::Slave(slave(1))),
        farm(Change::JobAdded(Box::new(job(5)))),
        farm(Change::JobAdded(Box::new(job(5)))),
    ];
    assert!(store.apply(&twice).is_err());
    let loaded = store.load().unwrap();
    assert!(loaded.jobs.is_empty() && loaded.slaves.is_empty());
}

#[test]
fn a_file_that_is_not_ours_is_told_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATA_FILE);
    drop(Store::open(folder.path()).unwrap());
    let ours = std::fs::read(&path).unwrap();
    let changed = |place: usize, byte: u8| {
        let mut bytes = ours.clone();
        bytes[place] = byte;
        bytes
    };
    for (bytes, sentence) in [
        (b"my letter to grandma".to_vec(), "is no data file of a netrender master"),
        (vec![0; 4096], "is no data file of a netrender master"),
        (changed(68, 0), "is no data file of a netrender master"),
        (changed(63, 200), "was written by a newer netrender"),
        (ours[..ours.len() - 4096].to_vec(), "is damaged"),
        (
            ours.iter()
                .enumerate()
                .map(|(i, byte)| if i < 100 { *byte } else { 0xa5 })
                .collect(),
            "is damaged",
        ),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let error = Store::open(folder.path()).map(drop).unwrap_err();
        assert!(error.to_string().contains(sentence), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{sentence}: the file was changed");
    }
}

#[test]
fn an_empty_file_becomes_a_new_one_and_removal_takes_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(DATA_FILE), b"").unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store.apply(&[farm(Change::Slave(slave(1)))]).unwrap();
    drop(store);
    remove(folder.path()).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    remove(folder.path()).unwrap();
}

#[test]
fn the_numbers_in_a_new_file_are_those_that_are_looked_for() {
    let text = format!("PRAGMA application_id = {:#x};", header::APPLICATION_ID);
    assert!(schema::STEPS[0].contains(&text));
}

#[test]
fn a_file_of_each_older_release_is_brought_up_to_date_with_all_that_it_holds() {
    for version in 1..header::SCHEMA_VERSION {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join(DATA_FILE)).unwrap();
        for step in &schema::STEPS[..version as usize] {
            connection.execute_batch(step).unwrap();
        }
        connection.pragma_update(None, "user_version", version).unwrap();
        connection
            .execute_batch(
                "INSERT INTO job (id, name, category, tags, priority, chunk_tasks, frames, files_missing, submitted)
                 VALUES (5, 'old', '', '', 1, 0, '1-3', 0, 7);
                 INSERT INTO transition (job, at, state) VALUES (5, 7, 1);
                 INSERT INTO slave (id, name, tags, blenders, slots) VALUES (9, 'node3', 'gpu', '3.4.1', 2);",
            )
            .unwrap();
        drop(connection);
        let mut store = Store::open(folder.path()).unwrap();
        let loaded = store.load().unwrap();
        assert_eq!(loaded.jobs[0].0.job.name, "old", "version {version}");
        assert_eq!(loaded.slaves[0].0.machine.slots, 2, "version {version}");
        store.apply(&[farm(Change::JobAdded(Box::new(job(6))))]).unwrap();
        drop(store);
        assert_eq!(Store::open(folder.path()).unwrap().job_ids().unwrap().len(), 2);
    }
}

#[test]
fn rules_are_as_the_manual_has_them_until_they_are_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let mut rules = store.load().unwrap().rules;
    assert_eq!(rules, Rules::default());
    rules.share.limit = 50;
    rules.starving_first.enabled = false;
    store.apply(&[farm(Change::Rules(rules))]).unwrap();
    drop(store);
    assert_eq!(Store::open(folder.path()).unwrap().load().unwrap().rules, rules);
}

#[test]
fn contents_are_told_as_soon_as_no_job_needs_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let manifest = |job: u64, contents: &[u8]| Write::Manifest {
        job: JobId::from_bits(job),
        document: "{}".to_owned(),
        contents: contents.iter().map(|byte| ContentHash([*byte; 32])).collect(),
        bakes_from: None,
    };
    let removed = |job: u64| farm(Change::JobRemoved(JobId::from_bits(job)));
    assert!(store.apply(&[manifest(1, &[1, 2]), manifest(2, &[2, 3])]).unwrap().is_empty());
    assert_eq!(store.apply(&[removed(1)]).unwrap(), [ContentHash([1; 32])]);
    assert!(!store.needs(ContentHash([1; 32])).unwrap() && store.needs(ContentHash([2; 32])).unwrap());
    // Whoever announces the same files in the same breath still finds them.
    assert_eq!(store.apply(&[removed(2), manifest(3, &[2])]).unwrap(), [ContentHash([3; 32])]);
    // A job out of a repository has a manifest and no contents, after a restart as well.
    store.apply(&[manifest(4, &[])]).unwrap();
    assert!(store.load().unwrap().contents.contains(&(JobId::from_bits(4), Vec::new())));
}

#[test]
fn what_a_transition_said_of_a_jobs_files_its_row_says_now() {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open(folder.path().join(DATA_FILE)).unwrap();
    connection.execute_batch(schema::STEPS[0]).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection
        .execute_batch(
            "INSERT INTO job VALUES (1, 5, 'old', '', '', 1, 0, '1-3', NULL, 1, 1000, NULL);
             INSERT INTO job VALUES (2, 6, 'new', '', '', 1, 0, '1-3', NULL, 1, 1000, NULL);
             INSERT INTO transition VALUES (1, 5, 1000, 0), (2, 5, 2000, 1), (3, 6, 3000, 0);
             INSERT INTO task VALUES (5, 0, 2, 1, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'no camera');",
        )
        .unwrap();
    drop(connection);
    let loaded = Store::open(folder.path()).unwrap().load().unwrap();
    let [(old, tasks), (new, _)] = loaded.jobs.as_slice() else {
        panic!("{:?}", loaded.jobs);
    };
    assert!(
        !old.job.files_missing && new.job.files_missing,
        "a job that was queued has its files"
    );
    assert_eq!((old.layout.len(), old.resets, old.job.depends_on.len()), (3, 0, 0));
    assert_eq!(tasks[0].1.last_failure.as_deref(), Some("no camera"));
    assert_eq!((loaded.settings, loaded.bans.len()), (Settings::default(), 0));
}

#[test]
fn edits_bans_and_settings_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let mut record = job(5);
    let (id, slaves) = (record.job.id, [1, 2].map(SlaveId::from_bits));
    let ban = Ban {
        since: Moment(5),
        until: Some(Moment(7)),
        cause: BanCause::Failures,
        reason: "it failed".to_owned(),
    };
    let banned = |job, slave, ban| farm(Change::Ban { job, slave, ban });
    let settings = Settings {
        keep_days: 7,
        force_upload: true,
        ..Settings::default()
    };
    store
        .apply(&[
            farm(Change::JobAdded(Box::new(record.clone()))),
            banned(Some(id), slaves[0], Some(ban.clone())),
            banned(None, slaves[1], Some(ban.clone())),
            banned(None, slaves[0], Some(ban.clone())),
            banned(None, slaves[0], None),
            farm(Change::Settings(settings.clone())),
        ])
        .unwrap();
    record.job.name = "edited".to_owned();
    record.job.frames = "1-3,40".parse().unwrap();
    record.layout.extend(&record.job.frames).unwrap();
    record.job.depends_on.clear();
    record.resets = 3;
    record.job.files_missing = false;
    let edited = Change::JobEdited {
        job: Box::new(record.job.clone()),
        layout: record.layout.clone(),
        resets: record.resets,
    };
    store.apply(&[farm(edited)]).unwrap();
    drop(store);
    let mut store = Store::open(folder.path()).unwrap();
    let loaded = store.load().unwrap();
    assert_eq!(loaded.jobs, [(record, vec![])]);
    assert_eq!(loaded.bans, [(None, slaves[1], ban.clone()), (Some(id), slaves[0], ban)]);
    assert_eq!(loaded.settings, settings);
    store
        .apply(&[farm(Change::JobRemoved(id)), farm(Change::SlaveRemoved(slaves[1]))])
        .unwrap();
    assert!(store.load().unwrap().bans.is_empty());
}
