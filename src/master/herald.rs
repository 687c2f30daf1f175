//! What the local network hears of the master: kept true while key and certificate change.

use super::happening::Happenings;
use crate::discovery::Announcer;
use crate::happening::HappeningKind;
use crate::ids::{FarmId, Fingerprint};
use crate::wire::{API_VERSION, Announcement, PRODUCT};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Announces the master, or stays silent.
#[derive(Debug)]
pub(super) struct Herald {
    voice: Mutex<Voice>,
}

#[derive(Debug)]
struct Voice {
    announcement: Announcement,
    /// None if nothing is to be heard, or nothing can be.
    announcer: Option<Announcer>,
}

impl Herald {
    /// Makes nothing heard yet.
    pub(super) fn new(name: &str, farm: FarmId, port: u16, tls: Option<Fingerprint>) -> Self {
        let announcement = Announcement {
            product: PRODUCT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            api: API_VERSION,
            farm,
            name: name.to_owned(),
            port,
            tls,
        };
        Self {
            voice: Mutex::new(Voice {
                announcement,
                announcer: None,
            }),
        }
    }

    /// Makes the master findable; that it cannot be is no reason not to work.
    pub(super) fn start(&self, happenings: &Happenings) {
        let mut voice = self.voice();
        voice.announcer = Announcer::start(&voice.announcement)
            .map_err(|error| happenings.add(HappeningKind::Warning, error.to_string()))
            .ok();
    }

    /// From now on another farm, after its key was replaced.
    pub(super) fn tell_farm(&self, farm: FarmId) {
        self.tell(|announcement| announcement.farm = farm);
    }

    /// From now on another certificate.
    pub(super) fn tell_certificate(&self, tls: Fingerprint) {
        self.tell(|announcement| announcement.tls = Some(tls));
    }

    /// Nothing more is heard.
    pub(super) fn stop(&self) {
        // Outside of the lock: it waits for a thread.
        let announcer = self.voice().announcer.take();
        drop(announcer);
    }

    fn tell(&self, change: impl FnOnce(&mut Announcement)) {
        let mut voice = self.voice();
        change(&mut voice.announcement);
        if let Some(announcer) = &voice.announcer {
            announcer.say(&voice.announcement);
        }
    }

    fn voice(&self) -> MutexGuard<'_, Voice> {
        self.voice.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
