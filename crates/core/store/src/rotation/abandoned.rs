//! Rotations whose process is gone.

use lanyard_credential::rotation::Writer;
use lanyard_credential::{CredentialId, IntentPhase};

use crate::engine::sql;
use crate::intent::Entry;
use crate::record::unless_unreadable;
use crate::{Store, StoreError};

impl Store {
    /// The credentials whose refresh token may have been spent by a process that is gone, or presumed gone. A server that repeats its
    /// answer does so for a short while only: a process that asks soon loses nothing. The process's own intents are among them, unless
    /// it `is_running` a task for the credential.
    ///
    /// Cheap: only rotations that are under way, or were, have an entry.
    pub async fn abandoned_rotations(
        &self,
        is_running: impl Fn(CredentialId) -> bool,
    ) -> Result<Vec<CredentialId>, StoreError> {
        let mut abandoned = Vec::new();
        let now = self.now();
        for row in self.engine().rows(sql("intents", "SELECT * FROM intents ORDER BY credential")).await? {
            let Some(entry) = unless_unreadable(Entry::read(&row))? else { continue };
            let Some(id) = unless_unreadable(row.parsed("credential"))? else { continue };
            let is_open = entry.intent.as_ref().is_some_and(|intent| intent.phase == IntentPhase::Open);
            let is_gone = |entry| matches!(self.judge_writer(id, entry, &now), Writer::Gone | Writer::Presumed);
            if is_open && !is_running(id) && is_gone(&entry) {
                abandoned.push(id);
            }
        }
        Ok(abandoned)
    }
}
