//! Another name, and words of the operator's own.

use lanyard_credential::{Credential, CredentialName, Label, LabelKey};
use serde::{Deserialize, Serialize};

use crate::{Broker, Call, Error};

/// Gives a credential another name. Its id, its tokens and what was written of it stay.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rename {
    /// Its current name.
    pub from: CredentialName,
    /// Its new name.
    pub to: CredentialName,
}

impl Call for Rename {
    type Reply = Credential;

    async fn run(self, broker: &Broker) -> Result<Credential, Error> {
        let credential = broker.credential(&self.from).await?;
        if self.from != self.to && !broker.store.rename_credential(credential.id, &self.to).await? {
            return Err(broker.no_such_credential(&self.from).await);
        }
        broker.credential(&self.to).await
    }
}

/// Takes labels from a credential, and gives it others.
#[derive(Debug, Serialize, Deserialize)]
pub struct ChangeLabels {
    /// The credential.
    pub name: CredentialName,
    /// The keys that go.
    pub remove: Vec<LabelKey>,
    /// The labels that come; one whose key is there replaces it.
    pub set: Vec<Label>,
}

impl Call for ChangeLabels {
    type Reply = Credential;

    async fn run(self, broker: &Broker) -> Result<Credential, Error> {
        let credential = broker.credential(&self.name).await?;
        broker.store.change_labels(credential.id, &self.remove, &self.set).await?;
        broker.credential(&self.name).await
    }
}
