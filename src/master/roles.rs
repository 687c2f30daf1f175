//! What each role may do: one table of all calls and pages. What it does not name is for the farm's own key alone.

use crate::access::forbidden;
use crate::error::Result;
use crate::ids::{JobId, Role};
use Who::{Admin, Everyone, Render, Sender, Submit};
use axum::http::Method;

/// What stands before the job in the path of a call about one.
const OF_JOBS: &str = "/api/v1/jobs/";

/// Who may make a call. Whoever has the farm's own key may make all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Whoever has a key.
    Everyone,
    /// Who sends jobs.
    Submit,
    /// Who sends jobs; of jobs that were sent with such a key only.
    Sender,
    /// A slave.
    Render,
    /// Nobody else.
    Admin,
}

/// What only shows: everyone with a key sees the whole farm.
const SEEN: [&str; 39] = [
    "/",
    "/jobs",
    "/jobs/{job}",
    "/slaves",
    "/rules",
    "/settings",
    "/api",
    "/html/newui",
    "/html/job/{job}",
    "/metrics",
    "/api/v1/openapi.json",
    "/api/v1/blacklist",
    "/api/v1/contents/{hash}",
    "/api/v1/contents/{hash}/status",
    "/api/v1/events",
    "/api/v1/hello",
    "/api/v1/jobs",
    "/api/v1/jobs/{job}",
    "/api/v1/jobs/{job}/archive.zip",
    "/api/v1/jobs/{job}/blacklist",
    "/api/v1/jobs/{job}/explain",
    "/api/v1/jobs/{job}/frames",
    "/api/v1/jobs/{job}/frames/{frame}",
    "/api/v1/jobs/{job}/frames/{frame}/final",
    "/api/v1/jobs/{job}/frames/{frame}/log",
    "/api/v1/jobs/{job}/frames/{frame}/result",
    "/api/v1/jobs/{job}/frames/{frame}/thumbnail",
    "/api/v1/jobs/{job}/frames/{frame}/tiles",
    "/api/v1/jobs/{job}/grid",
    "/api/v1/jobs/{job}/manifest",
    "/api/v1/jobs/{job}/results.zip",
    "/api/v1/jobs/{job}/ties",
    "/api/v1/rules",
    "/api/v1/settings",
    "/api/v1/slaves",
    "/api/v1/slaves/{slave}",
    "/api/v1/slaves/{slave}/explain",
    "/api/v1/slaves/{slave}/next",
    "/api/v1/usage",
];

