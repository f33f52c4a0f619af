//! Renewals that others began, as a refresher hears of them: programs ask for tokens, people renew by hand.

use std::sync::{Arc, Weak};
use std::time::Duration;

use lanyard_credential::rotation::Outcome;
use lanyard_credential::{Credential, Trouble, TroubleKind};
use lanyard_store::StoreError;

use super::breaker::Health;
use super::run::Shared;
use crate::Error;
use crate::mint::MintEnd;
use crate::rotation::RotationEnd;

/// The way to the refresher of this process, where there is one. Without one nothing is said: a command tells its own failures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observer(Weak<Shared>);

impl Observer {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(shared))
    }

    /// A rotation on demand has ended.
    pub(crate) fn rotation_ended(&self, end: &Result<RotationEnd, Error>) {
        match end {
            Ok(RotationEnd { outcome: Outcome::Rotated, claimed: Some(credential), .. }) => self.renewed(credential),
            // A grant that can be had again is: what came of that is told then.
            Ok(RotationEnd { trouble: Some(trouble), claimed: Some(credential), .. })
                if trouble.kind == TroubleKind::DeadGrant && credential.mint.is_some() => {}
            Ok(RotationEnd {
                outcome: Outcome::Failed(_),
                trouble: Some(trouble),
                asked,
                claimed: Some(credential),
                ..
            }) => {
                self.failed(credential, trouble, *asked);
            }
            Err(Error::Store(error)) => self.store_failed(error),
            Ok(_) | Err(_) => {}
        }
    }

    /// A grant was minted on demand, or not.
    pub(crate) fn mint_ended(&self, credential: &Credential, end: &Result<MintEnd, Error>) {
        match end {
            Ok(MintEnd::Minted) => self.renewed(credential),
            Ok(MintEnd::Failed(trouble)) => self.failed(credential, trouble, MintEnd::asked(trouble)),
            Err(Error::Store(error)) => self.store_failed(error),
            Ok(MintEnd::Elsewhere | MintEnd::Busy | MintEnd::Erased) | Err(_) => {}
        }
    }

    /// The store did not take what was to be renewed.
    pub(crate) fn store_failed(&self, error: &StoreError) {
        if let Some(shared) = self.0.upgrade().filter(|_| !is_told_elsewhere(error)) {
            shared.store_failed(error);
        }
    }

    fn renewed(&self, credential: &Credential) {
        let Some(shared) = self.0.upgrade() else { return };
        let generation = credential.generation.number();
        tracing::info!(credential = %credential.name, generation, why = "requested", "renewed");
        shared.hear(&credential.environment, Health::Well);
    }

    fn failed(&self, credential: &Credential, trouble: &Trouble, asked: Duration) {
        let Some(shared) = self.0.upgrade() else { return };
        let (generation, pause) = (credential.generation.number(), trouble.pause.as_secs());
        let why = trouble.message.as_str();
        tracing::warn!(
            credential = %credential.name,
            generation,
            kind = %trouble.kind,
            why,
            pause_s = pause,
            on_demand = true,
            "not renewed"
        );
        shared.hear(&credential.environment, Health::after(trouble.kind, asked));
    }
}

/// True for errors that the reader of store changes reports itself.
fn is_told_elsewhere(error: &StoreError) -> bool {
    matches!(error, StoreError::Paused(_) | StoreError::Replaced(_))
}
