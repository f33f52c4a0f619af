//! Replacing the home's key by another, while the home is in use.
//!
//! First the next key is put where it is to be kept, and the home's row names it. Then the store wraps all rows anew and makes the next key
//! the home's. At last the old key is removed. A process that ends anywhere in between leaves a home that works, and this goes on where it
//! stopped.

mod retire;

use lanyard_store::{HomeKeys, RewrapError, StoreError};
use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{HomeKey, KeyId, KeyLine, KeySource};
use thiserror::Error;

use self::retire::{RetireError, is_in_files};
use crate::keys::{KeyError, KeySources, home_id, keyring, unlock};
use crate::lock::try_lock_for_a_moment;
use crate::{KeyPlace, OpenHome};

/// A key that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyReplaced {
    /// The key that was the home's.
    pub old: KeyId,
    /// Where that was kept; it is removed from there, unless an operator provides it.
    pub old_place: KeyPlace,
    /// The key that is the home's now.
    pub new: KeyId,
    /// Where that is kept.
    pub new_place: KeyPlace,
    /// How many rows were wrapped anew, the home's own included.
    pub rows: u64,
    /// Whether another process had begun it.
    pub resumed: bool,
    /// Why the old key is still there, should it be.
    pub left_behind: Option<String>,
}

/// Why the home's key was not replaced. What was done of it stays, and the next attempt goes on from there.
#[derive(Debug, Error)]
pub enum ReplaceKeyError {
    /// Another process does it just now.
    #[error("another process is replacing the home's key just now")]
    Busy,
    /// It is being replaced by one that is kept elsewhere.
    #[error("the home's key is being replaced by one that is kept in: {0}")]
    OtherTarget(KeySource),
    /// A key cannot be had, or not be kept where it should.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Some rows do not open; all others are wrapped anew.
    #[error("these rows do not open, and keep the old key in use: {}", .0.join(", "))]
    Damaged(Vec<String>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReplaceKeyError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Busy => "wait for it; see how far it is with lanyard key show".to_owned(),
            Self::OtherTarget(source) => format!("finish that first: lanyard key rotate, or lanyard key rotate --to {source}"),
            Self::Key(error) => error.hint(),
            Self::Damaged(_) => {
                "clear the credentials, or replace the secrets of the apps, that lanyard doctor names; then run lanyard key \
                 rotate again"
                    .to_owned()
            }
            Self::Store(error) => error.hint(),
        }
    }
}

impl From<RetireError> for ReplaceKeyError {
    fn from(error: RetireError) -> Self {
        match error {
            RetireError::Key(error) => Self::Key(error),
            RetireError::Store(error) => Self::Store(error),
        }
    }
}

impl From<RewrapError> for ReplaceKeyError {
    fn from(error: RewrapError) -> Self {
        match error {
            RewrapError::Damaged(rows) => Self::Damaged(rows),
            RewrapError::Store(error) => Self::Store(error),
        }
    }
}

impl OpenHome {
    /// Replaces the home's key by another, kept where the old one is or in `to`; with a `to` of
    /// [`Passphrase`](KeySource::Passphrase) under a new passphrase. Goes on with what an earlier process left undone. Others may
    /// read and write the home all the while.
    pub async fn replace_key(&self, to: Option<KeySource>) -> Result<KeyReplaced, ReplaceKeyError> {
        let lock = try_lock_for_a_moment(&self.home).await.map_err(StoreError::Io)?;
        let _lock = lock.ok_or(ReplaceKeyError::Busy)?;
        // What an earlier replacement left to do comes first: a file's name would be in the way. A keyring that is gone is not.
        match self.retire_key().await {
            Err(RetireError::Key(KeyError::Keyring(error))) => {
                tracing::warn!(%error, "an earlier key stays in the keyring");
            }
            done => done?,
        }
        let before = self.store.home_keys().await?;
        let resumed = before.next.is_some();
        let (next, source) = match &before.next {
            Some(next) => {
                if let Some(other) = to.filter(|to| *to != next.source) {
                    tracing::debug!(%other, "not before the one that is under way");
                    return Err(ReplaceKeyError::OtherTarget(next.source));
                }
                (self.store.home_key(next.id).await?, next.source)
            }
            None => self.begin_replacing(&before, to).await?,
        };
        let rows = self.store.change_to_next_key(&next).await?;
        let left_behind = self.retire_key().await.err().map(|error| error.to_string());
        // The log still holds the rows as they were.
        self.store.erase_traces().await;
        Ok(KeyReplaced {
            old: before.key,
            old_place: self.place(before.source),
            new: next.id(),
            new_place: self.place(source),
            rows,
            resumed,
            left_behind,
        })
    }

