//! To whom tokens were handed out.

use jiff::Timestamp;
use lanyard_credential::CredentialId;

use crate::audit::{AuditAction, AuditEntry, columns, read_entry};
use crate::engine::sql;
use crate::{Store, StoreError};

impl Store {
    /// The hand-outs of a credential since `since`, as the audit has them: the newest first, and `limit` at most.
    pub async fn hand_outs_since(
        &self,
        id: CredentialId,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let select = sql("audit", SELECT_HAND_OUTS)
            .bind(since)
            .bind(id.to_string())
            .bind(AuditAction::HandedOut.as_str())
            .bind(limit);
        let rows = self.engine().rows(select).await?;
        rows.iter().map(read_entry).collect()
    }
}

/// A token set lasts days, and the audit years.
pub(crate) const SELECT_HAND_OUTS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit WHERE at >= $1 AND credential_id = $2 AND action = $3 ORDER BY at DESC, writer, sequence DESC LIMIT $4"
);
