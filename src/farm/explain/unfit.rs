//! Why a slave, or none, can render a job.

use crate::farm::fitness::{Obstacle, unfitness};
use crate::farm::job::Job;
use crate::farm::model::{Ban, BanCause, Machine};
use crate::farm::requirements::fulfils;
use crate::farm::slave::Slave;
use crate::ids::Requirement;
use std::collections::BTreeSet;

/// Why none of the slaves can render a job.
pub(super) fn explain_unfit(online: &[&Slave], job: &Job) -> String {
    let able = online.iter().filter(|slave| unfitness(&slave.record.machine, job).is_none());
    let bans: Vec<Option<&Ban>> = able.map(|slave| job.bans.get(&slave.id())).collect();
    if !bans.is_empty() {
        return explain_bans(&bans);
    }
    let obstacles: Vec<_> = online
        .iter()
        .filter_map(|slave| unfitness(&slave.record.machine, job))
        .collect();
    // This and scripts are asked for last: such a slave lacks nothing else.
    if obstacles.contains(&Obstacle::Denoising) {
        return "waiting: its frames are denoised by slaves, and every slave that could render it is of a release that cannot: update one"
            .to_owned();
    }
    if obstacles.contains(&Obstacle::Scripts) {
        return "waiting: its scene runs scripts, which no slave that could render it allows: start one with --allow-scripts, or \
                send the job with --without-scripts"
            .to_owned();
    }
    let series = obstacles.iter().find_map(|it| {
        if let Obstacle::Blender(series) = it {
            Some(*series)
        } else {
            None
        }
    });
    let with_tags = if job.record.job.tags.is_empty() {
        ""
    } else {
        " with the job's tags"
    };
    // A slave that lacks only the Blender is nearest to being able.
    let Some(wanted) = series else {
        if let Some(clauses) = unfulfilled(online, job) {
            return format!("waiting: needs {clauses}, which no slave{with_tags} has");
        }
        let tags = job.record.job.tags.join(", ");
        return format!("waiting: needs a slave with the tags {tags}, and none has them all");
    };
    let offered: BTreeSet<_> = online.iter().flat_map(|slave| &slave.record.machine.blenders).collect();
    let mut offered: Vec<String> = offered.into_iter().map(|it| it.series()).collect();
    offered.dedup();
    let offered = if offered.is_empty() {
        "none".to_owned()
    } else {
        offered.join(", ")
    };
    format!(
        "waiting: needs Blender {}, which no slave{with_tags} has (slaves have {offered})",
        wanted.series()
    )
}

/// Who could render the job by what it says of itself is kept from it, or has found out that it cannot.
fn explain_bans(bans: &[Option<&Ban>]) -> String {
    let unfit: Vec<&Ban> = bans
        .iter()
        .flatten()
        .copied()
        .filter(|ban| ban.cause == BanCause::Unfit)
        .collect();
    match unfit.iter().max_by_key(|ban| ban.since) {
        Some(last) if unfit.len() == bans.len() => {
            let reason = &last.reason;
            format!("waiting: every slave that could render it is not fit for it, the last one because {reason}")
        }
        _ => "waiting: every slave that could render it is on its blacklist, set aside or paused".to_owned(),
    }
}

/// A job rests wherever it could be rendered.
pub(super) fn explain_rests<'a>(obstacles: impl Iterator<Item = &'a Obstacle>) -> String {
    let ends_ms = obstacles.filter_map(|obstacle| match obstacle {
        Obstacle::Rests { millis, .. } => Some(*millis),
        _ => None,
    });
    let seconds = ends_ms.min().unwrap_or_default().div_ceil(1_000);
    format!("waiting: it failed time after time on every slave that could render it, and rests for {seconds} s")
}

/// What stands between a slave and a job, of the slave; `ban`: of it from the job.
pub(super) fn told(obstacle: &Obstacle, ban: Option<&Ban>) -> String {
    match obstacle {
        Obstacle::Banned if ban.is_some_and(|ban| ban.cause == BanCause::Unfit) => {
            let reason = ban.map_or("", |ban| &ban.reason);
            format!("it is not fit for it, because {reason}")
        }
        Obstacle::Paused => "it is paused".to_owned(),
        Obstacle::SetAside => "it is set aside for all jobs".to_owned(),
        Obstacle::Banned => "it is on the job's blacklist".to_owned(),
        Obstacle::NotReady => "it has nothing to render now".to_owned(),
        Obstacle::Tags(tags) => format!("it needs the tags {}", tags.join(", ")),
        Obstacle::Requirement(clause) => format!("it needs {clause}"),
        Obstacle::Blender(version) => format!("it needs Blender {}", version.series()),
        Obstacle::Scripts => "its scene runs scripts, which this slave does not allow".to_owned(),
        Obstacle::Denoising => "its frames are denoised by slaves, which this slave's release cannot: update it".to_owned(),
        Obstacle::Rests { attempts, millis } => {
            let seconds = millis.div_ceil(1_000);
            format!("it failed {attempts} times in a row here, and rests for {seconds} s")
        }
        Obstacle::FailedHere => "its frames failed here and are kept for another slave".to_owned(),
    }
}

