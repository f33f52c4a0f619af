//! Tokens that Webex refused, and that are being looked into.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_credential::{CredentialId, CredentialName, Generation};
use lanyard_time::Moment;

/// What is found out about refused tokens, one caller at a time for each credential: many calls are refused at once when a token
/// ends, and one of them finds out for all.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<HashMap<CredentialName, Door>>);

pub(crate) type Door = Arc<tokio::sync::Mutex<Option<Accepted>>>;

impl Doubts {
    pub(crate) fn of(&self, name: &CredentialName) -> Door {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(doors.entry(name.clone()).or_default())
    }
}

/// A token that was doubted, and that Webex accepts.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) token: (CredentialId, Generation),
    pub(crate) at: Moment,
}

impl Accepted {
    pub(crate) fn is_believed(&self, token: (CredentialId, Generation), now: &Moment) -> bool {
        self.token == token && now.since(&self.at) < BELIEVED
    }
}

/// How long an accepted token is not doubted again: a call that its subject may not make is a 401 each time.
const BELIEVED: Duration = Duration::from_mins(1);
