#![doc = include_str!("README.md")]

pub mod ids;

pub mod access;
pub mod error;
pub mod farm;
pub mod happening;
pub mod tls;
pub mod wire;

pub mod blender;
pub mod discovery;
pub mod files;
pub mod images;
pub mod link;
pub mod store;
pub mod versions;

pub mod client;
pub mod master;
pub mod slave;

pub mod cli;
#[cfg(feature = "python")]
mod python;
