//! The name of a certificate: the SHA-256 of its DER form, as browsers show it.

use super::{ParseError, hex};

/// SHA-256 of a master's certificate, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        hex::write(&self.0, f)
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        hex::write(&self.0, f)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        hex::read(text)
            .map(Self)
            .ok_or_else(|| ParseError(format!("{text:?} is not a certificate's fingerprint: 64 hexadecimal digits")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_back_from_its_text_and_has_one_spelling() {
        let fingerprint = Fingerprint(std::array::from_fn(|i| u8::try_from(i * 7).unwrap()));
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        for text in ["", "00:11", &fingerprint.to_string().to_uppercase()] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