/// The path and method of a call, who may make it, and what it does, as somebody reads who may not. The most frequent first.
type Call = (&'static str, &'static str, Who, &'static str);

const CALLS: [Call; 41] = [
    ("POST", "/api/v1/slaves/{slave}/work", Render, WORK),
    ("POST", "/api/v1/slaves/{slave}/orders", Render, WORK),
    (
        "PUT",
        "/api/v1/jobs/{job}/tasks/{task}/attempts/{attempt}/result",
        Render,
        DELIVER,
    ),
    (
        "PUT",
        "/api/v1/jobs/{job}/tasks/{task}/attempts/{attempt}/final",
        Render,
        DELIVER,
    ),
    (
        "PUT",
        "/api/v1/jobs/{job}/tasks/{task}/attempts/{attempt}/thumbnail",
        Render,
        DELIVER,
    ),
    (
        "PUT",
        "/api/v1/jobs/{job}/tasks/{task}/attempts/{attempt}/log",
        Render,
        DELIVER,
    ),
    ("POST", "/api/v1/slaves", Render, WORK),
    ("DELETE", "/api/v1/slaves/{slave}", Render, "take a slave off the farm"),
    // Asked by POST, because the list is long; it only shows.
    ("POST", "/api/v1/contents/bundle", Everyone, "fetch files"),
    ("POST", "/api/v1/contents", Submit, UPLOAD),
    ("PUT", "/api/v1/contents/{hash}", Submit, UPLOAD),
    ("POST", "/api/v1/contents/offers", Submit, UPLOAD),
    ("POST", "/api/v1/jobs", Submit, "send jobs"),
    ("PATCH", "/api/v1/jobs/{job}", Sender, "change jobs"),
    ("DELETE", "/api/v1/jobs/{job}", Sender, "remove jobs"),
    ("POST", "/api/v1/jobs/{job}/pause", Sender, "pause jobs"),
    ("POST", "/api/v1/jobs/{job}/resume", Sender, "resume jobs"),
    ("POST", "/api/v1/jobs/{job}/cancel", Sender, "cancel jobs"),
    ("POST", "/api/v1/jobs/{job}/reset", Sender, "reset jobs"),
    ("PUT", "/api/v1/jobs/{job}/blacklist/{slave}", Sender, BLACKLIST),
    ("DELETE", "/api/v1/jobs/{job}/blacklist/{slave}", Sender, BLACKLIST),
    ("DELETE", "/api/v1/jobs/{job}/blacklist", Sender, BLACKLIST),
    ("POST", "/api/v1/jobs/cancel", Admin, "cancel all jobs"),
    ("POST", "/api/v1/archive", Admin, "restore archives"),
    ("POST", "/api/v1/slaves/{slave}/pause", Admin, "pause slaves"),
    ("POST", "/api/v1/slaves/{slave}/resume", Admin, "resume slaves"),
    ("POST", "/api/v1/slaves/{slave}/end", Admin, "end slaves"),
    ("POST", "/api/v1/slaves/{slave}/forget", Admin, "forget slaves"),
    ("PUT", "/api/v1/slaves/{slave}/tags", Admin, "change the tags of slaves"),
    ("DELETE", "/api/v1/slaves/{slave}/tags", Admin, "change the tags of slaves"),
    ("PUT", "/api/v1/blacklist/{slave}", Admin, "change the farm's blacklist"),
    ("DELETE", "/api/v1/blacklist/{slave}", Admin, "change the farm's blacklist"),
    ("DELETE", "/api/v1/blacklist", Admin, "change the farm's blacklist"),
    ("PUT", "/api/v1/rules", Admin, "change rules"),
    ("PUT", "/api/v1/settings", Admin, "change settings"),
    ("GET", "/api/v1/webhooks", Admin, "see webhooks"),
    ("POST", "/api/v1/webhooks", Admin, "add webhooks"),
    ("POST", "/api/v1/webhooks/{webhook}/try", Admin, "try webhooks"),
    ("DELETE", "/api/v1/webhooks/{webhook}", Admin, "remove webhooks"),
    ("POST", "/api/v1/key/renew", Admin, "replace the farm's key"),
    ("POST", "/logout", Everyone, "leave"),
];

const WORK: &str = "let a slave work";
const DELIVER: &str = "deliver results";
const UPLOAD: &str = "upload files";
const BLACKLIST: &str = "change the blacklists of jobs";

/// A call that is allowed if its job was sent with a key to submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OfSender {
    /// The job.
    pub(super) job: JobId,
    what: &'static str,
}

impl OfSender {
    /// Whether it is allowed, once it is known who sent the job.
    pub(super) fn judge(self, sent_by: Role) -> Result<()> {
        let Self { job, what } = self;
        if sent_by == Role::Submit {
            return Ok(());
        }
        let of_others = format!("{what} of others, and {job} was not sent with such a key");
        Err(forbidden(Role::Submit, &of_others, Role::Admin))
    }
}

/// Whether a role may make a call; what comes back is to be judged further.
pub(super) fn judge(role: Role, method: &Method, path: &str) -> Result<Option<OfSender>> {
    if role == Role::Admin {
        return Ok(None);
    }
    let is_seen = matches!(*method, Method::GET | Method::HEAD) && SEEN.iter().any(|seen| fits(seen, path));
    if is_seen {
        return Ok(None);
    }
    let call = CALLS
        .iter()
        .find(|(known, call, ..)| method.as_str() == *known && fits(call, path));
    match call {
        None => Err(forbidden(role, &format!("ask for {method} {path}"), Role::Admin)),
        Some((.., who, what)) => match (who, role) {
            (Everyone, _) | (Submit, Role::Submit) | (Render, Role::Render) => Ok(None),
            (Sender, Role::Submit) => Ok(Some(OfSender {
                job: job_in(path)?,
                what,
            })),
            (Submit | Sender, _) => Err(forbidden(role, what, Role::Submit)),
            (Render, _) => Err(forbidden(role, what, Role::Render)),
            (Admin, _) => Err(forbidden(role, what, Role::Admin)),
        },
    }
}

