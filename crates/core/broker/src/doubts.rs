//! Tokens that Webex refused, and the checks of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_credential::{CredentialId, CredentialName, Generation};
use lanyard_time::Moment;

/// The findings about refused tokens. One caller at a time checks the token of a credential: many calls are refused at once when a
/// token expires, and one check is enough for all.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<HashMap<CredentialName, Door>>);

pub(crate) type Door = Arc<tokio::sync::Mutex<Option<Accepted>>>;

impl Doubts {
    pub(crate) fn of(&self, name: &CredentialName) -> Door {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(doors.entry(name.clone()).or_default())
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
        self.token == token && now.since(&self.at) < BELIEVED
    }
}

/// The time for which an accepted token is not checked again. A call that its subject may not make fails with 401 each time.
const BELIEVED: Duration = Duration::from_mins(1);
