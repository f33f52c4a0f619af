//! Credentials as they are stored: one, or all.

use lanyard_credential::{Credential, CredentialName};
use serde::{Deserialize, Serialize};

use crate::error::Told;
use crate::{Broker, Call, Error};

/// All credentials, by name.
#[derive(Debug, Serialize, Deserialize)]
pub struct List;

impl Call for List {
    type Reply = Vec<Credential>;

    async fn run(self, broker: &Broker) -> Result<Vec<Credential>, Error> {
        Ok(broker.store.credentials().await?)
    }
}

/// The errors of the credentials that cannot be read, and are therefore in no list.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListUnreadable;

impl Call for ListUnreadable {
    type Reply = Vec<Told>;

    async fn run(self, broker: &Broker) -> Result<Vec<Told>, Error> {
        let errors = broker.store.unreadable_credentials().await?;
        Ok(errors.into_iter().map(|error| Told::of(&error.into())).collect())
    }
}

/// One credential.
#[derive(Debug, Serialize, Deserialize)]
pub struct Show {
    /// Its name.
    pub name: CredentialName,
}

impl Call for Show {
    type Reply = Credential;

    async fn run(self, broker: &Broker) -> Result<Credential, Error> {
        broker.credential(&self.name).await
    }
}
