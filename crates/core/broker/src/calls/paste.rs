//! Tokens that a person pastes: a bot's, or a developer's own.

use lanyard_client::CallError;
use lanyard_credential::{
    Credential, CredentialId, CredentialName, Generation, Grant, Kind, RefreshRight, Standing, Subject, Validity,
};
use lanyard_protocol::{Environment, PersonType};
use lanyard_secret::AccessToken;
use lanyard_store::{NewCredential, NewTokens};

use crate::{Broker, Call, Error};

/// Adds a credential around a pasted access token. Webex is asked whose it is before anything is stored.
#[derive(Debug)]
pub struct AddToken {
    /// The credential's name.
    pub name: CredentialName,
    /// [`Kind::Bot`] or [`Kind::Personal`].
    pub kind: Kind,
    /// The Webex that it belongs to.
    pub environment: Environment,
    /// The token.
    pub token: AccessToken,
}

impl Call for AddToken {
    type Reply = Credential;

    async fn run(self, broker: &Broker) -> Result<Credential, Error> {
        if broker.store.credential(&self.name).await?.is_some() {
            return Err(Error::NameTaken(self.name.to_string()));
        }
        let obtained = broker.clock.now();
        let identity = broker.identify(&self.environment, &self.token).await.map_err(refused)?;
        if let Subject::Known(subject) = &identity.subject
            && (subject.account == PersonType::Bot) != (self.kind == Kind::Bot)
        {
            let found = format!("{} ({})", subject.display_name, subject.account.as_str());
            return Err(Error::WrongKind { expected: self.kind, found });
        }
        // How long a pasted token lasts is not known from the token itself.
        let validity = Validity { obtained: obtained.clone(), access: None, refresh: RefreshRight::None };
        let credential = Credential {
            id: CredentialId::random(&*broker.entropy),
            name: self.name,
            kind: self.kind,
            environment: self.environment,
            app: None,
            standing: Standing::Active,
            grant: Grant::new(1),
            generation: Generation::new(1),
            validity: Some(validity.clone()),
            scopes: None,
            subject: identity.subject,
            organisation: identity.organisation,
            created_at: obtained.wall,
            last_rotated_at: None,
            labels: std::collections::BTreeMap::new(),
            mint: None,
        };
        let tokens = NewTokens { access: self.token, refresh: None, validity, scopes: None };
        Ok(broker.store.insert_credential(&NewCredential { credential, tokens: Some(tokens) }).await?)
    }
}

fn refused(error: CallError) -> Error {
    if error.is_unauthorized() { Error::TokenRefused } else { Error::Call(error) }
}
