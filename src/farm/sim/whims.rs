//! What people do to a farm in a storm: edits, resets, bans, settings, without sense or order.

use super::storms::JOBS;
use super::trial::job_id;
use super::world::World;
use crate::farm::{Event, JobEdit, Limits, Reset, Settings, Steering};
use crate::ids::{FrameSet, JobId};

/// One more of them.
pub(super) fn whim(world: &mut World, random: &mut fastrand::Rng) {
    let slave = world.agents[random.usize(0..world.agents.len())].id;
    let job = job_id(random.u64(0..=JOBS));
    let request = world.trial.request();
    let event = match random.u32(0..14) {
        0..=3 => Event::JobEdited {
            request,
            job,
            edit: Box::new(edit(random)),
        },
        4 | 5 => Event::JobReset {
            request,
            job,
            which: reset(random),
        },
        6 => Event::SlaveBanned {
            request,
            job: random.bool().then_some(job),
            slave,
            reason: String::new(),
        },
        7 => Event::BanLifted {
            request,
            job: random.bool().then_some(job),
            slave: random.bool().then_some(slave),
        },
        8 => Event::SettingsChanged {
            request,
            settings: Box::new(settings(random)),
        },
        9 if random.u32(0..10) == 0 => Event::AllCancelled { request },
        10 => Event::DiskChanged { is_low: random.bool() },
        11 => Event::SlaveSteered {
            request,
            slave,
            how: random.choice([Steering::Pause, Steering::Resume, Steering::Forget]).unwrap(),
        },
        12 => Event::SlaveTagged {
            request,
            slave,
            tags: random.bool().then(Vec::new),
        },
        _ => Event::JobResumed { request, job },
    };
    world.happen(&event);
}

/// People come to their senses: nothing of what they did keeps a job from its end.
pub(super) fn undo(world: &mut World) {
    let request = world.trial.request();
    let settings = Box::default();
    world.happen(&Event::SettingsChanged { request, settings });
    world.happen(&Event::DiskChanged { is_low: false });
    for job in (0..JOBS).map(job_id).map(Some).chain([None]) {
        let request = world.trial.request();
        let slave = None;
        world.happen(&Event::BanLifted { request, job, slave });
    }
    for slave in world.agents.iter().map(|agent| agent.id).collect::<Vec<_>>() {
        let request = world.trial.request();
        let how = Steering::Resume;
        world.happen(&Event::SlaveSteered { request, slave, how });
        let request = world.trial.request();
        let tags = None;
        world.happen(&Event::SlaveTagged { request, slave, tags });
    }
    for job in (0..JOBS).map(job_id) {
        let request = world.trial.request();
        let edit = Box::new(JobEdit {
            depends_on: Some(Vec::new()),
            silence_s: Some(0),
            stall_s: Some(0),
            frame_s: Some(0),
            ..JobEdit::default()
        });
        world.happen(&Event::JobEdited { request, job, edit });
    }
}

fn edit(random: &mut fastrand::Rng) -> JobEdit {
    let first = random.i32(-5..70);
    let frames = FrameSet::range(first, first + random.i32(0..20), random.u32(1..3)).ok();
    let depends_on: Vec<JobId> = (0..JOBS).filter(|_| random.u32(0..4) == 0).map(job_id).collect();
    let edit = JobEdit::default();
    match random.u32(0..7) {
        0 => JobEdit {
            add_frames: frames,
            ..edit
        },
        1 => JobEdit {
            remove_frames: frames,
            ..edit
        },
        2 => JobEdit { frames, ..edit },
        3 => JobEdit {
            depends_on: Some(depends_on),
            ..edit
        },
        4 => JobEdit {
            attempts_max: Some(random.u32(0..5)),
            frame_s: Some(random.u32(0..60)),
            stall_s: Some(random.u32(0..60)),
            silence_s: random.choice([Some(0), Some(30), Some(50)]).unwrap(),
            ..edit
        },
        5 => JobEdit {
            tags: Some(random.choice([vec![], vec!["gpu".to_owned()]]).unwrap()),
            chunk_tasks: Some(random.u32(0..9)),
            ..edit
        },
        _ => JobEdit {
            name: Some("another name".to_owned()),
            category: Some(random.choice(["", "film", "advert"]).unwrap().to_owned()),
            priority: Some(random.u32(1..=10)),
            ..edit
        },
    }
}

fn reset(random: &mut fastrand::Rng) -> Reset {
    match random.u32(0..3) {
        0 => Reset::Failed,
        1 => Reset::All,
        _ => Reset::Frames(FrameSet::range(1, random.i32(1..6), 1).unwrap()),
    }
}

fn settings(random: &mut fastrand::Rng) -> Settings {
    Settings {
        limits: Limits {
            attempts_max: random.u32(1..4),
            silence_s: random.u32(30..90),
            stall_s: random.u32(0..90),
            frame_s: random.u32(0..90),
        },
        ban_after: random.u32(0..3),
        ban_s: random.u32(0..200),
        set_aside_after: random.u32(0..4),
        set_aside_s: random.u32(0..200),
        hopeless_after: random.u32(0..3),
        straggler_s: random.u32(0..20),
        ..Settings::default()
    }
}
