//! Credentials as they are stored: one, or all.

use lanyard_credential::{Capability, Credential, CredentialName, State};
use lanyard_operation::{About, Declaration, Operation, Problem};
use serde::{Deserialize, Serialize};

use crate::issuer::state_among;
use crate::{Broker, Error};

operations![List, ListUnreadable, Show];

/// All credentials, by name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List;

/// A credential with the state that it has among all credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The credential.
    pub credential: Credential,
    /// Its state.
    pub state: State,
}

/// Lists the credentials that the caller may read.
impl Operation for List {
    const DECLARED: Declaration = Declaration::read("credential.list").needs(Capability::Read);
    const ABOUT: About<'static> = About::Any;

    type Context = Broker;
    type Reply = Vec<Listed>;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Vec<Listed>, Error> {
        let all = broker.store.credentials().await?;
        let now = broker.clock.now();
        let states: Vec<_> = all.iter().map(|credential| state_among(credential, &all, &now)).collect();
        let may_read = |listed: &Listed| broker.caller.may(Capability::Read, Some(listed.credential.id), &now).is_ok();
        let listed = all.into_iter().zip(states).map(|(credential, state)| Listed { credential, state });
        Ok(listed.filter(may_read).collect())
    }
}

/// The errors of the credentials that cannot be read, and are therefore in no list.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListUnreadable;

impl Operation for ListUnreadable {
    const DECLARED: Declaration = Declaration::part("credential.list-unreadable");

    type Context = Broker;
    type Reply = Vec<Problem>;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Vec<Problem>, Error> {
        let errors = broker.store.unreadable_credentials().await?;
        Ok(errors.into_iter().map(|error| Error::from(error).into()).collect())
    }
}

/// One credential.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// Its name.
    pub name: CredentialName,
}

impl Operation for Show {
    const DECLARED: Declaration = Declaration::read("credential.show").needs(Capability::Read);

    type Context = Broker;
    type Reply = Listed;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<Listed, Error> {
        let credential = broker.credential(&self.name).await?;
        let all = if credential.mint.is_some() { broker.store.credentials().await? } else { Vec::new() };
        let state = state_among(&credential, &all, &broker.clock.now());
        Ok(Listed { credential, state })
    }
}
