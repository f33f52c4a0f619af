//! A token for calls that another process makes.

use lanyard_client::{IssuedToken, TokenSource as _};
use lanyard_credential::{CredentialId, CredentialName, Generation};
use lanyard_operation::{About, Declaration, Operation};
use lanyard_protocol::{Environment, PersonId};
use lanyard_secret::AccessToken;
use serde::{Deserialize, Serialize};

use crate::renewal::RecordHandOut;
use crate::{Broker, Error, whose_limit};

operations![IssueToken];

/// Issues a token to a process that calls Webex itself, and records the hand-out. It is a
/// [`TokenSource`](lanyard_client::TokenSource) for another process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssueToken {
    /// The credential.
    pub name: CredentialName,
    /// The Webex that the caller expects; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
    /// The generation that Webex answered with 401, if the caller asks for another one for that reason.
    pub refused: Option<Generation>,
    /// The purpose of the calls, as the audit shows it.
    pub means: String,
}

/// A token, with the facts that a call needs.
#[derive(Debug, Serialize, Deserialize)]
pub struct TokenForCalls {
    /// The credential's id.
    pub id: CredentialId,
    /// The token's generation.
    pub generation: Generation,
    /// The Webex that accepts it.
    pub environment: Environment,
    /// The person, bot or machine account that it acts as, if that is known.
    pub subject: Option<PersonId>,
    /// The token.
    #[serde(with = "lanyard_secret::travel")]
    pub token: AccessToken,
}

impl From<TokenForCalls> for IssuedToken {
    fn from(token: TokenForCalls) -> Self {
        Self {
            subject: whose_limit(&token.environment, token.subject.as_ref(), token.id),
            generation: token.generation.number(),
            environment: token.environment.into(),
            token: token.token,
        }
    }
}

/// Replies with `None` if there is no token other than the refused one.
impl Operation for IssueToken {
    const DECLARED: Declaration = Declaration::change("token.issue").in_memory();

    type Context = Broker;
    type Reply = Option<TokenForCalls>;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<Option<TokenForCalls>, Error> {
        let tokens = broker.tokens_of(&self.name).expecting(self.expected.as_ref());
        let pass = tokens.pass().await?;
        let issued = match self.refused {
            Some(refused) if pass.generation <= refused => tokens.replace(&pass.issued).await?,
            Some(_) | None => Some(pass.issued),
        };
        let Some(IssuedToken { token, generation, environment, .. }) = issued else { return Ok(None) };
        let (id, name, generation) = (pass.id, pass.name, Generation::new(generation));
        let record = RecordHandOut { id, name, generation, means: self.means };
        // A caller gets a valid token even if the store cannot be written.
        if let Err(why) = broker.record(record).await {
            tracing::error!(credential = %self.name, why, "a hand-out is missing from the audit");
        }
        let environment = Environment::clone(&environment);
        Ok(Some(TokenForCalls { id, generation, environment, subject: pass.subject, token }))
    }
}
