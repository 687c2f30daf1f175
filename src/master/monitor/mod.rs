//! The first pages for people: jobs, slaves, frames. They work without scripts; state is changed by forms only.

mod api;
mod pages;
mod rows;

use super::actor::no_job;
use super::convert;
use super::fault::{Fault, Told};
use super::gate::COOKIE;
use super::http::{App, Shared, collect};
use super::serve::Peer;
use crate::access::KeyLine;
use crate::error::{Error, Result};
use crate::farm::Event;
use crate::ids::{JobId, SlaveId};
use crate::master::{Access, Status};
use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use pages::{Failure, Frame, JobPage, Login, Overview};
use rows::{FrameRow, JobRow, SlaveRow, unwritten};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

/// How often a page fetches itself anew.
const REFRESH_S: u32 = 5;
/// Frames on one page.
const FRAMES_SHOWN: u32 = 200;
/// Jobs on the first page, the newest.
const JOBS_SHOWN: usize = 200;
/// Longest login form.
const FORM_BYTES_MAX: usize = 4_096;

/// The monitor's pages.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(overview))
        .route("/html/job/{job}", get(job))
        .route("/html/job/{job}/{action}", post(change))
        .route("/api", get(api::page))
        .route("/login", get(login).post(enter))
        .route("/style.css", get(style))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css")], include_str!("style.css"))
}

async fn overview(State(app): Shared) -> Result<Response, Unshown> {
    let (jobs, slaves, slots, status) = app
        .desk
        .look(|state| {
            let mut jobs: Vec<_> = state.farm.jobs().collect();
            jobs.sort_by_key(|job| std::cmp::Reverse((job.record.submitted, job.record.job.id)));
            let jobs = convert::job_infos(jobs.iter().take(JOBS_SHOWN), &state.farm);
            let explainer = state.farm.explainer();
            let slaves: Vec<_> = state
                .farm
                .slaves()
                .map(|slave| convert::slave_info(&slave, state.slaves.get(&slave.record.id), &explainer))
                .collect();
            let slots = slaves
                .iter()
                .filter(|slave| slave.online)
                .map(|slave| slave.slots)
                .sum::<u32>();
            (jobs, slaves, slots, Status::of(&state.farm))
        })
        .await?;
    let subtitle = status.to_string();
    let jobs = jobs
        .into_iter()
        .map(|job| JobRow::of(job, slots))
        .collect::<Result<Vec<_>>>()?;
    let slaves: Vec<_> = slaves.into_iter().map(SlaveRow::of).collect();
    let page = Overview {
        jobs: &jobs,
        slaves: &slaves,
    };
    show(&app.name, "netrender", &subtitle, &page, REFRESH_S)
}

#[derive(Deserialize)]
struct Offset {
    #[serde(default)]
    offset: u32,
}

async fn job(State(app): Shared, Path(job): Path<String>, uri: Uri) -> Result<Response, Unshown> {
    let job: JobId = job.parse().map_err(Error::from)?;
    let offset = Query::<Offset>::try_from_uri(&uri).map_or(0, |Query(query)| query.offset);
    let found = app.desk.look(move |state| {
        let view = state.farm.job(job)?;
        let places = offset..offset.saturating_add(FRAMES_SHOWN).min(view.record.job.frames.len());
        let frames: Vec<_> = places
            .filter_map(|place| convert::frame(&state.farm, job, view.record.job.frames.nth(place)?))
            .collect();
        let name = |slave: SlaveId| Some((slave, state.farm.slave(slave)?.record.machine.name.clone()));
        let names: HashMap<_, _> = frames.iter().filter_map(|frame| name(frame.slave?)).collect();
        Some((convert::job_info(&view, &state.farm), frames, names))
    });
    let (info, frames, names) = found.await?.ok_or_else(|| no_job(job))?;
    let title = info.name.clone();
    let frames: Vec<_> = frames.into_iter().map(|frame| FrameRow::of(frame, &names)).collect();
    let page = JobPage {
        job: &JobRow::of(info, 0)?,
        frames: &frames,
        offset,
        before: offset.saturating_sub(FRAMES_SHOWN),
        after: offset.saturating_add(FRAMES_SHOWN),
    };
    show(&app.name, &title, "", &page, REFRESH_S)
}

async fn change(State(app): Shared, Path((job, action)): Path<(String, String)>) -> Result<Redirect, Unshown> {
    let job: JobId = job.parse().map_err(Error::from)?;
    let told = app.desk.ask_if(|request| match action.as_str() {
        "pause" => Some(Event::JobPaused { request, job }),
        "resume" => Some(Event::JobResumed { request, job }),
        "cancel" => Some(Event::JobCancelled { request, job }),
        _ => None,
    });
    told.await?;
    Ok(Redirect::to(&format!("/html/job/{job}")))
}

async fn login(State(app): Shared) -> Result<Response, Unshown> {
    show(&app.name, "netrender", "", &Login { error: "" }, 0)
}

#[derive(Deserialize)]
struct LoginForm {
    key: String,
}

/// Takes the key once; from then on the browser sends the bearer token that follows from it.
async fn enter(State(app): Shared, peer: Option<Extension<Peer>>, body: Body) -> Result<Response, Unshown> {
    let Access::Key(key) = app.gate.lock().access() else {
        return Ok(Redirect::to("/").into_response());
    };
    // A browser that got the cookie over TLS shall not give it away without.
    let is_tls = peer.is_some_and(|Extension(peer)| peer.tls.is_some());
    let secure = if is_tls { "; Secure" } else { "" };
    let bytes = collect(body, FORM_BYTES_MAX).await?;
    // A form is written like a query.
    let form = format!("/?{}", String::from_utf8_lossy(&bytes)).parse::<Uri>().ok();
    let given = form
        .and_then(|uri| Query::<LoginForm>::try_from_uri(&uri).ok())
        .and_then(|Query(form)| form.key.parse::<KeyLine>().ok());
    if !given.is_some_and(|given| key.is_bearer(&given.key.bearer())) {
        let page = Login {
            error: "This is not the farm's key. It is the line that netrender key hand-over shows on the master's machine.",
        };
        let mut response = show(&app.name, "netrender", "", &page, 0)?;
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    }
    let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/{secure}", key.bearer());
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

fn show(master: &str, title: &str, subtitle: &str, page: &impl Template, refresh_s: u32) -> Result<Response, Unshown> {
    let body = page.render().map_err(|error| unwritten(&error))?;
    let frame = Frame {
        title,
        master,
        subtitle,
        body: &body,
        refresh_s,
    };
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
        ),
    ];
    let mut response = (headers, Html(frame.render().map_err(|error| unwritten(&error))?)).into_response();
    response.extensions_mut().insert(Told);
    Ok(response)
}

/// A failure as a page.
struct Unshown(Fault);

impl<E: Into<Fault>> From<E> for Unshown {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Unshown {
    fn into_response(self) -> Response {
        let error = self.0.error();
        let page = Failure {
            message: &error.message,
            hint: error.hint.as_deref().unwrap_or_default(),
        };
        match show("netrender", "netrender", "", &page, 0) {
            Ok(mut response) => {
                *response.status_mut() = self.0.status();
                response
            }
            Err(Self(fault)) => fault.into_response(),
        }
    }
}
