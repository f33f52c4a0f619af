//! The store's answers to `lanyard doctor`.

use lanyard_vault::{KeyId, KeySource};

use crate::{Store, StoreError};

/// The store's own condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The schema's version.
    pub schema_version: i64,
    /// The size of the database in bytes.
    pub database_bytes: u64,
    /// The size of the log beside its file; 0 when there is none.
    pub log_bytes: u64,
    /// The home's key.
    pub key_id: KeyId,
    /// Where that is kept.
    pub key_source: KeySource,
}

impl Store {
    /// Sizes and versions.
    pub async fn diagnosis(&self) -> Result<Diagnosis, StoreError> {
        let home = self.home_row().await?;
        let (database_bytes, log_bytes) = self.engine().sizes().await?;
        Ok(Diagnosis {
            schema_version: self.engine().schema_version().await?,
            database_bytes,
            log_bytes,
            key_id: home.keys.key,
            key_source: home.keys.source,
        })
    }

    /// Reads the whole database and returns what is wrong with it, a line for each finding; nothing when all is well.
    pub async fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        self.engine().integrity_check().await
    }
}
