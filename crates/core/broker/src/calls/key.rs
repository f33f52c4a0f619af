//! The data keys under the home's key.

use lanyard_store::DataKeysRenewed;

use crate::{Broker, Call, Error};

/// Gives every credential, app and token that waits to be revoked a new data key.
#[derive(Debug)]
pub struct RenewDataKeys;

impl Call for RenewDataKeys {
    type Reply = DataKeysRenewed;

    async fn run(self, broker: &Broker) -> Result<DataKeysRenewed, Error> {
        Ok(broker.store.renew_data_keys().await?)
    }
}
