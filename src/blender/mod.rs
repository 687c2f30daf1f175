//! Child Blenders: what is installed, one warm [`Worker`] per slot, collecting what a scene needs, and how they are ended.
//!
//! A child is a `blender` executable or a Python with the `bpy` module; both run the same scripts, `worker.py` and
//! `collect.py`, which are part of this crate and are written to the child's folder.
//!
//! Children keep the user's preferences (no `--factory-startup`): the choice of GPU and the add-ons that bring render engines
//! live there, and a frame shall be what this machine's Blender would render by itself. Whoever registers an add-on can tell a
//! child by the environment variable `NETRENDER_WORKER`.
//!
//! Absences: no HTTP, no farm, no job. A hang is for the caller to notice, who drops what it waits for and kills.

mod collect;
mod copying;
mod denoiser;
mod device;
mod finisher;
mod header;
mod installation;
mod log;
mod orphans;
mod process;
mod progress;
mod talk;
mod worker;

pub use collect::{CollectRequest, Collected, CollectedFile, MissingFile, collect};
pub use copying::{CopyRequest, copy_with_bakes};
pub use denoiser::{DenoiseOrder, Denoiser};
pub use device::{Device, devices_of};
pub use finisher::{FinalPicture, Finisher};
pub use installation::{Installation, Kind, choose_installation, find_installations, probe};
pub use log::LogLine;
pub use orphans::adopt_orphans;
pub use process::end_leftovers;
pub use progress::BakeProgress;
pub use worker::{BakeOrder, Playback, Rendered, SceneRequest, Worker, WorkerOptions};