/// Whether a path is one of this shape, in which `{…}` stands for any one part.
fn fits(shape: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let fit = shape.split('/').all(|wanted| match parts.next() {
        Some(part) => part == wanted || (wanted.starts_with('{') && !part.is_empty()),
        None => false,
    });
    fit && parts.next().is_none()
}

/// Who may make a call of this shape, for the interface's document.
pub(super) fn allowed(method: &str, shape: &str) -> Vec<&'static str> {
    let is_seen = method == "GET" && SEEN.contains(&shape);
    let call = CALLS.iter().find(|call| (call.0, call.1) == (method, shape));
    let who = if is_seen {
        Everyone
    } else {
        call.map_or(Admin, |call| call.2)
    };
    let roles = Role::ALL.into_iter().filter(|role| match (who, role) {
        (_, Role::Admin) | (Everyone, _) => true,
        (who, Role::Submit) => matches!(who, Submit | Sender),
        (who, Role::Render) => who == Render,
    });
    roles.map(Role::as_str).collect()
}

/// The job that such a call is about. Text that is no id is refused here: what the router would make of it is not known.
fn job_in(path: &str) -> Result<JobId> {
    let job = path.strip_prefix(OF_JOBS).and_then(|rest| rest.split('/').next());
    Ok(job.unwrap_or_default().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    const JOB: &str = "7k3vq9xd";

    fn sample(shape: &str) -> String {
        let parts = shape.split('/').map(|part| if part.starts_with('{') { JOB } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    fn rows_for(method: &str, path: &str) -> usize {
        let seen = SEEN.iter().filter(|seen| method == "GET" && fits(seen, path)).count();
        seen + CALLS.iter().filter(|call| call.0 == method && fits(call.1, path)).count()
    }

    #[test]
    fn every_call_of_the_interface_is_named_once() {
        let document = crate::master::http::document();
        let mut calls = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
                assert_eq!(
                    rows_for(&method, &sample(path)),
                    1,
                    "{method} {path}: say in the table who may make it"
                );
                calls += 1;
            }
        }
        let of_interface = |path: &str| path.starts_with("/api/v1/") && path != "/api/v1/openapi.json";
        let named = SEEN.iter().copied().chain(CALLS.iter().map(|call| call.1));
        assert_eq!(
            named.filter(|path| of_interface(path)).count(),
            calls,
            "the table names a call that there is not"
        );
    }

    #[test]
    fn what_nobody_named_is_for_the_farms_own_key_alone() {
        for path in [
            "/api/v2/jobs",
            "/api/v1/jobs/",
            "/api/v1//jobs",
            "/api/v1/j%6fbs",
            "/api/v1/slaves/a/work/b",
            "",
        ] {
            for method in [Method::GET, Method::POST, Method::OPTIONS] {
                assert!(judge(Role::Admin, &method, path).is_ok());
                for role in [Role::Submit, Role::Render] {
                    assert_eq!(
                        judge(role, &method, path).unwrap_err().code,
                        Code::Forbidden,
                        "{method} {path}"
                    );
                }
            }
        }
        assert!(judge(Role::Render, &Method::HEAD, "/api/v1/jobs").is_ok());
        assert!(judge(Role::Render, &Method::OPTIONS, "/api/v1/jobs").is_err());
    }

    #[test]
    fn a_job_is_changed_with_the_kind_of_key_that_sent_it() {
        let path = format!("/api/v1/jobs/{JOB}/pause");
        let of_sender = judge(Role::Submit, &Method::POST, &path).unwrap().unwrap();
        assert_eq!(of_sender.job.to_string(), JOB);
        assert!(of_sender.judge(Role::Submit).is_ok());
        let told = of_sender.judge(Role::Admin).unwrap_err().to_string();
        assert!(
            told.starts_with("a key to submit may not pause jobs of others, and 7k3vq9xd was not sent"),
            "{told}"
        );
        let told = judge(Role::Render, &Method::POST, &path).unwrap_err().to_string();
        assert!(
            told.starts_with("a key to render may not pause jobs; a key to submit may"),
            "{told}"
        );
        let escaped = path.replace("7k", "%37k");
        assert!(judge(Role::Submit, &Method::POST, &escaped).is_err());
    }
}
