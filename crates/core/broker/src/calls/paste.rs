//! Tokens that a person pastes: a bot's, or a developer's own.

use std::time::Duration;

use lanyard_client::CallError;
use lanyard_credential::{
    Capability, Credential, CredentialId, CredentialName, Generation, Grant, Kind, RefreshRight, Standing, Subject,
    Validity,
};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_protocol::{Environment, PersonType};
use lanyard_secret::AccessToken;
use lanyard_store::{NewCredential, NewTokens};
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::identity::{Identity, differs};
use crate::{Broker, Error};

operations![AddToken];

/// Adds a credential around a pasted access token, or gives one that exists a new token. Webex is asked whose it is before anything
/// is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddToken {
    /// The credential's name.
    pub name: CredentialName,
    /// [`Kind::Bot`] or [`Kind::Personal`].
    pub kind: Kind,
    /// The Webex that it belongs to.
    pub environment: Environment,
    /// The token.
    #[serde(with = "lanyard_secret::travel")]
    pub token: AccessToken,
    /// Whether a token of another account than before is welcome.
    pub replace: bool,
}

/// The outcome of adding a pasted token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddedToken {
    /// There is a new credential.
    Added(Credential),
    /// A credential that was there has a new token.
    Replaced(Credential),
}

impl AddedToken {
    /// The credential.
    pub fn credential(&self) -> &Credential {
        match self {
            Self::Added(credential) | Self::Replaced(credential) => credential,
        }
    }
}

impl Operation for AddToken {
    const DECLARED: Declaration = Declaration::change("credential.add").needs(Capability::Manage);

    type Context = Broker;
    type Reply = AddedToken;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<AddedToken, Error> {
        if !broker.caller.is_owner() {
            broker.refuse_unknown(&self.environment).await?;
        }
        broker.refuse_if_paused().await?;
        let earlier = broker.earlier_token(&self.name, self.kind, &self.environment).await?;
        let keeps = earlier.is_some().then(|| self.name.clone());
        let added = self.tried(broker, earlier).await;
        match keeps {
            Some(name) => added.map_err(|error| error.keeping(name.as_str(), "token")),
            None => added,
        }
    }
}

impl AddToken {
    fn refused(&self, error: CallError) -> Error {
        if !error.is_unauthorized() {
            return Error::from(error);
        }
        Error::TokenRefused { kind: self.kind, environment: Box::new(self.environment.clone()) }
    }

    /// Nothing is stored before Webex has said whose the token is.
    async fn tried(self, broker: &Broker, earlier: Option<Credential>) -> Result<AddedToken, Error> {
        let obtained = broker.clock.now();
        let identity = broker.identify(&self.environment, &self.token).await;
        let identity = identity.map_err(|error| self.refused(error))?;
        if let Subject::Known(subject) = &identity.subject
            && (subject.account == PersonType::Bot) != (self.kind == Kind::Bot)
        {
            let found = format!("{} ({})", subject.display_name, subject.account.as_str());
            return Err(Error::WrongKind { expected: self.kind, found, account: subject.account.clone() });
        }
        let access = broker.lifetime_of(&self.environment, &self.token, &obtained).await;
        let validity = Validity { obtained, access, refresh: RefreshRight::None };
        let tokens = NewTokens { access: Some(self.token), refresh: None, validity, scopes: None };
        match earlier {
            None => broker.add_pasted(self.name, self.kind, self.environment, tokens, identity).await,
            Some(earlier) => broker.replace_pasted(&earlier, &tokens, &identity, self.replace).await,
        }
    }
}

impl Broker {
    /// Refuses an environment that a client may not name. Otherwise the client could make the broker call any address that the
    /// machine reaches.
    async fn refuse_unknown(&self, environment: &Environment) -> Result<(), Error> {
        let cisco = [Environment::commercial(), Environment::fedramp()];
        if cisco.iter().chain(&*self.environments).any(|known| known == environment) {
            return Ok(());
        }
        // Only the owner may name a Webex on this machine, even if the home has it.
        if !environment.id().starts_with("http://")
            && (self.store.credentials().await?.iter().any(|credential| credential.environment == *environment)
                || self.store.apps().await?.iter().any(|app| app.environment == *environment))
        {
            return Ok(());
        }
        let detail = format!("clients may not add credentials for the Webex at {}", environment.id());
        let hint = format!("ask the owner to run lanyard serve --allow-environment {}", environment.id());
        let problem = Problem::new(Code::Refused, detail).why("clients may not add credentials for that Webex");
        Err(problem.hint(hint).into())
    }

    /// The credential that a pasted token replaces, if one has the name. It must be of this kind and belong to this Webex.
    pub(crate) async fn earlier_token(
        &self,
        name: &CredentialName,
        kind: Kind,
        environment: &Environment,
    ) -> Result<Option<Credential>, Error> {
        let Some(earlier) = self.store.credential(name).await? else { return Ok(None) };
        if earlier.kind != kind {
            return Err(Error::NameTaken(name.to_string()));
        }
        expect(name, &earlier.environment, Some(environment))?;
        Ok(Some(earlier))
    }

    async fn add_pasted(
        &self,
        name: CredentialName,
        kind: Kind,
        environment: Environment,
        tokens: NewTokens,
        identity: Identity,
    ) -> Result<AddedToken, Error> {
        let credential = Credential {
            id: CredentialId::random(&*self.entropy),
            name,
            kind,
            environment,
            app: None,
            mint: None,
            standing: Standing::Active,
            grant: Grant::new(1),
            generation: Generation::new(1),
            validity: Some(tokens.validity.clone()),
            scopes: None,
            subject: identity.subject,
            organisation: identity.organisation,
            created_at: tokens.validity.obtained.wall,
            last_rotated_at: None,
            labels: std::collections::BTreeMap::new(),
        };
        let added = self.store.insert_credential(&NewCredential { credential, tokens: Some(tokens) }).await?;
        Ok(AddedToken::Added(added))
    }

    /// Stores the next token of an account, after a person regenerated it.
    async fn replace_pasted(
        &self,
        earlier: &Credential,
        tokens: &NewTokens,
        identity: &Identity,
        replace: bool,
    ) -> Result<AddedToken, Error> {
        if let Some((before, now)) = differs(earlier, identity).filter(|_| !replace) {
            return Err(Error::AnotherSubject { name: earlier.name.clone(), before, now });
        }
        Ok(AddedToken::Replaced(self.sign_in_anew(earlier, tokens, identity).await?))
    }

    /// How long a token that came without a lifetime will last, where Webex tells (`GET /authorizations/tokenExpiry`). It does not for
    /// every kind of token; unknown stays unknown.
    pub(crate) async fn lifetime_of(
        &self,
        environment: &Environment,
        token: &AccessToken,
        from: &Moment,
    ) -> Option<Duration> {
        match self.transport.token_expiry(environment, token).await {
            Ok(end) => Some(Duration::try_from(end.duration_since(from.wall)).unwrap_or(Duration::ZERO)),
            Err(error) => {
                tracing::debug!(%error, "Webex does not say when a token ends");
                None
            }
        }
    }
}
