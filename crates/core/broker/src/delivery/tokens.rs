//! The tokens with which a channel writes to a Webex space.

use lanyard_client::{IssuedToken, TokenSource};
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_operation::{Code, Problem};

use crate::{Broker, Error};

/// The tokens of the credential with an id, whatever its name is by now.
#[derive(Clone, Debug)]
pub(crate) struct SpaceTokens {
    broker: Broker,
    id: CredentialId,
}

impl SpaceTokens {
    pub(crate) fn new(broker: &Broker, id: CredentialId) -> Self {
        Self { broker: broker.clone(), id }
    }

    async fn name(&self) -> Result<CredentialName, Error> {
        let found = self.broker.store.credential_by_id(self.id).await?;
        found.map(|credential| credential.name).ok_or_else(|| {
            let what = "the credential with which the channel writes to its space no longer exists";
            Problem::new(Code::NoSuchName, what).hint("lanyard channel list").into()
        })
    }
}

impl TokenSource for SpaceTokens {
    type Error = Error;

    async fn issue(&self) -> Result<IssuedToken, Error> {
        let name = self.name().await?;
        self.broker.tokens_of(&name).bound_to(Some(self.id)).issue().await
    }

    async fn replace(&self, refused: &IssuedToken) -> Result<Option<IssuedToken>, Error> {
        let name = self.name().await?;
        self.broker.tokens_of(&name).bound_to(Some(self.id)).replace(refused).await
    }
}
