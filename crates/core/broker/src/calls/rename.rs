//! Another name, and words of the operator's own.

use lanyard_credential::{Credential, CredentialName, Label, LabelKey};
use lanyard_operation::{About, Declaration, Operation};
use serde::{Deserialize, Serialize};

use crate::{Broker, Error};

operations![Rename, ChangeLabels];

/// Gives a credential another name. Its id, its tokens and what was written of it stay.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// Its current name.
    pub from: CredentialName,
    /// Its new name.
    pub to: CredentialName,
}

impl Operation for Rename {
    const DECLARED: Declaration = Declaration::change("credential.rename");

    type Context = Broker;
    type Reply = Credential;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.from])
    }

    async fn run(self, broker: &Broker) -> Result<Credential, Error> {
        let credential = broker.credential(&self.from).await?;
        if self.from != self.to && !broker.store.rename_credential(credential.id, &self.to).await? {
            return Err(broker.no_such_credential(&self.from).await);
        }
        broker.again(&credential).await
    }
}

/// Takes labels from a credential, and gives it others.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeLabels {
    /// The credential.
    pub name: CredentialName,
    /// The keys that go.
    pub remove: Vec<LabelKey>,
    /// The labels that come; one whose key is there replaces it.
    pub set: Vec<Label>,
}

impl Operation for ChangeLabels {
    const DECLARED: Declaration = Declaration::change("credential.label");

    type Context = Broker;
    type Reply = Credential;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<Credential, Error> {
        let credential = broker.credential(&self.name).await?;
        broker.store.change_labels(credential.id, &self.remove, &self.set).await?;
        broker.again(&credential).await
    }
}
