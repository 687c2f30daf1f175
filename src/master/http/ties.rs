//! What a job waits for, and what waits for it.

use super::{Shared, parse};
use crate::farm::Farm;
use crate::ids::JobId;
use crate::master::actor::no_job;
use crate::master::convert;
use crate::master::fault::Fault;
use crate::wire::{FaultBody, JobTie, JobTies};
use axum::Json;
use axum::extract::{Path, State};

/// Most contents, and most jobs that wait for one, that an answer names.
const NAMED_MAX: usize = 1_000;

/// What a job waits for, files and other jobs, and which jobs wait for it; of each at most the first 1000.
#[utoipa::path(get, path = "/jobs/{job}/ties", operation_id = "ties", params(("job" = String, Path)),
    responses((status = 200, body = JobTies), (status = "default", body = FaultBody)))]
pub(super) async fn show(State(app): Shared, Path(job): Path<String>) -> Result<Json<JobTies>, Fault> {
    let job: JobId = parse(&job)?;
    let ties = app.desk.look(move |state| {
        let view = state.farm.job(job)?;
        let depends_on = view.record.job.depends_on.iter();
        Some(JobTies {
            missing: state.jobs.get(&job)?.missing().take(NAMED_MAX).collect(),
            depends_on: depends_on.map(|on| tie(&state.farm, *on)).collect(),
            dependents: state
                .farm
                .dependents(job)
                .take(NAMED_MAX)
                .map(|id| tie(&state.farm, id))
                .collect(),
        })
    });
    Ok(Json(ties.await?.ok_or_else(|| no_job(job))?))
}

fn tie(farm: &Farm, id: JobId) -> JobTie {
    let job = farm.job(id);
    JobTie {
        id,
        name: job.as_ref().map(|job| job.record.job.name.clone()).unwrap_or_default(),
        state: job.map(|job| convert::job_state(job.state)),
    }
}
