//! The HTTP face: every call of the API on one page, and the pages of the monitor.
//!
//! Handlers read what came, ask the actor, and answer; they decide nothing. The `OpenAPI` document comes from them.

mod archive;
mod bakes;
mod blacklist;
mod body;
mod bundles;
mod contents;
mod document;
mod edits;
mod events;
mod finals;
mod grid;
mod hello;
mod jobs;
mod key;
mod logs;
mod manifests;
mod metrics;
mod mosaics;
mod offers;
mod page;
mod plain;
mod receive;
mod results;
mod rules;
mod sending;
mod slaves;
mod thumbnails;
mod ties;
mod usage;
mod validate;
mod webhooks;
mod whole;
mod zips;

pub(super) use body::collect;
pub(super) use events::FOLLOWERS_MAX;
pub(super) use jobs::infos as job_infos;
pub(super) use page::Listed;
pub(super) use slaves::infos as slave_infos;
pub(super) use thumbnails::Painter;
pub(super) use whole::Joiner;

use super::actor::{Desk, no_job};
use super::fault::{Fault, Told};
use super::feed::Feed;
use super::gate::{Gate, Pass};
use super::home::Folders;
use super::metrics::Metrics;
use super::monitor;
use super::serve::Peer;
use super::traffic::Traffic;
use super::webhooks::Webhooks;
use crate::error::{Code, Error, Result};
use crate::farm::TaskRef;
use crate::files::Logs;
use crate::ids::{Attempt, JobId, Role, TaskIndex};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use std::collections::HashSet;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What handlers share.
pub(super) struct App {
    pub(super) desk: Desk,
    pub(super) folders: Folders,
    pub(super) gate: Gate,
    pub(super) name: String,
    /// Whether clients must upload every file, whatever the settings say.
    pub(super) force_upload: bool,
    /// Who may read from shared disks just now.
    pub(super) shared_readers: Semaphore,
    /// Results that arrive just now: one writer for each attempt.
    pub(super) active_results: Arc<Mutex<HashSet<(JobId, TaskIndex, Attempt)>>>,
    /// What changes.
    pub(super) feed: Arc<Feed>,
    /// Seats for those who follow it.
    pub(super) followers: Arc<Semaphore>,
    /// The interface.
    pub(super) document: Value,
    /// What Blender printed.
    pub(super) logs: Logs,
    /// What is measured.
    pub(super) metrics: Arc<Metrics>,
    /// Makes small pictures.
    pub(super) painter: Painter,
    /// Puts frames together.
    pub(super) joiner: Joiner,
    /// One archive is restored at a time.
    pub(super) restoring: Arc<Semaphore>,
    /// Who is told outside.
    pub(super) webhooks: Arc<Webhooks>,
}

/// What handlers get.
pub(super) type Shared = State<Arc<App>>;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "netrender",
        description = "The interface of a netrender master. Every call but hello asks for the bearer token of a key, and says which roles of keys may make it; every failure has the same body.",
        license(name = "GPL-3.0-or-later", identifier = "GPL-3.0-or-later")
    ),
    components(schemas(crate::wire::FaultBody))
)]
struct Document;

/// The interface, as programs and people read it.
pub(super) fn document() -> Value {
    let calls = OpenApiRouter::with_openapi(Document::openapi()).nest("/api/v1", calls());
    document::complete(calls.get_openapi())
}

/// The whole service.
#[derive(Clone)]
pub(super) struct Service {
    app: Arc<App>,
    router: Router,
}

impl Service {
    /// Where bytes are counted.
    pub(super) fn traffic(&self) -> Arc<Traffic> {
        Arc::clone(&self.app.metrics.traffic)
    }

    pub(super) fn new(app: App) -> Self {
        let app = Arc::new(app);
        Self {
            router: router(Arc::clone(&app)),
            app,
        }
    }

    /// Tells a caller without TLS where to call instead.
    pub(super) fn send_on(&self, request: &Request) -> Response {
        plain::answer(&self.app.gate, request)
    }

