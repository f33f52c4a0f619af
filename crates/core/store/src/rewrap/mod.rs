//! Replacing the home's key in the database, while the home is in use.
//!
//! An [offered](offer) key becomes the next one, and the home's row names it as such: from that commit on every write, of whatever process,
//! wraps under it. Then all rows are wrapped again, a few at a time. The last transaction finds no row under the old key, wraps the home's
//! own data key, and makes the next key the home's. A process that ends anywhere in between leaves a home that works, and this goes on where
//! it stopped.

mod brokers;
mod damaged;
mod offer;
mod renew;
mod wrapped;

use lanyard_vault::{HomeKey, KeyId, Sealed};
use thiserror::Error;

pub use self::brokers::{BrokerId, RunningBroker, this_host};
pub(crate) use self::brokers::{SERVER_TIME, server_now};
pub use self::damaged::DamagedRow;
pub use self::offer::TakenUp;
pub use self::renew::DataKeysRenewed;
use self::wrapped::{WRAPPED, Wrapped};
use crate::adoption::OWN_KEY;
use crate::engine::{Row, sql};
use crate::envelope::{Owner, WRAPPED_KEY};
use crate::event::{About, Event};
use crate::keys::HomeKeys;
use crate::write::Purpose;
use crate::{KeyUnavailable, Store, StoreError};

/// Why not every row was wrapped again. What was done of it stays, and the next attempt goes on from there.
#[derive(Debug, Error)]
pub enum RewrapError {
    /// Some rows cannot be decrypted; all others are wrapped with the new key.
    #[error("the old key stays in use, because some rows cannot be decrypted")]
    Damaged(Vec<DamagedRow>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How many rows one transaction wraps again.
const BATCH: u32 = 50;

/// The rows that one transaction wrapped again.
struct Batch {
    /// The last row that was looked at.
    last: String,
    wrapped: u64,
    damaged: Vec<DamagedRow>,
}

impl Store {
    /// Which keys the home has now, and where they are kept.
    pub async fn home_keys(&self) -> Result<HomeKeys, StoreError> {
        Ok(self.home_row().await?.keys)
    }

    /// A key of the home, if this process holds it or can fetch it.
    pub async fn home_key(&self, id: KeyId) -> Result<HomeKey, StoreError> {
        if let Some(key) = self.inner.keys.key(id) {
            return Ok(key);
        }
        let missing = |error| StoreError::Key(Box::new(error));
        self.inner.keys.fetch(&self.home_keys().await?).await.map_err(missing)?;
        self.inner.keys.key(id).ok_or_else(|| missing(KeyUnavailable::replaced(id)))
    }

    /// How many rows have a data key under this key of the home; the home's own row is not counted.
    pub async fn rows_under(&self, id: KeyId) -> Result<u64, StoreError> {
        let mut rows = 0_u64;
        for table in WRAPPED {
            let counted = self.engine().row(sql(table.name, table.count).bind(id.as_bytes())).await?;
            let counted = counted.map_or(Ok(0), |row| row.integer("counted"))?;
            rows = rows.saturating_add(u64::try_from(counted).unwrap_or(0));
        }
        Ok(rows)
    }

    /// Wraps every row under the key that the home's row names as the next one, and makes that the home's. Says how many rows it wrapped,
    /// the home's own included.
    pub async fn change_to_next_key(&self, next: &HomeKey) -> Result<u64, RewrapError> {
        let mut rows = 1;
        loop {
            let mut damaged = Vec::new();
            for table in WRAPPED {
                rows += self.wrap_anew(table, next, &mut damaged).await?;
            }
            if !damaged.is_empty() {
                return Err(RewrapError::Damaged(damaged));
            }
            if self.finish_replacing(next, rows).await? {
                return Ok(rows);
            }
        }
    }

    /// Notes that a key which was replaced is gone from where it was kept.
    pub async fn forget_retired_key(&self, retired: KeyId) -> Result<(), StoreError> {
        self.write_for(Purpose::Keys, |mut tx| async move {
            let clear = "UPDATE home SET retired_key_id = NULL, retired_key_source = NULL WHERE retired_key_id = $1";
            tx.sealed_home().await?;
            tx.run(sql("home", clear).bind(retired.to_string())).await?;
            tx.commit(()).await
        })
        .await
    }

    /// Removes what was erased or wrapped again from all files of the database. Where others hinder it, it happens with a later write of
    /// theirs.
    pub async fn erase_traces(&self) {
        self.inner.engine.forget().await;
    }

    /// Wraps again those rows of one table that are not wrapped under `next`; returns how many, and adds those that do not open to
    /// `damaged`.
    async fn wrap_anew(
        &self,
        table: &Wrapped,
        next: &HomeKey,
        damaged: &mut Vec<DamagedRow>,
    ) -> Result<u64, StoreError> {
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
                let id = row.text("id")?;
                let Ok((wrapped, anew)) = self.wrap_row(table, &id, row, next) else {
                    batch.damaged.push(DamagedRow::new(table.name, &id, row));
                    continue;
                };
                let update = sql(table.name, table.update).bind(id.as_str()).bind(&anew).bind(&wrapped);
                batch.wrapped += tx.run(update).await?;
            }
            tx.commit(Some(batch)).await
        })
        .await
    }

    /// A row's wrapped data key as it is, and as it is under `next`.
    fn wrap_row(&self, table: &Wrapped, id: &str, row: &Row, next: &HomeKey) -> Result<(Sealed, Sealed), StoreError> {
        let environment = row.text("environment")?;
        let owner = Owner { table: table.name, row: id, environment: &environment };
        let place = owner.place(WRAPPED_KEY, row.counter("version")?);
        let wrapped = row.sealed("wrapped_key")?;
        let data = self.inner.keys.unwrap(&wrapped, &place)?;
        let anew = next.wrap(&data, &place, self.entropy());
        Ok((wrapped, anew))
    }

    /// Makes `next` the home's key, provided that no row stands under another any more. `false` when one does.
    async fn finish_replacing(&self, next: &HomeKey, rows: u64) -> Result<bool, StoreError> {
        self.write_for(Purpose::Keys, |mut tx| async move {
            let row = tx.sealed_home().await?;
            let keys = &row.keys;
            let Some(named) = keys.next.as_ref().filter(|named| named.id == next.id()) else {
                // The last transaction of an earlier attempt was on its way still.
                if keys.next.is_none() && keys.key == next.id() {
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
            let retired = (!keys.source.is_provided()).then_some((keys.key, keys.source));
            let finish = sql("home", FINISH)
                .bind(next.id().to_string())
                .bind(named.source.as_str())
                .bind(&wrapped)
                .bind(retired.map(|(key, _)| key.to_string()))
                .bind(retired.map(|(_, source)| source.as_str()));
            tx.run(finish).await?;
            let (key, next) = (keys.key.to_string(), next.id().to_string());
            tx.record(About::Home, Event::KeyRotated { key, next, kept_in: named.source.to_string(), rows });
            tx.commit(true).await
        })
        .await
    }
}

const FINISH: &str = "UPDATE home SET key_id = $1, key_source = $2, wrapped_key = $3, retired_key_id = $4, \
     retired_key_source = $5, next_key_id = NULL, next_key_source = NULL, next_key_since = NULL";
