//! The tables, as steps from an empty file to this release's. A step once released is never changed: another one follows it.
//!
//! Ids are their 40 bits as integers, moments are milliseconds since the Unix epoch, hashes are 32 bytes.

/// For every connection. FULL costs almost nothing with group commit, and survives a power cut.
pub(super) const PRAGMAS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA wal_autocheckpoint = 1000;
PRAGMA cache_size = -16384;
PRAGMA trusted_schema = OFF;
";

/// Each step leads from the version that is its place to the next one; a new file goes through all of them.
pub(super) const STEPS: [&str; 11] = [
    FIRST,
    RULES,
    REQUIREMENTS,
    LIFE_OF_A_JOB,
    TWO_LEASES,
    PAUSED_SLAVES,
    SCRIPTS,
    GIVEN_TAGS,
    BAKES,
    SENDERS,
    DENOISING_SLAVES,
];

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

/// Jobs are edited, reset and depend on each other; bans and settings.
const LIFE_OF_A_JOB: &str = "
ALTER TABLE job ADD COLUMN layout TEXT;                        -- frames of all tasks that it ever had; NULL: just its frames
ALTER TABLE job ADD COLUMN resets INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN depends_on TEXT NOT NULL DEFAULT '';        -- one id a line
ALTER TABLE job ADD COLUMN unwanted TEXT NOT NULL DEFAULT '';          -- one slave a line
ALTER TABLE job ADD COLUMN attempts_max INTEGER NOT NULL DEFAULT 0;    -- 0, here and below: as the farm says
ALTER TABLE job ADD COLUMN silence_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN stall_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN frame_s INTEGER NOT NULL DEFAULT 0;
-- Until now, that a job was queued once said that its files are here.
UPDATE job SET files_missing = 0 WHERE id IN (SELECT job FROM transition WHERE state = 1);

ALTER TABLE task ADD COLUMN failed_on TEXT NOT NULL DEFAULT '';        -- one slave a line
ALTER TABLE task ADD COLUMN failed_before TEXT NOT NULL DEFAULT '';

CREATE TABLE ban (
    job INTEGER NOT NULL,            -- -1: of the whole farm
    slave INTEGER NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,
    cause INTEGER NOT NULL,          -- see rows.rs
    reason TEXT NOT NULL,
    PRIMARY KEY (job, slave)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// A task may be leased to two slaves at once.
const TWO_LEASES: &str = "
ALTER TABLE task ADD COLUMN attempts INTEGER;                  -- NULL: as many as the number of its attempt says
ALTER TABLE task ADD COLUMN second_slave INTEGER;              -- this and what follows: of the second lease, if there is one
ALTER TABLE task ADD COLUMN second_attempt INTEGER;
ALTER TABLE task ADD COLUMN second_since INTEGER;
ALTER TABLE task ADD COLUMN second_rendered INTEGER;
";

/// Slaves can be paused.
const PAUSED_SLAVES: &str = "
ALTER TABLE slave ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
";

/// Scenes may run scripts, and slaves allow it. Slaves that are known say it when they come back; of jobs that are known
/// nothing is said: slaves that allow none refuse their frames.
const SCRIPTS: &str = "
ALTER TABLE job ADD COLUMN runs_scripts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE slave ADD COLUMN allows_scripts INTEGER NOT NULL DEFAULT 0;
";

/// Slaves can be given other tags than they say.
const GIVEN_TAGS: &str = "
ALTER TABLE slave ADD COLUMN own_tags TEXT;                    -- one a line; NULL: `tags` are what it says
";

/// Jobs that bake, and what came of it.
const BAKES: &str = "
ALTER TABLE job ADD COLUMN bakes TEXT NOT NULL DEFAULT '';     -- one a line: the places of those before it, and its name
ALTER TABLE manifest ADD COLUMN bakes_from INTEGER;            -- the job with whose bakes this one is rendered
CREATE TABLE baked (
    job INTEGER NOT NULL,
    task INTEGER NOT NULL,
    document TEXT NOT NULL,          -- JSON of the master
    PRIMARY KEY (job, task)
) STRICT, WITHOUT ROWID;
";

/// Jobs are sent with keys of different rights. Those that are known came with the farm's own.
const SENDERS: &str = "
ALTER TABLE job ADD COLUMN sent_by TEXT NOT NULL DEFAULT 'admin';
";

/// Slaves denoise frames out of their tiles. Those that are known say it when they come back.
const DENOISING_SLAVES: &str = "
ALTER TABLE slave ADD COLUMN denoises INTEGER NOT NULL DEFAULT 0;
";
