//! What this machine is, and how it does.

use super::disk;
use super::shop::SlaveOptions;
use crate::wire::MachineInfo;
use std::path::{Path, PathBuf};
use sysinfo::System;

/// Share of the machine's memory that one Blender may take before it is replaced by a fresh one, in percent.
const WORKER_MEMORY_PERCENT_MAX: u64 = 80;

/// This machine, looked at again and again.
#[derive(Debug)]
pub(super) struct Machine {
    /// None on a system that tells nothing of itself.
    system: Option<System>,
    threads: u32,
    gpus: Vec<String>,
    /// Whose disk counts.
    folder: PathBuf,
}

impl Machine {
    /// `folder`: whose disk counts.
    pub(super) fn new(options: &SlaveOptions, folder: &Path) -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            // The load is what happened since the look before.
            system.refresh_cpu_usage();
        }
        // Who names devices has said all.
        let gpus = if options.gpus.is_empty() && options.devices.is_empty() {
            found_gpus(Path::new("/"))
        } else {
            options.gpus.clone()
        };
        Self {
            system,
            threads: options.threads_of_a_slot(),
            gpus,
            folder: folder.to_owned(),
        }
    }

    /// How it does now.
    pub(super) fn look(&mut self) -> MachineInfo {
        let cores = cores();
        let mut info = MachineInfo {
            os: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            cores,
            threads: if self.threads == 0 { cores } else { self.threads },
            gpus: self.gpus.clone(),
            disk_free_bytes: disk::room(&self.folder).map_or(0, |room| room.free_bytes),
            ..MachineInfo::default()
        };
        if let Some(system) = &mut self.system {
            system.refresh_memory();
            system.refresh_cpu_usage();
            info.memory_bytes = system.total_memory();
            info.memory_used_bytes = system.used_memory();
            info.load = f64::from(system.global_cpu_usage()) / 100.0;
        }
        info
    }
}

/// What the drivers below a root folder show: on Linux those of NVIDIA and AMD, on a Mac what each has. Elsewhere people say
/// it themselves.
fn found_gpus(root: &Path) -> Vec<String> {
    let mut gpus = Vec::new();
    let nvidia = std::fs::read_dir(root.join("proc/driver/nvidia/gpus"));
    for card in nvidia.into_iter().flatten().flatten() {
        let facts = std::fs::read_to_string(card.path().join("information")).unwrap_or_default();
        let model = facts.lines().find_map(|line| line.strip_prefix("Model:"));
        gpus.push("cuda".to_owned());
        gpus.extend(model.map(|model| model.trim().to_owned()));
    }
    if root.join("dev/kfd").exists() {
        gpus.push("hip".to_owned());
    }
    if cfg!(target_os = "macos") {
        gpus.push("metal".to_owned());
    }
    gpus.sort_unstable();
    gpus.dedup();
    gpus
}

/// Logical cores that this process may use.
pub(super) fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// The machine's name.
pub(super) fn machine_name() -> String {
    System::host_name().unwrap_or_else(|_| "unnamed".to_owned())
}

/// Memory that one Blender may take, in bytes.
pub(super) fn worker_memory_bytes_max() -> u64 {
    let total = System::new().map_or(0, |mut system| {
        system.refresh_memory();
        system.total_memory()
    });
    // Who does not know how much there is sets no limit.
    if total == 0 {
        u64::MAX
    } else {
        total / 100 * WORKER_MEMORY_PERCENT_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_name_cores_and_memory() {
        let looked = |options: SlaveOptions| Machine::new(&options, Path::new("/")).look();
        let info = looked(SlaveOptions::default());
        assert!(info.cores >= 1 && info.threads == info.cores);
        assert!(info.memory_bytes > 1 << 20 && info.memory_used_bytes <= info.memory_bytes);
        assert!((0.0..=1.0).contains(&info.load));
        assert!(!info.os.is_empty() && !machine_name().is_empty());
        let told = looked(SlaveOptions {
            threads: 3,
            gpus: vec!["RTX 4090".to_owned()],
            ..SlaveOptions::default()
        });
        assert_eq!((told.threads, told.gpus), (3, vec!["RTX 4090".to_owned()]));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn cards_are_known_by_what_their_drivers_show() {
        let root = tempfile::tempdir().unwrap();
        assert!(found_gpus(root.path()).is_empty());
        for (card, model) in [
            ("0000:01:00.0", "NVIDIA GeForce RTX 4090"),
            ("0000:02:00.0", "NVIDIA RTX A6000"),
        ] {
            let folder = root.path().join("proc/driver/nvidia/gpus").join(card);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("information"), format!("Model: \t {model}\nIRQ: \t 34\n")).unwrap();
        }
        assert_eq!(
            found_gpus(root.path()),
            ["NVIDIA GeForce RTX 4090", "NVIDIA RTX A6000", "cuda"]
        );
    }
}
