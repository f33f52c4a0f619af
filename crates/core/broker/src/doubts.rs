//! Tokens that Webex refused, and the checks of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_credential::{CredentialId, Generation};
use lanyard_time::Moment;

/// The findings about refused tokens. One caller at a time checks the token of a credential: many calls are refused at once when a
/// token expires, and one check is enough for all.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<HashMap<CredentialId, Door>>);

pub(crate) type Door = Arc<tokio::sync::Mutex<Option<Accepted>>>;

impl Doubts {
    /// The finding about a credential's token, for one caller at a time. Forgets those that nobody waits for or believes any more, such as
    /// those of credentials that were removed.
    pub(crate) fn of(&self, id: CredentialId, now: &Moment) -> Door {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        doors.retain(|_, door| {
            let is_recent = |found: &Option<Accepted>| found.as_ref().is_some_and(|found| found.is_recent(now));
            door.try_lock().map_or(true, |found| is_recent(&found)) || Arc::strong_count(door) > 1
        });
        Arc::clone(doors.entry(id).or_default())
    }
}

/// A token that was checked, and that Webex accepts.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) token: (CredentialId, Generation),
    pub(crate) at: Moment,
}

impl Accepted {
    pub(crate) fn is_believed(&self, token: (CredentialId, Generation), now: &Moment) -> bool {
        self.token == token && self.is_recent(now)
    }

    fn is_recent(&self, now: &Moment) -> bool {
        now.since(&self.at) < BELIEVED
    }
}

/// The time for which an accepted token is not checked again. A call that its subject may not make fails with 401 each time.
const BELIEVED: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock as _, ManualClock, SystemEntropy};

    use super::*;

    #[tokio::test]
    async fn a_finding_is_kept_while_it_is_believed_or_awaited() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let doubts = Doubts::default();
        let [one, other, third] = [(); 3].map(|()| CredentialId::random(&SystemEntropy));
        let kept = |id: CredentialId| doubts.0.lock().unwrap().contains_key(&id);
        let token = (one, Generation::new(1));
        *doubts.of(one, &clock.now()).lock().await = Some(Accepted { token, at: clock.now() });
        let held = doubts.of(other, &clock.now()).lock_owned().await;
        doubts.of(third, &clock.now());
        assert!(kept(one) && kept(other) && kept(third));
        clock.advance(BELIEVED);
        doubts.of(other, &clock.now());
        assert!(!kept(one) && kept(other) && !kept(third));
        drop(held);
        doubts.of(one, &clock.now());
        assert!(!kept(other), "a credential that is gone leaves nothing behind");
    }
}
