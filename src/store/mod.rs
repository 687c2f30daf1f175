//! `blender_master.data`: the durable state of a master, in `SQLite`.
//!
//! One owner, one writer: the master's actor. What [`Store::apply`] has returned from survives a power cut. Two things lie
//! here: the farm's own records, and what the master keeps beside them (manifests, facts about machines, notes).
//!
//! Absences: no threads, no clock, and no absolute path in the file, so that the folder may be moved while nobody uses it.

mod contents;
mod header;
mod load;
mod rows;
mod schema;

use crate::error::{Error, Result};
use crate::farm::{Ban, Change, JobRecord, Rules, Settings, SlaveRecord, TaskRecord};
use crate::ids::{ContentHash, JobId, SlaveId, TaskIndex};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::path::{Path, PathBuf};

/// The data file's name within a master's path.
pub const DATA_FILE: &str = "blender_master.data";

/// One thing to be kept. Those of one [`Store::apply`] become durable together or not at all.
#[derive(Debug, Clone)]
pub enum Write {
    /// A change of the farm's state.
    Farm(Change),
    /// A job's manifest as its client sent it, and the contents that it needs.
    Manifest {
        /// The job.
        job: JobId,
        /// JSON, given back as it is.
        document: String,
        /// What of the content store it needs.
        contents: Vec<ContentHash>,
        /// The job with whose bakes it is rendered.
        bakes_from: Option<JobId>,
    },
    /// What came of a bake.
    Baked {
        /// The job.
        job: JobId,
        /// Which of its tasks.
        task: TaskIndex,
        /// JSON, given back as it is.
        document: String,
        /// What of the content store it needs.
        contents: Vec<ContentHash>,
    },
    /// What the master knows of a slave beyond the farm's record. Comes after the slave's own record.
    Facts {
        /// The slave.
        slave: SlaveId,
        /// JSON, given back as it is.
        document: String,
    },
    /// A fact about this master, by name.
    Note {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

/// All that a farm is restored from.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Jobs in the order in which they came, with those of their tasks that are not untouched.
    pub jobs: Vec<(JobRecord, Vec<(TaskIndex, TaskRecord)>)>,
    /// The rules of balancing.
    pub rules: Rules,
    /// Slaves, with the facts document that the master kept.
    pub slaves: Vec<(SlaveRecord, Option<String>)>,
    /// Who is on which list; `None`: the farm's.
    pub bans: Vec<(Option<JobId>, SlaveId, Ban)>,
    /// What an administrator has set.
    pub settings: Settings,
    /// Contents that each job with files needs.
    pub contents: Vec<(JobId, Vec<ContentHash>)>,
}

/// An open data file.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the data file in a folder, or makes it. A file that is not ours, of a newer netrender, or damaged is refused
    /// and left as it is.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(DATA_FILE);
        if header::look(&path)? == header::Kind::Absent {
            make(&path)?;
        }
        let mut connection = connect(&path).map_err(|error| fault("open", &path, &error))?;
        check(&connection, &path)?;
        climb(&mut connection).map_err(|error| fault("bring up to date", &path, &error))?;
        Ok(Self { connection, path })
    }

    /// Everything in it.
    pub fn load(&self) -> Result<Loaded> {
        load::load(&self.connection).map_err(|error| fault("read", &self.path, &error))
    }

    /// Keeps all of these, or none if it fails. When it returns, they are on the disk. Tells which contents no job needs
    /// any more.
    pub fn apply(&mut self, writes: &[Write]) -> Result<Vec<ContentHash>> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        rows::apply(&mut self.connection, writes).map_err(|error| fault("write to", &self.path, &error))
    }

    /// A job's manifest as it was announced.
    pub fn manifest(&self, job: JobId) -> Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT document FROM manifest WHERE job = ?1")
            .and_then(|mut statement| statement.query_row([rows::key(job.bits())], |row| row.get(0)).optional())
            .map_err(|error| fault("read", &self.path, &error))
    }

    /// Whether a job has a manifest.
    pub fn has_manifest(&self, job: JobId) -> Result<bool> {
        self.connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM manifest WHERE job = ?1)")
            .and_then(|mut statement| statement.query_row([rows::key(job.bits())], |row| row.get(0)))
            .map_err(|error| fault("read", &self.path, &error))
    }

    /// What was baked for a job, by task. A job that is rendered with the bakes of another one has them once that is removed.
    pub fn baked(&self, job: JobId) -> Result<Vec<(TaskIndex, String)>> {
        contents::baked(&self.connection, job).map_err(|error| fault("read", &self.path, &error))
    }

    /// The job with whose bakes a job is rendered.
    pub fn bakes_from(&self, job: JobId) -> Result<Option<JobId>> {
        contents::bakes_from(&self.connection, job).map_err(|error| fault("read", &self.path, &error))
    }

    /// Whether a job needs this content.
    pub fn needs(&self, hash: ContentHash) -> Result<bool> {
        self.connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM content WHERE hash = ?1)")
            .and_then(|mut statement| statement.query_row([hash.0], |row| row.get(0)))
            .map_err(|error| fault("read", &self.path, &error))
    }

    /// The ids of all jobs.
    pub fn job_ids(&self) -> Result<Vec<JobId>> {
        load::job_ids(&self.connection).map_err(|error| fault("read", &self.path, &error))
    }

    /// A note that was kept.
    pub fn note(&self, name: &str) -> Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT value FROM note WHERE name = ?1")
            .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
            .map_err(|error| fault("read", &self.path, &error))
    }
}

/// Removes a data file with all that `SQLite` puts beside it. Nobody may have it open.
pub fn remove(folder: &Path) -> Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal", ".new", ".new-wal", ".new-shm", ".new-journal"] {
        let path = folder.join(format!("{DATA_FILE}{suffix}"));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", &path, &error)),
            _ => {}
        }
    }
    Ok(())
}

/// Makes an empty data file: under another name first, so that a kill in between leaves no half of one.
fn make(path: &Path) -> Result<()> {
    let temporary = path.with_extension("data.new");
    let build = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(&temporary)?;
        climb(&mut connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.close().map_err(|(_, error)| error)
    };
    // What an earlier start may have left is worth nothing.
    let _ = std::fs::remove_file(&temporary);
    build().map_err(|error| fault("make", path, &error))?;
    std::fs::rename(&temporary, path).map_err(|error| Error::io("make", path, &error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::io("write to", folder, &error))
}

/// Takes all steps of the schema that are still to be taken, each whole or not at all.
fn climb(connection: &mut Connection) -> rusqlite::Result<()> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for (next, step) in (1..).zip(schema::STEPS).filter(|(next, _)| *next > version) {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", next)?;
        transaction.commit()?;
    }
    Ok(())
}

fn check(connection: &Connection, path: &Path) -> Result<()> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| fault("read", path, &error))?;
    if verdict == "ok" { Ok(()) } else { Err(header::damaged(path)) }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(schema::PRAGMAS)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// A failure of `SQLite` in our words.
fn fault(verb: &str, path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            Error::storage(format!("cannot {verb} {}: the disk is full", path.display())).hint("free some space, then try again")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => header::damaged(path),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            Error::storage(format!("cannot {verb} {}: it is not writable", path.display()))
                .hint("check the permissions, or choose another folder")
        }
        _ => Error::storage(format!("cannot {verb} {}: {error}", path.display())),
    }
}

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
