//! The HTTP client that slaves and clients share: one connection pool to one master that has proved its key.
//!
//! Absences: no retries and no decisions. Whoever calls knows whether to try again; [`Backoff`] tells how long to wait.

mod address;
mod answer;
mod backoff;
mod calls;
mod connect;
mod events;
mod hello;
mod hook;
mod intake;
mod transfer;

pub use address::MasterAddress;
pub use backoff::Backoff;
pub use connect::Link;
pub use events::{Events, Told};
pub use hook::{HookAddress, HookAnswer, HookCaller};
pub use intake::{Body, NextPieces, hand_over};
pub use transfer::{Pieces, Progress, no_progress};
