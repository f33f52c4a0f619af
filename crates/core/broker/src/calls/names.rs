//! Credentials by name alone, which a broker knows without the store.

use lanyard_credential::CredentialName;
use lanyard_operation::{About, Class, Declaration, Operation};
use lanyard_protocol::Environment;
use serde::{Deserialize, Serialize};

use crate::{Broker, Error, Names};

operations![ListNames, FindWebex];

/// Lists the names of credentials.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListNames {
    /// How many names are given at most.
    pub limit: usize,
}

impl Operation for ListNames {
    const DECLARED: Declaration = Declaration::part("credential.names").in_memory();

    type Context = Broker;
    type Reply = Names;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Names, Error> {
        if let Some(memory) = broker.memory() {
            broker.unless_silent(memory.loaded()).await?;
            return Ok(memory.names(self.limit));
        }
        let all = broker.store.credentials().await?;
        let count = all.len();
        Ok(Names { first: all.into_iter().take(self.limit).map(|credential| credential.name).collect(), count })
    }
}

/// Looks up the Webex of the credential with this name; `None` if there is no such credential.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindWebex {
    /// The name.
    pub name: CredentialName,
}

impl Operation for FindWebex {
    const DECLARED: Declaration = Declaration::part("credential.find-webex").in_memory();

    type Context = Broker;
    type Reply = Option<Environment>;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<Option<Environment>, Error> {
        if let Some(memory) = broker.memory() {
            broker.unless_silent(memory.know(self.name.as_str(), |_| true)).await??;
            return Ok(memory.find(self.name.as_str()).map(|held| Environment::clone(&held.environment)));
        }
        match broker.credential(&self.name).await {
            Ok(credential) => Ok(Some(credential.environment)),
            Err(error) if error.class() == Class::NoSuchName => Ok(None),
            Err(error) => Err(error),
        }
    }
}
