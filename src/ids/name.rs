//! Ids of jobs, slaves and farms: 40 random bits as eight letters that are easy to read aloud and to type.
//!
//! Random rather than counted: a job id saved in an artist's file must never mean another job on another master.

use super::ParseError;

/// Crockford's base 32: no I, L, O or U, so no letter is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LETTERS: usize = 8;
const BITS: u64 = (1 << 40) - 1;

fn write_letters(bits: u64, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    let mut text = [0_u8; LETTERS];
    for (place, letter) in text.iter_mut().enumerate() {
        let shift = 5 * (LETTERS - 1 - place);
        *letter = ALPHABET[usize::try_from(bits >> shift & 31).unwrap_or(0)];
    }
    f.pad(&String::from_utf8_lossy(&text))
}

fn read_letters(text: &str, what: &str) -> Result<u64, ParseError> {
    let wrong = || {
        ParseError(format!(
            "{text:?} is not a {what} id: eight letters or digits such as 7k3vq9xd"
        ))
    };
    if text.len() != LETTERS {
        return Err(wrong());
    }
    text.bytes().try_fold(0, |bits, byte| {
        let digit = ALPHABET
            .iter()
            .position(|letter| *letter == byte.to_ascii_lowercase())
            .ok_or_else(wrong)?;
        Ok(bits << 5 | digit as u64)
    })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// An id from random bits, of which the lowest 40 are used.
            #[must_use]
            pub const fn from_bits(bits: u64) -> Self {
                Self(bits & BITS)
            }

            /// The 40 bits, for a store that keeps numbers rather than text.
            #[must_use]
            pub const fn bits(self) -> u64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write_letters(self.0, f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write_letters(self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseError;
            fn from_str(text: &str) -> Result<Self, ParseError> {
                read_letters(text, $what).map(Self)
            }
        }
    };
}

id!(
    /// A job on a master.
    JobId,
    "job"
);
id!(
    /// A slave, as the master named it when it first registered.
    SlaveId,
    "slave"
);
id!(
    /// A farm: derived from its key, the same for everything that shares the key.
    FarmId,
    "farm"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_from_its_text() {
        for bits in [0, 1, 31, 32, 0x12_3456_789a, BITS] {
            let id = JobId::from_bits(bits);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        }
    }

    #[test]
    fn what_is_not_an_id_is_told_in_a_sentence() {
        for text in ["", "7", "7k3vq9xdd", "7k3vq9x!", "iiiiiiii", "é3vq9xd"] {
            let error = text.parse::<SlaveId>().unwrap_err().to_string();
            assert!(error.contains("is not a slave id"), "{error}");
        }
    }
}
