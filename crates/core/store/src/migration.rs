//! The schema's versions.

use crate::engine::{Engine, Reach, Transaction};
use crate::{StoreError, fail_point};

/// The scripts that lead from each version to the next; the first leads from nothing to 1. A released script never changes; new ones are
/// only added at the end.
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
    include_str!("migrations/0012_work.sql"),
];

#[cfg(test)]
pub(crate) fn scripts() -> impl Iterator<Item = &'static str> {
    MIGRATIONS.iter().copied()
}

/// The version that this binary works with.
pub(crate) const KNOWN: i64 = MIGRATIONS.len().cast_signed() as i64;

/// A step from one version of a schema to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// The version that it leads to.
    pub(crate) version: i64,
    script: &'static str,
}

/// A step within its transaction, before anything was changed.
#[derive(Debug)]
pub(crate) struct BegunStep {
    step: Step,
    /// The version that the schema has.
    pub(crate) found: i64,
    pub(crate) write: Transaction,
}

/// All steps, in their order.
pub(crate) fn steps() -> impl Iterator<Item = Step> {
    (1..).zip(MIGRATIONS).map(|(version, script)| Step { version, script })
}

impl Step {
    /// Begins the step, if the schema is older than the version that it leads to.
    pub(crate) async fn begin(self, engine: &Engine) -> Result<Option<BegunStep>, StoreError> {
        let mut write = engine.write(Reach::Home).await?;
        // Read within the transaction: another process may have done it.
        let found = write.schema_version().await?;
        if found >= self.version {
            write.abandon().await?;
            return Ok(None);
        }
        Ok(Some(BegunStep { step: self, found, write }))
    }
}

impl BegunStep {
    /// Runs the script and makes the new version durable.
    pub(crate) async fn run(self) -> Result<(), StoreError> {
        let Self { step, mut write, .. } = self;
        write.migrate(step.script, step.version).await?;
        fail_point(&format!("upgrade.{}.uncommitted", step.version));
        write.commit().await
    }
}

/// Makes the whole schema within a transaction, for a home that is made in the same. `false` if there is one already.
pub(crate) async fn create(write: &mut Transaction) -> Result<bool, StoreError> {
    if write.schema_version().await? > 0 {
        return Ok(false);
    }
    for step in steps() {
        write.migrate(step.script, step.version).await?;
    }
    Ok(true)
}
