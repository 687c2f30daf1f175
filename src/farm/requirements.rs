//! Whether a machine is what a job requires.

use super::model::Machine;
use crate::ids::{NumberProperty, Requirement, WordProperty};

const GIB_BYTES: u64 = 1 << 30;

/// Whether a machine fulfils one clause of a job's requirements.
pub(super) fn fulfils(machine: &Machine, requirement: &Requirement) -> bool {
    match requirement {
        Requirement::Word { property, is, words } => *is == words.iter().any(|word| has_word(machine, *property, word)),
        Requirement::Number {
            property,
            comparison,
            number,
        } => {
            let has = match property {
                NumberProperty::Cores => u64::from(machine.cores),
                // Rounded up to what is built in: the system keeps some of it for itself.
                NumberProperty::MemoryGib => machine.memory_bytes.div_ceil(GIB_BYTES),
            };
            comparison.holds(has.cmp(&u64::from(*number)))
        }
        Requirement::Blender { comparison, version } => machine.blenders.iter().any(|blender| {
            let numbers = [blender.major, blender.minor, blender.patch];
            comparison.holds(numbers[..version.len().min(3)].cmp(version))
        }),
    }
}

fn has_word(machine: &Machine, property: WordProperty, word: &str) -> bool {
    let contains = |text: &str| text.to_lowercase().contains(&word.to_lowercase());
    match property {
        WordProperty::Slave => machine.name.eq_ignore_ascii_case(word),
        WordProperty::Os => contains(&machine.os),
        WordProperty::Gpu => machine.gpus.iter().any(|gpu| contains(gpu)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Requirements;

    #[test]
    fn a_machine_is_compared_with_each_clause() {
        let machine = Machine {
            name: "Node3".to_owned(),
            blenders: vec!["3.4.1".parse().unwrap(), "4.2.3".parse().unwrap()],
            cores: 8,
            // A machine of 32 GiB as its system shows it.
            memory_bytes: 33_500_000_000,
            os: "Linux (Debian GNU/Linux 12)".to_owned(),
            gpus: vec!["cuda".to_owned(), "NVIDIA GeForce RTX 4090".to_owned()],
            ..Machine::default()
        };
        for (text, expected) in [
            ("slave=node1,node3", true),
            ("slave!=node3", false),
            ("slave=node", false),
            ("cores>=8", true),
            ("cores>8", false),
            ("cores=8", true),
            ("memory_gib>=32", true),
            ("memory_gib>32", false),
            ("os=linux", true),
            ("os=windows,macos", false),
            ("gpu=CUDA", true),
            ("gpu=rtx 4090", true),
            ("gpu=hip", false),
            ("gpu!=cuda", false),
            ("blender=4.2", true),
            ("blender=4.2.3", true),
            ("blender>=4.3", false),
            ("blender<4.0", true),
        ] {
            let requirements: Requirements = text.parse().unwrap();
            assert!(
                requirements.iter().all(|clause| fulfils(&machine, clause) == expected),
                "{text}"
            );
        }
    }
}
