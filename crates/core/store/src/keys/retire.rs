//! After a new key: the old one is removed from where it was kept.

use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{KeyId, KeyLine, KeySource};

use super::{HomeRow, KeyError, Way, keyring};
use crate::create::exists;
use crate::engine::sql;
use crate::lock::try_lock;
use crate::write::Purpose;
use crate::{Home, Store, StoreError};

impl Store {
    /// Finishes what an interrupted key replacement left to do. Best effort: if it fails, the next process that opens the home tries
    /// again.
    pub(crate) async fn tidy_keys(&self, row: &HomeRow) {
        if row.retired.is_none() && !exists(&self.inner.home.next_key_file()).unwrap_or(true) {
            return;
        }
        let Ok(Some(_lock)) = try_lock(&self.inner.home) else { return };
        if let Err(error) = self.retire_key().await {
            tracing::debug!(%error, "the key that was replaced is not removed yet");
        }
    }

    /// Moves the current key to its final file, then removes the key that it replaced and clears the mark in the home's row. The
    /// caller holds the home's lock.
    pub(super) async fn retire_key(&self) -> Result<(), RetireError> {
        let row = self.home_row().await?;
        let Some(way) = self.inner.keys.way() else { return Ok(()) };
        // Also without a retired key: a key that an operator provided is not ours to remove, and has a successor all the same.
        way.settle_files(&row)?;
        let Some((retired, source)) = row.retired else { return Ok(()) };
        match source {
            // An operator may have provided a retired key again.
            _ if row.keys().any(|id| id == retired) => {}
            KeySource::Keyring => {
                let home = row.id.as_deref().unwrap_or_default();
                keyring::remove(home, retired, keyring::PROBE_LIMIT).await.map_err(KeyError::from)?;
            }
            KeySource::File | KeySource::Passphrase if !is_in_files(row.source) => {
                // A file that holds other keys too stays.
                let held = way.home.key().read();
                if held.is_ok_and(|lines| lines.iter().all(|line| line.id() == retired)) {
                    let needed: Vec<KeyId> = row.keys().collect();
                    way.home.key().remove(&needed).map_err(KeyError::from)?;
                }
            }
            _ => {}
        }
        self.write_for(Purpose::Keys, |mut tx| async move {
            let clear = "UPDATE home SET retired_key_id = NULL, retired_key_source = NULL WHERE retired_key_id = $1";
            tx.sealed_home().await?;
            tx.run(sql("home", clear).bind(retired.to_string())).await?;
            tx.commit(()).await
        })
        .await
    }
}

/// Why a key that was replaced is still there.
#[derive(Debug, thiserror::Error)]
pub(super) enum RetireError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Way {
    /// Moves the current key from the file of the next key to the home's key file, if it is still there.
    pub(super) fn settle_files(&self, row: &HomeRow) -> Result<(), KeyError> {
        settle(&self.home, row).map_err(KeyError::from)
    }
}

fn settle(home: &Home, row: &HomeRow) -> Result<(), KeyFileError> {
    let lines = match home.next_key().read() {
        Err(KeyFileError::Missing(_)) => return Ok(()),
        read => read?,
    };
    // The first line lasts; the others opened both keys under either passphrase while the key was being replaced.
    let first: Vec<KeyLine> = lines.into_iter().take(1).collect();
    let is_current = first.iter().all(|line| line.id() == row.key);
    if row.next.is_some() || !is_in_files(row.source) || !is_current {
        return Ok(());
    }
    home.key().replace(&first, &[row.key])?;
    let kept = home.key().read()?;
    let needed: Vec<KeyId> = row.keys().filter(|id| kept.iter().all(|line| line.id() != *id)).collect();
    home.next_key().remove(&needed)
}

pub(super) fn is_in_files(source: KeySource) -> bool {
    matches!(source, KeySource::File | KeySource::Passphrase)
}
