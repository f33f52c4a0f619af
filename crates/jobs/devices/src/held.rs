//! A watch that stays as long as a transaction writes for it.

use lanyard_store::StoreError;
use lanyard_store::sql::{Tx, sql};

/// Keeps a watch from being removed before this transaction ends; `false` if it was removed already.
///
/// On PostgreSQL a row that is only read may be deleted by another transaction in between, and what is written then would belong to nothing.
pub(crate) async fn hold(tx: &mut Tx, watch: &str) -> Result<bool, StoreError> {
    Ok(tx.run(sql("devices_watches", HOLD).bind(watch)).await? > 0)
}

/// A change of nothing locks the row on either engine.
const HOLD: &str = "UPDATE devices_watches SET version = version WHERE id = $1";
