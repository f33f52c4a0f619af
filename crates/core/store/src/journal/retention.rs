//! How long the journal's entries are kept.
//!
//! The setting carries a seal: a writer of the database cannot have entries pruned sooner. A shorter time takes effect after a day, so
//! that an owner who did not choose it sees the entry of the change before anything is pruned.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_vault::Mac;
use serde::{Deserialize, Serialize};

use super::record::Counter;
use crate::encode::encode;
use crate::engine::{Reach, Row, sql};
use crate::event::{About, Event};
use crate::write::{Purpose, Tx};
use crate::{Store, StoreError};

/// How long entries are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The setting; `None` for forever.
    pub keep: Option<Duration>,
    /// The earlier setting.
    pub before: Option<Duration>,
    /// When it was changed.
    pub changed_at: Timestamp,
}

/// 400 days: a year, and a month to look back at it.
pub const DEFAULT_RETENTION: Duration = Duration::from_hours(400 * 24);

/// The shortest time that can be set.
pub const SHORTEST_RETENTION: Duration = Duration::from_hours(24);

/// How long after its change a shorter time takes effect.
const NOTICE: Duration = Duration::from_hours(24);

impl Retention {
    fn first(now: Timestamp) -> Self {
        Self { keep: Some(DEFAULT_RETENTION), before: Some(DEFAULT_RETENTION), changed_at: now }
    }

    /// When the setting takes effect.
    pub fn takes_effect(&self) -> Timestamp {
        let shorter = match (self.keep, self.before) {
            (Some(keep), Some(before)) => keep < before,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let notice = if shorter { NOTICE } else { Duration::ZERO };
        self.changed_at.checked_add(notice).unwrap_or(Timestamp::MAX)
    }

    /// How long entries are kept at this moment; `None` for forever.
    pub fn in_force(&self, now: Timestamp) -> Option<Duration> {
        if now < self.takes_effect() { self.before } else { self.keep }
    }

    fn seal(&self, store: &Store) -> Mac {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).to_be_bytes();
        let (keep, before) = (self.keep.map(milliseconds), self.before.map(milliseconds));
        let changed_at = self.changed_at.as_millisecond().to_be_bytes();
        let fields = [
            Some(&b"journal_retention"[..]),
            keep.as_ref().map(<[u8; 8]>::as_slice),
            before.as_ref().map(<[u8; 8]>::as_slice),
            Some(&changed_at[..]),
        ];
        store.inner.seals_key.chain(&Mac::BEGINNING, &encode(&fields))
    }

    fn read(store: &Store, row: Option<&Row>) -> Result<Self, StoreError> {
        let missing = || StoreError::Altered { table: TABLE, row: "1".to_owned() };
        let row = row.ok_or_else(missing)?;
        let retention = Self {
            keep: row.optional_duration("keep")?,
            before: row.optional_duration("keep_before")?,
            changed_at: row.timestamp("changed_at")?,
        };
        let stored = Mac::from_bytes(&row.bytes("seal")?);
        if stored == Some(retention.seal(store)) { Ok(retention) } else { Err(missing()) }
    }
}

impl Store {
    /// How long entries are kept. The journal of an earlier version has no setting before its first entry of this one: it has the first
    /// setting.
    pub async fn journal_retention(&self) -> Result<Retention, StoreError> {
        let row = self.engine().row(sql(TABLE, SELECT)).await?;
        if row.is_none()
            && self.journal_counter().await?.mac.is_none()
            && self.engine().row(sql("journal", ANY_OF_THIS_VERSION)).await?.is_none()
        {
            return Ok(Retention::first(stored(self.now().wall)));
        }
        Retention::read(self, row.as_ref())
    }

    /// Changes how long entries are kept, which is an entry itself; `None` for forever.
    pub async fn keep_journal(&self, keep: Option<Duration>) -> Result<Retention, StoreError> {
        self.write_within(Reach::Home, Purpose::Work, |mut tx| async move {
            // Nobody else writes this row meanwhile, not even a program without regard for Lanyard's locks.
            let counter = Counter::read(tx.lock_counter().await?)?;
            if counter.mac.is_none() {
                self.begin_retention(&mut tx).await?;
            }
            let row = tx.row(sql(TABLE, SELECT)).await?;
            let now = tx.now().wall;
            // A setting that somebody altered is replaced, and says nothing: the new one takes effect after a day, if it is not forever.
            let before = match Retention::read(self, row.as_ref()) {
                Ok(earlier) => earlier.in_force(now),
                Err(error) if error.is_of_one_row() => {
                    tx.run(sql(TABLE, "DELETE FROM journal_retention")).await?;
                    None
                }
                Err(error) => return Err(error),
            };
            let changed = Retention { keep, before, changed_at: stored(now) };
            let put = sql(TABLE, PUT)
                .bind(changed.keep)
                .bind(changed.before)
                .bind(changed.changed_at)
                .bind(changed.seal(self).as_bytes());
            tx.run(put).await?;
            let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
            let (keep_seconds, before_seconds) = (seconds(changed.keep), seconds(changed.before));
            let event = Event::RetentionChanged { keep_seconds, before_seconds, from: changed.takes_effect() };
            tx.record(About::Home, event);
            tx.commit(changed).await
        })
        .await
    }

    /// Writes the setting that a new journal begins with. Where the journal is not new, the row was removed by somebody else, and stays
    /// missing: nothing is pruned then.
    pub(super) async fn begin_retention(&self, tx: &mut Tx) -> Result<(), StoreError> {
        if tx.row(sql("journal", ANY_OF_THIS_VERSION)).await?.is_some() {
            return Ok(());
        }
        let first = Retention::first(stored(tx.now().wall));
        let insert = sql(TABLE, INSERT)
            .bind(first.keep)
            .bind(first.before)
            .bind(first.changed_at)
            .bind(first.seal(self).as_bytes());
        tx.run(insert).await?;
        Ok(())
    }
}

/// As the store keeps it: to the millisecond.
fn stored(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

const TABLE: &str = "journal_retention";
const SELECT: &str = "SELECT id, keep, keep_before, changed_at, seal FROM journal_retention WHERE id = 1";
const PUT: &str = "INSERT INTO journal_retention (id, keep, keep_before, changed_at, seal) VALUES (1, $1, $2, $3, $4) \
     ON CONFLICT (id) DO UPDATE SET keep = excluded.keep, keep_before = excluded.keep_before, changed_at = excluded.changed_at, \
     seal = excluded.seal";
/// Read only while the head of the journal names no entry of this version.
const ANY_OF_THIS_VERSION: &str = "SELECT number FROM journal WHERE sequence IS NULL LIMIT 1";
const INSERT: &str = "INSERT INTO journal_retention (id, keep, keep_before, changed_at, seal) VALUES (1, $1, $2, $3, $4) \
     ON CONFLICT (id) DO NOTHING";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_time_takes_effect_after_a_day_and_a_longer_one_at_once() {
        let days = |days: u64| Some(Duration::from_hours(days * 24));
        let at = Timestamp::from_second(1_000_000).unwrap();
        let after = |hours: i64| at.checked_add(jiff::SignedDuration::from_hours(hours)).unwrap();
        for (before, keep, first, then) in [
            (days(400), days(30), days(400), days(30)),
            (None, days(30), None, days(30)),
            (days(30), days(400), days(400), days(400)),
            (days(30), None, None, None),
            (None, None, None, None),
        ] {
            let retention = Retention { keep, before, changed_at: at };
            assert_eq!((retention.in_force(after(23)), retention.in_force(after(24))), (first, then), "{retention:?}");
        }
    }
}
