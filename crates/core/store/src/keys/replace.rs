//! Replacing the home's key by another, while the home is in use.
//!
//! First the next key is put where it is to be kept. Then the home's row names it: from that commit on every write, of whatever
//! process, wraps under it. Then all rows are wrapped anew, a few at a time. The last transaction finds no row under the old key,
//! wraps the home's own data key, and makes the next key the home's. At last the old key is removed. A process that ends anywhere
//! in between leaves a home that works, and this goes on where it stopped.

use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{HomeKey, KeyId, KeyLine, KeySource};
use thiserror::Error;

use super::retire::{RetireError, is_in_files};
use super::wrapped::{WRAPPED, Wrapped};
use super::{HomeRow, KeyError, KeyPlace, Way, keyring, unlock};
use crate::adoption::OWN_KEY;
use crate::audit::AuditAction;
use crate::engine::sql;
use crate::envelope::{Owner, WRAPPED_KEY};
use crate::lock::try_lock_for_a_moment;
use crate::write::Purpose;
use crate::{Store, StoreError};

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

/// How many rows one transaction wraps anew.
const BATCH: u32 = 50;

/// The rows that one transaction wrapped anew.
struct Batch {
    /// The last row that was looked at.
    last: String,
    wrapped: u64,
    damaged: Vec<String>,
}

