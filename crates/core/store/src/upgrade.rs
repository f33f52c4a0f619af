//! Bringing an older schema up to date.

use std::path::Path;

use thiserror::Error;

use crate::engine::Engine;
use crate::in_flight::{InFlight, Observer};
use crate::migration::{KNOWN, steps};
use crate::{Parts, StoreError, fail_point};

/// Permission to bring an older schema up to date.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'a> {
    /// The directory of the home: its files show which processes that use the store still run.
    pub directory: &'a Path,
    /// This machine's clocks, and its kernel.
    pub parts: &'a Parts,
}

/// Why a schema was not brought up to date. The steps that were done remain; the next attempt continues after them.
#[derive(Debug, Error)]
pub(crate) enum UpgradeError {
    /// The answer to a renewal could not be written afterwards.
    #[error("{0}")]
    InFlight(InFlight),
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Brings the schema from wherever it is to [`KNOWN`]; each step is a transaction of its own.
///
/// A process of an earlier version cannot write into a newer schema. Each step is refused while such a process may have to. No observer
/// is needed for a copy, which no other process uses.
pub(crate) async fn upgrade(engine: &Engine, observer: Option<&Observer>) -> Result<(), UpgradeError> {
    let mut began_at = None;
    for step in steps() {
        let Some(mut begun) = step.begin(engine).await? else { continue };
        let from = begun.found;
        if let Some(observer) = observer
            && let Some(found) = observer.in_flight(&mut begun.write, from).await?
        {
            begun.write.abandon().await?;
            return Err(UpgradeError::InFlight(found));
        }
        begun.run().await?;
        began_at.get_or_insert(from);
        fail_point(&format!("upgrade.{}", step.version));
        tracing::debug!(version = step.version, "the store's schema is now at this version");
    }
    if let Some(from) = began_at {
        tracing::info!(from, to = KNOWN, "the store's schema was brought up to date");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
