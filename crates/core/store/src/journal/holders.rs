//! To whom tokens were handed out.

use jiff::Timestamp;
use lanyard_credential::CredentialId;

use super::{JournalEntry, TABLE, columns, read_entry};
use crate::engine::sql;
use crate::event::{EventKind, credential_column};
use crate::{Store, StoreError};

impl Store {
    /// The hand-outs of a credential since `since`: the newest first, and `limit` at most.
    pub async fn hand_outs_since(
        &self,
        id: CredentialId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let select = sql(TABLE, SELECT_HAND_OUTS)
            .bind(since)
            .bind(credential_column(id))
            .bind(EventKind::HandedOut.as_str())
            .bind(limit);
        let rows = self.engine().rows(select).await?;
        rows.iter().map(read_entry).collect()
    }
}

/// A token set lasts days, and the journal years.
pub(crate) const SELECT_HAND_OUTS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM journal WHERE at >= $1 AND about = $2 AND kind = $3 ORDER BY at DESC, number DESC LIMIT $4"
);
