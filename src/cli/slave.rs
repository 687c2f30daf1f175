//! `netrender slave`: runs until it is interrupted, and tells what happens meanwhile.

use super::arguments::MasterChoice;
use super::interrupt::{Interrupt, Wish};
use super::names::{Names, named};
use super::screen::{note, say};
use super::{STATUS_FAILED, STATUS_OK};
use crate::access::KeySource;
use crate::client::named_master;
use crate::error::Result;
use crate::happening::HappeningKind;
use crate::slave::{CACHE_GIB_DEFAULT, HANG_TIMEOUT_S, Slave, SlaveOptions};
use crate::wire::SLOTS_MAX;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Between two looks at what happened.
const LOOK_MS: u64 = 200;
/// Looks between two lines about what the slave does: a line a second at most, however fast it renders.
const LOOKS_PER_LINE: u32 = 5;
/// How long the ending may take.
const STOP_TIMEOUT_S: u64 = 10;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(super) struct SlaveArguments {
    #[command(flatten)]
    pub(super) master: MasterChoice,
    /// Folder for its files [default: in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub(super) path: Option<PathBuf>,
    /// A Blender, or a Python with the bpy module; may be repeated [default: the first one found]
    #[arg(long, value_name = "PATH")]
    pub(super) blender: Vec<PathBuf>,
    /// Name to be shown [default: the machine's]
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Its tags, such as gpu;fast
    #[arg(long)]
    pub(super) tags: Vec<Names>,
    /// What it renders with beside the processor, such as cuda;"RTX 4090" [default: what the system tells]; cuda:0, optix:1 or
    /// cpu also has Cycles render with just that
    #[arg(long)]
    pub(super) gpu: Vec<Names>,
    /// Chunks to render at once, each in a Blender of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(SLOTS_MAX)))]
    pub(super) slots: u32,
    /// Threads that each Blender renders with [default: the cores, shared out to the slots]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub(super) threads: u32,
    /// Memory that one Blender may take before a fresh one follows it [default: 80 % of the machine's, shared out]
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) blender_memory_gib: Option<u32>,
    /// Most that jobs' files may take on its disk, beside those in use
    #[arg(long, value_name = "GIB", default_value_t = CACHE_GIB_DEFAULT)]
    pub(super) cache_gib: u64,
    /// Copy each result into this folder, such as one that everybody sees
    #[arg(long, value_name = "DIR")]
    pub(super) copy_to: Option<PathBuf>,
    /// Silence of Blender after which it is taken to hang
    #[arg(long, value_name = "SECONDS", default_value_t = HANG_TIMEOUT_S, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) hang_timeout: u64,
    /// End after so long without anything to do
    #[arg(long, value_name = "SECONDS")]
    pub(super) exit_when_idle: Option<u64>,
    /// With less free on the disk of its folder it takes no work [default: 1, or a twentieth of a small disk]
    #[arg(long, value_name = "GIB")]
    pub(super) disk_free_gib: Option<u32>,
    /// Show what Blender prints
    #[arg(long)]
    pub(super) log_console: bool,
    /// Send no small picture with each result: the master makes them when somebody looks
    #[arg(long)]
    pub(super) no_thumbnails: bool,
    /// Delete its files when it ends (what is not delivered yet stays)
    #[arg(long)]
    pub(super) clear_on_exit: bool,
    /// Run the Python scripts inside .blend files: whoever can send jobs can then run programs here
    #[arg(long)]
    pub(super) allow_scripts: bool,
    /// Take jobs from repositories in folders of this machine (file://)
    #[arg(long)]
    pub(super) allow_local_repositories: bool,
}

pub(super) fn slave(wanted: SlaveArguments, keys: KeySource) -> Result<u8> {
    let interrupt = Interrupt::listen_patiently()?;
    let slave = Slave::start(options(wanted, keys)?)?;
    watch(&slave, &interrupt)?;
    let ended_by_itself = !slave.running() && !slave.is_draining();
    slave.stop(Duration::from_secs(STOP_TIMEOUT_S))?;
    tell(&slave)?;
    Ok(if ended_by_itself { STATUS_FAILED } else { STATUS_OK })
}

fn options(wanted: SlaveArguments, keys: KeySource) -> Result<SlaveOptions> {
    let options = SlaveOptions {
        master: named_master(&wanted.master.master)?,
        keys,
        path: wanted.path,
        blenders: wanted.blender,
        name: wanted.name,
        tags: named(wanted.tags),
        slots: wanted.slots as usize,
        threads: wanted.threads,
        blender_memory_bytes_max: wanted.blender_memory_gib.map(|gib| u64::from(gib) << 30),
        cache_bytes_max: wanted.cache_gib.saturating_mul(1 << 30),
        copy_to: wanted.copy_to,
        adopt_orphans: true,
        clear_on_exit: wanted.clear_on_exit,
        log_console: wanted.log_console,
        thumbnails: !wanted.no_thumbnails,
        allow_scripts: wanted.allow_scripts,
        allow_local_repositories: wanted.allow_local_repositories,
        hang_timeout: Duration::from_secs(wanted.hang_timeout),
        exit_when_idle: wanted.exit_when_idle.map(Duration::from_secs),
        disk_free_bytes: wanted.disk_free_gib.map(|gib| u64::from(gib) << 30),
        ..SlaveOptions::default()
    };
    options.rendering_with(named(wanted.gpu))
}

/// Tells what the slave does until it ends, or is to end now.
fn watch(slave: &Slave, interrupt: &Interrupt) -> Result<()> {
    let mut shown = String::new();
    let mut looks = 0;
    let mut wish = Wish::GoOn;
    while slave.running() && wish < Wish::EndNow {
        let wished = interrupt.wait_for_more(wish, Duration::from_millis(LOOK_MS));
        if wished == Wish::EndSoon && wish < wished {
            slave.drain();
            say("no more frames are begun; Ctrl-C again ends the slave at once")?;
        }
        wish = wished;
        let told = tell(slave)?;
        looks += 1;
        let status = slave.status();
        if told.as_ref() == Some(&status.text) {
            shown.clone_from(&status.text);
        }
        if status.text != shown && looks >= LOOKS_PER_LINE {
            say(&status.text)?;
            shown = status.text;
            looks = 0;
        }
    }
    Ok(())
}

/// Returns the last trouble told, which need not be told again as what the slave does.
fn tell(slave: &Slave) -> Result<Option<String>> {
    let mut trouble = None;
    for happening in slave.events() {
        match happening.kind {
            HappeningKind::Warning | HappeningKind::Error => {
                note(&happening.text);
                trouble = Some(happening.text);
            }
            HappeningKind::Started | HappeningKind::Stopped | HappeningKind::Info | HappeningKind::Log => say(&happening.text)?,
        }
    }
    Ok(trouble)
}
