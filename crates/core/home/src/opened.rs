//! A home that is open.

use std::sync::Arc;

use lanyard_store::{LockedStore, OpenDatabaseError, Parts, Store};
use lanyard_vault::HomeKey;

use crate::Home;
use crate::keys::KeySources;

/// A home that is open.
#[derive(Clone, Debug)]
pub struct OpenHome {
    /// Its store.
    pub store: Store,
    /// The home's key at the time of opening.
    pub key: HomeKey,
    pub(crate) home: Home,
    pub(crate) sources: Arc<KeySources>,
}

impl OpenHome {
    pub(crate) async fn unlock(
        home: Home,
        locked: LockedStore,
        keys: Vec<HomeKey>,
        key: HomeKey,
        sources: KeySources,
        parts: Parts,
    ) -> Result<Self, OpenDatabaseError> {
        let sources = Arc::new(sources);
        let supply = Arc::clone(&sources);
        let store = locked.unlock(&home.directory, keys, Some(supply), parts).await?;
        Ok(Self { store, key, home, sources })
    }
}
