//! Sign-ins under way.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_protocol::{AppClientId, ScopeSet};
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
pub(crate) struct Visit {
    pub(crate) purpose: Purpose,
    pub(crate) stage: Stage,
}

/// The purpose of a sign-in.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// An app, at whose redirect URI it ends.
    App(AuthorizeRequest),
    /// Another device, that shows a code.
    Device { client: AppClientId, app_name: String, scopes: ScopeSet, user_code: String },
}

impl Purpose {
    pub(crate) fn client(&self) -> &AppClientId {
        match self {
            Self::App(request) => &request.client,
            Self::Device { client, .. } => client,
        }
    }

    pub(crate) fn app_name(&self) -> &str {
        match self {
            Self::App(request) => &request.app_name,
            Self::Device { app_name, .. } => app_name,
        }
    }

    pub(crate) fn scopes(&self) -> &ScopeSet {
        match self {
            Self::App(request) => &request.scopes,
            Self::Device { scopes, .. } => scopes,
        }
    }

    pub(crate) fn user_code(&self) -> Option<&str> {
        match self {
            Self::App(_) => None,
            Self::Device { user_code, .. } => Some(user_code),
        }
    }

    pub(crate) fn login_hint(&self) -> Option<&str> {
        match self {
            Self::App(request) => request.login_hint.as_deref(),
            Self::Device { .. } => None,
        }
    }

    /// Where its forms may lead beside this site, as a Content-Security-Policy names it.
    pub(crate) fn form_target(&self) -> String {
        match self {
            Self::App(request) => request.form_target(),
            Self::Device { .. } => String::new(),
        }
    }
}

/// Which form comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    SignIn,
    /// The account has signed in, at that moment.
    Consent(Uuid, Timestamp),
}

impl Visits {
    /// Remembers a visit whose next form is about to be shown, and gives the form's nonce.
    pub(crate) fn open(&mut self, visit: Visit, now: Timestamp, entropy: &dyn Entropy) -> String {
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
    pub(crate) fn take(&mut self, nonce: &str, now: Timestamp) -> Option<Visit> {
        let (visit, ends_at) = self.0.remove(&Fingerprint::of(nonce))?;
        (ends_at > now).then_some(visit)
    }
}
