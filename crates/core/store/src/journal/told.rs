//! The events that people are told of, found without a scan of the journal.

use jiff::Timestamp;
use lanyard_credential::CredentialId;

use super::{JournalEntry, Mac, Position, TABLE, columns, integer, mac, read_entry};
use crate::engine::{Row, sql};
use crate::event::{EventKind, credential_column};
use crate::{Store, StoreError};

impl Store {
    /// The entries after a number, or since a moment, that people may be told of; oldest first, `limit` at most.
    pub async fn told_after(
        &self,
        number: u64,
        since: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let (mut number, mut entries) = (number, Vec::new());
        loop {
            let rows = self.engine().rows(sql(TABLE, SELECT_TOLD).bind(number).bind(limit).bind(since)).await?;
            if let Some(last) = rows.last() {
                number = integer(last, "number")?;
            }
            entries.extend(self.genuine_of(&rows).await?);
            if rows.len() < limit as usize || entries.len() >= limit as usize {
                entries.truncate(limit as usize);
                return Ok(entries);
            }
        }
    }

    /// The latest of these entries, oldest first.
    pub async fn told_last(&self, limit: u32) -> Result<Vec<JournalEntry>, StoreError> {
        let mut rows = self.engine().rows(sql(TABLE, SELECT_LAST).bind(limit)).await?;
        rows.reverse();
        self.genuine_of(&rows).await
    }

    /// The entries in these rows that Lanyard wrote.
    async fn genuine_of(&self, rows: &[Row]) -> Result<Vec<JournalEntry>, StoreError> {
        // Few rows are the first of the journal.
        let is_first = |row: &Row| row.optional_bytes("previous").is_ok_and(|previous| previous.is_none());
        let start = if rows.iter().any(is_first) { self.start_of_journal().await? } else { Position::BEGINNING };
        Ok(rows.iter().filter_map(|row| self.genuine(row, start)).collect())
    }

    /// The entry before the first one: the last that was pruned.
    async fn start_of_journal(&self) -> Result<Position, StoreError> {
        let Some(anchor) = self.journal_counter().await?.anchor else { return Ok(Position::BEGINNING) };
        Ok(self.anchored(anchor).await?.map_or(Position::BEGINNING, |start| start.at))
    }

    /// The entry in a row, unless the row was altered without Lanyard. Only the first entry has none before it.
    fn genuine(&self, row: &Row, start: Position) -> Option<JournalEntry> {
        let read = || {
            let previous = match row.optional_bytes("previous")? {
                Some(previous) => Mac::from_bytes(&previous).ok_or_else(|| row.impossible("mac"))?,
                None if integer(row, "number")? == start.number + 1 => start.mac,
                None => return Err(row.altered()),
            };
            if mac(row)? != self.mac_after(&previous, row)? {
                return Err(row.altered());
            }
            read_entry(row)
        };
        let entry = read();
        if let Err(error) = &entry {
            tracing::error!(%error, hint = "lanyard audit --verify", "an event is left out");
        }
        entry.ok()
    }

    /// The entry of a credential's deletion, if it was deleted and the entry was not pruned.
    pub async fn deletion(&self, id: CredentialId) -> Result<Option<JournalEntry>, StoreError> {
        let rows = self.engine().rows(sql(TABLE, SELECT_DELETION).bind(credential_column(id))).await?;
        Ok(self.genuine_of(&rows).await?.into_iter().next())
    }

    /// When something of a kind was last recorded.
    pub async fn last_of(&self, kind: EventKind) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.engine().rows(sql(TABLE, SELECT_LAST_OF).bind(kind.as_str())).await?;
        Ok(self.genuine_of(&rows).await?.first().map(|entry| entry.record.at))
    }
}

/// The kinds that people may be told of.
macro_rules! told {
    () => {
        "kind IN ('alert', 'signed-in', 'key-rotated', 'access-ended', 'cleared', 'channel-failing', 'channel-recovered', 'job-alert')"
    };
}

/// The mac of the entry before.
macro_rules! previous {
    () => {
        ", (SELECT earlier.mac FROM journal AS earlier WHERE earlier.number = journal.number - 1) AS previous"
    };
}

pub(super) const SELECT_TOLD: &str = concat!(
    "SELECT ",
    columns!(),
    previous!(),
    " FROM journal WHERE ",
    told!(),
    " AND number > $1 AND ($3 IS NULL OR at >= $3) ORDER BY number LIMIT $2"
);
pub(super) const SELECT_LAST: &str =
    concat!("SELECT ", columns!(), previous!(), " FROM journal WHERE ", told!(), " ORDER BY number DESC LIMIT $1");
pub(super) const SELECT_DELETION: &str = concat!(
    "SELECT ",
    columns!(),
    previous!(),
    " FROM journal WHERE about = $1 AND kind IN ('cleared', 'removed') ORDER BY at DESC LIMIT 5"
);
pub(super) const SELECT_LAST_OF: &str =
    concat!("SELECT ", columns!(), previous!(), " FROM journal WHERE kind = $1 ORDER BY number DESC LIMIT 5");
