//! The tokens of a credential as a source for calls in this process.

use std::time::Duration;

use lanyard_client::{ApiClient, ApiError, IssuedToken, TokenSource};
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_protocol::Environment;

use crate::doubts::Accepted;
use crate::environment::expect;
use crate::handouts::Ready;
use crate::memory::Pass;
use crate::renewal::{HandOut, HandedOut, TokenVerdict};
use crate::{Broker, Error};

/// The tokens of one credential, from the broker of this process: from memory, or else from the store.
#[derive(Clone, Copy, Debug)]
pub struct CredentialTokens<'a> {
    broker: &'a Broker,
    name: &'a CredentialName,
    /// The Webex that the caller expects; any other is refused before anything is sent or spent.
    expected: Option<&'a Environment>,
    /// The credential for which the caller was authorised. Another credential that has the name now is not used.
    bound: Option<CredentialId>,
}

impl Broker {
    /// Returns the tokens of a credential.
    pub const fn tokens_of<'a>(&'a self, name: &'a CredentialName) -> CredentialTokens<'a> {
        CredentialTokens { broker: self, name, expected: None, bound: None }
    }
}

impl<'a> CredentialTokens<'a> {
    /// Refuses a credential of another Webex.
    #[must_use]
    pub const fn expecting(self, expected: Option<&'a Environment>) -> Self {
        Self { expected, ..self }
    }

    /// Refuses any credential other than this one.
    #[must_use]
    pub const fn bound_to(self, bound: Option<CredentialId>) -> Self {
        Self { bound, ..self }
    }

    /// Returns a client that calls Webex with these tokens.
    pub fn client(self) -> ApiClient<'a, Self> {
        self.client_of(self)
    }

    /// Returns a client that calls Webex with the tokens of a source that wraps these.
    pub fn client_of<S: TokenSource>(self, source: S) -> ApiClient<'a, S> {
        ApiClient::new(&self.broker.transport, source)
    }

    /// Returns a token, with everything that a call to Webex needs from the credential.
    pub async fn pass(&self) -> Result<Pass, Error> {
        if let Some(ready) = self.held()? {
            expect(self.name, &ready.held.environment, self.expected)?;
            return Ok(ready.into());
        }
        match self.bound {
            Some(id) => self.broker.authorized_for([(self.name.clone(), id)]).pass(self.name, self.expected).await,
            None => self.broker.pass(self.name, self.expected).await,
        }
    }

    async fn hand_out(&self) -> Result<HandedOut, Error> {
        let expected = self.expected.cloned();
        let call = HandOut { name: self.name.clone(), min_validity: Duration::ZERO, expected };
        match self.bound {
            Some(id) => self.broker.authorized_for([(self.name.clone(), id)]).run(call).await,
            None => self.broker.run(call).await,
        }
    }

    /// The token in memory.
    fn held(&self) -> Result<Option<Ready>, Error> {
        Ok(self.broker.held(self.name)?.filter(|ready| self.bound.is_none_or(|id| id == ready.held.id)))
    }

    /// Returns the token in memory if it is newer than the refused one.
    fn newer(&self, refused: &IssuedToken) -> Result<Option<IssuedToken>, Error> {
        Ok(self.held()?.map(|ready| Pass::from(ready).issued).filter(|held| held.generation > refused.generation))
    }

    async fn replaced(&self, refused: &IssuedToken) -> Result<Option<IssuedToken>, Error> {
        let present = self.hand_out().await?;
        let door = self.broker.doubts.of(present.credential.id, &self.broker.clock.now());
        let (mut accepted, present) = match door.clone().try_lock_owned() {
            Ok(accepted) => (accepted, present),
            // Another caller may have the token replaced while this one waits.
            Err(_) => (door.lock_owned().await, self.hand_out().await?),
        };
        if !present.token.matches(&refused.token) {
            return Ok(Some(Pass::from(present).issued));
        }
        let now = self.broker.clock.now();
        let doubted = (present.credential.id, present.credential.generation);
        if accepted.as_ref().is_some_and(|earlier| earlier.is_believed(doubted, &now)) {
            return Ok(None);
        }
        match self.broker.check_refused(&present.credential, &present.token).await? {
            TokenVerdict::Accepted => {
                *accepted = Some(Accepted { token: doubted, at: now });
                Ok(None)
            }
            TokenVerdict::Renewed => Ok(Some(Pass::from(self.hand_out().await?).issued)),
            TokenVerdict::Refused(_) => Ok(None),
        }
    }
}

impl From<ApiError<Self>> for Error {
    fn from(error: ApiError<Self>) -> Self {
        match error {
            ApiError::NoToken(error) => error,
            ApiError::Call(error) => error.into(),
        }
    }
}

impl TokenSource for CredentialTokens<'_> {
    type Error = Error;

    async fn issue(&self) -> Result<IssuedToken, Error> {
        Ok(self.pass().await?.issued)
    }

    async fn replace(&self, refused: &IssuedToken) -> Result<Option<IssuedToken>, Error> {
        if let Some(newer) = self.newer(refused)? {
            return Ok(Some(newer));
        }
        // Do not wait for a store that does not answer.
        if self.broker.store_is_silent() {
            return Ok(None);
        }
        // Boxed, because it is large and almost no call needs it.
        self.broker.unless_silent(Box::pin(self.replaced(refused))).await?
    }
}
