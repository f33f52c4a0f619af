//! Sign-ins under way.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_time::Entropy;
use uuid::Uuid;

use super::request::AuthorizeRequest;
use crate::fingerprint::Fingerprint;
use crate::random;

/// How long a page can be filled in.
const LIFE: Duration = Duration::from_mins(10);

/// Past this number the form that ends soonest gives way.
const MOST_OPEN: usize = 10_000;

/// The forms that were shown and not yet sent. Each has a nonce of its own, good for one sending, without which a request is
/// nobody's: no other page can send a form in a person's name.
#[derive(Debug, Default)]
pub(crate) struct Visits(HashMap<Fingerprint, (Visit, Timestamp)>);

/// A person on the way from an app's request to its answer.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) request: AuthorizeRequest,
    pub(super) stage: Stage,
}

/// Which form comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    SignIn,
    /// The account has signed in.
    Consent(Uuid),
}

impl Visits {
    /// Remembers a visit whose next form is about to be shown, and gives the form's nonce.
    pub(super) fn open(&mut self, visit: Visit, now: Timestamp, entropy: &dyn Entropy) -> String {
        self.0.retain(|_, (_, ends_at)| *ends_at > now);
        if self.0.len() >= MOST_OPEN
            && let Some(soonest) = self.0.iter().min_by_key(|(_, (_, ends_at))| *ends_at).map(|(&key, _)| key)
        {
            self.0.remove(&soonest);
        }
        let nonce = random::text(entropy);
        let ends_at = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
        self.0.insert(Fingerprint::of(&nonce), (visit, ends_at));
        nonce
    }

    /// Takes the visit that a form belongs to; its nonce is spent.
    pub(super) fn take(&mut self, nonce: &str, now: Timestamp) -> Option<Visit> {
        let (visit, ends_at) = self.0.remove(&Fingerprint::of(nonce))?;
        (ends_at > now).then_some(visit)
    }
}
