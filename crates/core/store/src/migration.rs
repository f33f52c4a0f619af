//! The schema's versions.

use crate::StoreError;
use crate::engine::Engine;

/// What leads from each version to the next; the first from nothing to 1. Never changed once released, only added to.
const MIGRATIONS: &[(&str, &str)] = &[
    (include_str!("migrations/0001_base.sql"), "PRAGMA user_version = 1"),
    (include_str!("migrations/0002_mint.sql"), "PRAGMA user_version = 2"),
    (include_str!("migrations/0003_keys.sql"), "PRAGMA user_version = 3"),
    (include_str!("migrations/0004_changes.sql"), "PRAGMA user_version = 4"),
    (include_str!("migrations/0005_clients.sql"), "PRAGMA user_version = 5"),
    (include_str!("migrations/0006_client_list.sql"), "PRAGMA user_version = 6"),
    (include_str!("migrations/0007_seals.sql"), "PRAGMA user_version = 7"),
];

#[cfg(test)]
pub(crate) fn scripts() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().map(|(script, _)| *script)
}

/// The version that this binary works with.
pub(crate) const KNOWN: i64 = MIGRATIONS.len().cast_signed() as i64;

/// Brings the schema from wherever it is to [`KNOWN`]; each step is a transaction of its own.
pub(crate) async fn migrate(engine: &Engine) -> Result<(), StoreError> {
    let mut began_at = None;
    for (version, (script, mark)) in (1_i64..).zip(MIGRATIONS) {
        let mut write = engine.write().await?;
        // Read again inside: another process may have been at it.
        if write.schema_version().await? >= version {
            write.abandon().await?;
            continue;
        }
        write.script(script).await?;
        write.script(mark).await?;
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
