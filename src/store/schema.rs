//! The tables, as steps from an empty file to this release's. A step once released is never changed: another one follows it.
//!
//! Ids are their 40 bits as integers, moments are milliseconds since the Unix epoch, hashes are 32 bytes.

/// For every connection. FULL costs almost nothing with group commit, and survives a power cut.
pub(super) const PRAGMAS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 1000;
PRAGMA cache_size = -65536;
PRAGMA trusted_schema = OFF;
";

/// Each step leads from the version that is its place to the next one; a new file goes through all of them.
pub(super) const STEPS: [&str; 3] = [FIRST, RULES, REQUIREMENTS];

/// The number at its start is that of `header.rs` (a test compares them).
const FIRST: &str = "
PRAGMA application_id = 0x6e726d73;

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
";

/// Rules of balancing that were changed.
const RULES: &str = "
CREATE TABLE rule (
    name TEXT PRIMARY KEY,           -- see rows.rs
    enabled INTEGER NOT NULL,
    limit_value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What jobs require of machines.
const REQUIREMENTS: &str = "
ALTER TABLE job ADD COLUMN requirements TEXT NOT NULL DEFAULT '';
ALTER TABLE slave ADD COLUMN cores INTEGER NOT NULL DEFAULT 0;
ALTER TABLE slave ADD COLUMN memory_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE slave ADD COLUMN os TEXT NOT NULL DEFAULT '';
ALTER TABLE slave ADD COLUMN gpus TEXT NOT NULL DEFAULT '';    -- one a line
";
