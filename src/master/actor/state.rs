//! All that the actor owns: the farm, the store, and what the master knows beside them.

use crate::error::Result;
use crate::farm::{Farm, JobRecord, JobState, Moment, Records, TaskState};
use crate::ids::{ContentHash, JobId, SlaveId, TaskIndex};
use crate::master::home::Folders;
use crate::master::playback::Announced;
use crate::master::usage::Usage;
use crate::store::{Loaded, Store};
use crate::wire::MachineInfo;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Read by queries, changed by the actor alone.
pub(in crate::master) struct State {
    /// The brain.
    pub(in crate::master) farm: Farm,
    /// What is durable.
    pub(in crate::master) store: Store,
    /// What is known of a job beside the farm's record.
    pub(in crate::master) jobs: HashMap<JobId, JobNotes>,
    /// What is known of a slave beside the farm's record.
    pub(in crate::master) slaves: HashMap<SlaveId, SlaveFacts>,
    /// What the farm did lately.
    pub(in crate::master) usage: Usage,
    /// Complete contents on the disk.
    pub(super) present: HashSet<ContentHash>,
}

/// What the master keeps in memory of a job.
#[derive(Debug, Default)]
pub(in crate::master) struct JobNotes {
    /// Whether it has a manifest: then a frame is done only with its result.
    pub(in crate::master) has_files: bool,
    /// What it still waits for.
    pub(super) missing: HashSet<ContentHash>,
    /// Whether a frame of it was ever leased.
    pub(super) dispatched: bool,
}

/// What the master keeps of a slave.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::master) struct SlaveFacts {
    /// Where it called from.
    pub(in crate::master) address: String,
    /// What its machine is, and how it did lately.
    pub(in crate::master) machine: MachineInfo,
}

impl JobNotes {
    pub(super) fn new(record: &JobRecord) -> Self {
        Self {
            has_files: false,
            missing: HashSet::new(),
            dispatched: record.last_dispatched.is_some(),
        }
    }

    /// The contents that it still waits for, in no order.
    pub(in crate::master) fn missing(&self) -> impl Iterator<Item = ContentHash> {
        self.missing.iter().copied()
    }

    /// How many contents it still waits for.
    pub(in crate::master) fn missing_count(&self) -> usize {
        self.missing.len()
    }
}

impl State {
    /// The farm as it was when the last commit returned. `present` is what is on the disk now.
    pub(super) fn restore(store: Store, now: Moment, present: HashSet<ContentHash>) -> Result<Self> {
        let mut state = Self {
            farm: Farm::new(),
            store,
            jobs: HashMap::new(),
            slaves: HashMap::new(),
            usage: Usage::default(),
            present,
        };
        state.reload(now)?;
        Ok(state)
    }

    /// Forgets what is not durable.
    pub(super) fn reload(&mut self, now: Moment) -> Result<()> {
        let Loaded {
            jobs,
            rules,
            slaves,
            bans,
            settings,
            contents,
        } = self.store.load()?;
        self.jobs = jobs
            .iter()
            .map(|(record, _)| (record.job.id, JobNotes::new(record)))
            .collect();
        for (job, needed) in contents {
            if let Some(notes) = self.jobs.get_mut(&job) {
                notes.has_files = true;
                notes.missing = needed.into_iter().filter(|hash| !self.present.contains(hash)).collect();
            }
        }
        self.slaves = slaves
            .iter()
            .map(|(record, facts)| (record.id, read_facts(facts.as_deref())))
            .collect();
        let slaves = slaves.into_iter().map(|(record, _)| record).collect();
        let records = Records {
            jobs,
            slaves,
            bans,
            settings,
            rules,
        };
        self.farm = Farm::restore(now, records);
        Ok(())
    }

    /// Whose bakes a job is rendered with, or bakes: once the baking job is removed, what it made is the job's own.
    fn bakes_for(&self, job: JobId) -> Result<JobId> {
        let from = self.store.bakes_from(job)?.filter(|from| self.farm.job(*from).is_some());
        Ok(from.unwrap_or(job))
    }

    /// A mark of a job's manifest as it is now: another one once something else is baked for it. Nothing long is read for it.
    pub(in crate::master) fn mark_of_manifest(&self, job: JobId) -> Result<String> {
        let whose = self.bakes_for(job)?;
        let bakes = self.farm.job(whose).map_or(0, |view| view.record.job.bakes.len());
        let done = (0..).map(TaskIndex).take(bakes).filter_map(|task| {
            let record = self.farm.task(whose, task)?;
            let is_done = matches!(record.state, TaskState::Done { .. });
            is_done.then(|| format!("-{}.{}", task.0, record.attempt.0))
        });
        Ok(format!("{whose}{}", done.collect::<String>()))
    }

    /// A job's manifest, with what was baked for it.
    pub(in crate::master) fn announced(&self, job: JobId) -> Result<Option<Announced>> {
        let Some(document) = self.store.manifest(job)? else {
            return Ok(None);
        };
        let whose = self.bakes_for(job)?;
        let bakes = self.farm.job(whose).is_some_and(|view| !view.record.job.bakes.is_empty());
        let is_done = |task| {
            let record = self.farm.task(whose, task);
            record.is_some_and(|record| matches!(record.state, TaskState::Done { .. }))
        };
        let kept = self.store.baked(whose)?.into_iter();
        let kept = kept.filter(|(task, _)| !bakes || is_done(*task));
        Ok(Some(Announced {
            document,
            kept: kept.map(|(_, document)| document).collect(),
        }))
    }

    /// Jobs that wait for files although all of them are here.
    pub(super) fn jobs_ready(&self) -> Vec<JobId> {
        let waiting = self.farm.jobs().filter(|job| job.state == JobState::Waiting);
        waiting
            .map(|job| job.record.job.id)
            .filter(|job| self.jobs.get(job).is_some_and(|notes| notes.missing.is_empty()))
            .collect()
    }
}

/// Facts of another release may not fit: then the slave tells them anew when it registers.
fn read_facts(document: Option<&str>) -> SlaveFacts {
    document
        .and_then(|document| serde_json::from_str(document).ok())
        .unwrap_or_default()
}

/// Looks through the disk after a start: what no job knows any more goes to the trash. Returns the complete contents.
pub(super) fn tidy_up(store: &Store, home: &mut crate::master::home::Home) -> Result<HashSet<ContentHash>> {
    let folders: Folders = home.folders.clone();
    folders.contents.remove_broken_off()?;
    let (mut complete, parts) = folders.contents.list()?;
    for hash in complete.iter().chain(&parts).copied().collect::<HashSet<_>>() {
        if !store.needs(hash)? {
            folders.contents.remove(hash)?;
            complete.remove(&hash);
        }
    }
    let known: HashSet<String> = store.job_ids()?.iter().map(ToString::to_string).collect();
    for entry in std::fs::read_dir(folders.jobs()).into_iter().flatten().flatten() {
        if !known.contains(entry.file_name().to_string_lossy().as_ref()) {
            home.keep_results_if_marked(&entry.path())?;
            home.discard(&entry.path())?;
        }
    }
    Ok(complete)
}
