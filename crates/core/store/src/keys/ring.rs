//! The keys that a process holds.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use lanyard_time::Entropy;
use lanyard_vault::{DataKey, HomeKey, KeyId, OpenError as VaultError, RowAddress, Sealed};
use tokio::sync::Mutex;

use super::{HomeKeys, KeySupply};
use crate::KeyUnavailable;

/// The keys that a process holds, and its way to more.
#[derive(Debug)]
pub(crate) struct Keys {
    /// `None` for a store that was opened with a key and nothing else.
    supply: Option<Arc<dyn KeySupply>>,
    /// Read at each hand-out, which waits for nobody; replaced whole.
    ring: ArcSwap<Ring>,
    /// Held by whoever fetches keys: others wait and find them here.
    fetching: Mutex<()>,
}

#[derive(Clone, Debug)]
struct Ring {
    keys: HashMap<KeyId, HomeKey>,
    wrapping: KeyId,
}

impl Keys {
    /// `keys` must hold the one with the id `wrapping`.
    pub(crate) fn new(supply: Option<Arc<dyn KeySupply>>, keys: Vec<HomeKey>, wrapping: KeyId) -> Self {
        let keys = keys.into_iter().map(|key| (key.id(), key)).collect();
        Self { supply, ring: ArcSwap::from_pointee(Ring { keys, wrapping }), fetching: Mutex::new(()) }
    }

    pub(crate) fn holds(&self, id: KeyId) -> bool {
        self.ring.load().keys.contains_key(&id)
    }

    pub(crate) fn key(&self, id: KeyId) -> Option<HomeKey> {
        self.ring.load().keys.get(&id).cloned()
    }

    pub(crate) fn add(&self, key: &HomeKey) {
        self.ring.rcu(|ring| {
            let mut ring = Ring::clone(ring);
            ring.keys.insert(key.id(), key.clone());
            ring
        });
    }

    /// Makes this the key that data keys are wrapped under. `false` when it is not held. Only whoever has the store's write
    /// transaction may say so.
    pub(crate) fn wrap_under(&self, id: KeyId) -> bool {
        let ring = self.ring.load();
        let held = ring.keys.contains_key(&id);
        if held && ring.wrapping != id {
            self.ring.rcu(|ring| Ring { wrapping: id, ..Ring::clone(ring) });
        }
        held
    }

    /// Wraps a data key under the key that a write found to be the one.
    pub(crate) fn wrap(&self, under: KeyId, key: &DataKey, at: &RowAddress<'_>, entropy: &dyn Entropy) -> Sealed {
        let ring = self.ring.load();
        ring.keys.get(&under).expect("a write begins with its key at hand, and keys stay").wrap(key, at, entropy)
    }

    /// Unwraps a data key, whichever of the available keys wraps it.
    pub(crate) fn unwrap(&self, wrapped: &Sealed, at: &RowAddress<'_>) -> Result<DataKey, VaultError> {
        let ring = self.ring.load();
        let found = wrapped.key_id().ok_or(VaultError::Damaged)?;
        let key = ring.keys.get(&found).ok_or(VaultError::ForeignKey { found, expected: ring.wrapping })?;
        key.unwrap(wrapped, at)
    }

    /// Fetches the home's key as `home` names it, which is not in force yet, without asking a person. Nobody waits for it.
    pub(crate) async fn look_for(&self, home: &HomeKeys) -> Result<(), KeyUnavailable> {
        let supply = self.supply.as_ref().ok_or_else(|| KeyUnavailable::replaced(home.key))?;
        let (found, error) = supply.fetch_quietly(home, &[home.key]).await;
        for key in found {
            self.add(&key);
        }
        match error {
            Some(error) if !self.holds(home.key) => Err(error),
            _ => Ok(()),
        }
    }

    /// Fetches the keys that the home's row names, as far as they are not held already.
    pub(crate) async fn fetch(&self, home: &HomeKeys) -> Result<(), KeyUnavailable> {
        let _alone = self.fetching.lock().await;
        let wanted: Vec<KeyId> = home.keys().filter(|id| !self.holds(*id)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let supply = self.supply.as_ref().ok_or_else(|| KeyUnavailable::replaced(home.wrapping()))?;
        let (found, error) = supply.fetch(home, &wanted).await;
        for key in found {
            self.add(&key);
        }
        match error {
            Some(error) if !wanted.iter().all(|id| self.holds(*id)) => Err(error),
            _ => Ok(()),
        }
    }
}
