//! A token and the record of it, in one.

use std::time::Duration;

use lanyard_credential::{CredentialId, CredentialName, Generation, Standing};
use lanyard_operation::{About, Declaration, Operation};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use serde::{Deserialize, Serialize};

use crate::renewal::{HandOut, HandedOut, RecordHandOut, Shortfall};
use crate::{Broker, Error, Ready, advice};

operations![TakeToken];

/// Asks for an access token, and has it written down: [`HandOut`] and [`RecordHandOut`] in one, for whoever is not where the store
/// is. A broker that has the token in memory gives it without looking at the store.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeToken {
    /// The credential.
    pub name: CredentialName,
    /// How long the token should still last, at least.
    pub min_validity: Duration,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
    /// How it is handed out: `token`, or `exec` and the program's name.
    pub means: String,
}

/// A token, and what its holder should know of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct TakenToken {
    /// The credential's id.
    pub id: CredentialId,
    /// Its name.
    pub name: CredentialName,
    /// The token's generation.
    pub generation: Generation,
    /// The token.
    #[serde(with = "lanyard_secret::travel")]
    pub token: AccessToken,
    /// How long it lasts; `None` where that is unknown.
    pub left: Option<Duration>,
    /// Why it is less than what was asked for.
    pub shortfall: Option<Shortfall>,
    /// The next step, if no token follows this one until a person acts.
    pub last: Option<String>,
    /// Why it could not be written down, should that be so.
    pub unrecorded: Option<String>,
}

impl TakenToken {
    /// A token from memory, for which the store could not be asked because of `error`.
    fn from_memory(ready: Ready, min_validity: Duration, error: &Error) -> Self {
        let Ready { token, left, held } = ready;
        let is_short = left.is_some_and(|left| left < min_validity);
        let shortfall = (is_short || held.is_last).then(|| Shortfall::RenewalFailed(error.to_string()));
        Self {
            id: held.id,
            generation: held.generation,
            name: held.name.clone(),
            token,
            left,
            shortfall,
            last: None,
            unrecorded: None,
        }
    }

    /// The record of this hand-out.
    pub fn record(&self, means: impl Into<String>) -> RecordHandOut {
        RecordHandOut { id: self.id, name: self.name.clone(), generation: self.generation, means: means.into() }
    }
}

impl Operation for TakeToken {
    const DECLARED: Declaration = Declaration::change("token.take").in_memory();

    type Context = Broker;
    type Reply = TakenToken;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<TakenToken, Error> {
        let Self { name, min_validity, expected, means } = self;
        let call = HandOut { name: name.clone(), min_validity, expected: expected.clone() };
        let mut taken = match broker.hand_out_soon(call).await {
            Ok(handed) => broker.taken(handed).await,
            Err(error) => match broker.held_despite(&error, &name, expected.as_ref()) {
                Some(ready) => TakenToken::from_memory(ready, min_validity, &error),
                None => return Err(error),
            },
        };
        // A store that cannot be written keeps nobody from a valid token.
        taken.unrecorded = broker.record(taken.record(means)).await.err();
        Ok(taken)
    }
}

impl Broker {
    /// A token that was handed out, with everything that its holder should be told.
    pub async fn taken(&self, handed: HandedOut) -> TakenToken {
        let HandedOut { credential, token, left, shortfall } = handed;
        let last = match &credential.standing {
            Standing::NeedsLogin(trouble) => {
                Some(advice(&self.troubled(&credential).await, trouble, &self.clock.now()))
            }
            _ => None,
        };
        TakenToken {
            id: credential.id,
            generation: credential.generation,
            name: credential.name,
            token,
            left,
            shortfall,
            last,
            unrecorded: None,
        }
    }
}
