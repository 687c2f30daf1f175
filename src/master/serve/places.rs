//! How many connections are served at once, in all and for one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections served at once; more wait in the backlog.
const CONNECTIONS_MAX: usize = 8_192;
/// Connections of one address; more are closed at once, so that one machine never takes all places.
const CONNECTIONS_OF_ADDRESS_MAX: usize = 4_096;

/// The places for connections.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
    of_address_max: usize,
}

/// A place for any connection.
pub(super) type Place = OwnedSemaphorePermit;

/// A place that an address has taken; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Taken {
    address: IpAddr,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
    _place: Place,
}

impl Default for Places {
    fn default() -> Self {
        Self::new(CONNECTIONS_MAX, CONNECTIONS_OF_ADDRESS_MAX)
    }
}

impl Places {
    fn new(places: usize, of_address_max: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(places)),
            counts: Arc::default(),
            of_address_max,
        }
    }

    /// Waits for a free place.
    pub(super) async fn free(&self) -> std::io::Result<Place> {
        Arc::clone(&self.free).acquire_owned().await.map_err(std::io::Error::other)
    }

    /// Takes the place for a connection of this address; nothing if it has as many as it may.
    pub(super) fn take(&self, place: Place, address: IpAddr) -> Option<Taken> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.of_address_max {
            return None;
        }
        *count += 1;
        Some(Taken {
            address,
            counts: Arc::clone(&self.counts),
            _place: place,
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_address_leaves_places_for_others() {
        let places = Places::new(3, 2);
        let [hog, other] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        let take = async |address| places.take(places.free().await.unwrap(), address);
        let (first, second) = (take(hog).await, take(hog).await);
        assert!(first.is_some() && second.is_some());
        assert!(take(hog).await.is_none());
        assert!(take(other).await.is_some());
        drop(first);
        assert!(take(hog).await.is_some());
        drop(second);
        assert!(places.counts.lock().unwrap().is_empty(), "addresses that are gone are kept");
    }
}
