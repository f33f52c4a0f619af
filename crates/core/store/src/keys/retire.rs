//! After a new key: the old one is removed from where it was kept.

use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{KeyLine, KeySource};

use super::{HomeRow, KeyError, Way, keyring};
use crate::engine::sql;
use crate::lock::try_lock;
use crate::{Home, Store, StoreError};

impl Store {
    /// Does what is left to do after a key was replaced, should a process have ended in between. Nobody waits for it, and where it
    /// fails the next one that opens the home tries again.
    pub(crate) async fn tidy_keys(&self, row: &HomeRow) {
        if row.retired.is_none() {
            return;
        }
        let Ok(Some(_lock)) = try_lock(&self.inner.home) else { return };
        if let Err(error) = self.retire_key().await {
            tracing::debug!(%error, "the key that was replaced is not removed yet");
        }
    }

    /// Removes the key that was replaced, and says so in the home's row. The caller holds the home's lock.
    pub(super) async fn retire_key(&self) -> Result<(), RetireError> {
        let row = self.home_row().await?;
        let Some((retired, source)) = row.retired else { return Ok(()) };
        let Some(way) = self.inner.keys.way() else { return Ok(()) };
        way.settle_files(&row)?;
        match source {
            KeySource::Keyring => {
                let home = row.id.as_deref().unwrap_or_default();
                keyring::remove(home, retired, keyring::PROBE_LIMIT).await.map_err(KeyError::from)?;
            }
            KeySource::File | KeySource::Passphrase if !is_in_files(row.source) => {
                // Whatever else somebody put there stays.
                let held = way.home.key().read();
                if held.is_ok_and(|lines| lines.iter().all(|line| line.id() == retired)) {
                    way.home.key().remove().map_err(KeyError::from)?;
                }
            }
            _ => {}
        }
        let mut write = self.inner.engine.write().await?;
        let clear = "UPDATE home SET retired_key_id = NULL, retired_key_source = NULL WHERE retired_key_id = $1";
        write.run(sql("home", clear).bind(retired.to_string())).await?;
        write.commit().await?;
        Ok(())
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
    /// Gives the file of a key that has become the home's the name that counts.
    pub(super) fn settle_files(&self, row: &HomeRow) -> Result<(), KeyError> {
        settle(&self.home, row).map_err(KeyError::from)
    }
}

fn settle(home: &Home, row: &HomeRow) -> Result<(), KeyFileError> {
    let lines = match home.next_key().read() {
        Err(KeyFileError::Missing(_)) => return Ok(()),
        read => read?,
    };
    // The first line is the one that lasts; the others are for whoever has the other passphrase in the meantime.
    let first: Vec<KeyLine> = lines.into_iter().take(1).collect();
    let is_ours = first.iter().all(|line| line.id() == row.key);
    if row.next.is_none() && is_in_files(row.source) && is_ours {
        home.key().replace(&first)?;
        home.next_key().remove()?;
    }
    Ok(())
}

fn is_in_files(source: KeySource) -> bool {
    matches!(source, KeySource::File | KeySource::Passphrase)
}
