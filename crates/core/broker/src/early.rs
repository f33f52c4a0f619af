//! Renewals that clients ask for before they are due.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lanyard_credential::CredentialId;
use lanyard_time::Moment;

/// The last early renewals that clients requested: one a minute is allowed for each credential.
#[derive(Debug, Default)]
pub(crate) struct EarlyRenewals(Mutex<HashMap<CredentialId, Moment>>);

/// How long a client waits before the same credential is renewed early again.
const EARLY: Duration = Duration::from_mins(1);

impl EarlyRenewals {
    /// Permits an early renewal, or gives the time until the next one is permitted.
    pub(crate) fn permit(&self, credential: CredentialId, now: &Moment) -> Result<(), Duration> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, at| now.since(at) < EARLY);
        if let Some(at) = last.get(&credential) {
            return Err(EARLY.saturating_sub(now.since(at)));
        }
        last.insert(credential, now.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock as _, ManualClock, SystemEntropy};

    use super::*;

    #[test]
    fn a_client_has_a_credential_renewed_early_once_a_minute() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let early = EarlyRenewals::default();
        let [one, other] = [(); 2].map(|()| CredentialId::random(&SystemEntropy));
        assert_eq!(early.permit(one, &clock.now()), Ok(()));
        assert_eq!(early.permit(other, &clock.now()), Ok(()));
        clock.advance(Duration::from_secs(20));
        assert_eq!(early.permit(one, &clock.now()), Err(Duration::from_secs(40)));
        clock.advance(Duration::from_secs(40));
        assert_eq!(early.permit(one, &clock.now()), Ok(()));
    }
}
