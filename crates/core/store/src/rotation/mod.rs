//! The store's side of a rotation: claim, intent, commit. Each step is one transaction.
//!
//! The order that a caller keeps, and why, is `lanyard_credential::rotation`'s. What is held here, whatever a caller does: a commit
//! replaces the generation that it says and no other, a failure is written only where the very intent still stands, and nothing
//! of this brings back a credential that is being cleared or switches on one that is disabled.

mod abandoned;
mod ending;
mod exchange;

use std::time::Duration;

use lanyard_credential::{Credential, CredentialId, Intent, Standing};
use lanyard_time::ProcessIdentity;

pub use self::ending::{Commit, Failure, IntentEnd, RotatedTokens};
use crate::engine::sql;
use crate::intent::{StoredIntent, Writer};
use crate::lease::{Lease, give_lease_back, select_lease, take_lease};
use crate::seal::CREDENTIALS;
use crate::write::Purpose;
use crate::{Store, StoreError};

/// What came of asking for the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours, and this is the row as it was when it became ours.
    Claimed(Box<RotationView>),
    /// Somebody else has it.
    Held {
        /// Who.
        by: ProcessIdentity,
        /// For how long at most.
        left: Duration,
    },
    /// There is no such credential, or it is being cleared.
    Erased,
}

/// A credential's row as a rotation sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationView {
    /// All but the secrets.
    pub credential: Credential,
    /// The intent that stands open, and what is known of its writer now.
    pub intent: Option<(Intent, Writer)>,
    /// Whether a spare is kept.
    pub has_spare: bool,
}

impl Store {
    /// Takes the lease on a credential's rotation for `lease_length`, and reads the row in the same transaction. A lease that this
    /// process has already is renewed.
    pub async fn claim(&self, id: CredentialId, lease_length: Duration) -> Result<Claim, StoreError> {
        let me = self.process();
        // First without writing: where many find the same credential due, only one goes to the disk for it.
        if let Some(row) = self.engine().row(select_lease(id)).await?
            && let Some(held) = held(&Lease::read(&row)?, self)
        {
            return Ok(held);
        }
        self.write_about(id, Purpose::Work, |mut tx| async move {
            if let Some(row) = tx.row(select_lease(id)).await?
                && let Some(held) = held(&Lease::read(&row)?, self)
            {
                return tx.abandon(held).await;
            }
            let Some(row) = tx.row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await? else {
                return tx.abandon(Claim::Erased).await;
            };
            let credential = self.read_credential(&row)?;
            if credential.standing == Standing::Clearing {
                return tx.abandon(Claim::Erased).await;
            }
            let now = self.now();
            let intent = StoredIntent::read(&row)?.map(|stored| {
                let writer = stored.judge(me, &now, self.inner.engine.is_shared());
                (stored.intent, writer)
            });
            let view = RotationView { credential, intent, has_spare: row.holds("spare_token")? };
            take_lease(&mut tx, id, me, lease_length, &self.lease_time(&now)).await?;
            tx.commit(Claim::Claimed(Box::new(view))).await
        })
        .await
    }

    /// Gives the lease back if it is this process's.
    pub async fn release(&self, id: CredentialId) -> Result<(), StoreError> {
        self.write_about(id, Purpose::Work, |mut tx| async move {
            give_lease_back(&mut tx, id, self.process()).await?;
            tx.commit(()).await
        })
        .await
    }
}

fn held(lease: &Lease, store: &Store) -> Option<Claim> {
    let left = lease.keeps_out(store.process(), &store.lease_time(&store.now()))?;
    Some(Claim::Held { by: lease.owner.clone(), left })
}
