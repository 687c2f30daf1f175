//! Why no slave can render a job.

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