    /// Puts a next key where it is to be kept, and names it in the home's row.
    async fn begin_replacing(
        &self,
        before: &HomeKeys,
        to: Option<KeySource>,
    ) -> Result<(HomeKey, KeySource), ReplaceKeyError> {
        let (sources, entropy) = (&self.sources, self.store.entropy());
        let here = if sources.access.key_file.is_some() { KeySource::KeyFile } else { before.source };
        let source = to.unwrap_or(here);
        let home_id = before.id.clone().unwrap_or_else(|| home_id(entropy));
        let current = self.store.home_key(before.key).await?;
        if is_in_files(source) {
            sources.refuse_foreign_file(before)?;
        }
        let (next, lines) = match source {
            KeySource::File => {
                let next = HomeKey::generate(entropy);
                (next.clone(), Some(vec![KeyLine::Open(next)]))
            }
            KeySource::Passphrase => {
                let next = HomeKey::generate(entropy);
                let is_new = to.is_some() || before.source != KeySource::Passphrase;
                let lines = sources.lines_under_passphrases(&current, &next, before.source, is_new).await?;
                (next, Some(lines))
            }
            KeySource::Keyring => {
                let next = HomeKey::generate(entropy);
                keyring::put(&home_id, &next, keyring::LIMIT).await.map_err(KeyError::from)?;
                (next, None)
            }
            KeySource::Command | KeySource::KeyFile => (sources.provided_next(source, before.key).await?, None),
        };
        let put = |needed: &[KeyId]| match &lines {
            Some(lines) => Ok(self.home.next_key().replace(lines, needed).map_err(KeyError::from)?),
            None => Ok::<_, ReplaceKeyError>(()),
        };
        if self.store.name_next_key(before.key, (&next, source), &home_id, put).await? {
            Ok((next, source))
        } else {
            Err(ReplaceKeyError::Busy)
        }
    }
}

impl KeySources {
    /// The file that the next key ends up in may hold nothing but this home's key.
    fn refuse_foreign_file(&self, home: &HomeKeys) -> Result<(), KeyError> {
        match self.home.key().read() {
            Err(KeyFileError::Missing(_)) => Ok(()),
            Ok(lines) if lines.iter().any(|line| line.id() == home.key) => Ok(()),
            Ok(_) => Err(KeyFileError::Exists(self.home.key_file()).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// The lines for a next key under a passphrase. The first one lasts. While the key is being replaced, whoever has either
    /// passphrase must get at both keys: so the other lines hold the next key under the present passphrase, and the present key
    /// under the next one.
    async fn lines_under_passphrases(
        &self,
        current: &HomeKey,
        next: &HomeKey,
        source: KeySource,
        is_new: bool,
    ) -> Result<Vec<KeyLine>, KeyError> {
        let present = match source {
            KeySource::Passphrase => unlock::present_passphrase(&self.access).await,
            // Nothing is locked yet: there is no passphrase to ask for.
            _ => None,
        };
        let passphrase = match &present {
            Some(present) if !is_new => present.clone(),
            _ => unlock::new_passphrase(&self.access).await?,
        };
        let mut lines = vec![unlock::lock(&self.home, next, &passphrase).await?];
        if let Some(present) = present.filter(|present| !present.matches(&passphrase)) {
            lines.push(unlock::lock(&self.home, next, &present).await?);
            lines.push(unlock::lock(&self.home, current, &passphrase).await?);
        }
        Ok(lines)
    }

    /// The key that an operator provides beside the present one.
    async fn provided_next(&self, source: KeySource, current: KeyId) -> Result<HomeKey, KeyError> {
        let mut others = self.lines(source, None, &[]).await?;
        others.retain(|line| line.id() != current);
        match others.len() {
            0 => Err(KeyError::NoOther { from: source, current }),
            1 => self.open(others.remove(0)).await,
            _ => Err(KeyError::Several { from: source, found: others.iter().map(KeyLine::id).collect() }),
        }
    }
}
