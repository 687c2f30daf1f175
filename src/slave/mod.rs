//! The slave: asks for work, keeps a Blender warm, delivers results.
//!
//! How it is cut: a plain value, `held`, knows what the slave has; `desk` is its handle. Around it run, each on its own, the
//! slots, which render, and as long as there is a master the loops for work, orders, logs, delivery and files to come. What is rendered
//! goes to the outbox on disk first, so neither a lost master nor an end of the slave loses it.
//!
//! Absences: no thread calls back into whoever started it; [`Slave::events`] is drained.

mod actor;
mod assignment;
mod board;
mod cache;
mod copies;
mod delivery;
mod denoise;
mod desk;
mod disk;
mod empty;
mod fetch;
mod finals;
mod finish;
mod handle;
mod held;
mod home;
mod job_folder;
mod keeper;
mod leaving;
mod log;
mod machine;
mod master;
mod outbox;
mod pauses;
mod prefetch;
mod scene;
mod shared;
mod shop;
mod slot;
mod warm;
mod work;

pub use board::{SlaveState, SlaveStatus};
pub use cache::CACHE_GIB_DEFAULT;
pub use handle::Slave;
pub use shop::{HANG_TIMEOUT_S, SlaveOptions};
