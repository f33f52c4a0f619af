//! The home's key.

use lanyard_store::{DataKeysRenewed, KeyReplaced, KeyStatus};
use lanyard_vault::KeySource;

use crate::{Broker, Call, Error};

/// Which key the home has, where it is kept, and how much stands under it.
#[derive(Debug)]
pub struct ShowKey;

impl Call for ShowKey {
    type Reply = KeyStatus;

    async fn run(self, broker: &Broker) -> Result<KeyStatus, Error> {
        Ok(broker.store.key_status().await?)
    }
}

/// Replaces the home's key, or goes on replacing it. Other processes may use the home all the while.
#[derive(Debug)]
pub struct ReplaceKey {
    /// Where the next key is kept; `None` for where the present one is.
    pub to: Option<KeySource>,
}

impl Call for ReplaceKey {
    type Reply = KeyReplaced;

    async fn run(self, broker: &Broker) -> Result<KeyReplaced, Error> {
        Ok(broker.store.replace_key(self.to).await?)
    }
}

/// Gives every credential, app and token that waits to be revoked a new data key.
#[derive(Debug)]
pub struct RenewDataKeys;

impl Call for RenewDataKeys {
    type Reply = DataKeysRenewed;

    async fn run(self, broker: &Broker) -> Result<DataKeysRenewed, Error> {
        Ok(broker.store.renew_data_keys().await?)
    }
}
