//! Why a slave, or none, can render a job.

use crate::farm::fitness::{Obstacle, unfitness};
use crate::farm::job::Job;
use crate::farm::model::Machine;
use crate::farm::requirements::fulfils;
use crate::farm::slave::Slave;
use crate::ids::Requirement;
use std::collections::BTreeSet;

/// Why none of the slaves can render a job.
pub(super) fn explain_unfit(online: &[&Slave], job: &Job) -> String {
    let obstacles: Vec<_> = online
        .iter()
        .filter_map(|slave| unfitness(&slave.record.machine, job))
        .collect();
    // Scripts are asked for last: such a slave lacks nothing else.
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

/// A job rests wherever it could be rendered.
pub(super) fn explain_rests<'a>(obstacles: impl Iterator<Item = &'a Obstacle>) -> String {
    let ends_ms = obstacles.filter_map(|obstacle| match obstacle {
        Obstacle::Rests { millis, .. } => Some(*millis),
        _ => None,
    });
    let seconds = ends_ms.min().unwrap_or_default().div_ceil(1_000);
    format!("waiting: it failed time after time on every slave that could render it, and rests for {seconds} s")
}

/// What stands between a slave and a job, of the slave.
pub(super) fn told(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Paused => "it is paused".to_owned(),
        Obstacle::SetAside => "it is set aside for all jobs".to_owned(),
        Obstacle::Banned => "it is on the job's blacklist".to_owned(),
        Obstacle::NotReady => "it has nothing to render now".to_owned(),
        Obstacle::Tags(tags) => format!("it needs the tags {}", tags.join(", ")),
        Obstacle::Requirement(clause) => format!("it needs {clause}"),
        Obstacle::Blender(version) => format!("it needs Blender {}", version.series()),
        Obstacle::Scripts => "its scene runs scripts, which this slave does not allow".to_owned(),
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
