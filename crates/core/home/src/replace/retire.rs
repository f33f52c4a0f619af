//! After a new key: the old one is removed from where it was kept.

use lanyard_store::{HomeKeys, StoreError};
use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{KeyId, KeyLine, KeySource};

use crate::files::exists;
use crate::keys::{KeyError, KeySources, keyring};
use crate::lock::try_lock;
use crate::{Home, OpenHome};

impl OpenHome {
    /// Finishes what an interrupted key replacement left to do. Best effort: if it fails, the next process that opens the home tries
    /// again.
    pub(crate) async fn tidy_keys(&self) -> Result<(), StoreError> {
        let is_settled = self.store.home_keys().await?.retired.is_none();
        if is_settled && !exists(&self.home.next_key_file()).unwrap_or(true) {
            return Ok(());
        }
        let Ok(Some(_lock)) = try_lock(&self.home) else { return Ok(()) };
        self.refuse_while_moved().await?;
        if let Err(error) = self.retire_key().await {
            tracing::debug!(%error, "the key that was replaced is not removed yet");
        }
        Ok(())
    }

    /// Moves the current key to its final file, then removes the key that it replaced and clears the mark in the home's row. The
    /// caller holds the home's lock.
    pub(super) async fn retire_key(&self) -> Result<(), RetireError> {
        let now = self.store.home_keys().await?;
        // Also without a retired key: a key that an operator provided is not ours to remove, and has a successor all the same.
        self.sources.settle_files(&now)?;
        let Some((retired, source)) = now.retired else { return Ok(()) };
        match source {
            // An operator may have provided a retired key again.
            _ if now.keys().any(|id| id == retired) => {}
            KeySource::Keyring => {
                let home = now.id.as_deref().unwrap_or_default();
                keyring::remove(home, retired, keyring::PROBE_LIMIT).await.map_err(KeyError::from)?;
            }
            KeySource::File | KeySource::Passphrase if !is_in_files(now.source) => {
                // A file that holds other keys too stays.
                let held = self.home.key().read();
                if held.is_ok_and(|lines| lines.iter().all(|line| line.id() == retired)) {
                    let needed: Vec<KeyId> = now.keys().collect();
                    self.home.key().remove(&needed).map_err(KeyError::from)?;
                }
            }
            _ => {}
        }
        Ok(self.store.forget_retired_key(retired).await?)
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

impl KeySources {
    /// Moves the current key from the file of the next key to the home's key file, if it is still there.
    pub(super) fn settle_files(&self, now: &HomeKeys) -> Result<(), KeyError> {
        settle(&self.home, now).map_err(KeyError::from)
    }
}

fn settle(home: &Home, now: &HomeKeys) -> Result<(), KeyFileError> {
    let lines = match home.next_key().read() {
        Err(KeyFileError::Missing(_)) => return Ok(()),
        read => read?,
    };
    // The first line lasts; the others opened both keys under either passphrase while the key was being replaced.
    let first: Vec<KeyLine> = lines.into_iter().take(1).collect();
    let is_current = first.iter().all(|line| line.id() == now.key);
    if now.next.is_some() || !is_in_files(now.source) || !is_current {
        return Ok(());
    }
    home.key().replace(&first, &[now.key])?;
    let kept = home.key().read()?;
    let needed: Vec<KeyId> = now.keys().filter(|id| kept.iter().all(|line| line.id() != *id)).collect();
    home.next_key().remove(&needed)
}

pub(super) fn is_in_files(source: KeySource) -> bool {
    matches!(source, KeySource::File | KeySource::Passphrase)
}
