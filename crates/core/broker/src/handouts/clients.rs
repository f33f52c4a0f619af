//! The clients that a broker knows, found by their key or their user.

use std::collections::HashMap;
use std::sync::Arc;

use lanyard_credential::{Client, ClientId, ClientKey, KeyHash};
use lanyard_store::KeyedClient;

/// All clients, as they were when the store was last read; replaced whole.
#[derive(Debug, Default)]
pub(super) struct Clients {
    by_id: HashMap<ClientId, (Arc<Client>, KeyHash)>,
    by_uid: HashMap<u32, Arc<Client>>,
}

impl Clients {
    pub(super) fn new(all: Vec<KeyedClient>) -> Self {
        let mut clients = Self::default();
        for found in all {
            let client = Arc::new(found.client);
            if let Some(key) = found.key {
                clients.by_id.insert(client.id, (Arc::clone(&client), key));
            }
            if let Some(uid) = client.uid {
                clients.by_uid.insert(uid, client);
            }
        }
        clients
    }

    /// The client that this is the key of. The key names its client; its hash is compared in constant time.
    pub(super) fn by_key(&self, key: &ClientKey) -> Option<Arc<Client>> {
        let (client, hash) = self.by_id.get(&key.client())?;
        hash.matches(&key.hash()).then(|| Arc::clone(client))
    }

    pub(super) fn by_id(&self, id: ClientId) -> Option<Arc<Client>> {
        let keyed = self.by_id.get(&id).map(|(client, _)| client);
        keyed.or_else(|| self.by_uid.values().find(|client| client.id == id)).map(Arc::clone)
    }

    pub(super) fn by_uid(&self, uid: u32) -> Option<Arc<Client>> {
        self.by_uid.get(&uid).map(Arc::clone)
    }
}
