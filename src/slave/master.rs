//! Finding the master, and being known to it.

use super::machine::{self, Machine};
use super::shop::SlaveOptions;
use crate::blender::Installation;
use crate::discovery::{self, Found};
use crate::error::{Error, Result};
use crate::ids::SlaveId;
use crate::link::{Link, MasterAddress};
use crate::wire::{BlenderInfo, Registered, Registration, TaskName};
use std::path::Path;
use std::time::Duration;

/// How long masters have to answer a call into the local network.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Reaches the master: the one that was named, else the one it worked for last, else the first found that has the farm's key.
pub(super) async fn reach(options: &SlaveOptions, last: Option<&MasterAddress>) -> Result<Link> {
    if let Some(address) = &options.master {
        return Link::connect(address, &options.keys).await;
    }
    if let Some(last) = last
        && let Ok(link) = Link::connect(last, &options.keys).await
    {
        return Ok(link);
    }
    let mut failure =
        Error::unreachable("no master answers on the local network").hint("start one, or give its address by --master");
    for found in masters_heard().await? {
        let linked = match MasterAddress::heard(&found.url) {
            Ok(address) => Link::connect(&address, &options.keys).await,
            Err(error) => Err(error),
        };
        match linked {
            Ok(link) => return Ok(link),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn masters_heard() -> Result<Vec<Found>> {
    tokio::task::spawn_blocking(|| discovery::find(DISCOVERY_TIMEOUT))
        .await
        .map_err(|error| Error::internal(format!("the search for masters ended: {error}")))?
}

/// Who presents itself to a master.
#[derive(Debug)]
pub(super) struct Card {
    name: String,
    tags: Vec<String>,
    blenders: Vec<BlenderInfo>,
    slots: u32,
    allows_scripts: bool,
    machine: Machine,
    new_id: Option<SlaveId>,
}

impl Card {
    pub(super) fn new(options: &SlaveOptions, blenders: &[Installation], folder: &Path) -> Self {
        Self {
            name: options.name.clone().unwrap_or_else(machine::machine_name),
            tags: options.tags.clone(),
            blenders: blenders.iter().map(|it| BlenderInfo { version: it.version }).collect(),
            slots: u32::try_from(options.slots).unwrap_or(u32::MAX),
            allows_scripts: options.allow_scripts,
            machine: Machine::new(options, folder),
            new_id: None,
        }
    }

    /// The id of a slave that is new to its farm. The slave makes it: who presents itself again, because the answer was lost, is
    /// then the same slave and not another one.
    pub(super) fn new_id(&mut self) -> Result<SlaveId> {
        if let Some(id) = self.new_id {
            return Ok(id);
        }
        let bits = getrandom::u64().map_err(|error| Error::internal(format!("the system gives no random numbers: {error}")))?;
        Ok(*self.new_id.insert(SlaveId::from_bits(bits)))
    }

    /// Presents the slave, newly or again, with what it holds; tells the id to use.
    pub(super) async fn present(&mut self, link: &Link, id: Option<SlaveId>, holding: Vec<TaskName>) -> Result<SlaveId> {
        let registration = Registration {
            id,
            name: self.name.clone(),
            tags: self.tags.clone(),
            blenders: self.blenders.clone(),
            slots: self.slots,
            allows_scripts: self.allows_scripts,
            denoises: true,
            machine: self.machine.look(),
            holding,
        };
        let registered: Registered = link.post("slaves", &registration, Duration::ZERO).await?;
        Ok(registered.id)
    }
}
