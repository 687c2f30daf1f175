//! The protocol, version 1: what master, slaves and clients say to each other, as JSON over HTTP/1.1 under `/api/v1`.
//!
//! Absences: no I/O, and no idea of the farm. Types here are the wire's own twins of the farm's; who sends or receives
//! converts by hand, so the inside can move while the wire stands still. Unknown fields are ignored, so that a newer peer
//! of the same API version may say more.

mod announce;
mod archive;
mod bake;
mod content;
mod edit;
mod event;
mod fault;
mod grid;
mod hello;
mod job;
mod manifest;
mod rules;
mod slave;
mod task;
pub mod text;
mod ties;
mod usage;
mod webhook;

pub use announce::{ANNOUNCEMENT_BYTES_MAX, Announcement, DISCOVERY_PORT, Query};
pub use archive::{
    ARCHIVE_FORMAT, ARCHIVED_FRAMES, ARCHIVED_JOB, ARCHIVED_MANIFEST, ArchivedJob, JobRestored, archived_file, archived_log,
    archived_result,
};
pub use bake::{BAKES_FOLDER, BakeTask, Baked, BakedFile, JobKind};
pub use content::{Accepts, BundleTaken, BundleWanted, ContentStatus, OfferInfo, Offers, OffersTaken};
pub use edit::{BanCauseInfo, BanInfo, BanReason, JobEdit, JobLimits, JobReset, Settings, SettingsEdit};
pub use event::{Changes, EVENT_CHANGES, EVENT_RESET, FramesChanged};
pub use fault::FaultBody;
pub use grid::{FrameGrid, GridSlave};
pub use hello::{API_VERSION, Hello, KeyRenewed, PRODUCT};
pub use job::{JobAnnounce, JobAnnounced, JobInfo, JobStateInfo, ShownFrames, TransitionInfo};
pub use manifest::{DenoisedLayer, Denoising, FileEntry, Manifest, RenderSettings, SceneWants, Source};
pub use rules::{Explanation, RuleInfo, RulesInfo};
pub use slave::{BlenderInfo, FrameName, MachineInfo, NextJob, Registered, Registration, SLOTS_MAX, SlaveInfo, SlaveTags};
pub use task::{
    FrameInfo, FrameStateInfo, LeaseInfo, LeasedTask, LogAppended, Orders, OrdersWanted, ReportInfo, ReportKind, TaskName,
    TilesInfo, WorkAnswer, WorkWanted,
};
pub use ties::{JobTie, JobTies};
pub use usage::{JobUsage, UsageInfo};
pub use webhook::{WebhookEvent, WebhookInfo, WebhookJob, WebhookMessage, WebhookSlave, WebhookWanted};