/// The requirements that no slave with the job's tags fulfils, or all if each is fulfilled by some; nothing if it is the
/// tags that are missing.
fn unfulfilled(online: &[&Slave], job: &Job) -> Option<String> {
    let wanted = &job.record.job;
    let has_tags = |machine: &&Machine| wanted.tags.iter().all(|tag| machine.tags.contains(tag));
    let able: Vec<&Machine> = online.iter().map(|slave| &slave.record.machine).filter(has_tags).collect();
    if able.is_empty() {
        return None;
    }
    let is_nowhere = |clause: &&Requirement| !able.iter().any(|machine| fulfils(machine, clause));
    let nowhere: Vec<String> = wanted
        .requirements
        .iter()
        .filter(is_nowhere)
        .map(ToString::to_string)
        .collect();
    if nowhere.is_empty() {
        Some(format!("{} on one machine", wanted.requirements))
    } else {
        Some(nowhere.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use crate::farm::sim::trial::{Trial, a_job, a_machine, slave_id};
    use crate::farm::{Machine, NewJob};

    #[test]
    fn a_job_from_a_blender_that_no_slave_has_waits_and_says_so() {
        let mut trial = Trial::new();
        let job = a_job(1, 9);
        let job = trial.submit(NewJob {
            blender: Some("5.0.1".parse().unwrap()),
            ..job
        });
        assert_eq!(trial.farm.explain_job(job), ["waiting: no slave is there"]);
        let slave = trial.slave(1);
        assert_eq!(trial.want(slave), None);
        let sentence = "waiting: needs Blender 5.0, which no slave has (slaves have 3.4)";
        assert_eq!(trial.farm.explain_job(job), [sentence]);
        let told = trial.farm.explain_slave(slave);
        let of_job = format!("gets nothing of job {job} (job 1): it needs Blender 5.0");
        assert_eq!(told, ["idle: no job has frames for it".to_owned(), of_job]);
    }

    #[test]
    fn a_job_whose_tags_no_slave_has_says_so() {
        let mut trial = Trial::new();
        trial.register(1, a_machine(&["gpu"]), &[]);
        let job = a_job(1, 9);
        let tags = vec!["gpu".to_owned(), "linux".to_owned()];
        let job = trial.submit(NewJob { tags, ..job });
        let sentence = "waiting: needs a slave with the tags gpu, linux, and none has them all";
        assert_eq!(trial.farm.explain_job(job), [sentence]);
    }

    #[test]
    fn a_job_whose_requirements_no_slave_fulfils_says_which() {
        let mut trial = Trial::new();
        for (number, cores, gpu) in [(1, 4, "cuda"), (2, 16, "hip")] {
            let machine = Machine {
                cores,
                gpus: vec![gpu.to_owned()],
                ..a_machine(&[])
            };
            trial.register(number, machine, &[]);
        }
        let mut told = |number, text: &str| {
            let job = trial.submit(NewJob {
                requirements: text.parse().unwrap(),
                ..a_job(number, 9)
            });
            trial.farm.explain_job(job).remove(0)
        };
        let sentence = "waiting: needs cores>=32; os=windows, which no slave has";
        assert_eq!(told(1, "cores>=32; gpu=cuda; os=windows"), sentence);
        let sentence = "waiting: needs cores>=8; gpu=cuda on one machine, which no slave has";
        assert_eq!(told(2, "cores>=8; gpu=cuda"), sentence);
        let gets = trial.farm.explain_slave(slave_id(1));
        assert!(gets.iter().any(|it| it.ends_with("it needs cores>=32")), "{gets:?}");
    }

    #[test]
    fn a_scene_that_runs_scripts_waits_for_a_slave_that_allows_them() {
        let mut trial = Trial::new();
        let careful = trial.slave(1);
        let job = trial.submit(NewJob {
            runs_scripts: true,
            ..a_job(1, 9)
        });
        assert_eq!(trial.want(careful), None);
        let told = trial.farm.explain_job(job).remove(0);
        assert!(
            told.starts_with("waiting: its scene runs scripts, which no slave that could render it allows: start one with"),
            "{told}"
        );
        let told = trial.farm.explain_slave(careful).remove(1);
        assert!(
            told.ends_with("its scene runs scripts, which this slave does not allow"),
            "{told}"
        );
        let machine = Machine {
            allows_scripts: true,
            ..a_machine(&[])
        };
        let trusting = trial.register(2, machine, &[]);
        assert_eq!(trial.leased(trusting)[0].job, job);
        assert_eq!(trial.farm.job(job).unwrap().leased, 1);
        trial.restart();
        assert_eq!(trial.want(careful), None, "who allows scripts is remembered");
        trial.pass(61_000);
        trial.slave(1);
        let told = trial.farm.explain_job(job).remove(0);
        assert!(told.contains("no slave that could render it allows"), "{told}");
    }
}
