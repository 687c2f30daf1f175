//! The farm over time.

use super::Shared;
use super::body::Asked;
use crate::farm::Farm;
use crate::ids::JobId;
use crate::master::fault::Fault;
use crate::master::usage::{Sample, Span};
use crate::wire::{FaultBody, JobUsage, UsageInfo};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};

/// Jobs that a chart can tell apart.
const JOBS_SHOWN_MAX: usize = 8;

/// How far to look back.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SpanInfo {
    /// Every five seconds of the last hour.
    #[default]
    Hour,
    /// Every two minutes of the last day.
    Day,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UsageQuery {
    /// How far to look back; `hour` if not given.
    #[serde(default)]
    #[param(inline)]
    span: SpanInfo,
}

/// Who had how many slots, over time.
#[utoipa::path(get, path = "/usage", operation_id = "usage", params(UsageQuery),
    responses((status = 200, body = UsageInfo), (status = "default", body = FaultBody)))]
pub(super) async fn show(State(app): Shared, Asked(query): Asked<UsageQuery>) -> Result<Json<UsageInfo>, Fault> {
    let span = match query.span {
        SpanInfo::Hour => Span::Hour,
        SpanInfo::Day => Span::Day,
    };
    let usage = app.desk.look(move |state| info(state.usage.samples(span), &state.farm));
    Ok(Json(usage.await?))
}

fn info(samples: &VecDeque<Sample>, farm: &Farm) -> UsageInfo {
    let mut sums: BTreeMap<JobId, f64> = BTreeMap::new();
    for (job, slots) in samples.iter().flat_map(|sample| &sample.jobs) {
        *sums.entry(*job).or_default() += slots;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|(job_a, a), (job_b, b)| b.total_cmp(a).then_with(|| job_a.cmp(job_b)));
    sums.truncate(JOBS_SHOWN_MAX);
    let jobs: Vec<JobUsage> = sums
        .into_iter()
        .map(|(id, _)| JobUsage {
            id,
            name: farm.job(id).map(|job| job.record.job.name.clone()).unwrap_or_default(),
            slots: samples.iter().map(|sample| rounded(sample.jobs.get(&id).copied())).collect(),
        })
        .collect();
    let others = samples.iter().map(|sample| {
        let shown = jobs.iter().filter_map(|job| sample.jobs.get(&job.id)).sum::<f64>();
        rounded(Some(sample.jobs.values().sum::<f64>() + sample.others - shown))
    });
    UsageInfo {
        samples_ms: samples.iter().map(|sample| sample.at.0).collect(),
        slots: samples.iter().map(|sample| rounded(Some(sample.slots))).collect(),
        others: others.collect(),
        jobs,
    }
}

/// Two digits are enough for a chart.
fn rounded(slots: Option<f64>) -> f64 {
    (slots.unwrap_or_default() * 100.0).round() / 100.0
}
