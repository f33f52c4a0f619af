//! Renewals that others began, as a refresher hears of them.

use std::time::Duration;

use lanyard_credential::{Credential, Trouble};
use lanyard_store::StoreError;

use super::breaker::Health;
use super::run::Shared;
use crate::observer::Hears;

impl Hears for Shared {
    fn renewed(&self, credential: &Credential) {
        let generation = credential.generation.number();
        tracing::info!(credential = %credential.name, generation, why = "requested", "renewed");
        self.hear(&credential.environment, Health::Well);
    }

    fn failed(&self, credential: &Credential, trouble: &Trouble, asked: Duration) {
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
        self.hear(&credential.environment, Health::after(trouble.kind, asked));
    }

    fn store_failed(&self, error: &StoreError) {
        // The reader of the store's changes reports these itself.
        if !matches!(error, StoreError::Paused(_) | StoreError::Replaced(_)) {
            self.count_refusal(error);
        }
    }
}
