//! The farm on bad days: simulated slaves, networks, clients and crashes, from seeds, in virtual time.
//!
//! `trial` holds a farm and asserts after each event what must always hold (`failing`: what tests say of failures); `ledger`
//! is the store that it is restored from; `world` and `agent` let slaves live around it; `fairness`, `able`, `trouble`,
//! `hardships` and `crowd` are days with a name, which say how they went (`report`): `cargo test sim::`, which runs the one
//! that needs the real store too (`store/sim.rs`). `scenarios` are small ones, `storms` days from seeds.

mod able;
mod about;
mod agent;
mod crowd;
mod failing;
mod fairness;
mod hardships;
mod ledger;
pub(crate) mod report;
mod scenarios;
mod storms;
mod tiles;
pub(super) mod trial;
mod trouble;
mod whims;
mod world;
