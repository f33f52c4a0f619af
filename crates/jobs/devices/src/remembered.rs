//! The devices of watches as this process wrote them last.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::seen::Seen;

/// The devices of a watch, by id.
pub(crate) type Devices = HashMap<String, Seen>;

/// The devices of the watches that this process reads, so that a reading without a change reads no row of them. Each has the revision of
/// the stored rows that it equals; another process that writes them counts that up.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<HashMap<String, (u64, Devices)>>);

impl Remembered {
    /// Takes the devices of a watch, if they are those of this revision.
    pub(crate) fn take(&self, watch: &str, revision: u64) -> Option<Devices> {
        let (remembered, devices) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(watch)?;
        (remembered == revision).then_some(devices)
    }

    /// Keeps the devices of a watch.
    pub(crate) fn keep(&self, watch: &str, revision: u64, devices: Devices) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(watch.to_owned(), (revision, devices));
    }

    /// Forgets a watch.
    pub(crate) fn forget(&self, watch: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(watch);
    }
}
