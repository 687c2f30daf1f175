//! The farm on bad days: simulated slaves, networks, clients and crashes, from seeds, in virtual time.
//!
//! `trial` holds a farm and asserts after each event what must always hold; `ledger` is the store that it is restored
//! from; `world` and `agent` let slaves live around it; `scenarios` are days with a name, `storms` days from seeds.

mod agent;
mod ledger;
mod scenarios;
mod storms;
pub(super) mod trial;
mod world;
