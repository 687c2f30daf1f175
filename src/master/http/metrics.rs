//! `/metrics`: what Prometheus collects.

use super::{FOLLOWERS_MAX, Shared};
use crate::farm::Farm;
use crate::master::fault::Fault;
use crate::master::metrics::Page;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Jobs whose usage is told: those that use most. A label for every job that ever was would have no bound.
const JOBS_TOLD_MAX: usize = 200;

/// What is counted when somebody asks.
struct Counts {
    tasks: [(&'static str, u64); 4],
    jobs: BTreeMap<&'static str, u64>,
    slaves: [(&'static str, u64); 4],
    usage: Vec<(String, String, f64)>,
}

pub(super) async fn metrics(State(app): Shared) -> Result<impl IntoResponse, Fault> {
    let counts = app.desk.look(|state| count(&state.farm)).await?;
    let mut page = Page::default();
    page.metric("tasks", "gauge", "Frames of all jobs by state.");
    for (state, count) in counts.tasks {
        page.value("tasks", &[("state", state)], count);
    }
    page.metric("jobs", "gauge", "Jobs by state.");
    for (state, count) in counts.jobs {
        page.value("jobs", &[("state", state)], count);
    }
    page.metric("slaves", "gauge", "Slaves by state.");
    for (state, count) in counts.slaves {
        page.value("slaves", &[("state", state)], count);
    }
    page.metric(
        "job_usage_ratio",
        "gauge",
        "Share of the farm that a job has used lately, of the jobs that use most.",
    );
    for (job, name, usage) in &counts.usage {
        page.value("job_usage_ratio", &[("job", job), ("name", name)], usage);
    }
    let metrics = &app.metrics;
    let (received, sent) = (&metrics.traffic.received_bytes, &metrics.traffic.sent_bytes);
    page.metric("received_bytes_total", "counter", "Bytes that came over all connections.")
        .value("received_bytes_total", &[], received.load(Ordering::Relaxed))
        .metric("sent_bytes_total", "counter", "Bytes that went over all connections.")
        .value("sent_bytes_total", &[], sent.load(Ordering::Relaxed))
        .metric("followers", "gauge", "Who follows the events.")
        .value("followers", &[], FOLLOWERS_MAX - app.followers.available_permits())
        .histogram(
            "lease_seconds",
            "From a slave's wish to its lease, where there was work.",
            &metrics.lease,
        )
        .histogram(
            "queue_seconds",
            "From a job's announcement to its first lease.",
            &metrics.queue,
        )
        .histogram("commit_seconds", "One transaction of the store.", &metrics.commit);
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        page.into_text(),
    ))
}

fn count(farm: &Farm) -> Counts {
    let (mut queued, mut leased, mut done, mut failed) = (0, 0, 0, 0);
    let mut jobs = BTreeMap::new();
    let mut usage = Vec::new();
    for job in farm.jobs() {
        queued += u64::from(job.queued);
        leased += u64::from(job.leased);
        done += u64::from(job.done);
        failed += u64::from(job.failed);
        *jobs.entry(job.state.as_str()).or_default() += 1;
        if !job.state.is_over() {
            usage.push((job.record.job.id, job.usage));
        }
    }
    usage.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    usage.truncate(JOBS_TOLD_MAX);
    let (mut idle, mut rendering, mut paused, mut away) = (0, 0, 0, 0);
    for slave in farm.slaves() {
        let takes_nothing = slave.record.paused || slave.set_aside || slave.resting.is_some();
        match (slave.online, slave.leased.is_empty()) {
            (false, _) => away += 1,
            (true, true) if takes_nothing => paused += 1,
            (true, true) => idle += 1,
            (true, false) => rendering += 1,
        }
    }
    Counts {
        tasks: [("queued", queued), ("rendering", leased), ("done", done), ("failed", failed)],
        jobs,
        slaves: [("idle", idle), ("rendering", rendering), ("paused", paused), ("away", away)],
        usage: usage
            .into_iter()
            .filter_map(|(id, usage)| Some((id.to_string(), farm.job(id)?.record.job.name.clone(), usage)))
            .collect(),
    }
}
