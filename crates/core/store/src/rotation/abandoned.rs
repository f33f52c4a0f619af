//! Rotations whose process is gone.

use lanyard_credential::{CredentialId, IntentPhase};

use crate::engine::sql;
use crate::intent::{StoredIntent, Writer};
use crate::lease::{Lease, SELECT_ALL, credential_of};
use crate::record::unless_unreadable;
use crate::seal::CREDENTIALS;
use crate::{Store, StoreError};

impl Store {
    /// The credentials whose refresh token may have been spent by a process that is surely gone. A server that repeats its answer does
    /// so for a short while only: whoever asks soon loses nothing.
    ///
    /// Cheap: only rotations that are under way, or were, hold a lease.
    pub async fn abandoned_rotations(&self) -> Result<Vec<CredentialId>, StoreError> {
        let me = self.process();
        let mut abandoned = Vec::new();
        for row in self.engine().rows(sql("leases", SELECT_ALL)).await? {
            let Some(lease) = unless_unreadable(Lease::read(&row))? else { continue };
            let Some(id) = credential_of(&row.text("name")?) else { continue };
            let now = self.now();
            if lease.owner == *me || lease.keeps_out(me, &self.lease_time(&now)).is_some() {
                continue;
            }
            let row = self.engine().row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await?;
            let Some(stored) = unless_unreadable(row.as_ref().map(StoredIntent::read).transpose())? else { continue };
            let stored = stored.flatten();
            let is_open = |stored: &StoredIntent| {
                stored.intent.phase == IntentPhase::Open
                    && stored.judge(me, &now, self.inner.engine.is_shared()) == Writer::Gone
            };
            if stored.as_ref().is_some_and(is_open) {
                abandoned.push(id);
            }
        }
        Ok(abandoned)
    }
}
