//! The devices of watches as this process wrote them last.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use crate::seen::Seen;
use crate::state::DeviceState;

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

    /// A number that is another one when other devices of a watch are online; `None` if nothing is remembered of it.
    pub(crate) fn online(&self, watch: &str) -> Option<u64> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, devices) = remembered.get(watch)?;
        let hash = |id: &String| {
            let mut hasher = DefaultHasher::new();
            id.hash(&mut hasher);
            hasher.finish()
        };
        // In whichever order they are.
        Some(devices.iter().filter(|(_, seen)| is_online(seen)).fold(0, |sum, (id, _)| sum ^ hash(id)))
    }

    /// Forgets a watch.
    pub(crate) fn forget(&self, watch: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(watch);
    }
}

/// Whether Webex showed a device as connected at the last reading.
fn is_online(seen: &Seen) -> bool {
    let is_online = |state| matches!(state, DeviceState::Up | DeviceState::Degraded);
    let candidate = seen.tracked.candidate.as_ref();
    !seen.is_waiting
        && seen.gone_since.is_none()
        && is_online(seen.tracked.state)
        && candidate.is_none_or(|candidate| is_online(candidate.state))
}
