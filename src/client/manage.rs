//! What can be done to jobs that are known already, and to the farm.

use super::{Client, Pending, pages};
use crate::error::Result;
use crate::ids::{JobId, SlaveId};
use crate::wire::{BanInfo, BanReason, JobEdit, JobInfo, JobReset, Settings, SettingsEdit};
use std::time::Duration;

impl Client {
    /// Changes a job; what is absent stays as it is. Returns the job as it is then.
    pub fn edit(&self, job: JobId, edit: JobEdit) -> Result<JobInfo> {
        let link = self.link.clone();
        self.threads
            .ask(async move { link.patch(&format!("jobs/{job}"), &edit).await })
    }

    /// Lets frames of a job be rendered anew; a job that is over goes on.
    pub fn reset(&self, job: JobId, which: JobReset) -> Result<()> {
        let link = self.link.clone();
        self.threads
            .ask(async move { link.post(&format!("jobs/{job}/reset"), &which, Duration::ZERO).await })
    }

    /// Ends every job that is not over.
    pub fn cancel_all(&self) -> Result<()> {
        self.act("jobs/cancel".to_owned())?.answer()
    }

    /// Cancels a job and deletes what the master has of it; the results stay on its disk if they are to be kept.
    pub fn remove(&self, job: JobId, keep_results: bool) -> Result<()> {
        self.ask_remove(job, keep_results)?.answer()
    }

    /// The same without waiting.
    pub fn ask_remove(&self, job: JobId, keep_results: bool) -> Result<Pending<()>> {
        let link = self.link.clone();
        self.threads
            .begin(async move { link.delete(&format!("jobs/{job}?keep_results={keep_results}")).await })
    }

    /// Who is on the blacklist of a job, or on the farm's.
    pub fn blacklist(&self, job: Option<JobId>) -> Result<Vec<BanInfo>> {
        let (link, list) = (self.link.clone(), list_of(job));
        self.threads.ask(async move { pages::all(&link, &list).await })
    }

    /// Lets a slave get nothing more of a job, or of any.
    pub fn ban(&self, job: Option<JobId>, slave: SlaveId, reason: String) -> Result<()> {
        let (link, list) = (self.link.clone(), list_of(job));
        self.threads
            .ask(async move { link.put(&format!("{list}/{slave}"), &BanReason { reason }).await })
    }

    /// Takes a slave off a list, or all of them.
    pub fn lift_ban(&self, job: Option<JobId>, slave: Option<SlaveId>) -> Result<()> {
        let (link, list) = (self.link.clone(), list_of(job));
        let path = slave.map_or_else(|| list.clone(), |slave| format!("{list}/{slave}"));
        self.threads.ask(async move { link.delete(&path).await })
    }

    /// Lets a slave finish what it renders, and gives it nothing more.
    pub fn pause_slave(&self, slave: SlaveId) -> Result<()> {
        self.act(format!("slaves/{slave}/pause"))?.answer()
    }

    /// Gives work to a paused slave again.
    pub fn resume_slave(&self, slave: SlaveId) -> Result<()> {
        self.act(format!("slaves/{slave}/resume"))?.answer()
    }

    /// Lets a slave end after what it renders.
    pub fn end_slave(&self, slave: SlaveId) -> Result<()> {
        self.act(format!("slaves/{slave}/end"))?.answer()
    }

    /// The settings of the farm.
    pub fn settings(&self) -> Result<Settings> {
        self.get("settings".to_owned())?.answer()
    }

    /// Changes settings of the farm; what is absent stays as it is. Returns all of them.
    pub fn set_settings(&self, edit: SettingsEdit) -> Result<Settings> {
        let link = self.link.clone();
        self.threads.ask(async move { link.put("settings", &edit).await })
    }
}

fn list_of(job: Option<JobId>) -> String {
    job.map_or_else(|| "blacklist".to_owned(), |job| format!("jobs/{job}/blacklist"))
}