    /// Lets a request in or not, and makes every failure speak in our words.
    pub(super) async fn answer(&self, mut request: Request, peer: Peer) -> Response {
        let admitted = match self.app.gate.admit(&request, peer.tls.is_some()) {
            Ok(pass) => self.judge(pass).await,
            Err(fault) => Err(fault),
        };
        let mut response = match admitted {
            Ok(role) => {
                // Most requests of a farm by far: past the router, whose layers cost as much as the answer itself.
                if let Some(slave) = slaves::asks_for_work(&request) {
                    slaves::work(&self.app, slave, request).await.into_response()
                } else {
                    request.extensions_mut().insert(peer);
                    if let Some(role) = role {
                        request.extensions_mut().insert(role);
                    }
                    self.router.clone().oneshot(request).await.into_response()
                }
            }
            Err(fault) if !is_call(&request) && fault.error().code == Code::Unauthorized => {
                Redirect::to("/login").into_response()
            }
            Err(fault) => fault.into_response(),
        };
        let is_failure = response.status().is_client_error() || response.status().is_server_error();
        if is_failure && response.extensions().get::<Told>().is_none() {
            let allowed = response.headers_mut().remove(header::ALLOW);
            response = Fault::of_status(response.status()).into_response();
            if let Some(allowed) = allowed {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
        }
        let nosniff = HeaderValue::from_static("nosniff");
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        response
    }

    /// The role of whoever was let in, if who sent the job allows it what it asks for; none: that needs no key.
    async fn judge(&self, pass: Pass) -> Result<Option<Role>, Fault> {
        if let Some(of_sender) = pass.of_sender {
            let job = of_sender.job;
            let sent_by = self
                .app
                .desk
                .look(move |state| state.farm.job(job).map(|view| view.record.job.sent_by));
            of_sender.judge(sent_by.await?.ok_or_else(|| no_job(job))?)?;
        }
        Ok(pass.role)
    }
}

fn is_call(request: &Request) -> bool {
    let path = request.uri().path();
    path.starts_with("/api/") || path == "/metrics"
}

fn router(app: Arc<App>) -> Router {
    let (api, _) = OpenApiRouter::new().nest("/api/v1", calls()).split_for_parts();
    api.route(
        "/api/v1/openapi.json",
        get(async |State(app): Shared| Json(app.document.clone())),
    )
    .route("/metrics", get(metrics::metrics))
    .merge(monitor::router())
    // Bodies have bounds of their own where they are read.
    .layer(DefaultBodyLimit::disable())
    .with_state(app)
}

fn calls() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        // anyone
        .routes(routes!(hello::hello))
        .routes(routes!(key::renew))
        // clients
        .routes(routes!(jobs::announce, jobs::list))
        .routes(routes!(jobs::show, jobs::remove, edits::edit))
        .routes(routes!(blacklist::of_job, blacklist::clear_job))
        .routes(routes!(blacklist::add_to_job, blacklist::take_off_job))
        .routes(routes!(blacklist::of_farm, blacklist::clear_farm))
        .routes(routes!(blacklist::add_to_farm, blacklist::take_off_farm))
        .routes(routes!(edits::cancel_all))
        .routes(routes!(edits::reset))
        .routes(routes!(edits::settings, edits::set_settings))
        .routes(routes!(jobs::frames))
        .routes(routes!(jobs::frame))
        .routes(routes!(jobs::tiles))
        .routes(routes!(grid::show))
        .routes(routes!(usage::show))
        .routes(routes!(jobs::pause))
        .routes(routes!(jobs::resume))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::explain))
        .routes(routes!(ties::show))
        .routes(routes!(slaves::explain))
        .routes(routes!(slaves::pause))
        .routes(routes!(slaves::resume))
        .routes(routes!(slaves::end))
        .routes(routes!(slaves::forget))
        .routes(routes!(slaves::give_tags, slaves::take_tags))
        .routes(routes!(rules::show, rules::change))
        .routes(routes!(webhooks::list, webhooks::add))
        .routes(routes!(webhooks::try_out))
        .routes(routes!(webhooks::remove))
        .routes(routes!(contents::status))
        .routes(routes!(contents::upload, contents::download))
        .routes(routes!(bundles::take))
        .routes(routes!(bundles::give))
        .routes(routes!(offers::offer))
        .routes(routes!(results::download))
        .routes(routes!(zips::zip))
        .routes(routes!(finals::download))
        .routes(routes!(thumbnails::show))
        .routes(routes!(archive::download))
        .routes(routes!(archive::restore))
        .routes(routes!(logs::read))
        .routes(routes!(events::follow))
        // slaves
        .routes(routes!(slaves::register, slaves::list))
        .routes(routes!(slaves::show, slaves::leave))
        .routes(routes!(slaves::work_wanted))
        .routes(routes!(slaves::orders))
        .routes(routes!(slaves::next))
        .routes(routes!(jobs::manifest))
        .routes(routes!(results::upload))
        .routes(routes!(finals::upload))
        .routes(routes!(thumbnails::upload))
        .routes(routes!(logs::append))
}

/// Reads an id or a number from a path; the error is its type's sentence.
fn parse<T: FromStr>(text: &str) -> Result<T>
where
    Error: From<T::Err>,
{
    text.parse().map_err(Error::from)
}

/// Reads the job, the task and the attempt that a path names.
fn named_task((job, task, attempt): &(String, String, String)) -> Result<TaskRef> {
    Ok(TaskRef {
        job: parse(job)?,
        task: TaskIndex(number(task, "task number")?),
        attempt: Attempt(number(attempt, "attempt number")?),
    })
}

/// Reads a number from a path.
fn number<T: FromStr>(text: &str, what: &str) -> Result<T> {
    text.parse().map_err(|_| Error::bad_input(format!("{text:?} is no {what}")))
}
