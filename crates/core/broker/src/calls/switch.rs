//! Switching a credential off and on.

use lanyard_credential::{Credential, CredentialName, Renewal, Standing, Subject, Trouble};
use lanyard_operation::{About, Declaration, Operation};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use serde::{Deserialize, Serialize};

use super::holders::Holders;
use crate::environment::expect;
use crate::renewal::TokenVerdict;
use crate::{Broker, Error};

operations![Disable, Enable];

/// Stops hand-out and renewal. Nothing is revoked or erased.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disable {
    /// The credential.
    pub name: CredentialName,
}

/// A credential that is switched off.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Disabled {
    /// As it stands now.
    pub credential: Credential,
    /// Whether it was so before.
    pub already: bool,
    /// The holders of its token.
    pub holders: Holders,
    /// The credentials that are minted through it, and cannot be meanwhile.
    pub minted: Vec<CredentialName>,
}

/// Takes up hand-out and renewal again, and asks Webex whether the current token is still accepted.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enable {
    /// The credential.
    pub name: CredentialName,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// A credential that is switched on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enabled {
    /// As it stands now.
    pub credential: Credential,
    /// The verdict on its token; `None` if it was not disabled and nothing was done.
    pub found: Option<Found>,
}

/// The verdict of Webex on the token of a credential that was enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// There never was one: it waits for its sign-in, as before.
    NoToken,
    /// It is accepted.
    Accepted,
    /// It is not, and a person must give it another.
    Dead(Trouble),
    /// The current token is not accepted, or there is none: the next renewal brings another.
    Renewable,
    /// Webex could not be asked, or did not say; why.
    Unknown(String),
}

impl Operation for Disable {
    const DECLARED: Declaration = Declaration::change("credential.disable");

    type Context = Broker;
    type Reply = Disabled;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<Disabled, Error> {
        let credential = broker.credential(&self.name).await?;
        let already = credential.standing == Standing::Disabled;
        if !already && !broker.store.set_standing(credential.id, &Standing::Disabled).await? {
            return Err(broker.gone_or_clearing(&self.name).await);
        }
        let credential = broker.again(&credential).await?;
        let holders = broker.holders(&credential).await?;
        let minted = broker.minted_through(credential.id).await?;
        Ok(Disabled { credential, already, holders, minted })
    }
}

impl Operation for Enable {
    const DECLARED: Declaration = Declaration::change("credential.enable");

    type Context = Broker;
    type Reply = Enabled;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<Enabled, Error> {
        let row = broker.row(&self.name).await?;
        let credential = &row.credential;
        expect(&self.name, &credential.environment, self.expected.as_ref())?;
        match credential.standing {
            Standing::Clearing => return Err(broker.gone_or_clearing(&self.name).await),
            Standing::Disabled => {}
            _ => return Ok(Enabled { credential: row.credential, found: None }),
        }
        let standing = if credential.validity.is_some() { Standing::Active } else { Standing::Pending };
        if !broker.store.set_standing(credential.id, &standing).await? {
            return Err(broker.gone_or_clearing(&self.name).await);
        }
        let credential = broker.again(credential).await?;
        let found = match (&credential.validity, broker.store.open_access(&row)?) {
            (None, _) => Found::NoToken,
            (Some(_), None) => Found::Renewable,
            (Some(_), Some(token)) => broker.look_again_at(&credential, &token).await?,
        };
        Ok(Enabled { credential: broker.again(&credential).await?, found: Some(found) })
    }
}

impl Broker {
    /// Asks Webex about a token that was not used for a while.
    async fn look_again_at(&self, credential: &Credential, token: &AccessToken) -> Result<Found, Error> {
        match self.identify(&credential.environment, token).await {
            Ok(identity) => {
                if let Subject::Unknown(reason) = identity.subject {
                    return Ok(Found::Unknown(reason));
                }
                self.learn(credential, identity, Standing::Active).await?;
                Ok(Found::Accepted)
            }
            Err(error) if error.is_unauthorized() && credential.renewal() == Renewal::None => {
                match self.replace_refused(credential).await? {
                    TokenVerdict::Refused(trouble) => Ok(Found::Dead(trouble)),
                    TokenVerdict::Accepted | TokenVerdict::Renewed => Ok(Found::Renewable),
                }
            }
            Err(error) if error.is_unauthorized() => Ok(Found::Renewable),
            Err(error) => Ok(Found::Unknown(error.to_string())),
        }
    }

    /// Why the standing of a credential that was just there could not be changed.
    async fn gone_or_clearing(&self, name: &CredentialName) -> Error {
        match self.credential(name).await {
            Ok(_) => Error::NotHandingOut { name: name.clone(), state: "clearing" },
            Err(error) => error,
        }
    }
}
