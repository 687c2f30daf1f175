//! The monitor: pages for people. The master writes what stands around them; scripts fill them from the same interface that
//! programs use, and follow its events, so that there is one way to read and one way to change anything.

mod api;
mod assets;
mod known;
mod pages;

use super::actor::no_job;
use super::fault::{Fault, Told};
use super::gate::COOKIE;
use super::http::{App, Shared, collect};
use super::serve::Peer;
use crate::access::KeyLine;
use crate::error::Error;
use crate::ids::{JobId, Role};
use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use known::Jobs;
use pages::{Failure, Filled, Frame, Login, PLACES};
use serde::Deserialize;
use std::sync::Arc;

/// Longest login form.
const FORM_BYTES_MAX: usize = 4_096;
/// What a page may do: nothing but with this master. No script and no style stands in a page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What the key allows by which a page was asked for.
type Caller = Extension<Role>;

/// The monitor's pages.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/",
            get(async |app: Shared, caller: Caller| filled(&app, caller, "overview", "Overview").await),
        )
        .route(
            "/jobs",
            get(async |app: Shared, caller: Caller| filled(&app, caller, "jobs", "Jobs").await),
        )
        .route("/jobs/{job}", get(job))
        .route(
            "/slaves",
            get(async |app: Shared, caller: Caller| filled(&app, caller, "slaves", "Slaves").await),
        )
        .route(
            "/rules",
            get(async |app: Shared, caller: Caller| filled(&app, caller, "rules", "Rules").await),
        )
        .route("/settings", get(settings))
        .route("/api", get(api::page))
        .route("/login", get(login).post(enter))
        .route("/logout", post(leave))
        .route("/assets/{stamp}/{name}", get(assets::show))
        // Where the monitor was in the Network Render of old, and in the first one of this.
        .route("/html/newui", get(async || Redirect::permanent("/")))
        .route("/html/job/{job}", get(old_job))
}

async fn filled(app: &App, Extension(role): Caller, page: &str, title: &str) -> Result<Response, Unshown> {
    let around = Around {
        page,
        title,
        subject: "",
        is_locked: is_locked(app),
        role: role.as_str(),
    };
    let jobs = if page == "rules" { Jobs::GoingOn } else { Jobs::All };
    let known = known::of_farm(app, jobs).await?;
    show(&app.name, &around, &Filled { known: &known })
}

async fn settings(State(app): Shared, Extension(role): Caller) -> Result<Response, Unshown> {
    let around = Around {
        page: "settings",
        title: "Settings",
        subject: "",
        is_locked: is_locked(&app),
        role: role.as_str(),
    };
    let known = known::of_settings(&app, role).await?;
    show(&app.name, &around, &Filled { known: &known })
}

async fn job(State(app): Shared, Extension(role): Caller, Path(id): Path<String>) -> Result<Response, Unshown> {
    let id: JobId = id.parse().map_err(Error::from)?;
    let (name, known) = known::of_job(&app, id).await?.ok_or_else(|| no_job(id))?;
    let around = Around {
        page: "job",
        title: &name,
        subject: &id.to_string(),
        is_locked: is_locked(&app),
        role: role.as_str(),
    };
    show(&app.name, &around, &Filled { known: &known })
}

async fn old_job(Path(id): Path<String>) -> Result<Redirect, Unshown> {
    let id: JobId = id.parse().map_err(Error::from)?;
    Ok(Redirect::permanent(&format!("/jobs/{id}")))
}

fn is_locked(app: &App) -> bool {
    !app.gate.lock().is_open()
}

async fn login(State(app): Shared) -> Result<Response, Unshown> {
    show(&app.name, &Around::titled("Key"), &Login { error: "" })
}

#[derive(Deserialize)]
struct LoginForm {
    key: String,
}

/// Takes the key once; from then on the browser sends the bearer token that follows from it.
async fn enter(State(app): Shared, peer: Option<Extension<Peer>>, body: Body) -> Result<Response, Unshown> {
    if app.gate.lock().is_open() {
        return Ok(Redirect::to("/").into_response());
    }
    // A browser that got the cookie over TLS shall not give it away without.
    let is_tls = peer.is_some_and(|Extension(peer)| peer.tls.is_some());
    let secure = if is_tls { "; Secure" } else { "" };
    let bytes = collect(body, FORM_BYTES_MAX).await?;
    // A form is written like a query.
    let form = format!("/?{}", String::from_utf8_lossy(&bytes)).parse::<Uri>().ok();
    let given = form
        .and_then(|uri| Query::<LoginForm>::try_from_uri(&uri).ok())
        .and_then(|Query(form)| form.key.parse::<KeyLine>().ok());
    let bearer = given.map(|given| given.key.bearer());
    let Some(bearer) = bearer.filter(|bearer| app.gate.lock().role(bearer).is_some()) else {
        let page = Login {
            error: "This is not the farm's key. It is the line that netrender key hand-over shows on the master's machine.",
        };
        let mut response = show(&app.name, &Around::titled("Key"), &page)?;
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        return Ok(response);
    };
    let cookie = format!("{COOKIE}={bearer}; HttpOnly; SameSite=Strict; Path=/{secure}");
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

/// Forgets the key in this browser.
async fn leave() -> impl IntoResponse {
    let cookie = format!("{COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/login"))
}

/// What stands around a page.
struct Around<'a> {
    page: &'a str,
    title: &'a str,
    subject: &'a str,
    is_locked: bool,
    role: &'a str,
}

impl<'a> Around<'a> {
    /// A page that no script fills.
    fn titled(title: &'a str) -> Self {
        Self {
            page: "",
            title,
            subject: "",
            is_locked: false,
            role: "",
        }
    }
}

fn show(master: &str, around: &Around<'_>, page: &impl Template) -> Result<Response, Unshown> {
    let body = page.render().map_err(|error| unwritten(&error))?;
    let frame = Frame {
        title: around.title,
        master,
        assets: &assets::folder(),
        page: around.page,
        scripts: assets::scripts_of(around.page),
        subject: around.subject,
        body: &body,
        places: &PLACES,
        is_locked: around.is_locked,
        role: around.role,
    };
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    let mut response = (headers, Html(frame.render().map_err(|error| unwritten(&error))?)).into_response();
    response.extensions_mut().insert(Told);
    Ok(response)
}

fn unwritten(error: &askama::Error) -> Error {
    Error::internal(format!("the page cannot be written: {error}"))
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
        match show("netrender", &Around::titled("Not done"), &page) {
            Ok(mut response) => {
                *response.status_mut() = self.0.status();
                response
            }
            Err(Self(fault)) => fault.into_response(),
        }
    }
}
