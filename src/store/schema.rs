//! The tables. Ids are their 40 bits as integers, moments are milliseconds since the Unix epoch, hashes are 32 bytes.

/// For every connection. FULL costs almost nothing with group commit, and survives a power cut.
pub(super) const PRAGMAS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 1000;
PRAGMA cache_size = -65536;
PRAGMA trusted_schema = OFF;
";

/// For a new file. The numbers at its start are those of `header.rs` (a test compares them).
pub(super) const SCHEMA: &str = "
PRAGMA application_id = 0x6e726d73;
PRAGMA user_version = 1;

BEGIN;
CREATE TABLE job (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id INTEGER NOT NULL UNIQUE,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    tags TEXT NOT NULL,              -- one a line
    priority INTEGER NOT NULL,
    chunk_tasks INTEGER NOT NULL,
    frames TEXT NOT NULL,
    blender TEXT,
    files_missing INTEGER NOT NULL,
    submitted INTEGER NOT NULL,
    last_dispatched INTEGER
) STRICT;

CREATE TABLE transition (
    place INTEGER PRIMARY KEY,       -- the order of a job's life
    job INTEGER NOT NULL,
    at INTEGER NOT NULL,
    state INTEGER NOT NULL           -- see rows.rs
) STRICT;
CREATE INDEX transition_job ON transition (job);

CREATE TABLE task (
    job INTEGER NOT NULL,
    task INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    state INTEGER NOT NULL,          -- see rows.rs; what follows belongs to some states only
    slave INTEGER,
    since INTEGER,
    rendered INTEGER,
    seconds REAL,
    hash BLOB,
    size_bytes INTEGER,
    reason TEXT,
    last_failure TEXT,
    PRIMARY KEY (job, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE slave (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    tags TEXT NOT NULL,              -- one a line
    blenders TEXT NOT NULL,          -- one a line
    slots INTEGER NOT NULL,
    facts TEXT                       -- JSON of the master
) STRICT;

CREATE TABLE manifest (
    job INTEGER PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE content (
    job INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (job, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX content_hash ON content (hash);

CREATE TABLE note (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
COMMIT;
PRAGMA journal_mode = WAL;
";
