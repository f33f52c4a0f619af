//! Replacing the home's key by another, while the home is in use.
//!
//! First the next key is put where it is to be kept, and [offered](offer) to the brokers that run on the store. Once they have it, the home's
//! row names it, the store wraps all rows again and makes the next key the home's. At last the old key is removed. A process that ends
//! anywhere in between leaves a home that works, and this goes on where it stopped.

mod error;
mod offer;
mod retire;

use std::time::Duration;

use lanyard_store::{HomeKeys, StoreError};
use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{HomeKey, KeyId, KeyLine, KeySource};

pub use self::error::{LackingBroker, ReplaceKeyError};
pub use self::offer::OfferWithdrawn;
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
    /// How many rows were wrapped again, the home's own included.
    pub rows: u64,
    /// Whether another process had begun it.
    pub resumed: bool,
    /// Why the old key is still there, should it be.
    pub left_behind: Option<String>,
}

impl OpenHome {
    /// Replaces the home's key by another, kept where the old one is or in `to`; with a `to` of
    /// [`Passphrase`](KeySource::Passphrase) under a new passphrase. Goes on with what an earlier process left undone. Others may
    /// read and write the home all the while. Waits for half a minute until all brokers that run on the store have the key.
    pub async fn replace_key(&self, to: Option<KeySource>) -> Result<KeyReplaced, ReplaceKeyError> {
        self.replace_key_within(to, READY).await
    }

    /// Like [`replace_key`](Self::replace_key); waits for brokers as long as `wait`.
    pub async fn replace_key_within(
        &self,
        to: Option<KeySource>,
        wait: Duration,
    ) -> Result<KeyReplaced, ReplaceKeyError> {
        let lock = try_lock_for_a_moment(&self.home).await.map_err(StoreError::Io)?;
        let _lock = lock.ok_or(ReplaceKeyError::Busy)?;
        self.refuse_while_moved().await?;
        // What an earlier replacement left to do comes first: a file's name would be in the way. A keyring that is gone is not.
        match self.retire_key().await {
            Err(RetireError::Key(KeyError::Keyring(error))) => {
                tracing::warn!(%error, "an earlier key stays in the keyring");
            }
            done => done?,
        }
        self.home.key().tidy();
        self.home.next_key().tidy();
        let before = self.store.home_keys().await?;
        let resumed = before.next.is_some() || before.offered.is_some();
        let (next, source) = match (&before.next, &before.offered) {
            (Some(next), _) => {
                if let Some(other) = to.filter(|to| *to != next.source) {
                    tracing::debug!(%other, "not before the one that is under way");
                    return Err(ReplaceKeyError::OtherTarget(next.source));
                }
                (self.store.home_key(next.id).await?, next.source)
            }
            (None, Some(offered)) => {
                if to.is_some_and(|to| to != offered.source) {
                    return Err(ReplaceKeyError::OtherOffer(offered.source));
                }
                let key = self.offered_key(&before, offered).await?;
                self.take_up_when_ready(&key, offered.source, wait).await?;
                (key, offered.source)
            }
            (None, None) => {
                let (key, source) = self.offer_next_key(&before, to).await?;
                self.take_up_when_ready(&key, source, wait).await?;
                (key, source)
            }
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

    /// Refuses to touch the keys of a store that is being moved, or was moved away. The key of its other half is the same, and may have no
    /// other copy. The caller holds the home's lock, as a move does.
    pub(super) async fn refuse_while_moved(&self) -> Result<(), StoreError> {
        match self.store.pause().await? {
            Some(pause) if pause.is_for_a_move() => Err(StoreError::Paused(pause)),
            _ => Ok(()),
        }
    }

    /// Puts a next key where it is to be kept, and offers it in the home's row.
    async fn offer_next_key(
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
        if self.store.offer_key(before.key, (&next, source), &home_id, put).await? {
            Ok((next, source))
        } else {
            Err(ReplaceKeyError::Busy)
        }
    }
}

/// How long brokers may take to have an offered key, unless a person says otherwise.
const READY: Duration = Duration::from_secs(30);

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
            0 => {
                let file = self.access.key_file.clone().filter(|_| source == KeySource::KeyFile);
                Err(KeyError::NoOther { from: source, current, file })
            }
            1 => self.open(others.remove(0)).await,
            _ => Err(KeyError::Several { from: source, found: others.iter().map(KeyLine::id).collect() }),
        }
    }
}
