//! What can be done to jobs that are known already, and to the farm.

use super::{Client, Pending, pages};
use crate::error::Result;
use crate::ids::{JobId, SlaveId};
use crate::wire::{BanInfo, BanReason, JobEdit, JobInfo, JobReset, Settings, SettingsEdit, SlaveTags};
use std::time::Duration;

impl Client {
    /// Lets no more frames of a job begin.
    pub fn pause(&self, job: JobId) -> Result<()> {
        self.ask_pause(job)?.answer()
    }

    /// The same without waiting.
    pub fn ask_pause(&self, job: JobId) -> Result<Pending<()>> {
        self.act(format!("jobs/{job}/pause"))
    }

    /// Lets a paused job go on.
    pub fn resume(&self, job: JobId) -> Result<()> {
        self.ask_resume(job)?.answer()
    }

    /// The same without waiting.
    pub fn ask_resume(&self, job: JobId) -> Result<Pending<()>> {
        self.act(format!("jobs/{job}/resume"))
    }

    /// Ends a job now; finished frames stay.
    pub fn cancel(&self, job: JobId) -> Result<()> {
        self.ask_cancel(job)?.answer()
    }

    /// The same without waiting.
    pub fn ask_cancel(&self, job: JobId) -> Result<Pending<()>> {
        self.act(format!("jobs/{job}/cancel"))
    }

    /// Changes a job; what is absent stays as it is. Returns the job as it is then.
    pub fn edit(&self, job: JobId, edit: JobEdit) -> Result<JobInfo> {
        self.ask_edit(job, edit)?.answer()
    }

    /// The same without waiting.
    pub fn ask_edit(&self, job: JobId, edit: JobEdit) -> Result<Pending<JobInfo>> {
        let link = self.link.clone();
        self.threads
            .begin(async move { link.patch(&format!("jobs/{job}"), &edit).await })
    }

    /// Lets frames of a job be rendered anew; a job that is over goes on.
    pub fn reset(&self, job: JobId, which: JobReset) -> Result<()> {
        self.ask_reset(job, which)?.answer()
    }

    /// The same without waiting.
    pub fn ask_reset(&self, job: JobId, which: JobReset) -> Result<Pending<()>> {
        let link = self.link.clone();
        self.threads
            .begin(async move { link.post(&format!("jobs/{job}/reset"), &which, Duration::ZERO).await })
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
        self.ask_blacklist(job)?.answer()
    }

    /// The same without waiting.
    pub fn ask_blacklist(&self, job: Option<JobId>) -> Result<Pending<Vec<BanInfo>>> {
        let (link, list) = (self.link.clone(), list_of(job));
        self.threads.begin(async move { pages::all(&link, &list).await })
    }

    /// Lets a slave get nothing more of a job, or of any.
    pub fn ban(&self, job: Option<JobId>, slave: SlaveId, reason: String) -> Result<()> {
        self.ask_ban(job, slave, reason)?.answer()
    }

    /// The same without waiting.
    pub fn ask_ban(&self, job: Option<JobId>, slave: SlaveId, reason: String) -> Result<Pending<()>> {
        let (link, list) = (self.link.clone(), list_of(job));
        self.threads
            .begin(async move { link.put(&format!("{list}/{slave}"), &BanReason { reason }).await })
    }

    /// Takes a slave off a list, or all of them.
    pub fn lift_ban(&self, job: Option<JobId>, slave: Option<SlaveId>) -> Result<()> {
        self.ask_lift_ban(job, slave)?.answer()
    }

    /// The same without waiting.
    pub fn ask_lift_ban(&self, job: Option<JobId>, slave: Option<SlaveId>) -> Result<Pending<()>> {
        let (link, list) = (self.link.clone(), list_of(job));
        let path = slave.map_or_else(|| list.clone(), |slave| format!("{list}/{slave}"));
        self.threads.begin(async move { link.delete(&path).await })
    }

    /// Lets a slave finish what it renders, and gives it nothing more.
    pub fn pause_slave(&self, slave: SlaveId) -> Result<()> {
        self.ask_pause_slave(slave)?.answer()
    }

    /// The same without waiting.
    pub fn ask_pause_slave(&self, slave: SlaveId) -> Result<Pending<()>> {
        self.act(format!("slaves/{slave}/pause"))
    }

    /// Gives work to a paused slave again.
    pub fn resume_slave(&self, slave: SlaveId) -> Result<()> {
        self.ask_resume_slave(slave)?.answer()
    }

    /// The same without waiting.
    pub fn ask_resume_slave(&self, slave: SlaveId) -> Result<Pending<()>> {
        self.act(format!("slaves/{slave}/resume"))
    }

    /// Lets a slave end after what it renders.
    pub fn end_slave(&self, slave: SlaveId) -> Result<()> {
        self.ask_end_slave(slave)?.answer()
    }

    /// The same without waiting.
    pub fn ask_end_slave(&self, slave: SlaveId) -> Result<Pending<()>> {
        self.act(format!("slaves/{slave}/end"))
    }

    /// Gives a slave other tags than it says of itself; none: its own again.
    pub fn tag_slave(&self, slave: SlaveId, tags: Option<Vec<String>>) -> Result<()> {
        self.ask_tag_slave(slave, tags)?.answer()
    }

    /// The same without waiting.
    pub fn ask_tag_slave(&self, slave: SlaveId, tags: Option<Vec<String>>) -> Result<Pending<()>> {
        let (link, path) = (self.link.clone(), format!("slaves/{slave}/tags"));
        self.threads.begin(async move {
            match tags {
                Some(tags) => link.put(&path, &SlaveTags { tags }).await,
                None => link.delete(&path).await,
            }
        })
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
