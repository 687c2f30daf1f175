//! The certificates of masters that were met: kept at the first meeting, and a change is noticed.
//!
//! One line for each address: `<host:port> <farm id> <fingerprint>`, in `known-masters` of the user's configuration folder.
//! By address, because that is what somebody who comes in between takes over; a farm may have several masters.

use super::config_folder;
use super::folders::replace_private;
use crate::error::{Error, Result};
use crate::ids::{FarmId, Fingerprint};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Addresses that are kept; the oldest is forgotten first.
const KNOWN_MAX: usize = 10_000;

/// The masters that this user has met.
#[derive(Debug, Clone)]
pub struct KnownMasters {
    path: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    host: String,
    farm: FarmId,
    fingerprint: Fingerprint,
}

impl KnownMasters {
    /// Those of this user.
    pub fn of_user() -> Result<Self> {
        Ok(Self {
            path: config_folder()?.join("known-masters"),
        })
    }

    /// Those in this file.
    #[must_use]
    pub fn in_file(path: PathBuf) -> Self {
        Self { path }
    }

    /// The certificate that is known of the master at this address ("host:port").
    pub fn find(&self, host: &str) -> Result<Option<Fingerprint>> {
        Ok(self
            .read()?
            .into_iter()
            .find(|known| known.host == host)
            .map(|known| known.fingerprint))
    }

    /// Keeps the certificate of the master at this address, in the place of what was known of it.
    pub fn keep(&self, host: &str, farm: FarmId, fingerprint: Fingerprint) -> Result<()> {
        let mut all = self.read()?;
        let new = Known {
            host: host.to_owned(),
            farm,
            fingerprint,
        };
        if all.contains(&new) {
            return Ok(());
        }
        all.retain(|known| known.host != host);
        all.push(new);
        let first = all.len().saturating_sub(KNOWN_MAX);
        let mut text = String::new();
        for Known { host, farm, fingerprint } in &all[first..] {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{host} {farm} {fingerprint}");
        }
        replace_private(&self.path, &text)
    }

    /// Lines that cannot be read are as good as unknown.
    fn read(&self) -> Result<Vec<Known>> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(text.lines().filter_map(parse).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Error::io("read", &self.path, &error)),
        }
    }
}

fn parse(line: &str) -> Option<Known> {
    let mut words = line.split_whitespace();
    Some(Known {
        host: words.next()?.to_owned(),
        farm: words.next()?.parse().ok()?,
        fingerprint: words.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_about_an_address_counts_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownMasters::in_file(folder.path().join("deep/known-masters"));
        let farm = FarmId::from_bits(7);
        let [one, two] = [1, 2].map(|byte| Fingerprint([byte; 32]));
        assert_eq!(known.find("node1:8000").unwrap(), None);
        known.keep("node1:8000", farm, one).unwrap();
        known.keep("node2:8000", farm, one).unwrap();
        known.keep("node1:8000", farm, two).unwrap();
        assert_eq!(known.find("node1:8000").unwrap(), Some(two));
        assert_eq!(known.find("node2:8000").unwrap(), Some(one));
        assert_eq!(known.find("node1:80").unwrap(), None);
    }

    #[test]
    fn a_line_that_makes_no_sense_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known-masters");
        std::fs::write(&path, "node1:8000 x y\n\nnode2\n").unwrap();
        let known = KnownMasters::in_file(path);
        assert_eq!(known.find("node1:8000").unwrap(), None);
        known.keep("node1:8000", FarmId::from_bits(1), Fingerprint([3; 32])).unwrap();
        assert!(known.find("node1:8000").unwrap().is_some());
    }
}
