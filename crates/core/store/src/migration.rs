//! The schema's versions.

use crate::StoreError;
use crate::engine::{Engine, Reach, Transaction};

/// What leads from each version to the next; the first from nothing to 1. Never changed once released, only added to.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_base.sql"),
    include_str!("migrations/0002_mint.sql"),
    include_str!("migrations/0003_keys.sql"),
    include_str!("migrations/0004_changes.sql"),
    include_str!("migrations/0005_clients.sql"),
    include_str!("migrations/0006_client_list.sql"),
    include_str!("migrations/0007_seals.sql"),
    include_str!("migrations/0008_journal.sql"),
    include_str!("migrations/0009_intents.sql"),
    include_str!("migrations/0010_owners.sql"),
    include_str!("migrations/0011_offered_key.sql"),
];

#[cfg(test)]
pub(crate) fn scripts() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().copied()
}

/// The version that this binary works with.
pub(crate) const KNOWN: i64 = MIGRATIONS.len().cast_signed() as i64;

/// Brings the schema from wherever it is to [`KNOWN`]; each step is a transaction of its own.
pub(crate) async fn migrate(engine: &Engine) -> Result<(), StoreError> {
    let mut began_at = None;
    for (version, script) in (1_i64..).zip(MIGRATIONS) {
        let mut write = engine.write(Reach::Home).await?;
        // Read again inside: another process may have been at it.
        if write.schema_version().await? >= version {
            write.abandon().await?;
            continue;
        }
        write.migrate(script, version).await?;
        write.commit().await?;
        began_at.get_or_insert(version - 1);
        tracing::debug!(version, "the store's schema is now at this version");
    }
    match began_at {
        // A store that is made is made as it is to be.
        None | Some(0) => {}
        Some(from) => tracing::info!(from, to = KNOWN, "the store's schema was brought up to date"),
    }
    Ok(())
}

/// Makes the whole schema within a transaction, for a home that is made in the same. `false` if there is one already.
pub(crate) async fn create(write: &mut Transaction) -> Result<bool, StoreError> {
    if write.schema_version().await? > 0 {
        return Ok(false);
    }
    for (version, script) in (1_i64..).zip(MIGRATIONS) {
        write.migrate(script, version).await?;
    }
    Ok(true)
}