impl Store {
    /// Replaces the home's key by another, kept where the old one is or in `to`; with a `to` of
    /// [`Passphrase`](KeySource::Passphrase) under a new passphrase. Goes on with what an earlier process left undone. Others may
    /// read and write the home all the while.
    pub async fn replace_key(&self, to: Option<KeySource>) -> Result<KeyReplaced, ReplaceKeyError> {
        let lock = try_lock_for_a_moment(&self.inner.home).await.map_err(StoreError::Io)?;
        let _lock = lock.ok_or(ReplaceKeyError::Busy)?;
        // What an earlier replacement left to do comes first: a file's name would be in the way. A keyring that is gone is not.
        match self.retire_key().await {
            Err(RetireError::Key(KeyError::Keyring(error))) => {
                tracing::warn!(%error, "an earlier key stays in the keyring");
            }
            done => done?,
        }
        let row = self.home_row().await?;
        let resumed = row.next.is_some();
        let (next, source) = match &row.next {
            Some(next) => {
                if let Some(other) = to.filter(|to| *to != next.source) {
                    tracing::debug!(%other, "not before the one that is under way");
                    return Err(ReplaceKeyError::OtherTarget(next.source));
                }
                self.inner.keys.fetch(&row).await?;
                let key = self.inner.keys.key(next.id).ok_or(KeyError::Replaced(next.id))?;
                (key, next.source)
            }
            None => self.begin_replacing(&row, to).await?,
        };
        let mut rows = 1;
        loop {
            let mut damaged = Vec::new();
            for table in WRAPPED {
                rows += self.wrap_anew(table, &next, &mut damaged).await?;
            }
            if !damaged.is_empty() {
                return Err(ReplaceKeyError::Damaged(damaged));
            }
            if self.finish_replacing(&next, rows).await? {
                break;
            }
        }
        let left_behind = self.retire_key().await.err().map(|error| error.to_string());
        // The log still holds the rows as they were.
        self.inner.engine.forget().await;
        Ok(KeyReplaced {
            old: row.key,
            old_place: self.place(row.source),
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
        row: &HomeRow,
        to: Option<KeySource>,
    ) -> Result<(HomeKey, KeySource), ReplaceKeyError> {
        let way = self.inner.keys.way().ok_or(KeyError::Replaced(row.key))?;
        let here = if way.access.key_file.is_some() { KeySource::KeyFile } else { row.source };
        let source = to.unwrap_or(here);
        let home_id = row.id.clone().unwrap_or_else(|| home_id(self.entropy()));
        let current = self.inner.keys.key(row.key).ok_or(KeyError::Replaced(row.key))?;
        if is_in_files(source) {
            way.refuse_foreign_file(row)?;
        }
        let (next, lines) = match source {
            KeySource::File => {
                let next = HomeKey::generate(self.entropy());
                (next.clone(), Some(vec![KeyLine::Open(next)]))
            }
            KeySource::Passphrase => {
                let next = HomeKey::generate(self.entropy());
                let is_new = to.is_some() || row.source != KeySource::Passphrase;
                let lines = way.lines_under_passphrases(&current, &next, row.source, is_new).await?;
                (next, Some(lines))
            }
            KeySource::Keyring => {
                let next = HomeKey::generate(self.entropy());
                keyring::put(&home_id, &next, keyring::LIMIT).await.map_err(KeyError::from)?;
                (next, None)
            }
            KeySource::Command | KeySource::KeyFile => (way.provided_next(source, row.key).await?, None),
        };
        // The file is written within the transaction that names its key. The last transaction of a replacement that was given up may
        // still be on its way, and no key that it names may be overwritten.
        let (next, lines, home_id) = (&next, lines.as_ref(), home_id.as_str());
        self.write_for(Purpose::Keys, |mut tx| async move {
            let now = tx.sealed_home().await?;
            if now.next.is_some() || now.key != row.key {
                return tx.refuse(ReplaceKeyError::Busy).await;
            }
            if let Some(lines) = lines {
                let needed: Vec<KeyId> = now.keys().collect();
                way.home.next_key().replace(lines, &needed).map_err(KeyError::from)?;
            }
            let begin = sql("home", BEGIN)
                .bind(row.key.to_string())
                .bind(next.id().to_string())
                .bind(source.as_str())
                .bind(self.now().wall)
                .bind(home_id);
            if tx.run(begin).await? != 1 {
                return tx.refuse(ReplaceKeyError::Busy).await;
            }
            let detail = format!("key {} by key {}, kept in: {source}", row.key, next.id());
            tx.record(AuditAction::KeyRotationBegun, None, detail);
            tx.commit(()).await
        })
        .await?;
        self.inner.keys.add(next);
        Ok((next.clone(), source))
    }

    /// Wraps the rows of one table anew that do not stand under `next`; returns how many, and adds those that do not open to
    /// `damaged`.
    async fn wrap_anew(&self, table: &Wrapped, next: &HomeKey, damaged: &mut Vec<String>) -> Result<u64, StoreError> {
        let mut done = 0;
        let mut after = String::new();
        while let Some(batch) = self.wrap_batch(table, next, &after).await? {
            done += batch.wrapped;
            damaged.extend(batch.damaged);
            after = batch.last;
        }
        Ok(done)
    }

    /// Wraps some of the rows after `after` in one transaction; `None` if there are none.
    async fn wrap_batch(&self, table: &Wrapped, next: &HomeKey, after: &str) -> Result<Option<Batch>, StoreError> {
        self.write_for(Purpose::Keys, |mut tx| async move {
            let select = sql(table.name, table.select).bind(after).bind(next.id().as_bytes()).bind(BATCH);
            let rows = tx.rows(select).await?;
            let Some(last) = rows.last() else {
                return tx.abandon(None).await;
            };
            let mut batch = Batch { last: last.text("id")?, wrapped: 0, damaged: Vec::new() };
            for row in &rows {
                let (id, environment) = (row.text("id")?, row.text("environment")?);
                let owner = Owner { table: table.name, row: &id, environment: &environment };
                let place = owner.place(WRAPPED_KEY, row.counter("version")?);
                let wrapped = row.sealed("wrapped_key")?;
                let Ok(data) = self.inner.keys.unwrap(&wrapped, &place) else {
                    batch.damaged.push(format!("{} of {}", id, table.name));
                    continue;
                };
                let anew = next.wrap(&data, &place, self.entropy());
                let update = sql(table.name, table.update).bind(id.as_str()).bind(&anew).bind(&wrapped);
                batch.wrapped += tx.run(update).await?;
            }
            tx.commit(Some(batch)).await
        })
        .await
    }

    /// Makes `next` the home's key, provided that no row stands under another any more. `false` when one does.
    async fn finish_replacing(&self, next: &HomeKey, rows: u64) -> Result<bool, StoreError> {
        self.write_for(Purpose::Keys, |mut tx| async move {
            let row = tx.sealed_home().await?;
            let Some(named) = row.next.as_ref().filter(|named| named.id == next.id()) else {
                // The last transaction of an earlier attempt was on its way still.
                if row.next.is_none() && row.key == next.id() {
                    return tx.abandon(true).await;
                }
                let named_other = "the home's row names another next key than before";
                return tx.refuse(StoreError::Damaged(named_other.to_owned())).await;
            };
            for table in WRAPPED {
                let left = sql(table.name, table.left).bind(next.id().as_bytes());
                if tx.row(left).await?.is_some() {
                    return tx.abandon(false).await;
                }
            }
            let own = self.inner.keys.unwrap(&row.wrapped_key, &OWN_KEY)?;
            let wrapped = next.wrap(&own, &OWN_KEY, self.entropy());
            // What an operator provides is not ours to remove.
            let retired = (!row.source.is_provided()).then_some((row.key, row.source));
            let finish = sql("home", FINISH)
                .bind(next.id().to_string())
                .bind(named.source.as_str())
                .bind(&wrapped)
                .bind(retired.map(|(key, _)| key.to_string()))
                .bind(retired.map(|(_, source)| source.as_str()));
            tx.run(finish).await?;
            let detail = format!("key {} by key {}, kept in: {}; rows: {rows}", row.key, next.id(), named.source);
            tx.record(AuditAction::KeyRotated, None, detail);
            tx.commit(true).await
        })
        .await
    }
}

impl Way {
    /// The file that the next key ends up in may hold nothing but this home's key.
    fn refuse_foreign_file(&self, row: &HomeRow) -> Result<(), KeyError> {
        match self.home.key().read() {
            Err(KeyFileError::Missing(_)) => Ok(()),
            Ok(lines) if lines.iter().any(|line| line.id() == row.key) => Ok(()),
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

/// A new name for a home.
pub(crate) fn home_id(entropy: &dyn lanyard_time::Entropy) -> String {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

const BEGIN: &str = "UPDATE home SET next_key_id = $2, next_key_source = $3, next_key_since = $4, \
     home_id = COALESCE(home_id, $5) WHERE key_id = $1 AND next_key_id IS NULL";

const FINISH: &str = "UPDATE home SET key_id = $1, key_source = $2, wrapped_key = $3, retired_key_id = $4, \
     retired_key_source = $5, next_key_id = NULL, next_key_source = NULL, next_key_since = NULL";
