//! The events that people are told of, found without a scan of the journal.

use jiff::Timestamp;
use lanyard_credential::CredentialId;

use super::{JournalEntry, TABLE, columns, read_entry};
use crate::engine::sql;
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
        let select = sql(TABLE, SELECT_TOLD).bind(number).bind(limit).bind(since);
        self.engine().rows(select).await?.iter().map(read_entry).collect()
    }

    /// The latest of these entries, oldest first.
    pub async fn told_last(&self, limit: u32) -> Result<Vec<JournalEntry>, StoreError> {
        let mut rows = self.engine().rows(sql(TABLE, SELECT_LAST).bind(limit)).await?;
        rows.reverse();
        rows.iter().map(read_entry).collect()
    }

    /// The entry of a credential's deletion, if it was deleted and the entry was not pruned.
    pub async fn deletion(&self, id: CredentialId) -> Result<Option<JournalEntry>, StoreError> {
        let found = self.engine().row(sql(TABLE, SELECT_DELETION).bind(credential_column(id))).await?;
        found.as_ref().map(read_entry).transpose()
    }

    /// When something of a kind was last recorded.
    pub async fn last_of(&self, kind: EventKind) -> Result<Option<Timestamp>, StoreError> {
        let found = self.engine().row(sql(TABLE, SELECT_LAST_OF).bind(kind.as_str())).await?;
        found.map(|row| row.timestamp("at")).transpose()
    }
}

/// The kinds that people may be told of.
macro_rules! told {
    () => {
        "kind IN ('alert', 'signed-in', 'key-rotated', 'access-ended', 'cleared', 'channel-failing', 'channel-recovered')"
    };
}

pub(super) const SELECT_TOLD: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM journal WHERE ",
    told!(),
    " AND number > $1 AND ($3 IS NULL OR at >= $3) ORDER BY number LIMIT $2"
);
pub(super) const SELECT_LAST: &str =
    concat!("SELECT ", columns!(), " FROM journal WHERE ", told!(), " ORDER BY number DESC LIMIT $1");
pub(super) const SELECT_DELETION: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM journal WHERE about = $1 AND kind IN ('cleared', 'removed') ORDER BY at DESC LIMIT 1"
);
pub(super) const SELECT_LAST_OF: &str = "SELECT at FROM journal WHERE kind = $1 ORDER BY number DESC LIMIT 1";
