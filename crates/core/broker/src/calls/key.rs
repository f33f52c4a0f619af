//! The data keys under the home's key.

use lanyard_store::DataKeysRenewed;

use crate::{Broker, Error};

impl Broker {
    /// Gives every credential, app and token that waits to be revoked a new data key. Runs only in the owner's own process.
    pub async fn renew_data_keys(&self) -> Result<DataKeysRenewed, Error> {
        Ok(self.store.renew_data_keys().await?)
    }
}
