//! What `doctor` asks.

use std::fs;

use lanyard_vault::{KeyId, KeySource};

use crate::engine::beside;
use crate::{Store, StoreError};

/// The store's own condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The schema's version.
    pub schema_version: i64,
    /// The database file's size in bytes.
    pub database_bytes: u64,
    /// The size of the log beside it; 0 when there is none.
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
        let database = self.engine().path();
        let log = fs::metadata(beside(database, "-wal")).map_or(0, |log| log.len());
        Ok(Diagnosis {
            schema_version: self.engine().schema_version().await?,
            database_bytes: fs::metadata(database).map_err(StoreError::Io)?.len(),
            log_bytes: log,
            key_id: home.key,
            key_source: home.source,
        })
    }

    /// Reads the whole database and returns what is wrong with it, a line for each finding; nothing when all is well.
    pub async fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        self.engine().integrity_check().await
    }
}
