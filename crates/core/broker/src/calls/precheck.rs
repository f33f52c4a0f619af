//! Checks that need no secret and no confirmation.

use lanyard_credential::{AppName, CredentialName, Kind};
use lanyard_operation::{Declaration, Operation};
use lanyard_protocol::Environment;
use lanyard_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::{Broker, Error};

operations![Precheck];

/// A request whose secret, or whose confirmation by the user, is still missing. It is refused now if it would be refused anyway, so that
/// the command line does not ask in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Precheck {
    /// [`AddToken`](crate::AddToken).
    AddToken {
        /// The credential's name.
        name: CredentialName,
        /// The kind of the token.
        kind: Kind,
        /// The Webex that it belongs to.
        environment: Environment,
    },
    /// [`AddServiceApp`](crate::AddServiceApp) with a refresh token.
    AddServiceApp {
        /// The credential's name.
        name: CredentialName,
        /// The app.
        app: AppName,
        /// The Webex that the caller expects.
        expected: Option<Environment>,
    },
    /// [`AddApp`](crate::AddApp).
    AddApp {
        /// The app's name.
        name: AppName,
    },
    /// [`ReplaceSecret`](crate::ReplaceSecret).
    ReplaceSecret {
        /// The app's name.
        name: AppName,
        /// The Webex that the caller expects.
        expected: Option<Environment>,
    },
    /// [`RemoveApp`](crate::RemoveApp).
    RemoveApp {
        /// The app's name.
        name: AppName,
    },
    /// [`Clear`](crate::Clear).
    Clear {
        /// The credential's name.
        name: CredentialName,
        /// The Webex that the caller expects.
        expected: Option<Environment>,
    },
    /// Any other change of the home.
    Change,
}

impl Operation for Precheck {
    const DECLARED: Declaration = Declaration::part("home.precheck");

    type Context = Broker;
    type Reply = ();
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<(), Error> {
        broker.refuse_if_paused().await?;
        match self {
            Self::AddToken { name, kind, environment } => {
                broker.earlier_token(&name, kind, &environment).await?;
            }
            Self::AddServiceApp { name, app, expected } => {
                let app = broker.service_app(&app, expected.as_ref()).await?;
                if let Some(earlier) = broker.store.credential(&name).await? {
                    broker.refuse_other_grant(&earlier, &app).await?;
                }
            }
            Self::AddApp { name } => broker.refuse_taken_app(&name).await?,
            Self::ReplaceSecret { name, expected } => {
                let app = broker.app(&name).await?;
                expect(&app.name, &app.environment, expected.as_ref())?;
            }
            Self::RemoveApp { name } => broker.refuse_used_app(&name).await?,
            Self::Clear { name, expected } => {
                let (credential, _) = broker.credential_to_clear(&name).await?;
                expect(&name, &credential.environment, expected.as_ref())?;
            }
            Self::Change => {}
        }
        Ok(())
    }
}

impl Broker {
    /// Fails if the home is paused: before a secret is sent to Webex, or a person is asked for something, in vain.
    pub(crate) async fn refuse_if_paused(&self) -> Result<(), Error> {
        match self.store.pause().await? {
            Some(pause) => Err(StoreError::Paused(pause).into()),
            None => Ok(()),
        }
    }
}
