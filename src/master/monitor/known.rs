//! What a page's script would ask for first, written into the page: it shows the farm as soon as it runs, and follows what
//! changes from there on.

use crate::error::Result;
use crate::ids::{JobId, Role};
use crate::master::actor::State;
use crate::master::convert;
use crate::master::http::{App, Listed, job_infos, slave_infos};
use crate::wire::{JobInfo, Settings, SlaveInfo, WebhookInfo};
use serde::Serialize;

/// The whole farm.
#[derive(Serialize)]
struct OfFarm {
    /// The event that this stands after.
    after: String,
    jobs: Vec<JobInfo>,
    slaves: Vec<SlaveInfo>,
}

/// One job.
#[derive(Serialize)]
struct OfJob {
    after: String,
    job: JobInfo,
    /// Whether there is a manifest to ask for.
    has_files: bool,
}

/// What is set for the whole farm.
#[derive(Serialize)]
struct OfSettings {
    after: String,
    settings: Settings,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhooks: Option<Vec<WebhookInfo>>,
}

/// Which jobs a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Jobs {
    All,
    /// Those that are not over.
    GoingOn,
}

/// The first of these jobs, and of all slaves.
pub(super) async fn of_farm(app: &App, which: Jobs) -> Result<String> {
    let after = place(app);
    let look = move |state: &State| {
        let going_on = || state.farm.jobs().filter(|job| !job.state.is_over());
        let ids = (which == Jobs::GoingOn).then(|| going_on().map(|job| job.record.job.id).collect());
        let jobs = job_infos(state, ids.as_ref(), &Listed::default());
        (jobs, slave_infos(state, None, &Listed::default()))
    };
    let (jobs, slaves) = app.desk.look(look).await?;
    Ok(written(&OfFarm { after, jobs, slaves }))
}

/// The settings, and for who may change them the webhooks.
pub(super) async fn of_settings(app: &App, role: Role) -> Result<String> {
    let after = place(app);
    let settings = app.desk.look(|state| convert::settings(state.farm.settings())).await?;
    let webhooks = (role == Role::Admin).then(|| app.webhooks.infos());
    Ok(written(&OfSettings {
        after,
        settings,
        webhooks,
    }))
}

/// A job with its name; none: there is no such job.
pub(super) async fn of_job(app: &App, id: JobId) -> Result<Option<(String, String)>> {
    let after = place(app);
    let found = app.desk.look(move |state| {
        let job = state.farm.job(id).map(|view| convert::job_info(&view, &state.farm));
        (job, state.store.has_manifest(id))
    });
    let (job, has_files) = found.await?;
    let has_files = has_files?;
    Ok(job.map(|job| (job.name.clone(), written(&OfJob { after, job, has_files }))))
}

/// Asked first: what changes before the farm is looked at is told twice rather than never.
fn place(app: &App) -> String {
    app.feed.since(None, None).0.to_string()
}

/// JSON in which nothing is markup, whatever names hold: the page ends where it seems to.
fn written(known: &impl Serialize) -> String {
    // It holds nothing that cannot be written; if it did, the script asks for everything, as it does without.
    let text = serde_json::to_string(known).unwrap_or_default();
    text.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_the_script_that_holds_it() {
        let nasty = "</script><!--<script>alert(1)</script>\u{2028}&amp;";
        let text = written(&nasty);
        assert!(!text.contains('<'), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), nasty);
    }
}
